"""Fuzz the readers of Intel HEX, ELF and UF2.

    python tests/fuzz/fuzz_firmware.py -max_total_time=60 build/fuzz/firmware tests/fuzz/corpus/firmware

The first directory takes what is found, the second is what the tests replay.

The first byte of an input chooses the format, whether an address is asked for, and whether checksums are put right
before; the rest is the file. Whatever the file, there is an image within the limit or one of three errors; and an
image made of Intel HEX is what intelhex makes of the file alone.
"""

import binascii
import contextlib
import os
import sys
from io import StringIO
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

from intelhex import IntelHex

from iotsign.errors import ImageTooLargeError, MalformedImageError, UnsupportedFormatError
from iotsign.formats import firmware
from iotsign.formats.firmware import _detect, _elf, _hex, _image, _read, _uf2

FORMATS: Final[tuple[firmware.FirmwareFormat | None, ...]] = ("hex", "elf", "uf2", None)
LIMIT: Final = 1 << 20
SAMPLES: Final = Path(__file__).parents[2] / "firmware_samples" / "prebuilt"

_FILE: Final = os.memfd_create("fuzz-firmware")


def one_input(data: bytes) -> None:
    """Read one file; raise what the readers must not raise."""
    if not data:
        return
    source_format, wants_address = FORMATS[data[0] & 3], data[0] & 4
    content = _with_checksums(data[1:]) if data[0] & 8 else data[1:]
    os.ftruncate(_FILE, 0)
    os.pwrite(_FILE, content, 0)
    path = Path(f"/proc/self/fd/{_FILE}")
    try:
        image = firmware.read_firmware(
            path, source_format=source_format, address=0x8000 if wants_address else None, max_size=LIMIT
        )
    except (MalformedImageError, ImageTooLargeError, UnsupportedFormatError):
        return
    assert 0 < len(image.data) <= LIMIT
    if image.source_format == "hex" and not wants_address:
        theirs = IntelHex(StringIO(content.decode("ascii")))
        assert theirs.minaddr() == image.address
        assert theirs.maxaddr() - theirs.minaddr() + 1 == len(image.data)
        for start, end in theirs.segments():
            assert theirs.tobinstr(start, end - 1) == image.data[start - image.address : end - image.address]


def _with_checksums(content: bytes) -> bytes:
    """Put the checksums of Intel HEX records right, without which few inputs would come any further."""
    lines = content.split(b"\n")
    for index, line in enumerate(lines):
        with contextlib.suppress(ValueError):
            body = binascii.unhexlify(line[1:-2])
            lines[index] = line[:-2] + b"%02X" % (-sum(body) & 0xFF)
    return b"\n".join(lines)


def seeds() -> dict[str, bytes]:
    """Give sound files to begin with, and some that are not."""
    elf = (SAMPLES / "counter-riscv32-virt.elf").read_bytes()
    hex_ = (SAMPLES / "counter-riscv32-virt.hex").read_bytes()
    uf2 = b"".join(
        b"UF2\n\x57\x51\x5d\x9e"
        + b"".join(word.to_bytes(4, "little") for word in (0x2000, 0x8000 + 4 * number, 4, number, 2, 0xE48BFF56))
        + bytes(range(4)).ljust(476, b"\0")
        + b"\x30\x6f\xb1\x0a"
        for number in range(2)
    )
    return {
        "hex": b"\0" + hex_,
        "hex-repaired": b"\x08" + hex_[:200] + b":00000001FF\n",
        "hex-at-address": b"\4:020000040000FA\n:0180000041 3E\n:00000001FF\n".replace(b" ", b""),
        "hex-segmented": b"\0:020000021000EC\n:0100000041BE\n:0400000310000005E4\n:00000001FF\n",
        "elf": b"\1" + elf,
        "elf-without-section-headers": b"\1" + elf[:32] + bytes(4) + elf[36:48] + bytes(2) + elf[50:],
        "uf2": b"\2" + uf2,
        "uf2-disordered": b"\2" + uf2[512:] + uf2[:512],
        "by-content": b"\3" + hex_,
    }


def _instrument(engine: ModuleType, module: ModuleType) -> None:
    """Make the coverage of a module's functions visible; the import hook does not see editable installs."""
    for item in vars(module).values():
        functions = vars(item).values() if isinstance(item, type) else (item,)
        for function in functions:
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                engine.instrument_func(function)


def main(engine: ModuleType, arguments: list[str]) -> None:
    """Fuzz until told to stop; seeds go into the first directory that is named."""
    directories = [Path(argument) for argument in arguments[1:] if not argument.startswith("-")]
    for directory in directories[:1]:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in seeds().items():
            (directory / name).write_bytes(content)
    for module in (_elf, _hex, _image, _read, _uf2, _detect):
        _instrument(engine, module)
    engine.Setup(arguments, one_input)
    engine.Fuzz()


if __name__ == "__main__":
    import atheris

    main(atheris, sys.argv)
