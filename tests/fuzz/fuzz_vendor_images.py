"""Fuzz the readers of Espressif and TI images.

    python tests/fuzz/fuzz_vendor_images.py -max_total_time=60 build/fuzz/vendor_images

The first byte of an input chooses the reader and whether checksums are put right before; the rest is the file. Whatever
the file, it is described, opened and checked, or refused with an error of iotsign's.
"""

import io
import os
import struct
import sys
import zlib
from pathlib import Path
from types import FunctionType, ModuleType
from typing import BinaryIO, Final

from iotsign.errors import FormatError, KeyRejectedError, UntrustedImageError
from iotsign.formats import espressif, ti
from iotsign.formats.container_registry import container_named
from iotsign.formats.espressif import _container as espressif_container
from iotsign.formats.espressif import _one_pass as espressif_pass
from iotsign.formats.espressif import _opened as espressif_opened
from iotsign.formats.espressif import block_key, secure_boot_v1, signature_block, signature_sector
from iotsign.formats.espressif import image as espressif_image
from iotsign.formats.ti import _descriptor_container as descriptor_container
from iotsign.formats.ti import _oad_container as ti_container
from iotsign.formats.ti import descriptor, oad

CONTAINERS: Final = tuple(map(container_named, ("espressif-secure-boot-v2", "ti-cc13x2-oad", "freertos-descriptor")))
_FILE: Final = os.memfd_create("fuzz-vendor-images")


def one_input(data: bytes) -> None:
    """Read one file; raise what the readers must not raise."""
    if not data:
        return
    choice, content = data[0] & 3, bytearray(data[1:])
    if data[0] & 4:
        _mend(choice, content)
    try:
        if choice == 3:
            assert ti.read_descriptor(bytes(content)).to_bytes()[:32] == bytes(content[:32])
            _open_bytes(2, content)
        elif choice == 2:
            block = espressif.read_block(bytes(content.ljust(espressif.BLOCK_SIZE, b"\0")[: espressif.BLOCK_SIZE]))
            espressif.verify_block(block)
        else:
            _open_bytes(choice, content)
    except (FormatError, UntrustedImageError, KeyRejectedError):
        return


def _open_bytes(choice: int, content: bytearray) -> None:
    os.ftruncate(_FILE, 0)
    os.pwrite(_FILE, content, 0)
    with os.fdopen(os.dup(_FILE), "r+b") as file:
        _open(choice, file)


def _open(choice: int, file: BinaryIO) -> None:
    container = CONTAINERS[choice]
    container.inspect(file)
    opened = container.open(file, {})
    assert opened.summary
    opened.check_integrity()
    container.extract(file, io.BytesIO(), {})


def _mend(choice: int, content: bytearray) -> None:
    """Put checksums right, so that what lies behind them is reached."""
    if choice == 1 and len(content) > 28:
        content[24:28] = struct.pack("<I", len(content))
        content[8:12] = struct.pack("<I", zlib.crc32(content[18:], zlib.crc32(bytes(content[12:16]) + b"\xff\xff")))
    elif choice == 3 and len(content) > 288:
        content[12:20] = struct.pack("<II", 0, len(content) - 288)
    elif choice == 2 and len(content) >= espressif.BLOCK_SIZE:
        content[1196:1200] = struct.pack("<I", zlib.crc32(content[:1196]))


def seeds() -> dict[str, bytes]:
    """One input of each kind."""
    header = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0, 0, b"", 5, 0, 0, 99, b"", 0)
    data = b"\x32\x54\xcd\xab".ljust(260, b"\0")
    checksum = 0xEF ^ 0x32 ^ 0x54 ^ 0xCD ^ 0xAB
    image = header + struct.pack("<II", 0x3C000020, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    core = struct.pack("<8sIBBHBBBBIII4sIHH", b"CC13x2R1", 0, 3, 1, 0, 255, 255, 7, 0, 0, 200, 0, b"1", 0, 44, 0)
    security = struct.pack("<BHBIBI8s64s", 3, 0xFFFE, 255, 85, 1, 0, b"", b"")
    block = bytes([0xE7, 3, 0, 0]) + bytes(32) + b"\2" + bytes(1179)
    block_rsa = bytes([0xE7, 2, 0, 0]) + bytes(1212)
    described = ti.ImageDescriptor(ti.ImageFlags.NEW, 1, 0, 16, 0, 0, b"s").to_bytes()
    return {
        "espressif": b"\0" + image,
        "espressif-sector": b"\0" + image.ljust(4096, b"\xff") + (block + bytes(4)).ljust(4096, b"\xff"),
        "oad": b"\5" + core + security + bytes(71),
        "block": b"\6" + block,
        "block-rsa": b"\6" + block_rsa,
        "descriptor": b"\3" + described,
        "descriptor-application": b"\7" + described + bytes(16),
    }


def _instrument(engine: ModuleType, module: ModuleType) -> None:
    for item in vars(module).values():
        functions = vars(item).values() if isinstance(item, type) else (item,)
        for function in functions:
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                engine.instrument_func(function)


def main(engine: ModuleType, arguments: list[str]) -> None:
    """Fuzz until told to stop; seeds go into the first corpus directory that is named."""
    directories = [Path(argument) for argument in arguments[1:] if not argument.startswith("-")]
    for directory in directories[:1]:
        for name, content in seeds().items():
            (directory / name).write_bytes(content)
    opened = (espressif_container, espressif_image, espressif_opened, espressif_pass)
    for module in (
        *opened,
        block_key,
        secure_boot_v1,
        signature_block,
        signature_sector,
        ti_container,
        descriptor_container,
        descriptor,
        oad,
    ):
        _instrument(engine, module)
    engine.Setup(arguments, one_input)
    engine.Fuzz()


if __name__ == "__main__":
    import atheris

    main(atheris, sys.argv)
