"""Changing the key of an image without touching its payload."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm, choose_signature_algorithm
from iotsign.app._containers import NATIVE
from iotsign.app._input_file import InputFile, Source, input_file, source_paths
from iotsign.app._json_write import sign_payload, write_detached, write_embedded
from iotsign.app._layers import image_limit
from iotsign.app._native_files import reader, resolved_settings, settings_files
from iotsign.app._native_sign import VerifyingSigner
from iotsign.app._output_file import Target, output_file
from iotsign.app._payload import Payload
from iotsign.app._service_image import is_service_image
from iotsign.app._signing import SignedImage
from iotsign.core import Progress
from iotsign.errors import ConfigError, DigestMismatchError, KeyMismatchError, UnsupportedFormatError
from iotsign.formats import jsonimage
from iotsign.formats.container import Container, Settings
from iotsign.formats.container_registry import HEAD_SIZE, recognise_container
from iotsign.keys import Signer

if TYPE_CHECKING:
    from iotsign.formats.jsonimage import JsonImage
    from iotsign.platforms import Platform

__all__ = ["ResigningOptions", "resign_image"]

_BINARY: Final = "bin"


@dataclass(frozen=True, slots=True)
class ResigningOptions:
    """How to sign an image again.

    Attributes:
        platform: Which keys and hashes are allowed; by default whatever the image's format allows.
        hash_algorithm: By default the platform's, else the image's own.
        settings: What a native container wants to know, by name.
    """

    platform: Platform | None = None
    hash_algorithm: HashAlgorithm | None = None
    settings: Settings = field(default_factory=dict)


def resign_image(
    source: Source,
    target: Target,
    signer: Signer,
    options: ResigningOptions,
    *,
    payload: Source | None = None,
    inputs: Iterable[Path] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> SignedImage:
    """Sign an image with another key; its payload stays as it is, and its integrity is checked first.

    Args:
        source: A signed object or a native container.
        target: Where the new one goes.
        signer: The private key.
        options: How to sign.
        payload: The payload of a JSONDetached object.
        inputs: Further files that the target must not overwrite, such as the key.
        dry_run: Do everything but write the target.
        progress: Called with the bytes done so far.

    Raises:
        UntrustedImageError: The image's content is not what its digests say, or cannot be looked at.
        UnsupportedAlgorithmError: The image or the platform does not take keys of this type, or not this hash.
        FormatError: The image is not what it claims.
        KeyFamilyError: The key cannot be used.
        ConfigError: Options contradict each other, or the target is one of the inputs.
        StoreError: A file cannot be read or written.
    """
    keep = [*source_paths(source), *inputs, *settings_files(options.settings)]
    if options.platform is not None:
        options.platform.signature_algorithm(signer.public_key.key_type, options.hash_algorithm)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(input_file(source, limit=image_limit))
        container = recognise_container(file.head(HEAD_SIZE))
        if container is None and is_service_image(file):
            message = f"{file.name} is an image that a signing service signs, with a chain of its own"
            hint = "extract what was signed, and give it to the signing service: iotsign serve"
            raise UnsupportedFormatError("ServiceSigns", message, hint=hint)
        out = stack.enter_context(output_file(target, inputs=keep, dry_run=dry_run))
        if container is not None:
            return _resign_container(container, file, out, signer, options, stack, progress)
        if options.settings:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in options.settings)
            raise ConfigError(
                "SettingsNotWanted", f"{names} belong to a native container; {file.name} is a signed object"
            )
        return _resign_json(file, out, signer, options, payload, stack, progress)


def _resign_container(
    container: Container,
    file: InputFile,
    out: BinaryIO,
    signer: Signer,
    options: ResigningOptions,
    stack: contextlib.ExitStack,
    progress: Progress | None,
) -> SignedImage:
    platform = options.platform
    if platform is not None and platform.native_container != container.name:
        message = f"platform {platform.platform_id} takes {platform.native_container}; the image is {container.name}"
        raise KeyMismatchError("ContainerNotAllowed", message, platform=platform.platform_id, got=container.name)
    settings = resolved_settings(options.settings, stack)
    if options.hash_algorithm is not None:
        settings["hash"] = options.hash_algorithm
    packed = container.resign(reader(file, progress), out, [VerifyingSigner(signer)], settings)
    made = next(signature for signature in packed.signatures if signature.signer == signer.public_key)
    return SignedImage(
        platform_id=platform.platform_id if platform else None,
        image_format=NATIVE,
        algorithm=made.algorithm
        or choose_signature_algorithm(signer.public_key.key_type.encryption, packed.digest_algorithm),
        digest_algorithm=packed.digest_algorithm,
        digest=packed.digest,
        raw_payload_size=packed.payload_size,
        size=packed.size,
        signature=made.value,
        key=signer.public_key,
        source_format=_BINARY,
        address=None,
        left_out=(),
        location=None,
        container=container.name,
    )


def _resign_json(
    file: InputFile,
    out: BinaryIO,
    signer: Signer,
    options: ResigningOptions,
    payload: Source | None,
    stack: contextlib.ExitStack,
    progress: Progress | None,
) -> SignedImage:
    inside = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack closes it
    image = jsonimage.read_json_image(file.fd, file.size, fd_out=inside.fileno())
    inside.seek(0)
    algorithm = _algorithm(signer, image, options)
    content = _payload(image, file, InputFile(inside.fileno(), image.raw_payload_size, file.name), payload, stack)

    def make(digest: bytes, payload: Payload) -> bytes:
        return sign_payload(signer, payload, digest, algorithm)

    key = signer.public_key
    if image.location is None:
        packed = write_embedded(content, out, key, algorithm, make, progress)
    else:
        packed = write_detached(content, out, key, algorithm, make, progress, location=image.location)
    return SignedImage(
        platform_id=options.platform.platform_id if options.platform else None,
        image_format=image.image_format,
        algorithm=algorithm,
        digest_algorithm=jsonimage.payload_hash(algorithm),
        digest=packed.digest,
        raw_payload_size=packed.raw_payload_size,
        size=packed.size,
        signature=packed.signature,
        key=key,
        source_format=_BINARY,
        address=None,
        left_out=(),
        location=image.location,
    )


def _algorithm(signer: Signer, image: JsonImage, options: ResigningOptions) -> SignatureAlgorithm:
    key_type = signer.public_key.key_type
    if options.platform is not None:
        return options.platform.signature_algorithm(key_type, options.hash_algorithm)
    return choose_signature_algorithm(
        key_type.encryption, options.hash_algorithm or jsonimage.payload_hash(image.algorithm)
    )


def _payload(
    image: JsonImage, file: InputFile, inside: InputFile, payload: Source | None, stack: contextlib.ExitStack
) -> Payload:
    if image.location is None:
        if payload is not None:
            raise ConfigError("PayloadNotWanted", f"{file.name} holds its payload; none can be given beside it")
        return Payload(inside, _BINARY, None, ())
    if payload is None:
        message = f"{file.name}: {image.image_format} holds no payload; its file is needed"
        raise ConfigError("PayloadNotGiven", message, hint="give it with --payload FILE")
    other = stack.enter_context(input_file(payload))
    if other.size != image.raw_payload_size:
        message = f"{other.name}: expected {image.raw_payload_size} bytes of payload, got {other.size}"
        raise DigestMismatchError("PayloadSizeMismatch", message, expected=image.raw_payload_size, got=other.size)
    return Payload(other, _BINARY, None, ())
