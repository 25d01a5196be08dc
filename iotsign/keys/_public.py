"""Public keys."""

from dataclasses import dataclass

from iotsign.algorithms import KeyType


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that iotsign can verify with.

    Attributes:
        key_type: What kind of key it is.
        spki_der: X.509 SubjectPublicKeyInfo, DER.
    """

    key_type: KeyType
    spki_der: bytes
