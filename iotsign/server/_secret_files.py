"""Files that hold secrets."""

import stat
from pathlib import Path
from typing import Final

from iotsign.errors import KeyRejectedError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def refuse_open_file(path: Path) -> None:
    """Refuse a file that others than its owner can read or change; one that is not there is left to who reads it.

    Raises:
        KeyRejectedError: They can.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & _OTHERS:
        message = f"{path}: it holds secrets, and others than its owner can read or change it"
        raise KeyRejectedError("OpenToOthers", message, path=str(path), hint=f"chmod 600 {path}")
