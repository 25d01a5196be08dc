"""Identity, digests and attestation (group 64)."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from simulated_board import CAPACITY, PROVISIONING, SECTOR_SIZE, SLOT_SIZE, Line, Workshop, build_board, spki

ATTEST_SECRET = bytes(range(32))
Recovery = Callable[..., Any]


def error(rc: int) -> dict[str, Any]:
    return {"err": {"group": 64, "rc": rc}}


def test_identity(workshop: Workshop, recovery: Recovery, entries: list[tuple[int, bytes]]) -> None:
    with recovery() as (board, line):
        assert line.read(64, 0) == {"board": "simulated", "version": "1.0.0", "counter": 0}
        line.reset()
        board.flash.unlink()
    with recovery(entries=entries) as (_, line):
        line.reset()
        line.enter_recovery()
        signer = hashlib.sha256(spki(workshop.code_signer)).digest()
        expected = {"board": "simulated", "id": "bench-7", "version": "1.0.0", "counter": 1, "code_signer": signer}
        assert line.read(64, 0) == expected


def test_digests(workshop: Workshop, recovery: Recovery) -> None:
    with recovery() as (board, line):
        old = {"sha256": hashlib.sha256(workshop.old).digest(), "len": len(workshop.old)}
        assert line.read(64, 1, slot=0) == old
        assert line.read(64, 1, slot=0, len=len(workshop.old), hash="SHA256") == old
        assert line.read(64, 1, off=0, len=len(workshop.old)) == old
        flash = board.flash.read_bytes()
        for offset, length in ((0, SLOT_SIZE), (SLOT_SIZE - SECTOR_SIZE, SECTOR_SIZE), (SLOT_SIZE, SLOT_SIZE)):
            expected = {"sha256": hashlib.sha256(flash[offset : offset + length]).digest(), "len": length}
            assert line.read(64, 1, off=offset, len=length) == expected
        upload = workshop.new + bytes(100)  # longer than the image in it
        line.upload(upload)
        expected = {"sha256": hashlib.sha256(upload).digest(), "len": len(upload)}
        assert line.read(64, 1, slot=1, len=len(upload)) == expected


@pytest.mark.parametrize(
    ("fields", "rc"),
    [
        ({"slot": 1}, 2),  # empty
        ({"slot": 2}, 2),
        ({"slot": 0, "off": 0}, 2),
        ({}, 2),
        ({"slot": 0, "len": 0}, 2),
        ({"slot": 0, "len": 1}, 2),  # would give a byte away
        ({"slot": 0, "len": SLOT_SIZE + SECTOR_SIZE}, 2),  # leaves the slot
        ({"off": 1, "len": SECTOR_SIZE}, 2),
        ({"off": SLOT_SIZE - SECTOR_SIZE, "len": 2 * SECTOR_SIZE}, 2),  # crosses slots
        ({"off": PROVISIONING, "len": SECTOR_SIZE}, 2),  # secrets
        ({"off": 2 * SLOT_SIZE, "len": SECTOR_SIZE}, 2),
        ({"off": 2**32 - 4096, "len": 2**32 - 4096}, 2),
        ({"slot": 0, "hash": "SHA1"}, 3),
        ({"slot": 0, "hash": "SHA2567"}, 3),
        ({"slot": 0, "hash": "SHA25"}, 3),
    ],
)
def test_digests_that_are_not_given(fields: dict[str, Any], rc: int, recovery: Recovery) -> None:
    with recovery() as (_, line):
        assert line.read(64, 1, **fields) == error(rc)


def test_digest_of_flash_that_fails(recovery: Recovery) -> None:
    with recovery(f"read-error={CAPACITY - 1}") as (_, line):
        assert line.read(64, 1, off=0, len=SLOT_SIZE) == error(1)


def test_attestation(workshop: Workshop, recovery: Recovery, entries: list[tuple[int, bytes]]) -> None:
    with recovery(entries=entries, secondary=workshop.new) as (_, line):
        for size in (16, 64):
            nonce = bytes(range(size))
            body = line.ask_raw(line.message(0, 64, 3, cbor2.dumps({"nonce": nonce})))
            answer = cbor2.loads(body)
            assert list(answer) == ["nonce", "id", "slots", "hmac"]
            assert (answer["nonce"], answer["id"]) == (nonce, "bench-7")
            assert answer["slots"] == [
                {"slot": 0, "version": "1.0.0", "sha256": hashlib.sha256(workshop.old).digest()},
                {"slot": 1, "version": "1.1.0.7", "sha256": hashlib.sha256(workshop.new).digest()},
            ]
            assert answer["hmac"] == hmac.digest(ATTEST_SECRET, body[:-39], "sha256")
        for wrong in ({}, {"nonce": bytes(15)}, {"nonce": bytes(65)}):
            assert line.read(64, 3, **wrong) == error(7)


def test_attestation_without_a_key(recovery: Recovery) -> None:
    with recovery() as (_, line):
        assert list(line.read(64, 3, nonce=bytes(16))) == ["nonce", "slots"]


def test_read_back_where_it_is_built_in(workshop: Workshop, tmp_path: Path) -> None:
    bench = replace(workshop, program=build_board(tmp_path, "-O1", "-DIOTSIGN_SMP_READ_BACK"))
    with bench.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.enter_recovery()
        assert line.read(64, 4, off=3, len=500) == {"data": workshop.old[3:503]}
        assert line.read(64, 4, slot=0, len=10) == {"data": workshop.old[:10]}
        assert line.read(64, 4, off=0, len=2000) == {"rc": 7}
        assert line.read(64, 4, off=PROVISIONING, len=64) == error(2)
        assert line.read(64, 1, slot=0, len=1) == {"sha256": hashlib.sha256(workshop.old[:1]).digest(), "len": 1}
        line.close()
