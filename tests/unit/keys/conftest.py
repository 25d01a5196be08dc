"""Signers of every type, and a mill of certificates with any one defect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iotsign.algorithms import KeyType
from iotsign.keys import Signer, open_signer

WriteKey = Callable[..., Path]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture
def write_key(tmp_path: Path) -> WriteKey:
    """Write bytes to a fresh file that only its owner reads."""

    def write(content: bytes, name: str = "key.pem", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


@pytest.fixture(scope="session")
def key_pems(key_files: KeyFiles) -> dict[KeyType, bytes]:
    """One private key of every type, PKCS#8 PEM."""
    return {key_type: key_files(key_type)[0].read_bytes() for key_type in KeyType}


@pytest.fixture(scope="session")
def signers(key_files: KeyFiles) -> dict[KeyType, Signer]:
    """A signer of every type."""
    return {key_type: open_signer(f"pem:{key_files(key_type)[0]}") for key_type in KeyType}


@dataclass(frozen=True)
class Entity:
    """A key and the certificate about it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def key_usage(**bits: bool) -> x509.KeyUsage:
    names: tuple[str, ...] = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    )
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: bits.get(name, False) for name in names})


Extensions = Sequence[tuple[x509.ExtensionType, bool]]
CA: Extensions = (
    (x509.BasicConstraints(ca=True, path_length=None), True),
    (key_usage(key_cert_sign=True, crl_sign=True), True),
)
SIGNER: Extensions = (
    (key_usage(digital_signature=True), True),
    (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
)


class CertificateMill:
    """Makes certificates with any one defect; valid for the year 2030 unless told otherwise."""

    CA = CA
    SIGNER = SIGNER
    key_usage = staticmethod(key_usage)
    AT = datetime(2030, 6, 1, tzinfo=UTC)

    def __init__(self) -> None:
        self.root = self.make("root", None, CA)
        self.intermediate = self.make("intermediate", self.root, CA)

    def make(
        self,
        name: str,
        issuer: Entity | None,
        extensions: Extensions = SIGNER,
        *,
        key: Any = None,
        years: tuple[int, int] = (2030, 2031),
        hash_: Any = None,
        serial: int | None = None,
        issuer_name: str | None = None,
    ) -> Entity:
        own = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(
            subject_name=subject,
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)])
            if issuer_name
            else issuer.certificate.subject
            if issuer
            else subject,
            public_key=own.public_key(),
            serial_number=serial or x509.random_serial_number(),
            not_valid_before=datetime(years[0], 1, 1, tzinfo=UTC),
            not_valid_after=datetime(years[1], 1, 1, tzinfo=UTC),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        signing = issuer.key if issuer else own
        hash_ = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hash_ or hashes.SHA256()
        return Entity(own, builder.sign(signing, hash_))


@pytest.fixture(scope="session")
def mill() -> CertificateMill:
    """Makes certificates with any one defect."""
    return CertificateMill()
