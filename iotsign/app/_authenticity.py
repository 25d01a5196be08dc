"""The last steps of every verification: a key that may have signed, its signature, its certificate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from iotsign.algorithms import KeyType
from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate, Trust
from iotsign.app._verdict import VerifyOptions
from iotsign.errors import KeyMismatchError, KeyRejectedError, KeyUnavailableError, VerificationIncompleteError
from iotsign.keys import find_weaknesses

if TYPE_CHECKING:
    from iotsign.platforms import Platform

__all__ = ["NOT_CHECKED", "KeyDemand", "check_authenticity", "skip_authenticity"]

NOT_CHECKED: Final = "integrity holds, authenticity not checked: no key was given"

FindSigner = Callable[[Sequence[Candidate]], tuple[Candidate, str]]


@dataclass(frozen=True, slots=True)
class KeyDemand:
    """Which keys may have signed.

    Attributes:
        what: What demands that, for messages.
        key_types: The types that fit.
    """

    what: str
    key_types: frozenset[KeyType]

    @classmethod
    def on_platform(cls, what: str, key_types: Collection[KeyType], platform: Platform | None) -> Self:
        """Narrow the types to those of a platform."""
        if platform is None:
            return cls(what, frozenset(key_types))
        return cls(f"{what} on platform {platform.platform_id}", frozenset(key_types) & set(platform.key_types))


def check_authenticity(
    trust: Trust, demand: KeyDemand, find_signer: FindSigner, options: VerifyOptions, steps: Steps
) -> Candidate:
    """Find out who signed, and whether that one may.

    Args:
        trust: Whose signature counts.
        demand: Which keys may have signed.
        find_signer: Gives the candidate that signed and what was found, for people; or raises.
        options: What the verdict has to respect.
        steps: Filled as the verification proceeds.

    Raises:
        UntrustedImageError: The verdict is no.
        KeyRejectedError: The key must not be trusted.
    """
    # 4. There is a key that may have signed like this.
    with steps.step(4) as step:
        candidates = _fitting(trust, demand, options)
        step.detail = _describe(candidates)
    # 5. One of them made the signature, over exactly this payload.
    with steps.step(5) as step:
        signer, step.detail = find_signer(candidates)
    steps.warnings.extend(f"weak key: {weakness.message}" for weakness in find_weaknesses(signer.key))
    # 6. The certificate permits code signing and leads to what is trusted.
    if signer.certificate is None:
        steps.skip(6, "a bare public key was given")
        return signer
    with steps.step(6) as step:
        step.detail = trust.check_certificate(signer.certificate, options.at or datetime.now(UTC), options.platform)
    return signer


def skip_authenticity(options: VerifyOptions, steps: Steps) -> None:
    """End a verification without a key: content where integrity is enough, else no verdict.

    Raises:
        VerificationIncompleteError: Integrity is not enough.
    """
    if options.integrity_only:
        steps.warnings.append(f"{steps.layer}: {NOT_CHECKED}" if steps.layer else NOT_CHECKED)
        for number in (4, 5, 6):
            steps.skip(number, "no key was given")
        return
    with steps.step(4):
        hint = "give --key, --certificate or --trust; or --integrity-only if integrity is all you need"
        raise VerificationIncompleteError("AuthenticityNotChecked", NOT_CHECKED, hint=hint)


def _fitting(trust: Trust, demand: KeyDemand, options: VerifyOptions) -> list[Candidate]:
    if not trust.candidates:
        message = f"{trust.name}: expected a signer's certificate beside the CAs, got none that can be used"
        raise KeyUnavailableError("NoSignerCertificate", message, path=trust.name) from trust.refusal
    fitting = [candidate for candidate in trust.candidates if candidate.key.key_type in demand.key_types]
    if not fitting:
        names = ", ".join(kind.value for kind in KeyType if kind in demand.key_types)
        got = ", ".join(sorted({candidate.key.key_type.value for candidate in trust.candidates}))
        message = f"{demand.what} needs a key of type {names}; {trust.name} holds {got or 'none'}"
        raise KeyMismatchError("KeyTypeMismatch", message, got=got)
    if not options.strict:
        return fitting
    sound = [candidate for candidate in fitting if not find_weaknesses(candidate.key)]
    if not sound:
        reason = find_weaknesses(fitting[0].key)[0].message
        raise KeyRejectedError("WeakKey", f"{trust.name}: the key must not be trusted: {reason}")
    return sound


def _describe(candidates: Sequence[Candidate]) -> str:
    if len(candidates) > 1:
        return f"{len(candidates)} certificates may have signed"
    return candidates[0].description
