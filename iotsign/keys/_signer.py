"""The interface of everything that signs."""

from typing import Protocol

from iotsign.algorithms import SignatureAlgorithm
from iotsign.keys._public import PublicKey


class Signer(Protocol):
    """A private key that signs, wherever it lives."""

    @property
    def uri(self) -> str:
        """The key URI that names this key, without any secret."""

    @property
    def public_key(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a whole message.

        Raises:
            UnsupportedAlgorithmError: The key cannot sign that way.
            KeyUnavailableError: The key is out of reach now.
        """

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest of exactly ``algorithm.hash.digest_size`` bytes.

        Raises:
            UnsupportedAlgorithmError: The key cannot sign that way; Ed25519 signs whole messages only.
            KeyUnavailableError: The key is out of reach now.
        """
