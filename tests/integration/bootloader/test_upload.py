"""Images on their way into the secondary slot: in order or not, signed or not, onto bad flash."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from simulated_board import CAPACITY, CODE_SIGNER, SLOT_SIZE, Line, Workshop, spki

UPLOAD = (2, 1, 1)
NO_FREE_SLOT, WRITE_FAILED, ERASE_FAILED, OVERRUN, ALREADY_PENDING, DENIED = 9, 12, 13, 31, 28, 32
Recovery = Callable[..., Any]


def error(rc: int) -> dict[str, Any]:
    return {"err": {"group": 1, "rc": rc}}


def first_part(image: bytes, size: int = 700) -> dict[str, Any]:
    return {"off": 0, "len": len(image), "sha": hashlib.sha256(image).digest(), "data": image[:size]}


def hash_of(line: Line, slot: int) -> bytes:
    (found,) = (image["hash"] for image in line.read(1, 0)["images"] if image["slot"] == slot)
    return bytes(found)


@pytest.mark.parametrize("size", [33, 64, 700, 900])
def test_parts_of_any_size(size: int, workshop: Workshop, recovery: Recovery) -> None:
    image = workshop.new[:5001] if size == 33 else workshop.new
    with recovery() as (board, line):
        first = first_part(image, max(size, 32))
        assert line.ask(*UPLOAD, **first) == {"off": len(first["data"])}
        offset = len(first["data"])
        while offset < len(image):
            answer = line.ask(*UPLOAD, off=offset, data=image[offset : offset + size])
            offset = min(offset + size, len(image))
            assert answer == {"off": offset, **({"match": True} if offset == len(image) else {})}
        assert board.slot(1, len(image)) == image


def test_out_of_order_parts_are_not_written(workshop: Workshop, recovery: Recovery) -> None:
    image = workshop.new
    with recovery() as (board, line):
        assert line.ask(*UPLOAD, off=700, data=image[:700]) == {"off": 0}  # before any first part
        assert line.ask(*UPLOAD, **first_part(image)) == {"off": 700}
        for offset in (699, 701, 1400, 2**32 - 1):
            assert line.ask(*UPLOAD, off=offset, data=bytes(100)) == {"off": 700}
        assert line.ask(*UPLOAD, **first_part(image)) == {"off": 700}  # resumed
        assert line.ask(*UPLOAD, off=700, data=bytes(900)) == {"off": 1600}  # not the right bytes
        assert line.ask(*UPLOAD, **first_part(workshop.old)) == {"off": 700}  # another image: from the start
        assert line.upload(image) == {"off": len(image), "match": True}
        assert board.slot(1, len(image)) == image
        assert line.ask(*UPLOAD, off=len(image) - 1, data=image[-1:]) == {"off": len(image), "match": True}


def test_overrun_is_refused(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (_, line):
        assert line.ask(*UPLOAD, **{**first_part(workshop.new), "len": 699}) == error(OVERRUN)
        assert line.ask(*UPLOAD, **{**first_part(workshop.new), "len": 1000}) == {"off": 700}
        assert line.ask(*UPLOAD, off=700, data=bytes(301)) == error(OVERRUN)


def test_first_parts_that_name_no_upload(workshop: Workshop, recovery: Recovery) -> None:
    first = first_part(workshop.new)
    with recovery() as (board, line):
        for change, rc in (
            ({"image": 2}, 14),
            ({"sha": bytes(31)}, 24),
            ({"data": first["data"][:31]}, 22),
            ({"len": 31}, 22),
            ({"data": bytes(700)}, 23),
            ({"len": CAPACITY + 1}, 30),
            ({"len": 2**32 - 1}, 30),
        ):
            assert line.ask(*UPLOAD, **{**first, **change}) == error(rc)
        assert set(board.slot(1)) == {0xFF}


def test_wrong_content_is_told_and_forgotten(workshop: Workshop, recovery: Recovery) -> None:
    image = workshop.new[:2000]
    with recovery() as (_, line):
        assert line.ask(*UPLOAD, **first_part(image)) == {"off": 700}
        assert line.ask(*UPLOAD, off=700, data=bytes(900)) == {"off": 1600}
        assert line.ask(*UPLOAD, off=1600, data=bytes(400)) == {"off": 2000, "match": False}
        assert line.ask(*UPLOAD, **first_part(image)) == {"off": 700}


def test_image_that_fills_the_slot(workshop: Workshop, recovery: Recovery) -> None:
    overhead = len(workshop.sign(bytes(1000), "2.0.0", 3)) - 1000
    image = workshop.sign(bytes(CAPACITY - overhead - 3), "2.0.0", 3)
    assert CAPACITY - 8 <= len(image) <= CAPACITY
    with recovery() as (_, line):
        assert line.read(1, 6)["images"][0]["max_image_size"] == CAPACITY
        assert line.upload(image, 900) == {"off": len(image), "match": True}
        assert "images" in line.write(1, 0, hash=hash_of(line, 1))
        assert line.reset() == b"booting 2.0.0+0 (on trial)"


def test_slot_in_use_is_kept(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (board, line):
        line.upload(workshop.new)
        assert "images" in line.write(1, 0, hash=hash_of(line, 1))
        other = workshop.sign(bytes(5000), "1.2.0", 2)
        assert line.ask(*UPLOAD, **first_part(other)) == error(NO_FREE_SLOT)
        line.reset()
        line.enter_recovery()
        assert line.ask(*UPLOAD, **first_part(other)) == error(NO_FREE_SLOT)  # on trial: the way back
        assert line.write(1, 5) == error(NO_FREE_SLOT)
        assert line.write(1, 0, hash=hash_of(line, 1)) == error(ALREADY_PENDING)
        assert line.write(1, 0, hash=hash_of(line, 0)) == error(33)
        assert board.slot(1, len(workshop.old)) == workshop.old
        assert line.reset() == b"booting 1.0.0+0 (reverted)"


def test_pending_image_can_be_taken_back(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (_, line):
        line.upload(workshop.new)
        line.write(1, 0, hash=hash_of(line, 1))
        assert line.write(1, 5) == {}
        assert line.reset() == b"booting 1.0.0+0"


def test_permanent_update(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (_, line):
        line.upload(workshop.new)
        answer = line.write(1, 0, hash=hash_of(line, 1), confirm=True)
        assert (answer["images"][1]["pending"], answer["images"][1]["permanent"]) == (True, True)
        assert line.reset() == b"booting 1.1.0+7"


def test_signature_of_the_code_signer(workshop: Workshop, recovery: Recovery) -> None:
    image = workshop.new
    good = workshop.code_signer.sign(image, ec.ECDSA(SHA256()))
    claim = {"slot": 1, "alg": "SHA256withECDSA", "sig": good, "len": len(image)}
    refused = {
        "by the boot key": (6, claim | {"sig": workshop.boot_key.sign(image, ec.ECDSA(SHA256()))}),
        "of other bytes": (6, claim | {"sig": workshop.code_signer.sign(image + b"x", ec.ECDSA(SHA256()))}),
        "cut": (6, claim | {"sig": good[:-1]}),
        "none": (6, {key: value for key, value in claim.items() if key != "sig"}),
        "shorter": (5, claim | {"len": len(image) - 1}),
        "longer": (5, claim | {"len": len(image) + 1}),
        "another algorithm": (3, claim | {"alg": "SHA1withRSA"}),
        "no algorithm": (3, {key: value for key, value in claim.items() if key != "alg"}),
        "another slot": (2, claim | {"slot": 0}),
    }
    with recovery(entries=[(CODE_SIGNER, spki(workshop.code_signer))]) as (_, line):
        assert line.upload(image)["match"]
        for rc, fields in refused.values():
            assert line.write(64, 2, **fields) == {"err": {"group": 64, "rc": rc}}
            assert line.write(1, 0, hash=hash_of(line, 1)) == {"rc": 11}
        assert line.write(64, 2, **claim) == {}
        line.write(64, 2, **refused["cut"][1])  # takes the approval back
        assert line.write(1, 0, hash=hash_of(line, 1)) == {"rc": 11}
        assert line.write(64, 2, **claim) == {}
        other = workshop.sign(bytes(5000), "1.2.0", 2)
        assert line.upload(other)["match"]
        assert line.write(1, 0, hash=hash_of(line, 1)) == {"rc": 11}  # approved was another content
        assert line.upload(image)["match"]
        line.reset()
        line.enter_recovery()
        assert line.write(1, 0, hash=hash_of(line, 1)) == {"rc": 11}
        assert line.write(64, 2, **claim) == {}  # what lies there, though nothing was uploaded since the reset
        assert "images" in line.write(1, 0, hash=hash_of(line, 1))
        assert line.reset() == b"booting 1.1.0+7 (on trial)"


def test_no_code_signer(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (_, line):
        line.upload(workshop.new)
        claim = {"slot": 1, "alg": "SHA256withECDSA", "sig": b"x", "len": len(workshop.new)}
        assert line.write(64, 2, **claim) == {"err": {"group": 64, "rc": 4}}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("write-error", error(WRITE_FAILED)),
        ("write-stuck", error(WRITE_FAILED)),
        ("erase-error", error(ERASE_FAILED)),
        ("read-error", error(WRITE_FAILED)),
    ],
)
def test_bad_flash_is_told_by_name(
    fault: str, expected: dict[str, Any], workshop: Workshop, recovery: Recovery
) -> None:
    spoilt = workshop.new[:9000] + bytes([0x00]) + workshop.new[9001:]  # a byte that a stuck write leaves as 0xFF
    with recovery(f"{fault}={SLOT_SIZE + 9000}") as (_, line):
        for _ in range(2):  # and not resumed
            assert line.upload(spoilt) == expected
        assert line.write(1, 0, hash=hashlib.sha256().digest()) == error(8)
        assert line.reset() == b"booting 1.0.0+0"


def test_trailer_that_cannot_be_erased(workshop: Workshop, recovery: Recovery) -> None:
    with recovery(f"erase-error={SLOT_SIZE + CAPACITY}") as (_, line):
        assert line.upload(workshop.new) == error(ERASE_FAILED)
        assert line.write(1, 5) == error(ERASE_FAILED)


@pytest.mark.parametrize("misread", range(1, 9))
def test_flash_that_reads_differently_once_is_noticed(misread: int, workshop: Workshop, recovery: Recovery) -> None:
    # threat 22
    image = workshop.new
    with recovery(f"flip={SLOT_SIZE + 10_000},{misread},1000000") as (_, line):
        answer = line.upload(image)
        if misread == 1:  # reading back what was written
            assert answer == error(WRITE_FAILED)
        elif misread == 2:  # hashing the upload
            assert answer == {"off": len(image), "match": False}
        else:
            assert answer == {"off": len(image), "match": True}
            marked = line.write(1, 0, hash=hash_of(line, 1))
            assert (marked == error(DENIED)) == (misread in {3, 4})  # each of the two verifications
            started = line.reset()
            if misread in {3, 4}:
                assert started == b"booting 1.0.0+0"
            elif misread in {5, 6}:  # the same, at the start
                assert started == b"booting 1.0.0+0 (update refused)"
            else:  # copying
                assert started == b"booting 1.1.0+7 (on trial)"


@pytest.mark.parametrize("period", [2, 3])
def test_running_image_that_reads_differently_is_not_started(period: int, workshop: Workshop, tmp_path: Path) -> None:
    # threat 22
    with workshop.board(tmp_path / "flash", f"flip={10_000},1,{period}") as board:
        line = Line(board.port)
        seen = line.wait_for(b"refused: image not trusted")
        assert b"booting" not in seen
        assert line.write(1, 0, confirm=True) == error(DENIED)
        line.close()
