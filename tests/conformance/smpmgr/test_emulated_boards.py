"""smpmgr, unmodified, updates each emulated board with images that imgtool signed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from boot_bench import Bench, confirmed_on, make_keys
from emulated_boards import missing_tool

from iotsign.device import find_board, list_boards

SMPMGR = Path(sys.executable).with_name("smpmgr")


def smpmgr(port: str, *arguments: str | Path) -> str:
    """Run a command; what it says, without the line breaks that it puts where it likes."""
    command = [str(SMPMGR), "--port", port, "--timeout", "60", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\s+", "", done.stdout)


@pytest.mark.parametrize("name", [board.board_id for board in list_boards() if board.qemu])
def test_echo_list_upload_test_confirm_and_reset(name: str, tmp_path: Path) -> None:
    board = find_board(name)
    if board.bootloader is None or missing_tool(board):
        pytest.skip(f"needs {missing_tool(board) or 'the boot loader of the board'}")
    bench = Bench(board, board.bootloader.parent, tmp_path, make_keys(tmp_path))
    (tmp_path / "new.img").write_bytes(bench.image("1.1.0", "unconfirmed"))
    areas = {"primary": bench.image("1.0.0"), "provisioning": bench.provisioning()}
    with bench.terminal(areas) as port:
        assert confirmed_on(port, "1.0.0")
        assert "r='hello'" in smpmgr(port, "os", "echo", "hello")
        assert "version='1.0.0'" in smpmgr(port, "image", "state-read")
        # uploads, marks for a test, resets
        assert "Upgradecomplete" in smpmgr(port, "upgrade", "--slot", "1", tmp_path / "new.img")
        assert not confirmed_on(port, "1.1.0")
        smpmgr(port, "image", "state-write", "--confirm")
        smpmgr(port, "os", "reset")
        assert confirmed_on(port, "1.1.0")
