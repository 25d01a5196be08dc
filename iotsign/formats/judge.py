"""Who does the mathematics of a verification, and the encodings that signatures come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from iotsign.errors import MalformedImageError

if TYPE_CHECKING:
    from iotsign.algorithms import SignatureAlgorithm
    from iotsign.keys import PublicKey

__all__ = ["Judge", "judge_by_openssl", "raw_ecdsa_signature"]


class Judge(Protocol):
    """Who does the mathematics of a verification."""

    def __call__(
        self,
        key: PublicKey,
        algorithm: SignatureAlgorithm,
        signature: bytes,
        *,
        digest: bytes,
        message: Callable[[], bytes | memoryview],
        streamed: Callable[[], None] | None = None,
    ) -> None:
        """Verify one signature.

        Args:
            key: The public key.
            algorithm: How it signs.
            signature: The signature.
            digest: Of what is signed, for an algorithm that signs digests.
            message: Gives what is signed, for an algorithm that does not.
            streamed: Lets the core verify a message that is large, in parts; None for one that is not.

        Raises:
            SignatureMismatchError: It is not this key's over this.
            MalformedImageError: The signature's encoding is not canonical.
        """


def judge_by_openssl(
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    signature: bytes,
    *,
    digest: bytes,
    message: Callable[[], bytes | memoryview],
    streamed: Callable[[], None] | None = None,  # noqa: ARG001
) -> None:
    """Verify one signature with OpenSSL, which needs a message in one piece; a `Judge`."""
    if algorithm.hash is None:
        key.verify(message(), signature, algorithm)
    else:
        key.verify_digest(digest, signature, algorithm)


def raw_ecdsa_signature(signature: bytes, size: int) -> bytes:
    """Turn an ECDSA signature into r‖s, as some containers hold it.

    Args:
        signature: DER, or r‖s already.
        size: Bytes of r and of s each.

    Raises:
        MalformedImageError: Neither.
    """
    if len(signature) == 2 * size:
        return signature
    from cryptography.hazmat.primitives.asymmetric import utils

    try:
        r, s = utils.decode_dss_signature(signature)
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except (ValueError, OverflowError):
        message = f"expected an ECDSA signature in DER or {2 * size} bytes of r‖s, got {len(signature)} bytes"
        raise MalformedImageError("SignatureEncoding", message) from None
