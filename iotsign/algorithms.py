"""Hash and signature algorithms, with the name each community gives them, in one table.

Names in capitals are those of JCA (``SHA256withECDSA``), which AWS Signer uses in its signed objects; the raw
(P1363, r‖s) forms and RSA-PSS follow the same scheme. An algorithm is always one of the objects below, never a string
that somebody slices.

Source: Java Security Standard Algorithm Names (Signature); AWS Signer API 2017-08-25 (HashAlgorithm,
EncryptionAlgorithm); RFC 7518 §3.1 (JOSE).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from iotsign.errors import UnsupportedAlgorithmError


class HashAlgorithm(Enum):
    """A hash function; the value is AWS Signer's name for it."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @property
    def digest_size(self) -> int:
        """Length of the digest in bytes."""
        return _DIGEST_SIZES[self]

    @classmethod
    def from_name(cls, name: str) -> "HashAlgorithm":
        """Find a hash by any usual spelling (``SHA256``, ``sha-256``, ``sha256``).

        Raises:
            UnsupportedAlgorithmError: No hash of that name.
        """
        wanted = name.upper().replace("-", "").replace("_", "")
        for algorithm in cls:
            if algorithm.value == wanted:
                return algorithm
        known = ", ".join(algorithm.value for algorithm in cls)
        raise UnsupportedAlgorithmError("UnknownHash", f"no hash algorithm {name!r}; known: {known}", name=name)


_DIGEST_SIZES: Final = {
    HashAlgorithm.SHA1: 20,
    HashAlgorithm.SHA256: 32,
    HashAlgorithm.SHA384: 48,
    HashAlgorithm.SHA512: 64,
}


class EncryptionAlgorithm(Enum):
    """The key family of a signature; the value is AWS Signer's name, extended by Ed25519."""

    RSA = "RSA"
    ECDSA = "ECDSA"
    ED25519 = "Ed25519"


class KeyType(Enum):
    """A key type iotsign signs with; the value is the spelling on the command line."""

    P256 = "p256"
    P384 = "p384"
    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"
    ED25519 = "ed25519"

    @property
    def encryption(self) -> EncryptionAlgorithm:
        """The key family."""
        if self in (KeyType.P256, KeyType.P384):
            return EncryptionAlgorithm.ECDSA
        return EncryptionAlgorithm.ED25519 if self is KeyType.ED25519 else EncryptionAlgorithm.RSA


class SignatureEncoding(Enum):
    """How the signature's bytes are laid out."""

    DER = "DER"  # ECDSA: SEQUENCE { INTEGER r, INTEGER s }
    RAW = "raw"  # ECDSA: r‖s, big-endian, each as long as the curve's order; Ed25519: R‖S
    PKCS1 = "PKCS1v15"  # RSA: big-endian, as long as the modulus
    PSS = "PSS"  # RSA: big-endian, as long as the modulus; MGF1 with the same hash


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One way to sign.

    Attributes:
        name: JCA name, for example ``SHA256withECDSA``; ``…inP1363Format`` is raw r‖s, ``…andMGF1`` is RSA-PSS.
        encryption: The key family.
        hash: The hash over the message; None for Ed25519, which hashes by itself.
        encoding: Layout of the signature.
        jose: The JWS name, where one exists and the encoding is the JWS one.
        salt_size: RSA-PSS salt length in bytes; None for the others.
    """

    name: str
    encryption: EncryptionAlgorithm
    hash: HashAlgorithm | None
    encoding: SignatureEncoding
    jose: str | None = None
    salt_size: int | None = None

    @property
    def ota_key(self) -> str:
        """The key of the signature in an AWS IoT OTA job document, for example ``sig-sha256-ecdsa``."""
        return "sig-" + self.name.replace("with", "-").lower()


def _ecdsa(hash_: HashAlgorithm, jose: str | None) -> list[SignatureAlgorithm]:
    name = f"{hash_.value}withECDSA"
    ecdsa = EncryptionAlgorithm.ECDSA
    return [
        SignatureAlgorithm(name, ecdsa, hash_, SignatureEncoding.DER),
        SignatureAlgorithm(f"{name}inP1363Format", ecdsa, hash_, SignatureEncoding.RAW, jose),
    ]


def _rsa(hash_: HashAlgorithm, jose: str | None, jose_pss: str | None) -> list[SignatureAlgorithm]:
    name, rsa = f"{hash_.value}withRSA", EncryptionAlgorithm.RSA
    return [
        SignatureAlgorithm(name, rsa, hash_, SignatureEncoding.PKCS1, jose),
        SignatureAlgorithm(f"{name}andMGF1", rsa, hash_, SignatureEncoding.PSS, jose_pss, hash_.digest_size),
    ]


_TABLE: Final = {
    algorithm.name: algorithm
    for algorithm in [
        *_ecdsa(HashAlgorithm.SHA256, "ES256"),
        *_ecdsa(HashAlgorithm.SHA384, "ES384"),
        *_ecdsa(HashAlgorithm.SHA512, None),
        *_rsa(HashAlgorithm.SHA1, None, None),
        *_rsa(HashAlgorithm.SHA256, "RS256", "PS256"),
        *_rsa(HashAlgorithm.SHA384, "RS384", "PS384"),
        *_rsa(HashAlgorithm.SHA512, "RS512", "PS512"),
        SignatureAlgorithm("Ed25519", EncryptionAlgorithm.ED25519, None, SignatureEncoding.RAW, "EdDSA"),
    ]
}

SIGNATURE_ALGORITHMS: Final = tuple(_TABLE.values())


def signature_algorithm(name: str) -> SignatureAlgorithm:
    """Look up a signature algorithm by its JCA name, exactly as spelled.

    Raises:
        UnsupportedAlgorithmError: No algorithm of that name.
    """
    try:
        return _TABLE[name]
    except KeyError:
        message = f"no signature algorithm {name!r}; known: {', '.join(_TABLE)}"
        raise UnsupportedAlgorithmError("UnknownSignatureAlgorithm", message, name=name) from None


def choose_signature_algorithm(
    encryption: EncryptionAlgorithm, hash_: HashAlgorithm, *, encoding: SignatureEncoding | None = None
) -> SignatureAlgorithm:
    """Pick the algorithm for a key family and a hash.

    Args:
        encryption: The key family.
        hash_: The hash; ignored for Ed25519.
        encoding: Layout of the signature; by default what AWS Signer writes: DER for ECDSA, PKCS#1 v1.5 for RSA.

    Raises:
        UnsupportedAlgorithmError: The combination does not exist.
    """
    default = {
        EncryptionAlgorithm.ECDSA: SignatureEncoding.DER,
        EncryptionAlgorithm.RSA: SignatureEncoding.PKCS1,
        EncryptionAlgorithm.ED25519: SignatureEncoding.RAW,
    }[encryption]
    wanted_hash = None if encryption is EncryptionAlgorithm.ED25519 else hash_
    for algorithm in SIGNATURE_ALGORITHMS:
        if (algorithm.encryption, algorithm.hash, algorithm.encoding) == (encryption, wanted_hash, encoding or default):
            return algorithm
    message = f"no signature algorithm for {encryption.value} with {hash_.value}"
    raise UnsupportedAlgorithmError("UnknownSignatureAlgorithm", message)
