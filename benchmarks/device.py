"""Uploads over the serial line, and how soon an emulated board answers.

The line of 115200 baud is kept by this script: QEMU does not pace. Its limit is what SMP's framing leaves of the line
for an image's bytes, if requests followed each other without a gap.

    PYTHONPATH=hil python benchmarks/device.py
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_board import Bench, Keys, make_key, public_half

from iotsign.device import Board, EmulatedBoard, SmpClient, Transport, block_size, find_board, make_flash, upload_image
from iotsign.device._framing import line_bytes
from iotsign.device.provisioning import Provisioning
from iotsign.keys import load_public_key

BITS_A_BYTE = 10
BAUD = 115200
SIZE = 96 * 1024
REQUEST_OVERHEAD = 26  # header, map, offset and the data's own header; as iotsign.device counts it
STARTS = 5


class PacedLine:
    """A line that carries no more than its baud rate, each way; a `Transport`."""

    def __init__(self, line: Transport, baud: int) -> None:
        self.name = line.name
        self._line = line
        self._byte_s = BITS_A_BYTE / baud
        self._free_at = 0.0

    def write(self, data: bytes) -> None:
        start = max(time.perf_counter(), self._free_at)
        self._free_at = start + len(data) * self._byte_s
        self._line.write(data)

    def read(self, timeout_s: float) -> bytes:
        data = self._line.read(timeout_s)
        if data:
            # the answer cannot begin before the request has gone over the line
            done = max(time.perf_counter(), self._free_at) + len(data) * self._byte_s
            while time.perf_counter() < done:
                time.sleep(max(done - time.perf_counter() - 0.0002, 0))
        return data

    def close(self) -> None:
        self._line.close()


def limit(buffer_size: int) -> float:
    """Bytes of image a second that the framing allows."""
    data = block_size(buffer_size)
    return data / (line_bytes(data + REQUEST_OVERHEAD) * BITS_A_BYTE / BAUD)


def upload_rate(board: Board, directory: Path, *, paced: bool) -> tuple[float, int]:
    """Bytes a second, and the device's buffer."""
    flash = directory / "flash"
    keys = Keys(directory / "boot.pem", directory / "boot.pem")
    (directory / "large.bin").write_bytes(random.Random(1).randbytes(SIZE))
    bench = Bench(board, None, keys, directory, directory, None)  # type: ignore[arg-type]
    page = Provisioning([load_public_key(public_half(keys.boot, directory)).spki_der]).to_bytes()
    image = bench.boot_image("1.0.0", "large")
    make_flash(board, flash, page=page)
    with EmulatedBoard(board, flash) as emulated:
        line = emulated.open()
        with SmpClient(PacedLine(line, BAUD) if paced else line) as client:
            client.connect(60)
            size = client.buffer_size()
            start = time.perf_counter()
            upload_image(client, image)
            return len(image) / (time.perf_counter() - start), size


def start_to_echo(board: Board) -> float:
    """Seconds from `iotsign board start` to an answered echo."""
    command = [sys.executable, "-m", "iotsign", "board", "start", board.board_id, "--json"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        from iotsign.device import SerialTransport

        with SmpClient(SerialTransport(port)) as client:
            client.connect(60)
            client.echo("hello")
            taken = time.perf_counter() - start
        process.terminate()
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_key(directory / "boot.pem")
        for board_id in ("mps2-an385", "riscv32-virt", "emcraft-sf2"):
            board = find_board(board_id)
            if board_id != "emcraft-sf2":
                rate, size = upload_rate(board, directory, paced=True)
                ratio = rate / limit(size)
                print(
                    f"{board_id}: 115200 baud: {rate:.0f} B/s, {ratio:.3f} x the framing's limit ({size}-byte frames)"
                )
            rate, _ = upload_rate(board, directory, paced=False)
            print(f"{board_id}: unpaced: {rate / 1000:.0f} kB/s")
        board = find_board("mps2-an385")
        taken = sorted(start_to_echo(board) for _ in range(STARTS))
        print(f"mps2-an385: board start to echo: {taken[len(taken) // 2] * 1000:.0f} ms (median of {STARTS})")


if __name__ == "__main__":
    main()
