"""Images that must not be started: asked for over the line, or marked in the flash behind the loader's back."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulated_board import SLOT_SIZE, Line, Workshop

TRAILER_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
DENIED = {"err": {"group": 1, "rc": 32}}
Recovery = Callable[..., Any]


def flipped(image: bytes, offset: int) -> bytes:
    return image[:offset] + bytes([image[offset] ^ 1]) + image[offset + 1 :]


def tlv_areas(image: bytes) -> tuple[int, int]:
    """Where the protected and the other TLVs begin."""
    header, protected, payload = struct.unpack_from("<HHI", image, 8)
    return header + payload, header + payload + protected


def tlv(image: bytes, number: int) -> int:
    """Where the data of an unprotected TLV begins."""
    at = tlv_areas(image)[1] + 4
    while True:
        found, length = struct.unpack_from("<HH", image, at)
        if found == number:
            return int(at + 4)
        at += 4 + length


def unprotected(workshop: Workshop) -> bytes:
    """The security counter, raised, outside the protected area: the signature covers the image without it."""
    image = workshop.sign(bytes(5000), "1.1.0", None)
    protected, start = tlv_areas(image)
    assert protected == start
    record = struct.pack("<HHI", 0x50, 4, 9)
    (total,) = struct.unpack_from("<H", image, start + 2)
    return image[: start + 2] + struct.pack("<H", total + len(record)) + record + image[start + 4 :]


DEFECTS: dict[str, Callable[[Workshop], bytes]] = {
    "header": lambda bench: flipped(bench.new, 24),
    "payload": lambda bench: flipped(bench.new, 20_000),
    "protected TLVs": lambda bench: flipped(bench.new, tlv_areas(bench.new)[0] + 8),
    "hash": lambda bench: flipped(bench.new, tlv(bench.new, 0x10)),
    "key hash": lambda bench: flipped(bench.new, tlv(bench.new, 0x01)),
    "signature": lambda bench: flipped(bench.new, tlv(bench.new, 0x22) + 20),
    "another key": lambda bench: replace(bench, boot_key=bench.code_signer).sign(bytes(5000), "1.1.0", 2),
    "truncated": lambda bench: bench.new[:-40],
    "downgraded": lambda bench: bench.sign(bytes(5000), "1.1.0", 0),
    "counter outside the protected TLVs": unprotected,
}


@pytest.mark.parametrize("defect", list(DEFECTS))
def test_image_is_refused_and_the_old_one_runs(defect: str, workshop: Workshop, tmp_path: Path) -> None:
    # threats 16, 17, 20, 21
    image = DEFECTS[defect](workshop)
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.wait_for(b"application 1.0.0")  # from now on the counter is 1
        line.enter_recovery()
        line.upload(image)
        (found,) = (state["hash"] for state in line.read(1, 0)["images"] if state["slot"] == 1)
        assert line.write(1, 0, hash=found) == DENIED
        with board.flash.open("r+b") as flash:
            flash.seek(2 * SLOT_SIZE - len(TRAILER_MAGIC))
            flash.write(TRAILER_MAGIC)
        assert line.reset() == b"booting 1.0.0+0 (update refused)"
        assert line.wait_for(b"application 1.0.0")
        line.close()


def test_nothing_starts_without_a_page(workshop: Workshop, tmp_path: Path) -> None:
    # threat 20
    (tmp_path / "flash").write_bytes(workshop.old)
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.wait_for(b"refused: image not trusted")
        assert line.write(0, 0, d="x") == {"r": "x"}
        line.close()


def test_nothing_starts_from_an_empty_slot(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "flash").write_bytes(b"")
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.wait_for(b"refused: no image")
        assert line.read(1, 0) == {"images": [], "splitStatus": 0}
        line.close()
