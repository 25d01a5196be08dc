"""What a key URI names, for people and scripts to look at."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotsign.algorithms import KeyType
from iotsign.keys._files import read_key_file
from iotsign.keys._loading import holds_private_key, parse_public
from iotsign.keys._private import Passphrase, parse_signer
from iotsign.keys._public import PublicKey
from iotsign.keys._uri import pem_path
from iotsign.keys._weaknesses import Weakness, find_weaknesses

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class KeyDetails:
    """What a key URI names.

    Attributes:
        kind: ``private key``, ``public key`` or ``certificate``.
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
        return KeyDetails("private key", signer.public_key, signer.weaknesses)
    public_key, certificates = parse_public(blocks, path)
    kind = "certificate" if certificates else "public key"
    return KeyDetails(kind, public_key, find_weaknesses(public_key), certificates)
