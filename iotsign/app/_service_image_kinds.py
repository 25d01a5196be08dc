"""A zip file, or an envelope, that a signing service signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign.errors import SignatureMismatchError

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.formats.awslambda import LambdaZip
    from iotsign.formats.claims import ServiceSignature
    from iotsign.formats.notation import Envelope

__all__ = ["LambdaImage", "NotationImage"]

LAMBDA_ZIP: Final = "aws-lambda-zip"
NOTATION_JWS: Final = "notation-jws"


@dataclass(frozen=True, slots=True)
class LambdaImage:
    """A zip file."""

    file: BinaryIO
    size: int
    zip: LambdaZip
    progress: Callable[[int], None] | None
    name: str = LAMBDA_ZIP
    platform_id: str = "AWSLambda-SHA384-ECDSA"

    @property
    def summary(self) -> str:
        return f"zip with {len(self.zip.content)} entries, {self.size} bytes"

    @property
    def payload_size(self) -> int:
        return self.size - self.zip.signature_overhead

    @property
    def signature(self) -> ServiceSignature:
        if self.zip.signature is None:
            message = "the zip carries no signature of a signing service"
            hint = "iotsign serve, or AWS Signer, sign zip files: aws signer start-signing-job"
            raise SignatureMismatchError("NotSigned", message, hint=hint)
        return self.zip.signature

    def check_payload(self) -> str:
        from iotsign.formats.awslambda import check_content

        _ = self.signature
        digest = check_content(self.file, self.zip, progress=self.progress)
        return f"{self.zip.content_size} bytes of content, SHA384 {digest.hex()}"

    def extract(self, output: BinaryIO) -> int:
        from iotsign.formats.awslambda import extract_source

        return extract_source(self.file, self.zip, output)

    def describe(self) -> dict[str, Any]:
        from iotsign.formats.awslambda import describe_zip

        content = describe_zip(self.zip)
        entries = content.pop("entries")
        return {"container": self.name, **content, **_signature(self.zip.signature), "entries": entries}


@dataclass(frozen=True, slots=True)
class NotationImage:
    """A JWS envelope."""

    envelope: Envelope
    name: str = NOTATION_JWS
    platform_id: str = "Notation-OCI-SHA384-ECDSA"

    @property
    def summary(self) -> str:
        return f"JWS over a payload of {self.payload_size} bytes"

    @property
    def payload_size(self) -> int:
        return len(self.envelope.payload)

    @property
    def signature(self) -> ServiceSignature:
        return self.envelope.signature

    def check_payload(self) -> str:
        target = self.envelope.target
        return f"target artifact {target.digest}, {target.size} bytes of {target.media_type}"

    def extract(self, output: BinaryIO) -> int:
        return output.write(self.envelope.payload)

    def describe(self) -> dict[str, Any]:
        target = self.envelope.target
        about: dict[str, Any] = {"mediaType": target.media_type, "digest": target.digest, "size": target.size}
        if target.annotations:
            about["annotations"] = dict(target.annotations)
        return {"container": self.name, "targetArtifact": about, **_signature(self.signature)}


def _signature(signature: ServiceSignature | None) -> dict[str, Any]:
    if signature is None:
        return {"signatureAlgorithm": None}
    claims = signature.claims
    return {
        "signatureAlgorithm": signature.algorithm.name,
        "signature": signature.value.hex(),
        "claims": {
            "signingTime": claims.signing_time.isoformat(),
            "expiry": claims.expiry.isoformat(),
            "jobArn": claims.job_arn,
            "profileVersionArn": claims.profile_version_arn,
        },
        "certificates": [_certificate(certificate) for certificate in signature.certificates],
    }


def _certificate(certificate: x509.Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serialNumber": f"{certificate.serial_number:x}",
        "notValidBefore": certificate.not_valid_before_utc.isoformat(),
        "notValidAfter": certificate.not_valid_after_utc.isoformat(),
    }
