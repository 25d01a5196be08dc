"""What eight idle boards cost: processor time of their emulators while the boot loaders wait in recovery.

    python benchmarks/boards.py

The peer is MicroPython at its prompt (Debian's firmware-microbit-micropython) on the same emulator at the same time.
"""

import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from measure import Row, report

from iotsign.device import Board, EmulatedBoard, list_boards, make_flash

BOARDS = Path(__file__).parents[1] / "boards"
PEER = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
COUNT = 8
SECONDS = 20
SETTLE_S = 2


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(board: Board, flash: Path, stack: ExitStack) -> int:
    """Start one board without an image: it says so, and waits for a host. Returns its process id."""
    make_flash(board, flash)
    emulated = stack.enter_context(EmulatedBoard(board, flash))
    line = stack.enter_context(emulated.open())
    said = b""
    while b"refused: no image\r\n" not in said:
        said += line.read(60)
    return emulated.pid


def start_peer(stack: ExitStack) -> int:
    """Start MicroPython, which waits at its prompt."""
    quiet = ["-display", "none", "-monitor", "none", "-serial", "null"]
    if not PEER.exists():
        raise SystemExit(f"the peer is missing: sudo apt-get install {PEER.parent.name}")
    peer = subprocess.Popen(["qemu-system-arm", "-M", "microbit", "-device", f"loader,file={PEER}", *quiet])
    stack.callback(peer.wait)
    stack.callback(peer.kill)
    return peer.pid


def main() -> None:
    """Measure and report."""
    subprocess.run(["make", "-C", str(BOARDS)], check=True, stdout=subprocess.DEVNULL)
    kinds = [board for board in list_boards((BOARDS,)) if board.qemu and board.bootloader]
    chosen = [kinds[number % len(kinds)] for number in range(COUNT)]
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        pids = [start(board, Path(directory) / f"{number}.img", stack) for number, board in enumerate(chosen)]
        peer = start_peer(stack)
        time.sleep(SETTLE_S)
        before = [cpu_seconds(pid) for pid in (*pids, peer)]
        began = time.perf_counter()
        time.sleep(SECONDS)
        passed = time.perf_counter() - began
        after = [cpu_seconds(pid) for pid in (*pids, peer)]
    shares = [100 * (later - earlier) / passed for earlier, later in zip(before, after, strict=True)]
    for board, share in zip(chosen, shares, strict=False):
        print(f"  {board.board_id}: {share:.2f} % of a core")
    *ours, theirs = shares
    detail = f"{sum(ours):.2f} % for {COUNT} boards, {theirs:.1f} % for one MicroPython"
    rows = [
        Row("eight idle boards", sum(ours), 5, unit="% of a core", detail=detail),
        Row("one of them, of an idle MicroPython", sum(ours) / COUNT / theirs, 0.1, detail=detail),
    ]
    report("boards", rows)


if __name__ == "__main__":
    main()
