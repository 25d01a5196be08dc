"""Who does the mathematics: OpenSSL, the C core that also runs on the device, or both.

OpenSSL takes the message of an Ed25519 signature in one piece only.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iotsign import core
from iotsign.algorithms import SignatureAlgorithm
from iotsign.errors import (
    ConfigError,
    IotsignError,
    KeyFamilyError,
    MalformedImageError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.formats.judge import Judge, judge_by_openssl

if TYPE_CHECKING:
    from iotsign.keys import PublicKey

__all__ = ["VERIFIERS", "judge_of"]

# how a verifier says no
_REFUSALS: Final = (UntrustedImageError, MalformedImageError, KeyFamilyError)


def judge_by_core(
    key: "PublicKey",
    algorithm: SignatureAlgorithm,
    signature: bytes,
    *,
    digest: bytes,
    message: Callable[[], bytes | memoryview],
    streamed: Callable[[], None] | None = None,
) -> None:
    """Verify one signature with exactly the device's code; a `Judge`."""
    if streamed is not None:
        streamed()
    elif algorithm.hash is None:
        core.verify(algorithm, key.spki_der, message(), signature)
    else:
        core.verify_digest(algorithm, key.spki_der, digest, signature)


def judge_by_both(
    key: "PublicKey",
    algorithm: SignatureAlgorithm,
    signature: bytes,
    *,
    digest: bytes,
    message: Callable[[], bytes | memoryview],
    streamed: Callable[[], None] | None = None,
) -> None:
    """Verify one signature with OpenSSL and the core, which have to agree; a `Judge`.

    Raises:
        VerificationIncompleteError: They do not agree.
    """
    refusals: list[IotsignError | None] = []
    for judge in (judge_by_openssl, judge_by_core):
        try:
            judge(key, algorithm, signature, digest=digest, message=message, streamed=streamed)
        except _REFUSALS as error:
            refusals.append(error)
        else:
            refusals.append(None)
    by_openssl, by_core = refusals
    if (by_openssl is None) is not (by_core is None):
        accepts = "it verifies"
        said = {
            "openssl": by_openssl.message if by_openssl else accepts,
            "core": by_core.message if by_core else accepts,
        }
        words = "; ".join(f"{name}: {verdict}" for name, verdict in said.items())
        message_ = f"OpenSSL and the core do not agree about this {algorithm.name} signature: {words}"
        raise VerificationIncompleteError("VerifiersDisagree", message_, **said)
    if by_openssl is not None:
        raise by_openssl


def judge_by_what_fits(
    key: "PublicKey",
    algorithm: SignatureAlgorithm,
    signature: bytes,
    *,
    digest: bytes,
    message: Callable[[], bytes | memoryview],
    streamed: Callable[[], None] | None = None,
) -> None:
    """Verify one signature with OpenSSL, or a message that is large, in parts, with the core; a `Judge`."""
    judge = judge_by_openssl if streamed is None else judge_by_core
    judge(key, algorithm, signature, digest=digest, message=message, streamed=streamed)


_JUDGES: Final[dict[str, Judge]] = {
    "auto": judge_by_what_fits,
    "openssl": judge_by_openssl,
    "core": judge_by_core,
    "both": judge_by_both,
}
VERIFIERS: Final = tuple(_JUDGES)


def judge_of(verifier: str) -> Judge:
    """Find who judges.

    Args:
        verifier: One of `VERIFIERS`.

    Raises:
        ConfigError: No such verifier.
    """
    if verifier not in _JUDGES:
        raise ConfigError("UnknownVerifier", f"expected one of {', '.join(VERIFIERS)}, got {verifier!r}", got=verifier)
    return _JUDGES[verifier]
