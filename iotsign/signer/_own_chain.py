"""What the service's own chain signs: zips for AWS Lambda, payloads for Notation."""

from datetime import datetime
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from iotsign.errors import ConfigError
from iotsign.formats.awslambda import sign_zip
from iotsign.formats.claims import SignatureClaims
from iotsign.formats.notation import sign_payload
from iotsign.keys import Signer
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
    """Write a signed zip.

    Raises:
        IotsignError: The zip is empty, malformed or signed, the key does not sign, or a file fails.
    """
    source_size(source)
    sign_zip(
        cast("BinaryIO", source),
        cast("BinaryIO", output),
        signer,
        certificates=_chain(material),
        claims=claims,
    )


def pack_payload(
    payload: bytes, payload_type: str, signer: Signer, material: Material, claims: SignatureClaims
) -> bytes:
    """Sign a payload into an envelope.

    Raises:
        FormatError: The payload is not one of Notation's, or of another type.
        KeyFamilyError: The key does not sign.
        StoreError: The intent is not on record.
    """
    return sign_payload(payload, signer, certificates=_chain(material), claims=claims, payload_type=payload_type)


def _chain(material: Material) -> "tuple[Certificate, ...]":
    return (material.certificate, *material.issuers) if material.certificate else ()
