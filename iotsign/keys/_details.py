"""What a key URI names, for people and scripts to look at."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import KeyType
from iotsign.keys._files import read_key_file
from iotsign.keys._loading import holds_private_key, parse_public
from iotsign.keys._private import Passphrase, parse_signer
from iotsign.keys._public import PublicKey
from iotsign.keys._uri import pem_path
from iotsign.keys._weaknesses import Weakness, find_weaknesses

if TYPE_CHECKING:
    from cryptography import x509

# members of OpenSSL's key usage object, and RFC 5280's names for the bits
_KEY_USAGES: Final = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_PURPOSES: Final = {
    "2.5.29.37.0": "any",
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
}


@dataclass(frozen=True, slots=True)
class KeyDetails:
    """What a key URI names.

    Attributes:
        kind: ``privateKey``, ``publicKey`` or ``certificate``.
        public_key: The public half.
        weaknesses: Why the key should not sign.
        certificates: The certificate and those that came with it; empty for a bare key.
    """

    kind: str
    public_key: PublicKey
    weaknesses: tuple[Weakness, ...]
    certificates: "tuple[x509.Certificate, ...]" = ()

    @property
    def mcuboot_key_hash(self) -> bytes:
        """The KEYHASH that MCUboot images carry: SHA-384 for P-384, else SHA-256, 48 or 32 bytes.

        Source: MCUboot, docs/design.md (IMAGE_TLV_KEYHASH): over PKCS#1 RSAPublicKey or SubjectPublicKeyInfo.
        """
        hash_ = hashlib.sha384 if self.public_key.key_type is KeyType.P384 else hashlib.sha256
        return hash_(self.public_key.pkcs1_der or self.public_key.spki_der).digest()


@dataclass(frozen=True, slots=True)
class CertificateDetails:
    """What a certificate says.

    Attributes:
        subject: Whose it is (RFC 4514).
        issuer: Who issued it (RFC 4514).
        serial_number: Unique with the issuer.
        not_before: When it begins to be valid.
        not_after: When it ends.
        sha256: Over its DER, 32 bytes.
        ca: Whether it is a CA's.
        key_usage: RFC 5280's names of the bits that are set; empty without that extension.
        purposes: Extended key usage by RFC 5280's names, or as dotted numbers.
    """

    subject: str
    issuer: str
    serial_number: int
    not_before: datetime
    not_after: datetime
    sha256: bytes
    ca: bool
    key_usage: tuple[str, ...]
    purposes: tuple[str, ...]


def describe_certificate(certificate: "x509.Certificate") -> CertificateDetails:
    """Look at a certificate; nothing is verified.

    Raises:
        CertificateError: Its extensions are malformed.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    from iotsign.keys._chain import find_extension, is_ca

    usage = find_extension(certificate, x509.KeyUsage)
    purposes = find_extension(certificate, x509.ExtendedKeyUsage) or ()
    return CertificateDetails(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256=certificate.fingerprint(hashes.SHA256()),
        ca=is_ca(certificate),
        key_usage=tuple(name for bit, name in _KEY_USAGES.items() if usage is not None and getattr(usage, bit)),
        purposes=tuple(_PURPOSES.get(purpose.dotted_string, purpose.dotted_string) for purpose in purposes),
    )


def describe_key(uri: str, *, passphrase: Passphrase | None = None) -> KeyDetails:
    """Look at a private key, public key or certificate; nothing is signed, so a weak key is described, not refused.

    Args:
        uri: The key URI.
        passphrase: Called once, and only if the key is encrypted.

    Raises:
        KeyUriError: The URI has no scheme, an unknown one, or no path.
        KeyUnavailableError: The file is unreadable or holds no key, or the passphrase is missing or wrong.
        KeyRejectedError: The key spells out its curve, has under 2048 bits or is invalid.
        UnsupportedAlgorithmError: A key type that iotsign does not know.
    """
    path = pem_path(uri)
    file = read_key_file(path)
    blocks = file.blocks()
    if holds_private_key(blocks):
        signer = parse_signer(file, path, passphrase)
        return KeyDetails("privateKey", signer.public_key, signer.weaknesses)
    public_key, certificates = parse_public(blocks, path)
    kind = "certificate" if certificates else "publicKey"
    return KeyDetails(kind, public_key, find_weaknesses(public_key), certificates)
