"""smpmgr, unmodified, flashes the boot loader over a pseudo-terminal."""

import re
import subprocess
import sys
from pathlib import Path

from simulated_board import Line, Workshop

SMPMGR = Path(sys.executable).with_name("smpmgr")


def smpmgr(port: str, *arguments: str | Path) -> str:
    """Run a command; what it says, without the line breaks that it puts where it likes."""
    command = [str(SMPMGR), "--port", port, "--timeout", "30", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\s+", " ", done.stdout)


def hash_of(port: str, version: str) -> str:
    """The hash that smpmgr shows for an image."""
    text = smpmgr(port, "image", "state-read").replace(" ", "")
    (found,) = re.findall(rf"version='{re.escape(version)}'.*?hash=HashBytes\('([0-9A-F]{{64}})'", text)
    return str(found)


def test_echo_list_upload_test_confirm_and_reset(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "new.img").write_bytes(workshop.new)
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.enter_recovery()
        line.close()
        assert "r='hello'" in smpmgr(board.port, "os", "echo", "hello")
        smpmgr(board.port, "image", "upload", tmp_path / "new.img")
        assert board.slot(1, len(workshop.new)) == workshop.new
        smpmgr(board.port, "image", "state-write", hash_of(board.port, "1.1.0.7"))
        smpmgr(board.port, "os", "reset")
        line = Line(board.port)
        assert b"booting 1.1.0+7 (on trial)" in line.wait_for(b"application 1.1.0")
        line.enter_recovery()
        line.close()
        smpmgr(board.port, "image", "state-write", "--confirm")
        smpmgr(board.port, "os", "reset")
        line = Line(board.port)
        assert b"booting 1.1.0+7\r" in line.wait_for(b"application 1.1.0")
        line.close()


def test_upgrade_in_one_command(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "new.img").write_bytes(workshop.new)
    with workshop.board(tmp_path / "flash") as board:
        line = Line(board.port)
        line.enter_recovery()
        line.close()
        assert "Upgrade complete" in smpmgr(board.port, "upgrade", "--slot", "1", tmp_path / "new.img")
        line = Line(board.port)
        assert b"booting 1.1.0+7 (on trial)" in line.wait_for(b"application 1.1.0")
        line.close()
