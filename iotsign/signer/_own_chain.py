"""What the service's own chain signs: zips for AWS Lambda, payloads for Notation."""

from datetime import datetime
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from iotsign.errors import ConfigError, DigestMismatchError, SignatureMismatchError
from iotsign.formats.claims import ServiceSignature, SignatureClaims
from iotsign.formats.notation import read_envelope, sign_payload
from iotsign.keys import Signer, certificate_key
from iotsign.signer._arns import ProfileArn
from iotsign.signer._job import SigningJob
from iotsign.signer._packing import source_size
from iotsign.signer._ports import Material

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# what SignPayload's metadata calls them; Source: AWS Signer's plugin for Notation, which makes annotations of it
PROFILE_VERSION: Final = "com.amazonaws.signer.signingProfileVersion"
JOB: Final = "com.amazonaws.signer.signingJob"


def claims_of(job: SigningJob, region: str, now: datetime) -> SignatureClaims:
    """Say what a job's signature says of itself.

    Raises:
        ConfigError: The signature would have expired before it was made.
    """
    if job.signature_expires_at is None:
        raise ConfigError("NoValidity", f"expected a job whose signature expires, got {job.job_id}", job=job.job_id)
    return SignatureClaims(
        signing_time=now,
        expiry=job.signature_expires_at,
        job_arn=str(job.arn(region)),
        profile_version_arn=str(ProfileArn(region, job.owner, job.profile_name, job.profile_version)),
    )


def pack_zip(source: IO[bytes], output: IO[bytes], signer: Signer, material: Material, claims: SignatureClaims) -> None:
    """Write a signed zip, and verify it as whoever gets it would.

    Raises:
        IotsignError: The zip is empty, malformed or signed, the key does not sign, or a file fails.
    """
    from iotsign.formats.awslambda import check_content, read_lambda_zip, sign_zip

    source_size(source)
    out = cast("BinaryIO", output)
    made = sign_zip(cast("BinaryIO", source), out, signer, certificates=_chain(material), claims=claims)
    written = read_lambda_zip(out, made.size)
    _check(written.signature, material, claims)
    check_content(out, written)


def pack_payload(
    payload: bytes, payload_type: str, signer: Signer, material: Material, claims: SignatureClaims
) -> bytes:
    """Sign a payload into an envelope, and verify that as whoever gets it would.

    Raises:
        FormatError: The payload is not one of Notation's, or of another type.
        UntrustedImageError: The envelope does not say what it should.
        KeyFamilyError: The key does not sign.
        StoreError: The intent is not on record.
    """
    envelope = sign_payload(payload, signer, certificates=_chain(material), claims=claims, payload_type=payload_type)
    written = read_envelope(envelope)
    _check(written.signature, material, claims)
    if written.payload != payload:
        raise DigestMismatchError("PayloadMismatch", "expected the payload in its envelope, got another")
    return envelope


def _check(signature: ServiceSignature | None, material: Material, claims: SignatureClaims) -> None:
    if signature is None or (signature.claims, signature.certificates) != (claims, _chain(material)):
        raise SignatureMismatchError("ClaimsMismatch", "expected the claims and chain of the job, got others")
    certificate_key(signature.certificates[0]).verify_digest(signature.digest, signature.value, signature.algorithm)


def _chain(material: Material) -> "tuple[Certificate, ...]":
    return (material.certificate, *material.issuers) if material.certificate else ()
