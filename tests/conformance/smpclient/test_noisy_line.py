"""smpclient over a line that drops, flips, doubles and delays bytes: the upload ends right, or nothing is marked."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from simulated_board import Line, NoisyLine, Workshop
from smpclient import SMPClient
from smpclient.transport.serial import SMPSerialTransport

TRIES = 200


async def upload(port: str, image: bytes) -> bool:
    """Try until the server has everything; whether it said so."""
    async with SMPClient(SMPSerialTransport(), port, timeout_s=1) as client:
        for _ in range(TRIES):
            with contextlib.suppress(Exception):  # smpclient lets out whatever a broken answer causes
                offsets = [offset async for offset in client.upload(image, first_timeout_s=1, subsequent_timeout_s=1)]
                return offsets[-1] == len(image)
    return False


@pytest.mark.parametrize("seed", range(3))
def test_noise_never_marks_a_wrong_image(seed: int, workshop: Workshop, tmp_path: Path) -> None:
    # threat 19
    image = workshop.sign(bytes(range(256)) * 32, "1.1.0", 2)
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.enter_recovery()
        with NoisyLine(board.port, seed, rate=0.0008) as noisy:
            complete = asyncio.run(upload(noisy.port, image))
            assert noisy.disturbed > 0
        line.receive(1)  # what was still on its way
        assert complete
        assert board.slot(1, len(image)) == image
        states = line.read(1, 0)["images"]
        assert [state["pending"] for state in states] == [False, False]
        assert "images" in line.write(1, 0, hash=states[1]["hash"])
        assert line.reset() == b"booting 1.1.0+0 (on trial)"
        line.close()


@pytest.mark.parametrize("seed", range(2))
def test_line_too_bad_for_anything_changes_nothing(seed: int, workshop: Workshop, tmp_path: Path) -> None:
    # threat 19
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.enter_recovery()
        with NoisyLine(board.port, seed, rate=0.05) as noisy:
            client = Line(noisy.port)
            for part in range(20):
                fields = {"off": 700 * part, "len": len(workshop.new), "data": workshop.new[700 * part :][:700]}
                with contextlib.suppress(AssertionError, ValueError, KeyError):
                    client.write_unheard(1, 1, **fields)
            client.close()
        line.receive(1)
        line.text.clear()
        assert all(not state["pending"] for state in line.read(1, 0)["images"])
        assert line.reset() == b"booting 1.0.0+0"
        line.close()
