"""Native containers as files and as payloads of signed objects, through the functions that a script calls."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm, KeyType, signature_algorithm
from iotsign.app import (
    VERIFIERS,
    ResigningOptions,
    SigningOptions,
    Steps,
    Trust,
    VerifyOptions,
    attach_signature,
    digest_image,
    extract_payload,
    inspect_image,
    resign_image,
    sign_image,
    verify_image,
)
from iotsign.errors import (
    ConfigError,
    DigestMismatchError,
    ImageTooLargeError,
    IotsignError,
    KeyMismatchError,
    KeyRejectedError,
    KeyUnavailableError,
    MalformedImageError,
    RollbackError,
    SignatureMismatchError,
    StoreError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.formats.mcuboot import read_image
from iotsign.keys import Signer
from iotsign.platforms import Platform, parse_platform

GetPlatform = Callable[[str], Platform]
GetSigner = Callable[[KeyType], Signer]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]
MCUBOOT = "MCUboot-ECDSA-P256"
SETTINGS = {"version": "1.2.3", "security_counter": 7}


class Bench:
    """A firmware, keys, and images made of them."""

    def __init__(
        self, directory: Path, firmware: Path, platform: GetPlatform, signer: GetSigner, files: KeyFiles
    ) -> None:
        self.directory, self.firmware = directory, firmware
        self.platform, self.signer, self.files = platform, signer, files

    def path(self, name: str) -> Path:
        return self.directory / name

    def trust(self, key_type: KeyType) -> Trust:
        return Trust.from_key(self.files(key_type)[1])

    def sign(self, name: str = "app.img", platform_id: str = MCUBOOT, **settings: Any) -> Path:
        options = SigningOptions(self.platform(platform_id), settings=SETTINGS | settings)
        sign_image(self.firmware, self.path(name), options, self.signer(KeyType.P256))
        return self.path(name)

    def nest(self, name: str = "app.signed", **settings: Any) -> Path:
        boot = self.signer(KeyType.P256)
        board = parse_platform(self._board())
        options = SigningOptions(board, image_format="JSONEmbedded", settings=SETTINGS | settings, boot_signer=boot)
        signed = sign_image(self.firmware, self.path(name), options, self.signer(KeyType.P384))
        assert signed.container == "mcuboot"
        return self.path(name)

    def _board(self) -> Path:
        text = self.platform(MCUBOOT).file.read_text()
        path = self.path("board.toml")
        text = text.replace('keyTypes = ["p256"]', 'keyTypes = ["p256", "p384"]').replace(MCUBOOT, "Board")
        path.write_text(text.replace('allowedValues = ["SHA256"]', 'allowedValues = ["SHA256", "SHA384"]'))
        return path


@pytest.fixture
def bench(tmp_path: Path, firmware: Path, platform: GetPlatform, signer: GetSigner, key_files: KeyFiles) -> Bench:
    return Bench(tmp_path, firmware, platform, signer, key_files)


def outcomes(steps: Steps) -> list[tuple[int, str, str]]:
    return [(step.number, step.outcome, step.layer) for step in steps.taken]


def test_a_platform_with_a_container_gets_it(bench: Bench) -> None:
    options = SigningOptions(bench.platform(MCUBOOT), settings=SETTINGS)
    signed = sign_image(bench.firmware, bench.path("out"), options, bench.signer(KeyType.P256))
    assert (signed.image_format, signed.container) == ("native", "mcuboot")
    assert signed.algorithm.name == "SHA256withECDSA"
    assert signed.size == bench.path("out").stat().st_size
    assert signed.raw_payload_size == bench.firmware.stat().st_size
    with bench.path("out").open("rb") as file:
        image = read_image(file)
    assert image.security_counter == 7
    assert image.hashes[0][1].data == signed.digest
    assert image.signatures[0].tlv.data == signed.signature


def test_aws_platforms_keep_their_envelope(bench: Bench) -> None:
    image = bench.sign()
    options = SigningOptions(bench.platform("AmazonFreeRTOS-Default"))
    sign_image(image, bench.path("out"), options, bench.signer(KeyType.P256))
    assert json.loads(bench.path("out").read_text())["rawPayloadSize"] == image.stat().st_size


def test_the_board_decides_about_its_slots(bench: Bench) -> None:
    text = bench.platform(MCUBOOT).file.read_text().replace(MCUBOOT, "Board")
    bench.path("board.toml").write_text(
        text + "[iotsign.nativeOptions]\nheaderSize = 512\npadHeader = true\nslotSize = 32768\nalign = 8\npad = true\n"
    )
    board = parse_platform(bench.path("board.toml"))
    for settings, size in (({}, 32768), ({"slot_size": 65536}, 65536)):
        options = SigningOptions(board, settings=settings)
        sign_image(bench.firmware, bench.path("out"), options, bench.signer(KeyType.P256))
        assert bench.path("out").stat().st_size == size
        with bench.path("out").open("rb") as file:
            assert read_image(file).header.hdr_size == 512


def test_refused_before_anything_is_written(bench: Bench) -> None:
    mcuboot = bench.platform(MCUBOOT)
    refusals: list[tuple[type[IotsignError], SigningOptions, KeyType]] = [
        (UnsupportedAlgorithmError, SigningOptions(mcuboot), KeyType.ED25519),
        (UnsupportedAlgorithmError, SigningOptions(mcuboot, hash_algorithm=HashAlgorithm.SHA512), KeyType.P256),
        (UnsupportedFormatError, SigningOptions(bench.platform("AWSLambda-SHA384-ECDSA"), "native"), KeyType.P384),
        (ConfigError, SigningOptions(mcuboot, settings={"unknown": 1}), KeyType.P256),
        (ConfigError, SigningOptions(mcuboot, "JSONEmbedded", settings=SETTINGS), KeyType.P256),
        (ConfigError, SigningOptions(mcuboot, boot_signer=bench.signer(KeyType.P256)), KeyType.P256),
        (ImageTooLargeError, SigningOptions(mcuboot, settings={"slot_size": 4096}), KeyType.P256),
        (RollbackError, SigningOptions(mcuboot, settings={"minimum_version": "9.0"}), KeyType.P256),
        (RollbackError, SigningOptions(mcuboot, settings={"release": bench.sign(version="2.0")}), KeyType.P256),
        (StoreError, SigningOptions(mcuboot, settings={"release": bench.path("missing")}), KeyType.P256),
        (StoreError, SigningOptions(mcuboot, settings={"encrypt": bench.path("missing")}), KeyType.P256),
        (KeyRejectedError, SigningOptions(mcuboot, settings={"encrypt": bench.firmware}), KeyType.P256),
    ]
    for error, options, key_type in refusals:
        with pytest.raises(error):
            sign_image(bench.firmware, bench.path("out"), options, bench.signer(key_type))
        assert not bench.path("out").exists()


def test_a_release_or_key_is_not_overwritten(bench: Bench) -> None:
    release = bench.sign()
    for name in ("release", "encrypt"):
        options = SigningOptions(bench.platform(MCUBOOT), settings=SETTINGS | {name: release})
        with pytest.raises(ConfigError, match="output is also an input"):
            sign_image(bench.firmware, release, options, bench.signer(KeyType.P256))


def test_a_signer_that_lies_releases_nothing(bench: Bench) -> None:
    class Liar:
        uri = "liar:"
        public_key = bench.signer(KeyType.P256).public_key

        def sign_digest(self, digest: bytes, algorithm: Any) -> bytes:
            return bench.signer(KeyType.P256).sign_digest(bytes(32), algorithm)

        def sign(self, message: Any, algorithm: Any) -> bytes:
            return bytes(64)

    with pytest.raises(SignatureMismatchError):
        sign_image(bench.firmware, bench.path("out"), SigningOptions(bench.platform(MCUBOOT)), Liar())
    assert not bench.path("out").exists()
    Liar.public_key = bench.signer(KeyType.ED25519).public_key
    with pytest.raises(SignatureMismatchError):
        sign_image(bench.firmware, bench.path("out"), SigningOptions(bench.platform("MCUboot-Ed25519")), Liar())


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_verification_in_steps(bench: Bench, verifier: str) -> None:
    steps = Steps()
    options = VerifyOptions(bench.trust(KeyType.P256), platform=bench.platform(MCUBOOT), verifier=verifier)
    verified = verify_image(bench.sign(), options, steps=steps)
    assert verified.image is None
    assert verified.container is not None
    assert verified.container.name == "mcuboot"
    assert verified.container.signatures[0].signer == bench.signer(KeyType.P256).public_key
    assert verified.signer is not None
    passed = [(number, "passed", "") for number in (1, 2, 3, 4, 5)]
    assert outcomes(steps) == [*passed, (6, "skipped", "")]


def test_a_floor_is_a_step(bench: Bench) -> None:
    # threat 21
    steps = Steps()
    image = bench.sign()
    held = VerifyOptions(bench.trust(KeyType.P256), settings={"minimum_version": "1.2.3", "release": image})
    verify_image(image, held, steps=steps)
    assert outcomes(steps)[-1] == (7, "passed", "")
    low = VerifyOptions(bench.trust(KeyType.P256), settings={"minimum_security_counter": 8})
    with pytest.raises(RollbackError) as caught:
        verify_image(image, low)
    assert caught.value.data["step"] == 7


def test_without_a_key_there_is_integrity_at_most(bench: Bench) -> None:
    # threat 20
    image = bench.sign()
    with pytest.raises(VerificationIncompleteError, match="integrity holds, authenticity not checked") as caught:
        verify_image(image, VerifyOptions())
    assert caught.value.data["step"] == 4
    steps = Steps()
    verified = verify_image(image, VerifyOptions(integrity_only=True), steps=steps)
    assert verified.signer is None
    assert "authenticity not checked" in steps.warnings[0]


@pytest.mark.parametrize(
    ("step", "error", "change"),
    [
        (1, MalformedImageError, lambda data: data[:40]),
        (2, DigestMismatchError, lambda data: data[:40] + b"?" + data[41:]),
        (5, SignatureMismatchError, lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    ],
)
def test_the_step_that_failed(
    bench: Bench, step: int, error: type[IotsignError], change: Callable[[bytes], bytes]
) -> None:
    image = bench.sign()
    image.write_bytes(change(image.read_bytes()))
    with pytest.raises(error) as caught:
        verify_image(image, VerifyOptions(bench.trust(KeyType.P256)))
    assert caught.value.data["step"] == step


def test_what_the_platform_demands(bench: Bench) -> None:
    image = bench.sign()
    trust = bench.trust(KeyType.P256)
    for platform_id, error, step in (
        ("AmazonFreeRTOS-Default", KeyMismatchError, 3),
        ("Espressif-ESP32-S3", KeyMismatchError, 3),
        ("MCUboot-RSA-2048", KeyMismatchError, 4),
    ):
        with pytest.raises(error) as caught:
            verify_image(image, VerifyOptions(trust, platform=bench.platform(platform_id)))
        assert caught.value.data["step"] == step
    text = (
        bench.platform(MCUBOOT)
        .file.read_text()
        .replace(MCUBOOT, "Small")
        .replace("maxSizeInMB = 16", "maxSizeInMB = 1")
    )
    bench.path("small.toml").write_text(text)
    bench.firmware.write_bytes(bytes(range(256)) * 5000)
    with pytest.raises(ImageTooLargeError):
        verify_image(bench.sign("large.img"), VerifyOptions(trust, platform=parse_platform(bench.path("small.toml"))))


def test_another_key(bench: Bench) -> None:
    with pytest.raises(KeyMismatchError):
        verify_image(bench.sign(), VerifyOptions(bench.trust(KeyType.ED25519)))


def test_several_keys(bench: Bench) -> None:
    image = bench.sign()
    options = ResigningOptions(settings={"append": True})
    resign_image(image, bench.path("two.img"), bench.signer(KeyType.ED25519), options)
    keys = [bench.files(kind)[1] for kind in (KeyType.ED25519, KeyType.P256)]
    steps = Steps()
    settings = {"require_all": True}
    verified = verify_image(bench.path("two.img"), VerifyOptions(Trust.from_keys(keys), settings=settings), steps=steps)
    assert verified.container is not None
    assert all(signature.signer for signature in verified.container.signatures)
    with pytest.raises(KeyMismatchError):
        verify_image(image, VerifyOptions(Trust.from_keys(keys), settings=settings))
    steps = Steps()
    verify_image(bench.path("two.img"), VerifyOptions(bench.trust(KeyType.P256)), steps=steps)
    assert "1 by keys that were not given" in steps.taken[4].detail


def test_each_layer_is_listed(bench: Bench) -> None:
    steps = Steps()
    options = VerifyOptions(bench.trust(KeyType.P384), boot_trust=bench.trust(KeyType.P256))
    verified = verify_image(bench.nest(), options, steps=steps)
    assert verified.image is not None
    assert verified.container is not None
    assert verified.container.signer is not None
    layers = [(number, layer) for number, outcome, layer in outcomes(steps) if outcome == "passed"]
    assert layers == [(number, layer) for layer in ("", "mcuboot") for number in (1, 2, 3, 4, 5)]


def test_without_a_boot_key_the_envelope_vouches(bench: Bench) -> None:
    steps = Steps()
    verified = verify_image(bench.nest(), VerifyOptions(bench.trust(KeyType.P384)), steps=steps)
    assert verified.signer is not None
    assert verified.container is not None
    assert verified.container.signer is None
    assert "mcuboot: integrity holds, authenticity not checked" in steps.warnings[0]
    steps = Steps()
    verify_image(bench.nest(), VerifyOptions(integrity_only=True), steps=steps)
    assert len(steps.warnings) == 2


def test_the_inner_layer_must_hold(bench: Bench) -> None:
    image = bench.sign()
    image.write_bytes(image.read_bytes()[:-1] + b"?")
    options = SigningOptions(bench.platform("AmazonFreeRTOS-Default"))
    sign_image(image, bench.path("out"), options, bench.signer(KeyType.P256))
    trust = bench.trust(KeyType.P256)
    with pytest.raises(SignatureMismatchError) as caught:
        verify_image(bench.path("out"), VerifyOptions(trust, boot_trust=trust))
    assert caught.value.data["layer"] == "mcuboot"
    with pytest.raises(KeyMismatchError):
        verify_image(bench.path("out"), VerifyOptions(trust, boot_trust=bench.trust(KeyType.P384)))
    image.write_bytes(image.read_bytes()[:50])
    sign_image(image, bench.path("out"), options, bench.signer(KeyType.P256))
    with pytest.raises(MalformedImageError) as malformed:
        verify_image(bench.path("out"), VerifyOptions(trust))
    assert malformed.value.data["layer"] == "mcuboot"


def test_an_encrypted_inner_layer(bench: Bench) -> None:
    key = bench.path("kek")
    key.write_bytes(bytes(range(16)))
    key.chmod(0o600)
    signed = bench.nest(encrypt=key)
    trust, boot = bench.trust(KeyType.P384), bench.trust(KeyType.P256)
    steps = Steps()
    verified = verify_image(signed, VerifyOptions(trust), steps=steps)
    assert verified.container is None
    assert outcomes(steps)[-1] == (2, "skipped", "mcuboot")
    assert "no decryption key" in steps.warnings[0]
    with pytest.raises(VerificationIncompleteError):
        verify_image(signed, VerifyOptions(trust, boot_trust=boot))
    settings = {"decryption_key": key}
    assert verify_image(signed, VerifyOptions(trust, boot_trust=boot, settings=settings)).container is not None
    key.chmod(0o644)
    with pytest.raises(KeyRejectedError, match="only its owner"):
        # threat 31
        verify_image(signed, VerifyOptions(trust, boot_trust=boot, settings=settings))
    with pytest.raises(StoreError):
        verify_image(signed, VerifyOptions(trust, settings={"decryption_key": bench.path("missing")}))


def test_settings_without_a_container(bench: Bench) -> None:
    options = SigningOptions(bench.platform("AmazonFreeRTOS-Default"))
    sign_image(bench.firmware, bench.path("out"), options, bench.signer(KeyType.P256))
    trust = bench.trust(KeyType.P256)
    for given in ({"settings": {"minimum_version": "1"}}, {"boot_trust": trust}):
        with pytest.raises(ConfigError, match="no native container"):
            verify_image(bench.path("out"), VerifyOptions(trust, **given))


def test_a_detached_container(bench: Bench) -> None:
    image = bench.sign()
    options = SigningOptions(bench.platform("AWSIoTDeviceManagement-SHA256-ECDSA"))
    sign_image(image, bench.path("out"), options, bench.signer(KeyType.P256))
    trust = bench.trust(KeyType.P256)
    verified = verify_image(bench.path("out"), VerifyOptions(trust, boot_trust=trust), payload=image)
    assert verified.container is not None
    with pytest.raises(ConfigError, match="holds its payload"):
        verify_image(image, VerifyOptions(trust), payload=image)


def test_extraction(bench: Bench) -> None:
    key = bench.path("kek")
    key.write_bytes(bytes(range(16)))
    key.chmod(0o600)
    image = bench.sign(encrypt=key, compression="lzma2")
    settings = {"decryption_key": key}
    options = VerifyOptions(bench.trust(KeyType.P256), settings=settings)
    extracted = extract_payload(image, bench.path("out.bin"), options)
    assert bench.path("out.bin").read_bytes() == bench.firmware.read_bytes()
    assert extracted.payload_size == bench.firmware.stat().st_size
    with pytest.raises(KeyMismatchError):
        extract_payload(image, bench.path("no"), VerifyOptions(bench.trust(KeyType.P384), settings=settings))
    assert not bench.path("no").exists()
    extract_payload(bench.nest(), bench.path("inner.img"), VerifyOptions(bench.trust(KeyType.P384)))
    assert inspect_image(bench.path("inner.img")).container is not None


def test_inspection(bench: Bench) -> None:
    native = inspect_image(bench.sign())
    assert native.image is None
    assert native.container is not None
    assert native.container["version"] == "1.2.3+0"
    nested = inspect_image(bench.nest())
    assert nested.image is not None
    assert nested.container is not None
    assert nested.container["security_counter"] == 7
    image = bench.sign()
    image.write_bytes(image.read_bytes()[:50])
    options = SigningOptions(bench.platform("AmazonFreeRTOS-Default"))
    sign_image(image, bench.path("out"), options, bench.signer(KeyType.P256))
    broken = inspect_image(bench.path("out")).container
    assert broken is not None
    assert "ends" in broken["error"]


@pytest.mark.parametrize("platform_id", [MCUBOOT, "MCUboot-ECDSA-P384"])
def test_the_ceremony(bench: Bench, platform_id: str) -> None:
    platform = bench.platform(platform_id)
    signer = bench.signer(platform.key_types[0])
    options = SigningOptions(platform, settings=SETTINGS)
    hash_, digest = digest_image(bench.firmware, bench.path("digest"), options)
    assert hash_ is not None
    assert bench.path("digest").read_bytes() == digest
    signature = signer.sign_digest(digest, platform.signature_algorithm(signer.public_key.key_type))
    attached = attach_signature(bench.firmware, bench.path("out"), options, signature, signer.public_key)
    sign_image(bench.firmware, bench.path("direct"), options, signer)
    assert bench.path("out").read_bytes() == bench.path("direct").read_bytes()
    assert attached.signature == signature
    with pytest.raises(SignatureMismatchError):
        attach_signature(bench.firmware, bench.path("no"), SigningOptions(platform), signature, signer.public_key)
    assert not bench.path("no").exists()


def test_the_ceremony_of_a_pure_image(bench: Bench) -> None:
    signer = bench.signer(KeyType.ED25519)
    options = SigningOptions(bench.platform("MCUboot-Ed25519"), settings=SETTINGS | {"pure": True})
    assert digest_image(bench.firmware, bench.path("message"), options) == (None, b"")
    signature = signer.sign(bench.path("message").read_bytes(), signature_algorithm("Ed25519"))
    attach_signature(bench.firmware, bench.path("out"), options, signature, signer.public_key)
    assert verify_image(bench.path("out"), VerifyOptions(bench.trust(KeyType.ED25519))).signer is not None


def test_a_digest_that_names_the_key(bench: Bench) -> None:
    options = SigningOptions(bench.platform(MCUBOOT), settings={"boot_record": "SPE"})
    with pytest.raises(ConfigError, match="boot record"):
        digest_image(bench.firmware, bench.path("digest"), options)
    key = bench.signer(KeyType.P256).public_key
    assert digest_image(bench.firmware, bench.path("digest"), options, key=key)[0] is HashAlgorithm.SHA256


def test_a_container_is_signed_again(bench: Bench) -> None:
    image = bench.sign()
    options = ResigningOptions(bench.platform("MCUboot-Ed25519"), HashAlgorithm.SHA512)
    signed = resign_image(image, bench.path("out"), bench.signer(KeyType.ED25519), options)
    assert (signed.container, signed.platform_id) == ("mcuboot", "MCUboot-Ed25519")
    assert signed.digest_algorithm is HashAlgorithm.SHA512
    assert verify_image(bench.path("out"), VerifyOptions(bench.trust(KeyType.ED25519))).signer is not None
    espressif = ResigningOptions(bench.platform("Espressif-ESP32-S3"))
    with pytest.raises(KeyMismatchError):
        resign_image(image, bench.path("no"), bench.signer(KeyType.RSA3072), espressif)
    with pytest.raises(UnsupportedAlgorithmError):
        resign_image(image, bench.path("no"), bench.signer(KeyType.ED25519), ResigningOptions(bench.platform(MCUBOOT)))
    with pytest.raises(ConfigError):
        resign_image(image, image, bench.signer(KeyType.P256), ResigningOptions())
    assert not bench.path("no").exists()


def test_a_signed_object_is_signed_again(bench: Bench) -> None:
    signed = bench.nest()
    again = resign_image(signed, bench.path("out"), bench.signer(KeyType.P256), ResigningOptions())
    assert again.image_format == "JSONEmbedded"
    trust = bench.trust(KeyType.P256)
    assert verify_image(bench.path("out"), VerifyOptions(trust, boot_trust=trust)).signer is not None
    payload = json.loads(signed.read_text())["payload"]
    assert json.loads(bench.path("out").read_text())["payload"] == payload
    platform = bench.platform("AmazonFreeRTOS-Default")
    resign_image(signed, bench.path("rsa"), bench.signer(KeyType.RSA2048), ResigningOptions(platform))
    assert json.loads(bench.path("rsa").read_text())["signatureAlgorithm"] == "SHA256withRSA"
    with pytest.raises(ConfigError, match="native container"):
        resign_image(signed, bench.path("no"), bench.signer(KeyType.P256), ResigningOptions(settings={"append": True}))
    with pytest.raises(ConfigError, match="holds its payload"):
        resign_image(signed, bench.path("no"), bench.signer(KeyType.P256), ResigningOptions(), payload=bench.firmware)


def test_a_detached_signature_is_made_again(bench: Bench) -> None:
    options = SigningOptions(bench.platform("AWSIoTDeviceManagement-SHA256-ECDSA"))
    sign_image(bench.firmware, bench.path("app.json"), options, bench.signer(KeyType.P256))
    signer = bench.signer(KeyType.ED25519)
    with pytest.raises(ConfigError, match="its file is needed"):
        resign_image(bench.path("app.json"), bench.path("out"), signer, ResigningOptions())
    short = io.BytesIO(b"short")
    with pytest.raises(DigestMismatchError):
        resign_image(bench.path("app.json"), bench.path("out"), signer, ResigningOptions(), payload=short)
    resign_image(bench.path("app.json"), bench.path("out"), signer, ResigningOptions(), payload=bench.firmware)
    verified = verify_image(bench.path("out"), VerifyOptions(bench.trust(KeyType.ED25519)), payload=bench.firmware)
    assert verified.signer is not None


def test_progress_and_streams(bench: Bench) -> None:
    seen: list[int] = []
    options = SigningOptions(bench.platform(MCUBOOT), settings=SETTINGS)
    out = io.BytesIO()
    sign_image(io.BytesIO(bench.firmware.read_bytes()), out, options, bench.signer(KeyType.P256), progress=seen.append)
    assert seen[-1] == bench.firmware.stat().st_size
    assert out.getvalue() == bench.sign().read_bytes()
    verify_image(io.BytesIO(out.getvalue()), VerifyOptions(bench.trust(KeyType.P256)), progress=seen.append)


def test_an_unknown_file(bench: Bench) -> None:
    with pytest.raises(UnsupportedFormatError, match="native container"):
        verify_image(bench.firmware, VerifyOptions())
    with pytest.raises(UnsupportedFormatError):
        resign_image(bench.firmware, bench.path("out"), bench.signer(KeyType.P256), ResigningOptions())


def test_a_passphrase_for_the_decryption_key(bench: Bench) -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        PublicFormat,
    )

    private = x25519.X25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    bench.path("device.pub.pem").write_bytes(public)
    bench.path("device.pem").write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    bench.path("device.pem").chmod(0o600)
    image = bench.sign(encrypt=bench.path("device.pub.pem"))
    settings: dict[str, Any] = {"decryption_key": bench.path("device.pem")}
    with pytest.raises(KeyUnavailableError):
        verify_image(image, VerifyOptions(bench.trust(KeyType.P256), settings=settings))
    settings = settings | {"decryption_passphrase": b"x"}
    assert verify_image(image, VerifyOptions(bench.trust(KeyType.P256), settings=settings)).signer is not None


@pytest.mark.parametrize(
    ("size", "more"),
    [
        (256, {}),
        (9 << 20, {}),
        (9 << 20, {"encrypt": "kw"}),
        (2560, {"compression": "lzma2"}),
        (256, {"public_key_format": "full"}),
    ],
)
def test_pure_signatures_by_every_verifier(bench: Bench, size: int, more: dict[str, Any]) -> None:
    # a large message is read in parts by the core, and once only where the payload is in plain
    kw = bench.path("kw")
    kw.write_bytes(bytes(range(16)))
    kw.chmod(0o600)
    given = {"decryption_key": kw} if "encrypt" in more else {}
    settings = SETTINGS | more | ({"encrypt": kw} if given else {}) | {"pure": True}
    firmware, image = bench.path("firmware.bin"), bench.path("pure.img")
    firmware.write_bytes(bytes(range(256)) * (size // 256))
    options = SigningOptions(bench.platform("MCUboot-Ed25519"), settings=settings)
    sign_image(firmware, image, options, bench.signer(KeyType.ED25519))
    good = image.read_bytes()
    for verifier in VERIFIERS:
        trusted = VerifyOptions(bench.trust(KeyType.ED25519), verifier=verifier, settings=given)
        verify_image(image, trusted)
        for offset in (40, len(good) - 5):  # in the payload, in the last record
            image.write_bytes(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
            with pytest.raises(UntrustedImageError):
                verify_image(image, trusted)
        image.write_bytes(good)
