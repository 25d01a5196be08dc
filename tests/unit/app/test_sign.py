import base64
import hashlib
import io
import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.app import PayloadOptions, SigningOptions, attach_signature, digest_image, sign_image
from iotsign.errors import (
    ConfigError,
    DigestMismatchError,
    ImageTooLargeError,
    MalformedImageError,
    SignatureMismatchError,
    StoreError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
)
from iotsign.formats.jsonimage import S3Location
from iotsign.keys import PublicKey, Signer, load_public_key
from iotsign.platforms import Platform, parse_platform

GetPlatform = Callable[[str], Platform]
GetSigner = Callable[[KeyType], Signer]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


class Faulty:
    """A signer whose hardware broke."""

    def __init__(self, signer: Signer, change: Callable[[bytes], bytes]) -> None:
        self.uri = signer.uri
        self.public_key: PublicKey = signer.public_key
        self._signer = signer
        self._change = change

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        return self._signer.sign(self._change(bytes(message)), algorithm)

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        return self._signer.sign_digest(self._change(digest), algorithm)


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(
    ("platform_id", "key_type", "algorithm"),
    [
        ("AmazonFreeRTOS-Default", KeyType.P256, "SHA256withECDSA"),
        ("AmazonFreeRTOS-Default", KeyType.RSA2048, "SHA256withRSA"),
        ("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048, "SHA1withRSA"),
        ("MCUboot-ECDSA-P384", KeyType.P384, "SHA384withECDSA"),
        ("MCUboot-RSA-3072", KeyType.RSA3072, "SHA256withRSA"),
        ("MCUboot-Ed25519", KeyType.ED25519, "Ed25519"),
    ],
)
def test_embedded(
    platform: GetPlatform,
    signer: GetSigner,
    firmware: Path,
    tmp_path: Path,
    platform_id: str,
    key_type: KeyType,
    algorithm: str,
) -> None:
    out = tmp_path / "app.signed"
    options = SigningOptions(platform(platform_id), image_format="JSONEmbedded")
    signed = sign_image(firmware, out, options, signer(key_type))
    members = json.loads(out.read_bytes())
    payload = firmware.read_bytes()
    assert members == {
        "rawPayloadSize": len(payload),
        "signature": base64.b64encode(signed.signature).decode(),
        "signatureAlgorithm": algorithm,
        "payload": base64.b64encode(payload).decode(),
    }
    assert signed.algorithm.name == algorithm
    assert signed.size == out.stat().st_size
    assert signed.source_format == "bin"
    assert signed.digest == hashlib.new(signed.digest_algorithm.value, payload).digest()
    signer(key_type).public_key.verify(payload, signed.signature, signed.algorithm)


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.RSA2048])
def test_same_input_and_key_give_the_same_bytes(
    platform: GetPlatform, signer: GetSigner, firmware: Path, key_type: KeyType
) -> None:
    outs = [io.BytesIO(), io.BytesIO()]
    for out in outs:
        sign_image(firmware, out, SigningOptions(platform("AmazonFreeRTOS-Default")), signer(key_type))
    assert outs[0].getvalue() == outs[1].getvalue()


def test_detached(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    out = tmp_path / "app.json"
    location = S3Location("bucket", "dir/app.bin", "v1")
    options = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"), location=location)
    signed = sign_image(firmware, out, options, signer(KeyType.P256))
    members = json.loads(out.read_bytes())
    assert list(members) == ["rawPayloadSize", "signature", "signatureAlgorithm", "payloadLocation"]
    assert members["payloadLocation"] == {"s3": {"bucketName": "bucket", "key": "dir/app.bin", "version": "v1"}}
    assert members["rawPayloadSize"] == firmware.stat().st_size
    assert signed.size == out.stat().st_size
    signer(KeyType.P256).public_key.verify(firmware.read_bytes(), signed.signature, signed.algorithm)


def test_detached_without_location_names_the_local_file(
    platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path
) -> None:
    options = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"))
    signed = sign_image(firmware, tmp_path / "out", options, signer(KeyType.P256))
    assert signed.location == S3Location("", "app.bin", "")


@pytest.mark.parametrize("platform_id", ["AWSLambda-SHA384-ECDSA", "Notation-OCI-SHA384-ECDSA"])
def test_what_only_a_signing_service_signs(
    platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path, platform_id: str
) -> None:
    options = SigningOptions(platform(platform_id))
    with pytest.raises(UnsupportedFormatError) as caught:
        sign_image(firmware, tmp_path / "out", options, signer(KeyType.P384))
    assert caught.value.code == "ServiceSigns"
    assert "start-signing-job" in caught.value.data["hint"]
    assert not (tmp_path / "out").exists()


def test_hex_becomes_a_flat_image_unless_the_stored_object_is_signed(
    platform: GetPlatform, signer: GetSigner, tmp_path: Path
) -> None:
    source = tmp_path / "app.hex"
    source.write_bytes(b":0400000001020304F2\n:020008000506EB\n:00000001FF\n")
    flat = bytes([1, 2, 3, 4, 0, 0, 0, 0, 5, 6])
    out = io.BytesIO()
    options = SigningOptions(platform("AmazonFreeRTOS-Default"), payload=PayloadOptions(fill=0))
    signed = sign_image(source, out, options, signer(KeyType.P256))
    assert base64.b64decode(json.loads(out.getvalue())["payload"]) == flat
    assert (signed.source_format, signed.address, signed.raw_payload_size) == ("hex", 0, 10)
    detached = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"))
    signed = sign_image(source, io.BytesIO(), detached, signer(KeyType.P256))
    assert (signed.source_format, signed.raw_payload_size) == ("bin", source.stat().st_size)
    converted = SigningOptions(detached.platform, payload=PayloadOptions(input_format="hex"))
    assert sign_image(source, io.BytesIO(), converted, signer(KeyType.P256)).raw_payload_size == 10
    as_it_is = SigningOptions(options.platform, payload=PayloadOptions(input_format="bin"))
    assert sign_image(source, io.BytesIO(), as_it_is, signer(KeyType.P256)).raw_payload_size == source.stat().st_size


def test_no_room_for_a_flat_image(platform: GetPlatform, signer: GetSigner, tmp_path: Path) -> None:
    source = tmp_path / "app.hex"
    source.write_bytes(b":0400000001020304F2\n:00000001FF\n")
    key, options = signer(KeyType.P256), SigningOptions(platform("AmazonFreeRTOS-Default"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            sign_image(source, io.BytesIO(), options, key)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_streams(platform: GetPlatform, signer: GetSigner, firmware: Path) -> None:
    out, again = io.BytesIO(), io.BytesIO()
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    sign_image(io.BytesIO(firmware.read_bytes()), out, options, signer(KeyType.P256))
    sign_image(firmware, again, options, signer(KeyType.P256))
    assert out.getvalue() == again.getvalue()


def test_progress_reaches_the_end(platform: GetPlatform, signer: GetSigner, firmware: Path) -> None:
    seen: list[int] = []
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    sign_image(firmware, io.BytesIO(), options, signer(KeyType.P256), progress=seen.append)
    assert seen[-1] == firmware.stat().st_size


def refused(
    error: type[Exception], code: str, options: SigningOptions, key: Signer, source: Path, tmp_path: Path
) -> str:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error) as caught:
        sign_image(source, tmp_path / "out", options, key)
    assert getattr(caught.value, "code", None) == code
    assert sorted(tmp_path.iterdir()) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("platform_id", "image_format", "code"),
    [
        ("AmazonFreeRTOS-Default", "JSON", "ReservedImageFormat"),
        ("AmazonFreeRTOS-Default", "PKCS7", "UnknownImageFormat"),
        ("AmazonFreeRTOS-Default", "JSONDetached", "FormatNotAllowed"),
        ("AmazonFreeRTOS-Default", "native", "NoNativeContainer"),
    ],
)
def test_formats_that_are_refused(
    platform: GetPlatform,
    signer: GetSigner,
    firmware: Path,
    tmp_path: Path,
    platform_id: str,
    image_format: str,
    code: str,
) -> None:
    options = SigningOptions(platform(platform_id), image_format=image_format)
    refused(UnsupportedFormatError, code, options, signer(KeyType.P256), firmware, tmp_path)


def test_location_belongs_to_detached(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    options = SigningOptions(platform("AmazonFreeRTOS-Default"), location=S3Location("bucket", "k", "v"))
    refused(ConfigError, "LocationNotWanted", options, signer(KeyType.P256), firmware, tmp_path)


def test_key_of_the_wrong_type(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    options = SigningOptions(platform("MCUboot-RSA-2048"), image_format="JSONEmbedded")
    words = refused(UnsupportedAlgorithmError, "KeyTypeNotAllowed", options, signer(KeyType.P256), firmware, tmp_path)
    assert "rsa2048" in words
    assert "p256" in words


def test_hash_that_is_not_allowed(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    options = SigningOptions(platform("AmazonFreeRTOS-Default"), hash_algorithm=HashAlgorithm.SHA1)
    refused(UnsupportedAlgorithmError, "HashNotAllowed", options, signer(KeyType.P256), firmware, tmp_path)


@pytest.mark.parametrize("stream", [False, True])
def test_empty_input(platform: GetPlatform, signer: GetSigner, stream: bool) -> None:
    source = io.BytesIO() if stream else Path("/dev/null")
    with pytest.raises(MalformedImageError, match="empty file"):
        sign_image(source, io.BytesIO(), SigningOptions(platform("AmazonFreeRTOS-Default")), signer(KeyType.P256))


@pytest.fixture
def one_megabyte(platform: GetPlatform, tmp_path: Path) -> Platform:
    """A user's platform that takes 1 MiB and every JSON format."""
    text = platform("MCUboot-ECDSA-P256").file.read_text().replace("maxSizeInMB = 16", "maxSizeInMB = 1")
    path = tmp_path / "small.toml"
    path.write_text(text.replace("MCUboot-ECDSA-P256", "Small"))
    return parse_platform(path)


@pytest.mark.parametrize("image_format", ["JSONEmbedded", "JSONDetached"])
def test_limit_of_the_platform(one_megabyte: Platform, signer: GetSigner, tmp_path: Path, image_format: str) -> None:
    options = SigningOptions(one_megabyte, image_format=image_format)
    source = tmp_path / "app.bin"
    source.write_bytes(bytes(1 << 20))
    sign_image(source, io.BytesIO(), options, signer(KeyType.P256))
    source.write_bytes(bytes((1 << 20) + 1))
    words = refused(ImageTooLargeError, "ImageTooLarge", options, signer(KeyType.P256), source, tmp_path)
    assert "1048576" in words
    with pytest.raises(ImageTooLargeError):
        sign_image(io.BytesIO(source.read_bytes()), io.BytesIO(), options, signer(KeyType.P256))


def test_output_over_key(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(b"secret")
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    for out, inputs in ((key, [key]), (firmware, [])):
        with pytest.raises(ConfigError, match="also an input"):
            sign_image(firmware, out, options, signer(KeyType.P256), inputs=inputs)
    assert key.read_bytes() == b"secret"


@pytest.mark.parametrize("image_format", ["JSONEmbedded", "JSONDetached"])
def test_signature_is_verified_before_it_is_released(
    platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path, image_format: str
) -> None:
    options = SigningOptions(platform("MCUboot-ECDSA-P256"), image_format=image_format)
    faulty = Faulty(signer(KeyType.P256), flip)
    refused(SignatureMismatchError, "SignatureMismatch", options, faulty, firmware, tmp_path)
    ed25519 = SigningOptions(platform("MCUboot-Ed25519"), image_format=image_format)
    refused(
        SignatureMismatchError, "SignatureMismatch", ed25519, Faulty(signer(KeyType.ED25519), flip), firmware, tmp_path
    )


def test_message_that_changes_while_ed25519_reads_it(
    platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path
) -> None:
    # threat 22
    def swap(_: int) -> None:
        firmware.write_bytes(flip(firmware.read_bytes()))

    options = SigningOptions(platform("MCUboot-Ed25519"), image_format="JSONEmbedded")
    with pytest.raises((DigestMismatchError, StoreError)):
        sign_image(firmware, tmp_path / "out", options, signer(KeyType.ED25519), progress=swap)
    assert not (tmp_path / "out").exists()


def test_detached_payload_that_grows(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    # threat 22
    def grow(_: int) -> None:
        with firmware.open("ab") as file:
            file.write(b"x")

    options = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"))
    with pytest.raises(StoreError) as caught:
        sign_image(firmware, tmp_path / "out", options, signer(KeyType.P256), progress=grow)
    assert caught.value.code in ("InputChanged", "FileChanged")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("platform_id", "key_type"),
    [
        ("AmazonFreeRTOS-Default", KeyType.P256),
        ("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048),
        ("AWSIoTDeviceManagement-SHA256-ECDSA", KeyType.P256),
    ],
)
def test_ceremony(
    platform: GetPlatform,
    signer: GetSigner,
    key_files: KeyFiles,
    firmware: Path,
    tmp_path: Path,
    platform_id: str,
    key_type: KeyType,
) -> None:
    options = SigningOptions(platform(platform_id))
    hash_, value = digest_image(firmware, tmp_path / "digest", options)
    assert (tmp_path / "digest").read_bytes() == value
    assert hash_ is not None
    assert value == hashlib.new(hash_.value, firmware.read_bytes()).digest()
    algorithm = options.platform.signature_algorithm(key_type)
    signature = signer(key_type).sign_digest(value, algorithm)
    key = load_public_key(key_files(key_type)[1])
    attached, signed = io.BytesIO(), io.BytesIO()
    attach_signature(firmware, attached, options, signature, key)
    sign_image(firmware, signed, options, signer(key_type))
    assert attached.getvalue() == signed.getvalue()


def test_attach_refuses_a_signature_that_does_not_verify(
    platform: GetPlatform, signer: GetSigner, key_files: KeyFiles, firmware: Path, tmp_path: Path
) -> None:
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    algorithm = options.platform.signature_algorithm(KeyType.P256)
    signature = signer(KeyType.P256).sign(b"something else", algorithm)
    key = load_public_key(key_files(KeyType.P256)[1])
    with pytest.raises(SignatureMismatchError):
        attach_signature(firmware, tmp_path / "out", options, signature, key)
    for bad in (b"", b"junk", signature + b"\x00", signature[:-1]):
        with pytest.raises(MalformedImageError):
            attach_signature(firmware, tmp_path / "out", options, bad, key)
    assert not (tmp_path / "out").exists()


def test_attach_ed25519(
    platform: GetPlatform, signer: GetSigner, key_files: KeyFiles, firmware: Path, tmp_path: Path
) -> None:
    options = SigningOptions(platform("MCUboot-Ed25519"), image_format="JSONEmbedded")
    with pytest.raises(UnsupportedAlgorithmError, match="sign the payload itself") as caught:
        digest_image(firmware, tmp_path / "digest", options)
    assert "openssl" in caught.value.data["hint"]
    algorithm = options.platform.signature_algorithm(KeyType.ED25519)
    signature = signer(KeyType.ED25519).sign(firmware.read_bytes(), algorithm)
    attached = attach_signature(
        firmware, tmp_path / "out", options, signature, load_public_key(key_files(KeyType.ED25519)[1])
    )
    assert attached.signature == signature


def test_dry_run(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> None:
    options = SigningOptions(platform("AmazonFreeRTOS-Default"))
    signed = sign_image(firmware, tmp_path / "out", options, signer(KeyType.P256), dry_run=True)
    assert signed.size > signed.raw_payload_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.bin"]
