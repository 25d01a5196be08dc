"""Which emulated boards run on this machine: what `iotsign board start` tells the other commands.

Each running board has a file in a directory of this user's, locked for as long as it runs; a file that nobody holds is
left over and removed.
"""

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from iotsign.errors import DeviceError

__all__ = ["RunningBoard", "announced", "running_boards"]


@dataclass(frozen=True, slots=True)
class RunningBoard:
    """A board that runs.

    Attributes:
        board: Its id.
        port: What to open.
        flash: Its flash image file.
        pid: The process that runs it.
    """

    board: str
    port: str
    flash: str
    pid: int


def _directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Give this user's own directory.

    Raises:
        DeviceError: Somebody else owns it.
    """
    base = environment.get("XDG_RUNTIME_DIR")
    path = Path(base) / "iotsign" if base else Path(tempfile.gettempdir()) / f"iotsign-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        raise DeviceError("RuntimeDirectory", f"{path} does not belong to this user; set XDG_RUNTIME_DIR")
    return path


@contextlib.contextmanager
def announced(running: RunningBoard) -> Iterator[None]:
    """Announce a board while the body runs.

    Raises:
        DeviceError: There is no directory for it.
    """
    path = _directory() / f"{running.pid}-{running.board}.json"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(asdict(running), file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running_boards() -> list[RunningBoard]:
    """List the boards that run, and remove what others left over.

    Raises:
        DeviceError: The directory is somebody else's.
    """
    found = []
    for path in sorted(_directory().glob("*.json")):
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(RunningBoard(**json.load(file)))
            else:
                if path.stat().st_size:  # an empty one is about to be written and locked
                    path.unlink(missing_ok=True)
    return found
