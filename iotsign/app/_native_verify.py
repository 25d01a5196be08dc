"""Verification of native containers, as files or as payloads of signed objects."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from iotsign.algorithms import KeyType
from iotsign.app._authenticity import NOT_CHECKED, KeyDemand, check_authenticity, skip_authenticity
from iotsign.app._input_file import InputFile
from iotsign.app._judge import judge_of
from iotsign.app._native_files import reader, resolved_settings
from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate, Trust
from iotsign.app._verdict import VerifiedContainer, VerifyOptions
from iotsign.errors import ImageTooLargeError, KeyMismatchError, KeyRejectedError, VerificationIncompleteError
from iotsign.formats.container import Container, ContainerSignature, OpenContainer
from iotsign.keys import PublicKey, find_weaknesses

if TYPE_CHECKING:
    from iotsign.platforms import Platform

__all__ = ["verify_container", "verify_inner"]

_ROLLBACK_STEP = 7


def verify_container(
    container: Container,
    opened: OpenContainer,
    options: VerifyOptions,
    steps: Steps,
    *,
    trust: Trust | None,
) -> VerifiedContainer:
    """Verify a container; its structure, which is step 1, has been found to hold.

    Args:
        container: Its format.
        opened: The container.
        options: What the verdict has to respect.
        steps: Filled as the verification proceeds.
        trust: Whose signature counts; None leaves authenticity unchecked.

    Raises:
        IotsignError: As `iotsign.app.verify_image` raises.
    """
    # 2. The content is what the container's digests say, within the platform's limit.
    with steps.step(2) as step:
        step.detail = opened.check_integrity(_looked_for(options, trust))
        _check_limit(opened, options.platform)
    # 3. The platform takes this container.
    with steps.step(3) as step:
        _check_platform(container, opened, options.platform)
        step.detail = container.name
    signatures: tuple[ContainerSignature, ...] = ()
    signer = key_digest = None
    if options.key_digests:
        signatures, key_digest = _find_by_digest(opened, options, steps)
    elif trust is None:
        skip_authenticity(options, steps)
    else:
        demand = KeyDemand.on_platform(container.name, set(KeyType), options.platform)
        finder = _Finder(opened, options)
        signer = check_authenticity(trust, demand, finder, options, steps)
        signatures = finder.signatures
    _check_floor(opened, steps)
    return VerifiedContainer(container.name, opened.summary, signatures, signer, key_digest)


def verify_inner(
    container: Container, file: InputFile, options: VerifyOptions, steps: Steps, *, vouched: bool
) -> VerifiedContainer | None:
    """Verify a container that is the payload of a signed object.

    Args:
        container: Its format.
        file: The payload.
        options: What the verdict has to respect.
        steps: Filled as the verification proceeds.
        vouched: The signed object around it has been found authentic.

    Returns:
        What was verified; None if it cannot be looked into and nobody asked to.

    Raises:
        IotsignError: As `iotsign.app.verify_image` raises.
    """
    steps.layer = container.name
    with contextlib.ExitStack() as stack:
        with steps.step(1) as step:
            opened = container.open(reader(file), resolved_settings(options.settings, stack))
            step.detail = opened.summary
        if options.boot_trust is not None or options.key_digests or not vouched:
            return verify_container(container, opened, options, steps, trust=options.boot_trust)
        try:
            with steps.step(2) as step:
                step.detail = opened.check_integrity()
        except VerificationIncompleteError as error:
            steps.taken.pop()
            steps.skip(2, error.message)
            steps.warnings.append(
                f"{container.name}: {error.message}; the signed object around it vouches for its bytes"
            )
            return None
        for number in (4, 5, 6):
            steps.skip(number, "no boot key was given")
        steps.warnings.append(f"{container.name}: {NOT_CHECKED}; the signed object around it vouches for its bytes")
        _check_floor(opened, steps)
    return VerifiedContainer(container.name, opened.summary, (), None)


class _Finder:
    """Asks a container who signed it, and remembers all that it answered."""

    def __init__(self, opened: OpenContainer, options: VerifyOptions) -> None:
        self.signatures: tuple[ContainerSignature, ...] = ()
        self._opened = opened
        self._judge = judge_of(options.verifier)

    def __call__(self, candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
        self.signatures = self._opened.find_signers([candidate.key for candidate in candidates], self._judge)
        by_key = {candidate.key.spki_der: candidate for candidate in candidates}
        found = [(signature, by_key[signature.signer.spki_der]) for signature in self.signatures if signature.signer]
        words = [f"{signature.kind} made by {candidate.description}" for signature, candidate in found]
        others = len(self.signatures) - len(found)
        if others:
            words.append(f"{others} by keys that were not given")
        return found[0][1], ", ".join(words)


def _find_by_digest(
    opened: OpenContainer, options: VerifyOptions, steps: Steps
) -> tuple[tuple[ContainerSignature, ...], bytes]:
    """Find out whether a key signed whose digest was given; there is no certificate about such a key."""
    # 4. There is a digest to recognise a key by.
    with steps.step(4) as step:
        step.detail = ", ".join(f"key digest {digest.hex()[:16]}…" for digest in options.key_digests)
    # 5. A key of that digest, which the container carries, made the signature.
    with steps.step(5) as step:
        signatures = opened.find_digests(options.key_digests, judge_of(options.verifier))
        made = [signature for signature in signatures if signature.key_id in options.key_digests]
        for signature in made:
            _check_strength(signature, options, steps)
        words = [f"{found.kind} made by key digest {found.key_id.hex()[:16]}…" for found in made if found.key_id]
        others = len(signatures) - len(made)
        step.detail = ", ".join([*words, *([f"{others} by keys that were not given"] if others else [])])
    steps.skip(6, "a key digest was given")
    return signatures, made[0].key_id or b""


def _looked_for(options: VerifyOptions, trust: Trust | None) -> list[PublicKey]:
    """Whose signatures the core will look for."""
    return [] if trust is None or options.verifier == "openssl" else [found.key for found in trust.candidates]


def _check_strength(signature: ContainerSignature, options: VerifyOptions, steps: Steps) -> None:
    if signature.signer is None:
        problems = [f"{signature.kind} is weaker than any key that iotsign signs with"]
    else:
        problems = [weakness.message for weakness in find_weaknesses(signature.signer)]
    if problems and options.strict:
        raise KeyRejectedError("WeakKey", f"the key must not be trusted: {problems[0]}")
    steps.warnings.extend(f"weak key: {problem}" for problem in problems)


def _check_limit(opened: OpenContainer, platform: Platform | None) -> None:
    limit = platform.max_size if platform else None
    if platform and limit is not None and opened.payload_size > limit:
        message = f"platform {platform.platform_id} takes at most {limit} bytes, got {opened.payload_size}"
        raise ImageTooLargeError("ImageTooLarge", message, limit=limit, got=opened.payload_size)


def _check_platform(container: Container, opened: OpenContainer, platform: Platform | None) -> None:
    if platform is None:
        return
    if platform.native_container != container.name:
        takes = platform.native_container or "no native container"
        message = f"platform {platform.platform_id} takes {takes}; the image is {container.name}"
        raise KeyMismatchError("ContainerNotAllowed", message, platform=platform.platform_id, got=container.name)
    opened.check_platform(platform.native_options)


def _check_floor(opened: OpenContainer, steps: Steps) -> None:
    # 7. Version and counter are not lower than demanded.
    with steps.step(_ROLLBACK_STEP) as step:
        step.detail = opened.check_floor() or ""
    if not step.detail:
        steps.taken.remove(step)
