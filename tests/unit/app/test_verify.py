import base64
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from iotsign.algorithms import KeyType
from iotsign.app import (
    SigningOptions,
    Steps,
    Trust,
    VerifyOptions,
    extract_payload,
    inspect_image,
    sign_image,
    verify_image,
)
from iotsign.errors import (
    CertificateError,
    ConfigError,
    DigestMismatchError,
    ExpiredError,
    ImageTooLargeError,
    IotsignError,
    KeyMismatchError,
    KeyRejectedError,
    KeyUnavailableError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedFormatError,
    VerificationIncompleteError,
)
from iotsign.keys import Signer
from iotsign.platforms import Platform, parse_platform

GetPlatform = Callable[[str], Platform]
GetSigner = Callable[[KeyType], Signer]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]
MakeTrust = Callable[..., Path]
SignWith = Callable[[str, KeyType], Path]


@pytest.fixture
def sign_with(platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path) -> SignWith:
    """Sign `firmware` for a platform with a key."""

    def sign(platform_id: str, key_type: KeyType) -> Path:
        out = tmp_path / f"{platform_id}.signed"
        image_format = platform(platform_id).image_formats[0]
        sign_image(firmware, out, SigningOptions(platform(platform_id), image_format=image_format), signer(key_type))
        return out

    return sign


@pytest.fixture
def signed(sign_with: SignWith) -> Path:
    return sign_with("AmazonFreeRTOS-Default", KeyType.P256)


@pytest.fixture
def key(key_files: KeyFiles) -> Trust:
    return Trust.from_key(key_files(KeyType.P256)[1])


def outcomes(steps: Steps) -> str:
    return "".join(step.outcome[0] for step in steps.taken)


def refused(source: Path, options: VerifyOptions, error: type[IotsignError], code: str, step: int, **more: Any) -> str:
    """Verify, and check that it ends at `step`, whose failure is recorded behind the steps that passed."""
    steps = Steps()
    with pytest.raises(error) as caught:
        verify_image(source, options, steps=steps, **more)
    assert caught.value.code == code
    assert caught.value.data["step"] == step
    assert outcomes(steps) == "p" * (step - 1) + "f"
    assert steps.taken[-1].detail == caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("platform_id", "key_type"),
    [
        ("AmazonFreeRTOS-Default", KeyType.P256),
        ("AmazonFreeRTOS-Default", KeyType.RSA2048),
        ("MCUboot-ECDSA-P384", KeyType.P384),
        ("MCUboot-RSA-3072", KeyType.RSA3072),
        ("MCUboot-Ed25519", KeyType.ED25519),
    ],
)
@pytest.mark.parametrize("verifier", ["openssl", "core", "both"])
def test_trusted(
    sign_with: SignWith, key_files: KeyFiles, platform: GetPlatform, platform_id: str, key_type: KeyType, verifier: str
) -> None:
    image = sign_with(platform_id, key_type)
    trust = Trust.from_key(key_files(key_type)[1])
    options = VerifyOptions(trust, platform=platform(platform_id), strict=True, verifier=verifier)
    verified = verify_image(image, options)
    assert verified.signer is trust.candidates[0]
    assert outcomes(verified.steps) == "ppppps"
    assert [step.name for step in verified.steps.taken] == [
        "signed object",
        "payload",
        "algorithm",
        "key",
        "signature",
        "certificate",
    ]
    assert verified.steps.warnings == []


def test_stream(signed: Path, key: Trust) -> None:
    assert verify_image(io.BytesIO(signed.read_bytes()), VerifyOptions(key)).signer


def test_without_a_key_there_is_no_verdict(signed: Path) -> None:
    # threat 20
    words = refused(signed, VerifyOptions(), VerificationIncompleteError, "AuthenticityNotChecked", 4)
    assert words == "integrity holds, authenticity not checked: no key was given"
    verified = verify_image(signed, VerifyOptions(integrity_only=True))
    assert verified.signer is None
    assert outcomes(verified.steps) == "pppsss"
    assert words in verified.steps.warnings


def test_another_key(signed: Path, tmp_path: Path) -> None:
    # threat 20
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    path = tmp_path / "other.pem"
    path.write_bytes(other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    refused(signed, VerifyOptions(Trust.from_key(path)), SignatureMismatchError, "SignatureMismatch", 5)


@pytest.mark.parametrize("key_type", [KeyType.RSA2048, KeyType.ED25519])
def test_key_of_another_family(signed: Path, key_files: KeyFiles, key_type: KeyType) -> None:
    # threat 6
    trust = Trust.from_key(key_files(key_type)[1])
    words = refused(signed, VerifyOptions(trust), KeyMismatchError, "KeyTypeMismatch", 4)
    assert key_type.value in words
    assert "p256, p384" in words


def test_key_type_that_the_platform_does_not_take(signed: Path, key: Trust, platform: GetPlatform) -> None:
    options = VerifyOptions(key, platform=platform("MCUboot-RSA-2048"))
    refused(signed, options, KeyMismatchError, "AlgorithmNotAllowed", 3)
    p384 = VerifyOptions(key, platform=platform("AWSLambda-SHA384-ECDSA"))
    refused(signed, p384, KeyMismatchError, "AlgorithmNotAllowed", 3)


def change(image: Path, **members: Any) -> Path:
    image.write_text(json.dumps(json.loads(image.read_text()) | members, separators=(",", ":")))
    return image


@pytest.mark.parametrize("verifier", ["openssl", "core", "both"])
def test_payload_that_was_tampered_with(signed: Path, key: Trust, verifier: str) -> None:
    payload = bytearray(base64.b64decode(json.loads(signed.read_text())["payload"]))
    payload[100] ^= 1
    change(signed, payload=base64.b64encode(payload).decode())
    refused(signed, VerifyOptions(key, verifier=verifier), SignatureMismatchError, "SignatureMismatch", 5)


def test_size_that_is_not_the_payloads(signed: Path, key: Trust) -> None:
    change(signed, rawPayloadSize=1)
    with pytest.raises(MalformedImageError):
        verify_image(signed, VerifyOptions(key))


def test_algorithm_confusion(signed: Path, key: Trust) -> None:
    # threat 6
    for name in ("SHA384withECDSA", "SHA512withECDSA"):
        refused(
            change(signed, signatureAlgorithm=name), VerifyOptions(key), SignatureMismatchError, "SignatureMismatch", 5
        )
    for name in ("SHA256withRSA", "SHA1withRSA", "Ed25519"):
        refused(change(signed, signatureAlgorithm=name), VerifyOptions(key), KeyMismatchError, "KeyTypeMismatch", 4)
    with pytest.raises(MalformedImageError):
        verify_image(change(signed, signatureAlgorithm="none"), VerifyOptions(key))


def test_what_is_no_image(firmware: Path, key: Trust) -> None:
    refused(firmware, VerifyOptions(key), UnsupportedFormatError, "UnknownImageFormat", 1)
    with pytest.raises(UnsupportedFormatError, match="an empty file"):
        verify_image(Path("/dev/null"), VerifyOptions(key))


def test_endless_stream_that_is_no_image_is_not_read(key: Trust) -> None:
    with pytest.raises(UnsupportedFormatError):
        verify_image(Path("/dev/zero"), VerifyOptions(key))


def test_limit_of_the_platform(
    signed: Path, key: Trust, platform: GetPlatform, tmp_path: Path, signer: GetSigner
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes((1 << 20) + 1))
    sign_image(large, signed, SigningOptions(platform("AmazonFreeRTOS-Default")), signer(KeyType.P256))
    small = tmp_path / "small.toml"
    small.write_text(platform("AmazonFreeRTOS-Default").file.read_text().replace("maxSizeInMB = 16", "maxSizeInMB = 1"))
    refused(signed, VerifyOptions(key, platform=parse_platform(small)), ImageTooLargeError, "ImageTooLarge", 2)


# threat 7
def test_sha1(sign_with: SignWith, key_files: KeyFiles, platform: GetPlatform) -> None:
    image = sign_with("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048)
    trust = Trust.from_key(key_files(KeyType.RSA2048)[1])
    for chosen in (None, platform("AmazonFreeRTOS-TI-CC3220SF")):
        verified = verify_image(image, VerifyOptions(trust, platform=chosen))
        assert any("SHA-1" in words for words in verified.steps.warnings)
        refused(image, VerifyOptions(trust, platform=chosen, strict=True), KeyMismatchError, "WeakHash", 3)
    for other in ("AmazonFreeRTOS-Default", "MCUboot-RSA-2048"):
        options = VerifyOptions(trust, platform=platform(other))
        refused(image, options, KeyMismatchError, "AlgorithmNotAllowed", 3)


def test_sha1_with_a_key_that_no_sha1_platform_takes(firmware: Path, tmp_path: Path) -> None:
    # threat 7
    private = rsa.generate_private_key(65537, 3072)
    public = tmp_path / "pub.pem"
    public.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    payload = firmware.read_bytes()
    image = tmp_path / "image"
    signature = private.sign(payload, padding.PKCS1v15(), hashes.SHA1())
    image.write_text(
        json.dumps(
            {
                "rawPayloadSize": len(payload),
                "signature": base64.b64encode(signature).decode(),
                "signatureAlgorithm": "SHA1withRSA",
                "payload": base64.b64encode(payload).decode(),
            }
        )
    )
    words = refused(image, VerifyOptions(Trust.from_key(public)), KeyMismatchError, "KeyTypeMismatch", 4)
    assert "rsa2048" in words


# two primes of 1024 bits that follow each other
CLOSE_PRIMES = ((3 << 1022) + 1697, (3 << 1022) + 1037)


@pytest.fixture
def weak(tmp_path: Path, firmware: Path) -> tuple[Path, Trust]:
    """An image signed by an RSA key whose primes are close, and its key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers

    e = 65537
    p, q = CLOSE_PRIMES
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), RSAPublicNumbers(e, p * q))
    private = numbers.private_key()
    public = tmp_path / "weak.pub.pem"
    public.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    payload = firmware.read_bytes()
    image = tmp_path / "weak.signed"
    members = {
        "rawPayloadSize": len(payload),
        "signature": base64.b64encode(private.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode(),
        "signatureAlgorithm": "SHA256withRSA",
        "payload": base64.b64encode(payload).decode(),
    }
    image.write_text(json.dumps(members))
    return image, Trust.from_key(public)


# threat 8
def test_weak_key_is_named(weak: tuple[Path, Trust]) -> None:
    image, trust = weak
    verified = verify_image(image, VerifyOptions(trust))
    assert any("too close" in words for words in verified.steps.warnings)
    refused(image, VerifyOptions(trust, strict=True), KeyRejectedError, "WeakKey", 4)


@pytest.mark.parametrize("chosen", [None, "AmazonFreeRTOS-Default"])
def test_trust_directory(
    signed: Path,
    trust_directory: MakeTrust,
    platform: GetPlatform,
    chosen: str | None,
) -> None:
    trust = Trust.from_directory(trust_directory())
    verified = verify_image(signed, VerifyOptions(trust, platform=platform(chosen) if chosen else None))
    assert verified.signer is not None
    assert verified.signer.certificate is not None
    assert outcomes(verified.steps) == "pppppp"
    assert verified.steps.taken[-1].detail.startswith("CN=Signer < CN=Intermediate < CN=Root, valid at ")


@pytest.mark.parametrize(
    ("made", "at", "error", "code"),
    [
        ({"root": False}, None, CertificateError, "NoPathToRoot"),
        ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, None, CertificateError, "NoCodeSigning"),
        ({"purpose": None}, None, CertificateError, "NoCodeSigning"),
        ({"not_after": datetime(2025, 6, 1, tzinfo=UTC)}, None, ExpiredError, "Expired"),
        ({}, datetime(2040, 1, 1, tzinfo=UTC), ExpiredError, "Expired"),
        ({}, datetime(2024, 12, 31, tzinfo=UTC), ExpiredError, "NotYetValid"),
    ],
)
def test_trust_directory_that_does_not_vouch(
    signed: Path,
    trust_directory: MakeTrust,
    made: dict[str, Any],
    at: datetime | None,
    error: type[IotsignError],
    code: str,
) -> None:
    trust = Trust.from_directory(trust_directory(**made))
    refused(signed, VerifyOptions(trust, at=at), error, code, 6)


def test_expired_certificate_at_a_time_when_it_was_valid(signed: Path, trust_directory: MakeTrust) -> None:
    trust = Trust.from_directory(trust_directory(not_after=datetime(2025, 6, 1, tzinfo=UTC)))
    verified = verify_image(signed, VerifyOptions(trust, at=datetime(2025, 3, 1, tzinfo=UTC)))
    assert "2025-03-01" in verified.steps.taken[-1].detail


def test_signer_of_a_trust_directory_is_found_by_its_key(
    signed: Path, trust_directory: MakeTrust, key_files: KeyFiles, tmp_path: Path
) -> None:
    directory = trust_directory()
    other = trust_directory(purpose=ExtendedKeyUsageOID.CODE_SIGNING)
    foreign = ec.generate_private_key(ec.SECP256R1())
    signer = x509.load_pem_x509_certificate((other / "signer.pem").read_bytes())
    builder = x509.CertificateBuilder(
        signer.issuer,
        x509.Name.from_rfc4514_string("CN=A foreign signer"),
        foreign.public_key(),
        7,
        signer.not_valid_before_utc,
        signer.not_valid_after_utc,
    )
    certificate = builder.sign(foreign, hashes.SHA256())
    (directory / "a-foreign.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    verified = verify_image(signed, VerifyOptions(Trust.from_directory(directory)))
    assert verified.signer is not None
    assert verified.steps.taken[3].detail == "2 certificates may have signed"
    (directory / "signer.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    with pytest.raises(SignatureMismatchError):
        verify_image(signed, VerifyOptions(Trust.from_directory(directory)))


def test_none_of_several_signers(signed: Path, trust_directory: MakeTrust, sign_with: SignWith) -> None:
    directory = trust_directory()
    image = sign_with("MCUboot-ECDSA-P384", KeyType.P384)
    change(image, signatureAlgorithm="SHA256withECDSA")
    trust = Trust.from_directory(directory)
    twice = Trust(trust.name, trust.candidates * 2, trust.store)
    payload = b"other"
    change(signed, rawPayloadSize=5, payload=base64.b64encode(payload).decode())
    words = refused(signed, VerifyOptions(twice), SignatureMismatchError, "SignatureMismatch", 5)
    assert words == "none of 2 keys made the signature over this payload"


def test_trust_directories_that_cannot_be_used(signed: Path, tmp_path: Path, trust_directory: MakeTrust) -> None:
    # threat 20
    with pytest.raises(KeyUnavailableError):
        Trust.from_directory(tmp_path / "missing")
    with pytest.raises(KeyUnavailableError):
        Trust.from_directory(tmp_path)
    directory = trust_directory()
    (directory / "signer.pem").unlink()
    options = VerifyOptions(Trust.from_directory(directory))
    with pytest.raises(KeyUnavailableError, match="beside the CAs") as caught:
        verify_image(signed, options)
    assert (caught.value.code, caught.value.data["step"]) == ("NoSignerCertificate", 4)


def test_signer_certificate_whose_key_cannot_be_used(signed: Path, trust_directory: MakeTrust) -> None:
    directory = trust_directory()
    weak = rsa.generate_private_key(65537, 1024)
    name = x509.Name.from_rfc4514_string("CN=Weak")
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
    certificate = x509.CertificateBuilder(name, name, weak.public_key(), 1, start, end).sign(weak, hashes.SHA256())
    (directory / "weak.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert len(Trust.from_directory(directory).candidates) == 1
    (directory / "signer.pem").unlink()
    options = VerifyOptions(Trust.from_directory(directory))
    with pytest.raises(KeyUnavailableError) as caught:
        verify_image(signed, options)
    assert isinstance(caught.value.__cause__, KeyRejectedError)


def test_certificate(signed: Path, trust_directory: MakeTrust) -> None:
    trust = Trust.from_certificate(trust_directory() / "signer.pem")
    verified = verify_image(signed, VerifyOptions(trust))
    assert outcomes(verified.steps) == "pppppp"
    assert "trusted as it stands" in verified.steps.taken[-1].detail
    refused(signed, VerifyOptions(trust, at=datetime(2040, 1, 1, tzinfo=UTC)), ExpiredError, "Expired", 6)
    server = Trust.from_certificate(trust_directory(purpose=ExtendedKeyUsageOID.SERVER_AUTH) / "signer.pem")
    refused(signed, VerifyOptions(server), CertificateError, "NoCodeSigning", 6)


def test_platform_that_wants_code_signing_and_nothing_else(
    signed: Path, trust_directory: MakeTrust, platform: GetPlatform, tmp_path: Path
) -> None:
    text = platform("AmazonFreeRTOS-Default").file.read_text()
    path = tmp_path / "narrow.toml"
    path.write_text(text.replace('extendedKeyUsage = ["codeSigning", "any"]', 'extendedKeyUsage = ["codeSigning"]'))
    narrow = parse_platform(path)
    assert narrow.certificate.extended_key_usage == ("codeSigning",)
    assert verify_image(signed, VerifyOptions(Trust.from_directory(trust_directory()), platform=narrow)).signer
    for purpose in (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, None):
        trust = Trust.from_directory(trust_directory(purpose=purpose))
        refused(signed, VerifyOptions(trust, platform=narrow), CertificateError, "NoCodeSigning", 6)


@pytest.fixture
def detached(sign_with: SignWith) -> Path:
    return sign_with("AWSIoTDeviceManagement-SHA256-ECDSA", KeyType.P256)


def test_detached(detached: Path, firmware: Path, key: Trust) -> None:
    assert verify_image(detached, VerifyOptions(key), payload=firmware).signer
    assert verify_image(detached, VerifyOptions(key), payload=io.BytesIO(firmware.read_bytes())).signer


def test_detached_without_its_payload(detached: Path, key: Trust) -> None:
    words = refused(detached, VerifyOptions(key), ConfigError, "PayloadNotGiven", 2)
    assert "JSONDetached" in words


def test_detached_with_another_payload(detached: Path, firmware: Path, key: Trust) -> None:
    data = firmware.read_bytes()
    firmware.write_bytes(data + b"x")
    refused(detached, VerifyOptions(key), DigestMismatchError, "PayloadSizeMismatch", 2, payload=firmware)
    firmware.write_bytes(data[:-1] + b"x")
    refused(detached, VerifyOptions(key), SignatureMismatchError, "SignatureMismatch", 5, payload=firmware)


def test_embedded_with_a_payload_beside_it(signed: Path, firmware: Path, key: Trust) -> None:
    assert verify_image(signed, VerifyOptions(key), payload=firmware).signer
    firmware.write_bytes(firmware.read_bytes()[:-1] + b"x")
    refused(signed, VerifyOptions(key), DigestMismatchError, "PayloadMismatch", 2, payload=firmware)


def test_ed25519_detached(
    platform: GetPlatform, signer: GetSigner, key_files: KeyFiles, firmware: Path, tmp_path: Path
) -> None:
    image = tmp_path / "image.json"
    options = SigningOptions(platform("MCUboot-Ed25519"), image_format="JSONDetached")
    sign_image(firmware, image, options, signer(KeyType.ED25519))
    trust = Trust.from_key(key_files(KeyType.ED25519)[1])
    assert verify_image(image, VerifyOptions(trust), payload=firmware).signer


def test_ed25519_payload_swapped_between_hash_and_verification(
    platform: GetPlatform, signer: GetSigner, key_files: KeyFiles, firmware: Path, tmp_path: Path
) -> None:
    # threat 22
    image = tmp_path / "image"
    options = SigningOptions(platform("MCUboot-Ed25519"), image_format="JSONEmbedded")
    sign_image(firmware, image, options, signer(KeyType.ED25519))
    good = image.read_bytes()
    firmware.write_bytes(firmware.read_bytes()[::-1])
    evil = bytearray(good)
    offset = good.index(b'"payload":"') + 40
    evil[offset] = ord("B") if evil[offset] == ord("A") else ord("A")

    def swap(_: int) -> None:
        with image.open("r+b") as file:
            file.write(evil)

    trust = Trust.from_key(key_files(KeyType.ED25519)[1])
    with pytest.raises(IotsignError) as caught:
        verify_image(image, VerifyOptions(trust), progress=swap)
    assert caught.value.code in ("InputChanged", "FileChanged")


def test_extract(signed: Path, firmware: Path, key: Trust, tmp_path: Path) -> None:
    out = tmp_path / "out.bin"
    extracted = extract_payload(signed, out, VerifyOptions(key))
    assert extracted.signer
    assert out.read_bytes() == firmware.read_bytes()
    stream = io.BytesIO()
    extract_payload(signed, stream, VerifyOptions(integrity_only=True))
    assert stream.getvalue() == firmware.read_bytes()


def test_extract_releases_nothing_that_does_not_verify(signed: Path, key: Trust, tmp_path: Path) -> None:
    # threat 22
    change(signed, rawPayloadSize=4, payload="AAAAAA==")
    out = tmp_path / "out.bin"
    out.write_bytes(b"old")
    with pytest.raises(SignatureMismatchError):
        extract_payload(signed, out, VerifyOptions(key))
    with pytest.raises(VerificationIncompleteError):
        extract_payload(signed, out, VerifyOptions())
    assert out.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 3


def test_extract_writes_what_was_verified_though_the_file_is_swapped(
    signed: Path, firmware: Path, key: Trust, tmp_path: Path
) -> None:
    # threat 22
    def swap(_: int) -> None:
        (tmp_path / "evil").write_bytes(b"evil")
        (tmp_path / "evil").rename(signed)

    extract_payload(signed, tmp_path / "out.bin", VerifyOptions(key), progress=swap)
    assert (tmp_path / "out.bin").read_bytes() == firmware.read_bytes()


@pytest.mark.parametrize(("location", "where"), [(True, "s3://bucket/key@v1"), (False, "a local file")])
def test_extract_from_detached(
    platform: GetPlatform, signer: GetSigner, firmware: Path, tmp_path: Path, location: bool, where: str
) -> None:
    from iotsign.formats.jsonimage import S3Location

    s3 = S3Location("bucket", "key", "v1") if location else None
    options = SigningOptions(platform("AWSIoTDeviceManagement-SHA256-ECDSA"), location=s3)
    sign_image(firmware, tmp_path / "image", options, signer(KeyType.P256))
    with pytest.raises(UnsupportedFormatError, match=where):
        extract_payload(tmp_path / "image", tmp_path / "out", VerifyOptions(integrity_only=True))
    assert not (tmp_path / "out").exists()


def test_inspect(signed: Path, firmware: Path) -> None:
    inspected = inspect_image(signed)
    assert inspected.size == signed.stat().st_size
    assert inspected.image is not None
    assert inspected.image.raw_payload_size == firmware.stat().st_size
    with pytest.raises(UnsupportedFormatError):
        inspect_image(firmware)
