"""Verification: what holds, on whose word, and at which step it ended."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.app._input_file import InputFile, Source, input_file, source_paths
from iotsign.app._judge import judge_of
from iotsign.app._output_file import Target, output_file
from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate, Trust
from iotsign.errors import (
    ConfigError,
    DigestMismatchError,
    ImageTooLargeError,
    KeyMismatchError,
    KeyRejectedError,
    SignatureMismatchError,
    UnsupportedFormatError,
    VerificationIncompleteError,
)
from iotsign.formats.container import Judge
from iotsign.formats.jsonimage import EMBEDDED, JsonImage, looks_like_json_image, payload_hash, read_json_image
from iotsign.keys import find_weaknesses
from iotsign.platforms import Platform

__all__ = ["VerifiedImage", "VerifyOptions", "extract_payload", "verify_image"]

Progress = Callable[[int], None]

_NOT_CHECKED: Final = "integrity holds, authenticity not checked: no key was given"
# the one key type that signs with SHA-1 on the platform whose ROM knows nothing else
_SHA1_KEY: Final = KeyType.RSA2048


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What a verdict has to respect.

    Attributes:
        trust: Whose signature counts; None leaves authenticity unchecked.
        platform: Algorithm, key type, size and certificate must be what this platform takes.
        at: The time at which certificates must be valid; by default now.
        strict: Refuse SHA-1 and weak or publicly known keys, which are otherwise warned about.
        integrity_only: Be content with a payload that is whole, though nobody vouches for it.
        verifier: ``openssl``, ``core`` (the code that runs on the device) or ``both``, which must agree.
    """

    trust: Trust | None = None
    platform: Platform | None = None
    at: datetime | None = None
    strict: bool = False
    integrity_only: bool = False
    verifier: str = "openssl"


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """What was verified.

    Attributes:
        image: The signed object as it was read.
        digest: `payload_hash` of the payload.
        signer: Who signed; None if authenticity was not checked.
        steps: What was looked at, and warnings.
    """

    image: JsonImage
    digest: bytes
    signer: Candidate | None
    steps: Steps


@dataclass(slots=True)
class _Evidence:
    """The image and its payload, opened once."""

    file: InputFile
    image: JsonImage
    digest: bytes
    payload_file: InputFile | None = field(default=None)

    def message(self) -> bytes:
        """Read the payload again, for an algorithm that signs no digest; it must be what was hashed."""
        if self.image.payload_offset is not None and self.image.payload_length is not None:
            message = core.base64_decode(os.pread(self.file.fd, self.image.payload_length, self.image.payload_offset))
        else:
            message = self.payload_file.read_all() if self.payload_file else b""
        if core.digest(payload_hash(self.image.algorithm), message) != self.digest:
            raise DigestMismatchError("InputChanged", f"{self.file.name}: the payload changed while it was read")
        return message


def verify_image(
    source: Source,
    options: VerifyOptions,
    *,
    payload: Source | None = None,
    steps: Steps | None = None,
    progress: Progress | None = None,
) -> VerifiedImage:
    """Verify a signed image, in the steps of `iotsign.app.STEPS`.

    Args:
        source: The image.
        options: What the verdict has to respect.
        payload: The payload of a JSONDetached object; for JSONEmbedded it must be the one inside.
        steps: Filled as the verification proceeds, so that it can be read after an error.
        progress: Called with the bytes of payload done so far.

    Returns:
        What was verified. Without `options.trust` this is only reached with `options.integrity_only`.

    Raises:
        UntrustedImageError: The verdict is no; ``data["step"]`` is the number of the step that failed.
        FormatError: The image is not a well-formed signed object, or larger than the platform takes.
        KeyFamilyError: The key must not be used.
        ConfigError: A detached signature came without its payload.
        StoreError: A file cannot be read.
    """
    return _verify(source, None, options, payload=payload, steps=steps or Steps(), progress=progress)


def extract_payload(
    source: Source,
    target: Target,
    options: VerifyOptions,
    *,
    dry_run: bool = False,
    steps: Steps | None = None,
    progress: Progress | None = None,
) -> VerifiedImage:
    """Write the payload of an image; what is written is what was verified, read once.

    Args:
        source: The image.
        target: Where the payload goes.
        options: What the verdict has to respect before anything is released.
        dry_run: Do everything but write the target.
        steps: Filled as the verification proceeds.
        progress: Called with the bytes of payload done so far.

    Raises:
        UnsupportedFormatError: The image holds no payload.
        IotsignError: All that `verify_image` raises; nothing is written then.
    """
    with output_file(target, inputs=source_paths(source), dry_run=dry_run) as out:
        return _verify(source, out.fileno(), options, payload=None, steps=steps or Steps(), progress=progress)


def _verify(
    source: Source,
    fd_out: int | None,
    options: VerifyOptions,
    *,
    payload: Source | None,
    steps: Steps,
    progress: Progress | None,
) -> VerifiedImage:
    with contextlib.ExitStack() as stack:
        # 1. The layout is exactly that of the format.
        with steps.step(1) as step:
            file = stack.enter_context(input_file(source, limit=image_limit))
            image = read_json_image(file.fd, file.size, fd_out=fd_out, progress=progress)
            if fd_out is not None and image.image_format != EMBEDDED:
                raise _elsewhere(image)
            step.detail = f"{image.image_format}, {file.size} bytes"
        # 2. The payload has the stated size, within the platform's limit.
        with steps.step(2) as step:
            evidence = _find_payload(file, image, payload, stack, progress)
            _check_limit(image, options.platform)
            hash_name = payload_hash(image.algorithm).value
            step.detail = f"{image.raw_payload_size} bytes, {hash_name} {evidence.digest.hex()}"
        # 3. The algorithm is one that the platform allows.
        with steps.step(3) as step:
            _check_algorithm(image.algorithm, options, steps)
            step.detail = image.algorithm.name
        signer = _check_authenticity(evidence, options, steps)
    return VerifiedImage(image, evidence.digest, signer, steps)


def _check_authenticity(evidence: _Evidence, options: VerifyOptions, steps: Steps) -> Candidate | None:
    if options.trust is None:
        if options.integrity_only:
            steps.warnings.append(_NOT_CHECKED)
            for number in (4, 5, 6):
                steps.skip(number, "no key was given")
            return None
        with steps.step(4):
            hint = "give --key, --certificate or --trust; or --integrity-only if integrity is all you need"
            raise VerificationIncompleteError("AuthenticityNotChecked", _NOT_CHECKED, hint=hint)
    # 4. There is a key that may have signed like this.
    with steps.step(4) as step:
        candidates = _fitting(options.trust, evidence.image.algorithm, options)
        step.detail = _describe(candidates)
    # 5. One of them made the signature, over exactly this payload.
    with steps.step(5) as step:
        signer = _find_signer(evidence, candidates, judge_of(options.verifier))
        step.detail = f"made by {_describe([signer])}"
    steps.warnings.extend(f"weak key: {weakness.message}" for weakness in find_weaknesses(signer.key))
    # 6. The certificate permits code signing and leads to what is trusted.
    if signer.certificate is None:
        steps.skip(6, "a bare public key was given")
        return signer
    with steps.step(6) as step:
        step.detail = options.trust.check_certificate(
            signer.certificate, options.at or datetime.now(UTC), options.platform
        )
    return signer


def image_limit(head: bytes) -> int | None:
    if not looks_like_json_image(head):
        got = head[:8].hex() or "an empty file"
        message = f"expected a signed object that begins with {{, got {got} at offset 0"
        raise UnsupportedFormatError("UnknownImageFormat", message, offset=0)
    return None


def _elsewhere(image: JsonImage) -> UnsupportedFormatError:
    s3 = image.location
    where = f"s3://{s3.bucket}/{s3.key}@{s3.version}" if s3 and s3.bucket else "a local file"
    message = f"{image.image_format} holds no payload; it is {where}"
    return UnsupportedFormatError("NoPayloadInside", message)


def _find_payload(
    file: InputFile,
    image: JsonImage,
    payload: Source | None,
    stack: contextlib.ExitStack,
    progress: Progress | None,
) -> _Evidence:
    if payload is None:
        if image.digest is None:
            message = f"{file.name}: {image.image_format} holds no payload; its file is needed"
            raise ConfigError("PayloadNotGiven", message, hint="give it with --payload FILE")
        return _Evidence(file, image, image.digest)
    other = stack.enter_context(input_file(payload))
    if other.size != image.raw_payload_size:
        message = f"{other.name}: expected {image.raw_payload_size} bytes of payload, got {other.size}"
        raise DigestMismatchError("PayloadSizeMismatch", message, expected=image.raw_payload_size, got=other.size)
    digest, _ = core.hash_file(other.fd, payload_hash(image.algorithm), offset=0, length=other.size, progress=progress)
    if image.digest is not None and image.digest != digest:
        message = f"{other.name}: it is not the payload inside {file.name}"
        raise DigestMismatchError("PayloadMismatch", message, expected=image.digest, got=digest)
    return _Evidence(file, image, digest, other)


def _check_limit(image: JsonImage, platform: Platform | None) -> None:
    limit = platform.max_size if platform else None
    if platform and limit is not None and image.raw_payload_size > limit:
        message = f"platform {platform.platform_id} takes at most {limit} bytes, got {image.raw_payload_size}"
        raise ImageTooLargeError("ImageTooLarge", message, limit=limit, got=image.raw_payload_size)


def _check_algorithm(algorithm: SignatureAlgorithm, options: VerifyOptions, steps: Steps) -> None:
    platform = options.platform
    if platform is not None:
        allowed = {
            platform.signature_algorithm(key, hash_) for key in platform.key_types for hash_ in platform.hash_algorithms
        }
        if algorithm not in allowed:
            names = ", ".join(sorted(known.name for known in allowed))
            message = f"platform {platform.platform_id} takes {names}; the image claims {algorithm.name}"
            raise KeyMismatchError("AlgorithmNotAllowed", message, platform=platform.platform_id, got=algorithm.name)
    # threat 7
    if algorithm.hash is HashAlgorithm.SHA1:
        if options.strict:
            raise KeyMismatchError("WeakHash", "SHA-1 is broken against collisions, and strictness was asked for")
        steps.warnings.append(f"weak hash: {algorithm.name} rests on SHA-1, which is broken against collisions")


def _fitting(trust: Trust, algorithm: SignatureAlgorithm, options: VerifyOptions) -> list[Candidate]:
    """Choose the keys that may have signed with the algorithm."""
    allowed = {kind for kind in KeyType if kind.encryption is algorithm.encryption}
    if algorithm.hash is HashAlgorithm.SHA1:
        allowed = {_SHA1_KEY}
    if options.platform is not None:
        allowed &= set(options.platform.key_types)
    fitting = [candidate for candidate in trust.candidates if candidate.key.key_type in allowed]
    if not fitting:
        names = ", ".join(kind.value for kind in KeyType if kind in allowed)
        got = ", ".join(sorted({candidate.key.key_type.value for candidate in trust.candidates}))
        on = f" on platform {options.platform.platform_id}" if options.platform else ""
        message = f"{algorithm.name}{on} needs a key of type {names}; {trust.name} holds {got or 'none'}"
        raise KeyMismatchError("KeyTypeMismatch", message, algorithm=algorithm.name, got=got)
    if not options.strict:
        return fitting
    sound = [candidate for candidate in fitting if not find_weaknesses(candidate.key)]
    if not sound:
        reason = find_weaknesses(fitting[0].key)[0].message
        raise KeyRejectedError("WeakKey", f"{trust.name}: the key must not be trusted: {reason}")
    return sound


def _find_signer(evidence: _Evidence, candidates: list[Candidate], judge: Judge) -> Candidate:
    image = evidence.image
    mismatch: SignatureMismatchError | None = None
    for candidate in candidates:
        try:
            judge(candidate.key, image.algorithm, image.signature, digest=evidence.digest, message=evidence.message)
        except SignatureMismatchError as error:
            mismatch = error
        else:
            return candidate
    if mismatch is not None and len(candidates) == 1:
        raise mismatch
    message = f"none of {len(candidates)} keys made the signature over this payload"
    raise SignatureMismatchError("SignatureMismatch", message, algorithm=image.algorithm.name)


def _describe(candidates: list[Candidate]) -> str:
    if len(candidates) > 1:
        return f"{len(candidates)} certificates may have signed"
    only = candidates[0]
    name = f" of {only.certificate.subject.rfc4514_string()}" if only.certificate else ""
    return f"{only.key.key_type.value} key {only.key.fingerprint.hex()[:16]}…{name}"
