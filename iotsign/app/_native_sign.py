"""Signing into a platform's native container."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.app._containers import NATIVE, native_container, native_settings
from iotsign.app._input_file import InputFile, Source, source_paths
from iotsign.app._native_files import reader, resolved_settings, settings_files
from iotsign.app._output_file import Target, output_file
from iotsign.app._payload import Payload, open_payload
from iotsign.app._signing import SignedImage, SigningOptions
from iotsign.core import Progress
from iotsign.formats.container import Container, PackedContainer
from iotsign.keys import PublicKey, Signer

if TYPE_CHECKING:
    from iotsign.platforms import Platform

__all__ = ["VerifyingSigner", "attach_native", "boot_container", "native_message", "sign_native"]

_VERIFIES_ITSELF: Final = "pem:"


class VerifyingSigner:
    """A signer whose signatures are verified before they are used.

    Attributes:
        uri: The signer's.
        public_key: The signer's.
    """

    def __init__(self, signer: Signer) -> None:
        self.uri = signer.uri
        self.public_key = signer.public_key
        self._signer = signer

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a whole message.

        Raises:
            SignatureMismatchError: The signer's own signature does not verify.
            KeyFamilyError: The signer cannot sign.
        """
        signature = self._signer.sign(message, algorithm)
        # a key in a file has done so itself, and over a large message that takes as long again
        if not self.uri.startswith(_VERIFIES_ITSELF):
            self.public_key.verify(message, signature, algorithm)
        return signature

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest.

        Raises:
            SignatureMismatchError: The signer's own signature does not verify.
            KeyFamilyError: The signer cannot sign.
        """
        signature = self._signer.sign_digest(digest, algorithm)
        self.public_key.verify_digest(digest, signature, algorithm)
        return signature


def sign_native(
    source: Source,
    target: Target,
    options: SigningOptions,
    signer: Signer,
    *,
    inputs: Iterable[Path],
    dry_run: bool,
    progress: Progress | None,
) -> SignedImage:
    """Sign a firmware into its platform's container; see `iotsign.app.sign_image`.

    Raises:
        IotsignError: As `iotsign.app.sign_image` raises.
    """

    def pack(container: Container, firmware: BinaryIO, out: BinaryIO, settings: dict[str, Any]) -> PackedContainer:
        return container.sign(firmware, out, [VerifyingSigner(signer)], settings)

    return _pack(source, target, options, signer.public_key, pack, inputs=inputs, dry_run=dry_run, progress=progress)


def attach_native(
    source: Source,
    target: Target,
    options: SigningOptions,
    signature: bytes,
    key: PublicKey,
    *,
    inputs: Iterable[Path],
    dry_run: bool,
    progress: Progress | None,
) -> SignedImage:
    """Put a signature that was made elsewhere into a container; see `iotsign.app.attach_signature`.

    Raises:
        IotsignError: As `iotsign.app.attach_signature` raises.
    """

    def pack(container: Container, firmware: BinaryIO, out: BinaryIO, settings: dict[str, Any]) -> PackedContainer:
        return container.attach(firmware, out, key, signature, settings)

    return _pack(source, target, options, key, pack, inputs=inputs, dry_run=dry_run, progress=progress)


def native_message(
    source: Source,
    target: Target,
    options: SigningOptions,
    key: PublicKey | None,
    *,
    dry_run: bool,
    progress: Progress | None,
) -> tuple[HashAlgorithm | None, bytes]:
    """Write what a key elsewhere has to sign; see `iotsign.app.digest_image`.

    Raises:
        IotsignError: As `iotsign.app.digest_image` raises.
    """
    container = native_container(options.platform)
    with contextlib.ExitStack() as stack:
        payload = stack.enter_context(open_payload(source, options.platform, NATIVE, options.payload))
        inputs = [*source_paths(source), *settings_files(options.settings)]
        out = stack.enter_context(output_file(target, inputs=inputs, dry_run=dry_run))
        settings = _settings(options, stack)
        if key is None and not settings.get("pure"):
            settings.setdefault("hash", _usual_hash(options.platform))
        hash_ = container.write_message(reader(payload.file, progress), out, key, settings)
        if hash_ is None:
            return None, b""
        out.seek(0)
        return hash_, out.read(hash_.digest_size)


@contextlib.contextmanager
def boot_container(payload: Payload, options: SigningOptions, signer: Signer) -> Iterator[tuple[Payload, str]]:
    """Make a platform's container of a payload, to be the payload of a signed object.

    Yields:
        The container as a payload, and the container's name.

    Raises:
        IotsignError: As `iotsign.app.sign_image` raises.
    """
    import tempfile

    container = native_container(options.platform)
    options.platform.signature_algorithm(signer.public_key.key_type)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        settings = _settings(options, stack)
        packed = container.sign(reader(payload.file), cast("BinaryIO", file), [VerifyingSigner(signer)], settings)
        container.open(cast("BinaryIO", file), {}).check_platform(options.platform.native_options)
        file.seek(0)
        yield replace(payload, file=InputFile(file.fileno(), packed.size, payload.file.name)), container.name


def _pack(
    source: Source,
    target: Target,
    options: SigningOptions,
    key: PublicKey,
    pack: Callable[[Container, BinaryIO, BinaryIO, dict[str, Any]], PackedContainer],
    *,
    inputs: Iterable[Path],
    dry_run: bool,
    progress: Progress | None,
) -> SignedImage:
    container = native_container(options.platform)
    with contextlib.ExitStack() as stack:
        payload = stack.enter_context(open_payload(source, options.platform, NATIVE, options.payload))
        keep = [*source_paths(source), *inputs, *settings_files(options.settings)]
        out = stack.enter_context(output_file(target, inputs=keep, dry_run=dry_run))
        packed = pack(container, reader(payload.file, progress), out, _settings(options, stack))
        container.open(out, {}).check_platform(options.platform.native_options)
    made = next(signature for signature in packed.signatures if signature.signer == key)
    return SignedImage(
        platform_id=options.platform.platform_id,
        image_format=NATIVE,
        algorithm=made.algorithm or options.platform.signature_algorithm(key.key_type),
        digest_algorithm=packed.digest_algorithm,
        digest=packed.digest,
        raw_payload_size=payload.file.size,
        size=packed.size,
        signature=made.value,
        key=key,
        source_format=payload.source_format,
        address=payload.address,
        left_out=payload.left_out,
        location=None,
        container=container.name,
    )


def _usual_hash(platform: Platform) -> HashAlgorithm:
    """The hash that goes with the platform's keys, where none of them is at hand."""
    return platform.signature_algorithm(platform.key_types[0]).hash or platform.default_hash


def _settings(options: SigningOptions, stack: contextlib.ExitStack) -> dict[str, Any]:
    container = native_container(options.platform)
    settings = native_settings(options.platform, container, resolved_settings(options.settings, stack))
    if options.hash_algorithm is not None:
        settings["hash"] = options.hash_algorithm
    return settings
