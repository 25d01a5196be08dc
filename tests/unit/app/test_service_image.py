"""Verification of what a signing service signed: whose word it rests on, whether it expired, whether it was revoked."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from issuing_chain import EXPIRY, JOB, PAYLOAD, PROFILE, SIGNED_AT, IssuingChain, make_claims, make_zip

from iotsign.algorithms import KeyType
from iotsign.app import (
    ResigningOptions,
    SigningOptions,
    Steps,
    Trust,
    VerifiedImage,
    VerifyOptions,
    extract_payload,
    inspect_image,
    resign_image,
    sign_image,
    verify_image,
    verify_images,
)
from iotsign.errors import (
    CertificateError,
    ConfigError,
    DigestMismatchError,
    ExpiredError,
    FormatError,
    ImageTooLargeError,
    KeyMismatchError,
    KeyUnavailableError,
    RevokedError,
    SignatureMismatchError,
    UnsupportedFormatError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.formats.awslambda import sign_zip
from iotsign.formats.claims import SignatureClaims
from iotsign.formats.notation import sign_payload
from iotsign.formats.revocations import RevocationList, RevokedJob, RevokedProfileVersion
from iotsign.keys import open_signer
from iotsign.keys._issue import Role, issue_certificate
from iotsign.platforms import Registry

NOW = SIGNED_AT + timedelta(days=100)  # the signer's own certificate has ended
NOTHING_REVOKED = RevocationList("eu-west-1", NOW - timedelta(days=1), NOW + timedelta(days=6), (), ())
PLATFORMS = {"zip": "AWSLambda-SHA384-ECDSA", "jws": "Notation-OCI-SHA384-ECDSA"}

KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> IssuingChain:
    return IssuingChain.make(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def trust(chain: IssuingChain) -> Trust:
    """A directory with the root, and nothing else."""
    return Trust.from_directory(chain.trust)


@pytest.fixture(params=PLATFORMS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(kind: str, chain: IssuingChain, claims: SignatureClaims | None = None, certificates: Any = None) -> bytes:
    above = chain.certificates if certificates is None else certificates
    claims = claims or make_claims()
    if kind == "jws":
        return sign_payload(PAYLOAD, chain.signer, certificates=above, claims=claims)
    output = io.BytesIO()
    sign_zip(io.BytesIO(make_zip()), output, chain.signer, certificates=above, claims=claims)
    return output.getvalue()


def verify(image: bytes, trust: Trust | None, **options: Any) -> VerifiedImage:
    options.setdefault("at", NOW)
    return verify_image(io.BytesIO(image), VerifyOptions(trust, **options))


def refused(image: bytes, trust: Trust | None, error: type[Exception], code: str, step: int, **options: Any) -> str:
    with pytest.raises(error) as caught:
        verify(image, trust, **options)
    assert (caught.value.code, caught.value.data["step"]) == (code, step)  # type: ignore[attr-defined]
    return str(caught.value)


def outcomes(steps: Steps) -> str:
    return " ".join(f"{step.number}{step.outcome[0]}" for step in steps.taken)


@pytest.mark.parametrize("verifier", ["openssl", "core", "both"])
def test_trusted_by_its_root(kind: str, chain: IssuingChain, trust: Trust, verifier: str) -> None:
    platform = Registry().get(PLATFORMS[kind])
    verified = verify(
        make(kind, chain), trust, verifier=verifier, platform=platform, revocations=NOTHING_REVOKED, strict=True
    )
    assert outcomes(verified.steps) == "1p 2p 3p 4p 5p 6p 8p 9p"
    assert verified.trusted
    assert verified.steps.warnings == []
    assert verified.service is not None
    assert verified.service.about["claims"]["jobArn"] == JOB
    assert verified.signer is not None
    assert verified.signer.certificate == chain.certificates[0]


def test_without_the_root_inside(kind: str, chain: IssuingChain, trust: Trust) -> None:
    assert verify(make(kind, chain, certificates=chain.certificates[:-1]), trust).trusted


def test_an_intermediate_from_the_trust_directory(kind: str, chain: IssuingChain, tmp_path: Path) -> None:
    for number, certificate in enumerate(chain.certificates[1:]):
        (tmp_path / f"{number}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    image = make(kind, chain, certificates=chain.certificates[:1])
    assert verify(image, Trust.from_directory(tmp_path)).trusted
    refused(image, Trust.from_directory(chain.trust), CertificateError, "NoPathToRoot", 6)


def test_another_root_is_not_trusted(kind: str, chain: IssuingChain, tmp_path: Path) -> None:
    other = Trust.from_directory(IssuingChain.make(tmp_path).trust)
    for certificates in (chain.certificates, chain.certificates[:-1]):
        refused(make(kind, chain, certificates=certificates), other, CertificateError, "NoPathToRoot", 6)


def test_the_key_or_the_certificate_itself(kind: str, chain: IssuingChain, tmp_path: Path, key_files: KeyFiles) -> None:
    image = make(kind, chain)
    (tmp_path / "key.pem").write_bytes(chain.signer.public_key.to_pem())
    (tmp_path / "signer.pem").write_bytes(chain.certificates[0].public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_bytes(chain.certificates[-1].public_bytes(Encoding.PEM))
    assert verify(image, Trust.from_key(tmp_path / "key.pem")).trusted
    assert verify(image, Trust.from_certificate(tmp_path / "signer.pem")).trusted
    # a root is no signer
    refused(image, Trust.from_certificate(tmp_path / "root.pem"), KeyMismatchError, "KeyMismatch", 4)
    refused(image, Trust.from_key(key_files(KeyType.P384)[1]), KeyMismatchError, "KeyMismatch", 4)


def test_the_certificate_counts_at_signing_time(kind: str, chain: IssuingChain, trust: Trust) -> None:
    late = make_claims(signing_time=SIGNED_AT + timedelta(days=31))
    refused(make(kind, chain, late), trust, ExpiredError, "Expired", 6)
    early = make_claims(signing_time=SIGNED_AT - timedelta(days=1))
    refused(make(kind, chain, early), trust, ExpiredError, "NotYetValid", 6)


def test_a_chain_in_disorder(kind: str, chain: IssuingChain, trust: Trust, tmp_path: Path) -> None:
    other = IssuingChain.make(tmp_path).certificates
    stray = [*chain.certificates[:2], *other[2:]]
    with pytest.raises((CertificateError, FormatError)):
        verify(make(kind, chain, certificates=stray), trust)
    with pytest.raises((CertificateError, FormatError)):
        verify(make(kind, chain, certificates=[*chain.certificates, other[2]]), trust)
    # another CA's certificates with the names of ours
    assert [certificate.subject for certificate in other[:1]] == [chain.certificates[0].subject]


def test_a_certificate_beside_the_path(kind: str, tmp_path: Path) -> None:
    """A root of the same name and key, but not the trusted one."""
    chain = IssuingChain.make(tmp_path)
    root = open_signer(f"pem:{tmp_path / 'authority' / 'private' / 'root-key.pem'}")
    twin = issue_certificate(
        root.public_key, chain.certificates[2].subject, root, role=Role.ROOT, days=9999, now=SIGNED_AT
    )
    image = make(kind, chain, certificates=[*chain.certificates[:2], twin])
    refused(image, Trust.from_directory(chain.trust), CertificateError, "StrayCertificate", 6)


def test_expiry(kind: str, chain: IssuingChain, trust: Trust) -> None:
    image = make(kind, chain)
    assert verify(image, trust, at=EXPIRY - timedelta(seconds=1)).trusted
    refused(image, trust, ExpiredError, "SignatureExpired", 8, at=EXPIRY)
    assert verify(image, trust, at=SIGNED_AT).trusted
    refused(image, trust, ExpiredError, "NotYetValid", 8, at=SIGNED_AT - timedelta(seconds=1))


def test_a_revoked_job(kind: str, chain: IssuingChain, trust: Trust) -> None:
    revoked = replace(NOTHING_REVOKED, jobs=(RevokedJob(JOB, NOW, "stolen"),))
    words = refused(make(kind, chain), trust, RevokedError, "SignatureRevoked", 9, revocations=revoked)
    assert "stolen" in words
    # however old the list is
    refused(
        make(kind, chain), trust, RevokedError, "SignatureRevoked", 9, revocations=revoked, at=NOW + timedelta(days=99)
    )


def test_a_revoked_profile(kind: str, chain: IssuingChain, trust: Trust) -> None:
    def revoked_from(moment: datetime) -> RevocationList:
        return replace(NOTHING_REVOKED, profile_versions=(RevokedProfileVersion(PROFILE, moment, "stolen"),))

    image = make(kind, chain)
    refused(image, trust, RevokedError, "ProfileRevoked", 9, revocations=revoked_from(SIGNED_AT))
    assert verify(image, trust, revocations=revoked_from(SIGNED_AT + timedelta(seconds=1))).trusted


def test_a_list_that_cannot_tell(kind: str, chain: IssuingChain, trust: Trust) -> None:
    # threat 25
    image = make(kind, chain)
    stale = replace(NOTHING_REVOKED, valid_until=NOW)
    refused(image, trust, VerificationIncompleteError, "RevocationListStale", 9, revocations=stale)
    elsewhere = replace(NOTHING_REVOKED, region="us-east-1")
    refused(image, trust, VerificationIncompleteError, "RevocationUnknown", 9, revocations=elsewhere)


def test_no_list(kind: str, chain: IssuingChain, trust: Trust) -> None:
    image = make(kind, chain)
    verified = verify(image, trust)
    assert outcomes(verified.steps) == "1p 2p 3p 4p 5p 6p 8p 9s"
    assert verified.steps.warnings == ["revocation not checked: no revocation list was given"]
    refused(image, trust, VerificationIncompleteError, "RevocationNotChecked", 9, strict=True)


def test_no_trust(kind: str, chain: IssuingChain) -> None:
    # threat 20
    image = make(kind, chain)
    refused(image, None, VerificationIncompleteError, "AuthenticityNotChecked", 6)
    verified = verify(image, None, integrity_only=True)
    assert not verified.trusted
    assert outcomes(verified.steps) == "1p 2p 3p 4p 5p 6s 8s 9s"
    assert "authenticity not checked" in verified.steps.warnings[0]


def test_the_platform(kind: str, chain: IssuingChain, trust: Trust) -> None:
    platform = Registry().get("AmazonFreeRTOS-Default")
    refused(make(kind, chain), trust, KeyMismatchError, "PlatformMismatch", 3, platform=platform)


def test_a_zip_without_a_signature(trust: Trust) -> None:
    # threat 20
    refused(make_zip(), trust, SignatureMismatchError, "NotSigned", 2)
    assert inspect_image(io.BytesIO(make_zip())).container == {
        "container": "aws-lambda-zip",
        "contentSize": 3257,
        "signatureAlgorithm": None,
        "entries": [
            {"name": "app/", "size": 0, "compressedSize": 2},
            {"name": "app/index.py", "size": 3000, "compressedSize": 41},
            {"name": "app/data.bin", "size": 256, "compressedSize": 261},
            {"name": "läs mig", "size": 1, "compressedSize": 3},
        ],
    }


def test_a_zip_with_other_content(chain: IssuingChain, trust: Trust) -> None:
    signed = make("zip", chain)
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        pem = archive.read("META_INF/aws_signer_signature_v1.0.SF")
    forged = make_zip({"other.py": b"pass", "META_INF/aws_signer_signature_v1.0.SF": pem})
    refused(forged, trust, DigestMismatchError, "ContentMismatch", 2)


def test_options_of_other_images(kind: str, chain: IssuingChain, trust: Trust, key_files: KeyFiles) -> None:
    image = make(kind, chain)
    for options in ({"settings": {"minimum_version": "1.0"}}, {"key_digests": (bytes(32),)}, {"boot_trust": trust}):
        with pytest.raises(ConfigError):
            verify(image, trust, **options)
    with pytest.raises(ConfigError) as caught:
        verify_image(io.BytesIO(image), VerifyOptions(trust), payload=io.BytesIO(b"payload"))
    assert caught.value.code == "PayloadNotWanted"


def test_a_revocation_list_for_what_no_service_signed(tmp_path: Path, key_files: KeyFiles) -> None:
    private, public = key_files(KeyType.P256)
    images = [tmp_path / "1.signed", tmp_path / "2.signed"]
    for image in images:
        options = SigningOptions(Registry().get("AmazonFreeRTOS-Default"))
        sign_image(io.BytesIO(b"firmware"), image, options, open_signer(f"pem:{private}"))
    options_ = VerifyOptions(Trust.from_key(public), revocations=NOTHING_REVOKED)
    for sources in (images[:1], images):
        for outcome in verify_images(sources, options_):
            assert isinstance(outcome.error, ConfigError)
            assert outcome.error.code == "RevocationsNotWanted"


def test_a_directory_with_a_root_is_not_enough_for_a_signed_object(
    tmp_path: Path, chain: IssuingChain, key_files: KeyFiles
) -> None:
    options = SigningOptions(Registry().get("AmazonFreeRTOS-Default"))
    sign_image(io.BytesIO(b"firmware"), tmp_path / "out", options, open_signer(f"pem:{key_files(KeyType.P256)[0]}"))
    with pytest.raises(KeyUnavailableError) as caught:
        verify_image(tmp_path / "out", VerifyOptions(Trust.from_directory(chain.trust)))
    assert caught.value.code == "NoSignerCertificate"


@pytest.mark.parametrize("comment", [b"", b"comment"])
def test_extract_a_zip(chain: IssuingChain, trust: Trust, comment: bytes) -> None:
    source, signed, out = make_zip(comment=comment), io.BytesIO(), io.BytesIO()
    sign_zip(io.BytesIO(source), signed, chain.signer, certificates=chain.certificates, claims=make_claims())
    extracted = extract_payload(io.BytesIO(signed.getvalue()), out, VerifyOptions(trust, at=NOW))
    assert out.getvalue() == source
    assert extracted.payload_size == len(source)


def test_extract_an_envelope(chain: IssuingChain, trust: Trust) -> None:
    out = io.BytesIO()
    extract_payload(io.BytesIO(make("jws", chain)), out, VerifyOptions(trust, at=NOW))
    assert out.getvalue() == PAYLOAD


def test_nothing_is_extracted_that_does_not_verify(kind: str, chain: IssuingChain, trust: Trust) -> None:
    out = io.BytesIO()
    with pytest.raises(UntrustedImageError):
        extract_payload(io.BytesIO(make(kind, chain)), out, VerifyOptions(trust, at=EXPIRY))
    assert out.getvalue() == b""


def test_inspect(kind: str, chain: IssuingChain) -> None:
    about = inspect_image(io.BytesIO(make(kind, chain))).container
    assert about is not None
    assert about["claims"] == {
        "signingTime": "2026-01-31T12:00:01+00:00",
        "expiry": "2027-01-31T12:00:01+00:00",
        "jobArn": JOB,
        "profileVersionArn": PROFILE,
    }
    assert [certificate["subject"] for certificate in about["certificates"]] == [
        certificate.subject.rfc4514_string() for certificate in chain.certificates
    ]
    if kind == "jws":
        assert about["targetArtifact"] == {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "sha256:73c803930ea3ba1e54bc25c2bdc53edd0284c62ed651fe7b00369da519a3c333",
            "size": 16724,
            "annotations": {"buildId": "123"},
        }


def test_only_the_service_signs_it_again(kind: str, chain: IssuingChain) -> None:
    out = io.BytesIO()
    with pytest.raises(UnsupportedFormatError) as caught:
        resign_image(io.BytesIO(make(kind, chain)), out, chain.signer, ResigningOptions())
    assert caught.value.code == "ServiceSigns"
    assert out.getvalue() == b""


def test_the_limit_is_about_what_was_signed(chain: IssuingChain, trust: Trust, tmp_path: Path) -> None:
    text = Registry().get(PLATFORMS["zip"]).file.read_text()
    board = tmp_path / "small.toml"
    board.write_text(text.replace("maxSizeInMB = 250", "maxSizeInMB = 1"))
    platform = Registry().get(str(board))
    assert platform.max_size is not None
    empty = len(make_zip({"a": b""}, method=0))
    for more in (0, 1):
        source, output = make_zip({"a": bytes(platform.max_size - empty + more)}, method=0), io.BytesIO()
        assert len(source) == platform.max_size + more
        sign_zip(io.BytesIO(source), output, chain.signer, certificates=chain.certificates, claims=make_claims())
        if more:
            refused(output.getvalue(), trust, ImageTooLargeError, "ImageTooLarge", 2, platform=platform)
        else:
            assert verify(output.getvalue(), trust, platform=platform).trusted


def test_times_are_kept_to_the_second(chain: IssuingChain, trust: Trust, kind: str) -> None:
    claims = make_claims(
        signing_time=SIGNED_AT + timedelta(microseconds=999_999), expiry=datetime(2060, 1, 1, tzinfo=UTC)
    )
    verified = verify(make(kind, chain, claims), trust)
    assert verified.service is not None
    assert verified.service.about["claims"]["signingTime"] == SIGNED_AT.isoformat()
    assert verified.service.about["claims"]["expiry"] == "2060-01-01T00:00:00+00:00"
