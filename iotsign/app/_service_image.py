"""Images that only a signing service signs: which they are, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from iotsign.app._input_file import InputFile
from iotsign.app._native_files import reader
from iotsign.errors import SignatureMismatchError

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.formats.awslambda import LambdaZip
    from iotsign.formats.claims import ServiceSignature
    from iotsign.formats.notation import Envelope

__all__ = ["ServiceImage", "is_service_image", "looks_like_zip", "open_service_image"]

Progress = Callable[[int], None]

LAMBDA_ZIP: Final = "aws-lambda-zip"
NOTATION_JWS: Final = "notation-jws"
_ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_LARGEST_ENVELOPE: Final = 1 << 16  # as in iotsign.formats.notation, which looking at other images need not load


class ServiceImage(Protocol):
    """An image whose structure holds; nothing else has been checked."""

    @property
    def name(self) -> str:
        """The format."""

    @property
    def platform_id(self) -> str:
        """The signing platform that makes such images."""

    @property
    def summary(self) -> str:
        """What it is, in a few words for people."""

    @property
    def payload_size(self) -> int:
        """Bytes of what is signed."""

    @property
    def signature(self) -> ServiceSignature:
        """The signature.

        Raises:
            SignatureMismatchError: There is none.
        """

    def check_payload(self) -> str:
        """Check that the payload is what the signature's attributes say.

        Returns:
            What was found, for people.

        Raises:
            FormatError: It contradicts itself.
            DigestMismatchError: It is another one.
        """

    def extract(self, output: BinaryIO) -> int:
        """Write what was signed, and give its size in bytes.

        Raises:
            UnsupportedFormatError: It is not in the image as it was.
        """

    def describe(self) -> dict[str, Any]:
        """Describe it as plain data for JSON."""


def looks_like_zip(head: bytes) -> bool:
    """Tell whether a file that begins with these bytes is a zip file."""
    return head[:4] in _ZIP_MAGICS


def is_service_image(file: InputFile) -> bool:
    """Tell whether a file is an image that only signing services sign.

    Raises:
        StoreError: It cannot be read.
    """
    return looks_like_zip(file.head(4)) or _envelope(file) is not None


def open_service_image(file: InputFile, progress: Progress | None = None) -> ServiceImage | None:
    """Read an image of a signing service; None if it is none.

    Raises:
        FormatError: It is one, and malformed.
        StoreError: It cannot be read.
    """
    if looks_like_zip(file.head(4)):
        from iotsign.formats.awslambda import read_lambda_zip

        source = reader(file)
        return _LambdaImage(source, file.size, read_lambda_zip(source, file.size), progress)
    envelope = _envelope(file)
    if envelope is None:
        return None
    from iotsign.formats.notation import read_envelope

    return _NotationImage(read_envelope(envelope))


def _envelope(file: InputFile) -> bytes | None:
    """Read a file that looks like an envelope."""
    if file.head(1) != b"{" or file.size > _LARGEST_ENVELOPE:
        return None
    from iotsign.formats.notation import looks_like_envelope

    data = file.piece(0, file.size)
    return data if looks_like_envelope(data) else None


@dataclass(frozen=True, slots=True)
class _LambdaImage:
    """A zip file."""

    file: BinaryIO
    size: int
    zip: LambdaZip
    progress: Progress | None
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
class _NotationImage:
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
