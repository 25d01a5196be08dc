"""Verification: what holds, on whose word, and at which step it ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign import core
from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.app._authenticity import KeyDemand, check_authenticity, skip_authenticity
from iotsign.app._input_file import InputFile, Source, input_file, source_paths
from iotsign.app._judge import judge_of
from iotsign.app._layers import image_limit, inner_container, inner_file
from iotsign.app._native_files import reader, resolved_settings
from iotsign.app._native_verify import verify_container, verify_inner
from iotsign.app._output_file import Target, output_file
from iotsign.app._service_image import ServiceImage, open_service_image
from iotsign.app._service_verify import verify_service_image
from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate
from iotsign.app._verdict import VerifiedContainer, VerifiedImage, VerifyOptions
from iotsign.errors import (
    ConfigError,
    DigestMismatchError,
    ImageTooLargeError,
    KeyMismatchError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats import jsonimage
from iotsign.formats.container import Container
from iotsign.formats.container_registry import HEAD_SIZE, recognise_container

if TYPE_CHECKING:
    from iotsign.formats.jsonimage import JsonImage
    from iotsign.platforms import Platform

__all__ = ["extract_payload", "verify_image", "verify_read_image"]

Progress = Callable[[int], None]

# the one key type that signs with SHA-1 on the platform whose ROM knows nothing else
_SHA1_KEY: Final = KeyType.RSA2048

_KEY_TYPES: Final = {
    family: frozenset(kind for kind in KeyType if kind.encryption is family) for family in EncryptionAlgorithm
}


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
        if core.digest(jsonimage.payload_hash(self.image.algorithm), message) != self.digest:
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
        return _verify(source, out, options, payload=None, steps=steps or Steps(), progress=progress)


def _verify(
    source: Source,
    out: BinaryIO | None,
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
            container = recognise_container(file.head(HEAD_SIZE))
            service_image = open_service_image(file, progress) if container is None else None
            _refuse_options(options, payload, container=container, service_image=service_image)
            if service_image is not None:
                step.detail = service_image.summary
            elif container is None:
                image = jsonimage.read_json_image(
                    file.fd, file.size, fd_out=out.fileno() if out else None, progress=progress
                )
                if out is not None and image.image_format != jsonimage.EMBEDDED:
                    raise _elsewhere(image)
                step.detail = _describe_object(file, image)
            else:
                settings = resolved_settings(options.settings, stack)
                opened = container.open(reader(file, progress), settings)
                step.detail = opened.summary
        if service_image is not None:
            return verify_service_image(service_image, options, steps, out=out)
        if container is not None:
            trust = options.trust or options.boot_trust
            if trust is not None and options.key_digests:
                raise ConfigError("TwoKindsOfTrust", "give keys or key digests for a native container, not both")
            verified = verify_container(container, opened, options, steps, trust=trust)
            extracted = container.extract(reader(file), out, settings) if out is not None else 0
            return VerifiedImage(None, verified, None, verified.signer, steps, extracted)
        return _verify_json(file, image, options, payload=payload, steps=steps, stack=stack, progress=progress)


def verify_read_image(file: InputFile, image: JsonImage, options: VerifyOptions, *, steps: Steps) -> VerifiedImage:
    """Verify a JSONEmbedded object that was read, and whose payload was hashed, before.

    Args:
        file: The open file that it was read from.
        image: The object.
        options: What the verdict has to respect.
        steps: Filled as the verification proceeds.

    Raises:
        IotsignError: All that `verify_image` raises.
    """
    with contextlib.ExitStack() as stack:
        # 1. The layout is exactly that of the format.
        with steps.step(1) as step:
            _refuse_options(options, None, container=None, service_image=None)
            step.detail = _describe_object(file, image)
        return _verify_json(file, image, options, payload=None, steps=steps, stack=stack, progress=None)


def _describe_object(file: InputFile, image: JsonImage) -> str:
    return f"{image.image_format}, {file.size} bytes"


def _verify_json(
    file: InputFile,
    image: JsonImage,
    options: VerifyOptions,
    *,
    payload: Source | None,
    steps: Steps,
    stack: contextlib.ExitStack,
    progress: Progress | None,
) -> VerifiedImage:
    # 2. The payload has the stated size, within the platform's limit.
    with steps.step(2) as step:
        evidence = _find_payload(file, image, payload, stack, progress)
        _check_limit(image, options.platform)
        hash_name = jsonimage.payload_hash(image.algorithm).value
        step.detail = f"{image.raw_payload_size} bytes, {hash_name} {evidence.digest.hex()}"
    # 3. The algorithm is one that the platform allows.
    with steps.step(3) as step:
        _check_algorithm(image.algorithm, options, steps)
        step.detail = image.algorithm.name
    signer = None
    if options.trust is None:
        skip_authenticity(options, steps)
    else:
        demand = _signing_keys(image.algorithm, options.platform)
        signer = check_authenticity(
            options.trust, demand, lambda candidates: _find_signer(evidence, candidates, options), options, steps
        )
    inside = _verify_payload(evidence, options, steps, stack, vouched=signer is not None)
    return VerifiedImage(image, inside, evidence.digest, signer, steps)


def _verify_payload(
    evidence: _Evidence, options: VerifyOptions, steps: Steps, stack: contextlib.ExitStack, *, vouched: bool
) -> VerifiedContainer | None:
    """Verify the native container that the payload is, if it is one."""
    if evidence.payload_file is not None:
        file = evidence.payload_file
        container = recognise_container(file.head(HEAD_SIZE))
    else:
        container = inner_container(evidence.file, evidence.image)
        if container is not None:
            file = stack.enter_context(inner_file(evidence.file, evidence.image))
    if container is not None:
        return verify_inner(container, file, options, steps, vouched=vouched)
    if options.boot_trust is not None or options.key_digests or options.settings:
        asked = "a boot key" if options.boot_trust else "a key digest"
        if options.settings:
            asked = ", ".join(name.replace("_", "-") for name in options.settings)
        message = f"{evidence.file.name}: {asked} was given, but the payload is no native container"
        raise ConfigError("ContainerMissing", message)
    return None


def _refuse_options(
    options: VerifyOptions,
    payload: Source | None,
    *,
    container: Container | None,
    service_image: ServiceImage | None,
) -> None:
    if payload is not None and (container is not None or service_image is not None):
        kind = "a native container" if container is not None else "an image of a signing service"
        raise ConfigError("PayloadNotWanted", f"{kind} holds its payload; none can be given beside it")
    if options.revocations is not None and service_image is None:
        message = "a revocation list is about signatures of a signing service, which this image has none of"
        raise ConfigError("RevocationsNotWanted", message)


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
    digest, _ = core.hash_file(
        other.fd, jsonimage.payload_hash(image.algorithm), offset=0, length=other.size, progress=progress
    )
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


def _signing_keys(algorithm: SignatureAlgorithm, platform: Platform | None) -> KeyDemand:
    """Say which keys may have signed with the algorithm."""
    allowed = _KEY_TYPES[algorithm.encryption]
    if algorithm.hash is HashAlgorithm.SHA1:
        allowed = frozenset({_SHA1_KEY})
    return KeyDemand.on_platform(algorithm.name, allowed, platform)


def _find_signer(evidence: _Evidence, candidates: Sequence[Candidate], options: VerifyOptions) -> tuple[Candidate, str]:
    image, judge = evidence.image, judge_of(options.verifier)
    mismatch: SignatureMismatchError | None = None
    for candidate in candidates:
        try:
            judge(candidate.key, image.algorithm, image.signature, digest=evidence.digest, message=evidence.message)
        except SignatureMismatchError as error:
            mismatch = error
        else:
            return candidate, f"made by {candidate.description}"
    if mismatch is not None and len(candidates) == 1:
        raise mismatch
    message = f"none of {len(candidates)} keys made the signature over this payload"
    raise SignatureMismatchError("SignatureMismatch", message, algorithm=image.algorithm.name)
