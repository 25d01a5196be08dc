"""A signing service's own chain, and zip files and payloads for it to sign."""

import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from iotsign.algorithms import KeyType
from iotsign.formats.claims import SignatureClaims
from iotsign.keys import Signer, certify_with, generate_key, open_signer, write_key_file

SIGNED_AT = datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)
EXPIRY = SIGNED_AT + timedelta(days=365)
JOB = "arn:aws:signer:eu-west-1:123456789012:/signing-jobs/5e4d3c2b-0000-4000-8000-00000000abcd"
PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release/AbCdEf0123"
PAYLOAD = (
    b'{"targetArtifact":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:'
    b"73c803930ea3ba1e54bc25c2bdc53edd0284c62ed651fe7b00369da519a3c333"
    b'","size":16724,"annotations":{"buildId":"123"}}}'
)


@dataclass(frozen=True)
class IssuingChain:
    """A key, the certificates above it, and the folder that has the root to trust."""

    signer: Signer
    certificates: tuple[x509.Certificate, ...]
    trust: Path

    @classmethod
    def make(cls, directory: Path, *, days: int = 30, at: datetime = SIGNED_AT) -> "IssuingChain":
        """Make a root, an intermediate and a signer, all of P-384 keys; the signer's certificate is short-lived."""
        key = directory / "service.pem"
        write_key_file(key, generate_key(KeyType.P384), private=True, force=False)
        signer = open_signer(f"pem:{key}")
        authority = directory / "authority"
        issued = certify_with(authority, signer.public_key, subject="CN=Signer", days=days, now=at)
        trust = directory / "trust"
        trust.mkdir()
        (trust / "root.pem").write_bytes(issued.issuers[-1].public_bytes(Encoding.PEM))
        return cls(signer, (issued.certificate, *issued.issuers), trust)


def make_claims(
    *, signing_time: datetime = SIGNED_AT, expiry: datetime = EXPIRY, job: str = JOB, profile: str = PROFILE
) -> SignatureClaims:
    """Claims of the year 2026."""
    return SignatureClaims(signing_time, expiry, job, profile)


def make_zip(
    files: dict[str, bytes] | None = None, *, comment: bytes = b"", method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip file as Python writes it; the same one every time."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as archive:
        for name, body in (files if files is not None else FILES).items():
            entry = zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            entry.compress_type = method
            archive.writestr(entry, body)
        archive.comment = comment
    return output.getvalue()


FILES = {"app/": b"", "app/index.py": b"print('blink')\n" * 200, "app/data.bin": bytes(range(256)), "läs mig": b"x"}
