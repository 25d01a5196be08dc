"""From an input file to the payload that is signed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from iotsign.app._containers import CC3220SF
from iotsign.app._input_file import InputFile, Source, input_file, source_name
from iotsign.app._output_file import store_error, write_all
from iotsign.errors import ConfigError, MalformedImageError
from iotsign.formats import jsonimage

if TYPE_CHECKING:
    from iotsign.formats.firmware import FirmwareFormat, Region
    from iotsign.platforms import Platform

__all__ = ["Payload", "PayloadOptions", "open_payload"]

INPUT_FORMATS: Final = ("auto", "bin", "hex", "elf", "uf2")
_BINARY: Final = "bin"
_MAX_FIRMWARE_FILE: Final = 1 << 30  # bytes of HEX, ELF or UF2; debug information makes them large


@dataclass(frozen=True, slots=True)
class PayloadOptions:
    """How an input is read.

    Attributes:
        input_format: ``bin`` takes the bytes as they are; ``auto`` recognises Intel HEX, ELF and UF2 and makes a flat
            image of them, except for JSONDetached, which signs the object that is stored.
        address: Load address that the image has to begin at.
        fill: Byte that fills gaps.
        sha256_prefix: Put the SHA-256 of the image before it, as it lies in a CC3220SF's serial flash.
    """

    input_format: str = "auto"
    address: int | None = None
    fill: int = 0xFF
    sha256_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes to sign.

    Attributes:
        file: Open at offset 0.
        source_format: What the input was: ``bin``, ``hex``, ``elf`` or ``uf2``.
        address: Load address, where the input states one.
        left_out: Regions of the input that are not part of the payload.
    """

    file: InputFile
    source_format: str
    address: int | None
    left_out: tuple[Region, ...]


@contextlib.contextmanager
def open_payload(source: Source, platform: Platform, image_format: str, options: PayloadOptions) -> Iterator[Payload]:
    """Open an input and make the payload of it.

    A plain binary is never loaded: it is read from the file, whatever its size.

    Raises:
        StoreError: The input cannot be opened or read.
        MalformedImageError: It is empty, or not what it claims.
        ImageTooLargeError: The payload exceeds the limit of the platform or of its chip.
        ConfigError: A prefix for a platform that has none.
    """
    from iotsign.formats.firmware import detect_firmware_format, read_firmware

    source_format = _BINARY if image_format == jsonimage.DETACHED else options.input_format
    if options.input_format != "auto":
        source_format = options.input_format
    name = source_name(source)

    def limit(head: bytes) -> int | None:
        nonlocal source_format
        if source_format == "auto":
            source_format = detect_firmware_format(head, name)
        return platform.max_size if source_format == _BINARY else _MAX_FIRMWARE_FILE

    with contextlib.ExitStack() as stack:
        file = stack.enter_context(input_file(source, limit=limit))
        address = options.address
        left_out: tuple[Region, ...] = ()
        if source_format != _BINARY:
            path = Path(f"/proc/self/fd/{file.fd}")
            image = read_firmware(
                path,
                source_format=cast("FirmwareFormat", source_format),
                name=name,
                address=address,
                fill=options.fill,
                max_size=platform.max_size,
            )
            address, left_out = image.address, image.left_out
            file = stack.enter_context(_temporary(image.data, name))
        if file.size == 0:
            raise MalformedImageError("EmptyImage", f"{name}: expected a firmware image, got an empty file", path=name)
        if platform.native_container == CC3220SF:
            file = stack.enter_context(_for_cc3220sf(file, prefix=options.sha256_prefix))
        elif options.sha256_prefix:
            message = f"a SHA-256 prefix belongs to the CC3220SF; the platform is {platform.platform_id}"
            raise ConfigError("PrefixNotWanted", message, platform=platform.platform_id)
        yield Payload(file, source_format, address, left_out)


@contextlib.contextmanager
def _for_cc3220sf(file: InputFile, *, prefix: bool) -> Iterator[InputFile]:
    from iotsign.formats.ti import add_sha256_prefix, check_cc3220sf_size

    check_cc3220sf_size(file.size)
    if not prefix:
        yield file
        return
    with _temporary(add_sha256_prefix(file.read_all()), file.name) as prefixed:
        yield prefixed


@contextlib.contextmanager
def _temporary(data: bytes | memoryview, name: str) -> Iterator[InputFile]:
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        try:
            write_all(file, data)
            file.seek(0)
        except OSError as error:
            raise store_error(error, name) from error
        yield InputFile(file.fileno(), len(data), name)
