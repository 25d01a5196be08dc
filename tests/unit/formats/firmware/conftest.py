import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

Write = Callable[..., Path]


def hex_record(kind: int, offset: int, data: bytes) -> str:
    """One Intel HEX record with its line end."""
    body = bytes([len(data)]) + offset.to_bytes(2, "big") + bytes([kind]) + data
    return f":{body.hex()}{-sum(body) & 0xFF:02x}\n".upper()


def hex_file(*pieces: tuple[int, bytes]) -> bytes:
    """A whole file with linear addresses, 16 bytes a record."""
    lines = []
    for start, data in pieces:
        base = None
        for at in range(0, len(data), 16):
            if (start + at) >> 16 != base:
                base = (start + at) >> 16
                lines.append(hex_record(4, 0, base.to_bytes(2, "big")))
            lines.append(hex_record(0, (start + at) & 0xFFFF, data[at : at + 16]))
    return "".join([*lines, ":00000001FF\n"]).encode()


def elf_file(
    *segments: tuple[int, bytes],
    bits: int = 32,
    order: str = "<",
    entry: int = 0,
    memory: int | None = None,
    kind: int = 1,
) -> bytes:
    """An ELF file of program headers and their data; virtual addresses differ from the physical ones."""
    header_size, segment_size = (52, 32) if bits == 32 else (64, 56)
    word = "I" if bits == 32 else "Q"
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    header = struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH",
        *(2, 40, 1, entry, header_size, 0, 0, header_size, segment_size, len(segments), 0, 0, 0),
    )
    table, body, offset = b"", b"", header_size + segment_size * len(segments)
    for address, data in segments:
        size = len(data)
        held = size if memory is None else memory
        if bits == 32:
            fields = (kind, offset + len(body), address ^ 0x1000, address, size, held, 5, 4)
        else:
            fields = (kind, 5, offset + len(body), address ^ 0x1000, address, size, held, 4)
        table += struct.pack(order + ("IIIIIIII" if bits == 32 else "IIQQQQQQ"), *fields)
        body += data
    return ident + header + table + body


def uf2_block(
    number: int, blocks: int, address: int, data: bytes, *, flags: int = 0x2000, family: int = 0xE48BFF56
) -> bytes:
    """One block of a UF2 file; the family is the RP2040's."""
    magics = (0x0A324655, 0x9E5D5157)
    return struct.pack("<8I476sI", *magics, flags, address, len(data), number, blocks, family, data, 0x0AB16F30)


def uf2_file(pieces: Iterable[tuple[int, bytes]], *, payload: int = 256) -> bytes:
    """A whole file, ``payload`` bytes a block."""
    parts = [(address + at, data[at : at + payload]) for address, data in pieces for at in range(0, len(data), payload)]
    return b"".join(uf2_block(index, len(parts), *part) for index, part in enumerate(parts))


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """The functions above, which a test cannot import."""
    return SimpleNamespace(record=hex_record, hex=hex_file, elf=elf_file, block=uf2_block, uf2=uf2_file)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and give its path."""

    def write(content: bytes, name: str = "firmware") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
