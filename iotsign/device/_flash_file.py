"""The flash of an emulated board: a file that outlives it."""

import fcntl
import os
from pathlib import Path
from typing import IO, Final

from iotsign.device._board import Board, Flash, Qemu
from iotsign.errors import DeviceError

__all__ = ["emulated", "hold_flash", "make_flash"]

_ERASED: Final = b"\xff"
_CHUNK: Final = 1 << 20


def make_flash(board: Board, file: Path, *, page: bytes = b"", image: bytes = b"") -> None:
    """Make the flash image file of a new emulated board: erased, but for what the factory writes.

    Args:
        board: The board.
        file: The file; an existing one is replaced.
        page: The provisioning page.
        image: A signed image for the primary slot.

    Raises:
        DeviceError: The board is no emulated one, another one runs on this file, or the image does not fit its slot.
    """
    qemu, flash = emulated(board)
    if len(image) > flash.primary.size:
        message = f"the slot of {board.board_id} takes {flash.primary.size} bytes, got {len(image)}"
        raise DeviceError("ImageTooLarge", message, limit=flash.primary.size, got=len(image))
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as out:
        _lock(out, file)
        out.truncate(0)
        for at in range(0, qemu.flash_file_size, _CHUNK):
            out.write(_ERASED * min(_CHUNK, qemu.flash_file_size - at))
        for offset, data in ((flash.provisioning.offset, page), (flash.primary.offset, image)):
            out.seek(offset)
            out.write(data)


def emulated(board: Board) -> tuple[Qemu, Flash]:
    """Give what QEMU needs of a board.

    Raises:
        DeviceError: It is a real one.
    """
    if board.qemu is None or board.flash is None:
        message = f"{board.board_id} is a real board; QEMU does not run it"
        raise DeviceError("NotEmulated", message, board=board.board_id)
    return board.qemu, board.flash


def hold_flash(qemu: Qemu, path: Path) -> IO[bytes]:
    """Open and lock a flash: QEMU would let two boards write to some kinds of it at one time.

    Returns:
        The file; to close it is to let go of it.

    Raises:
        DeviceError: It is not there (NoFlash), has another size than the board's (WrongFlash), or another board runs on
            it (FlashInUse).
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DeviceError("NoFlash", f"{path}: {error.strerror}", file=str(path)) from None
    size, expected = os.fstat(file.fileno()).st_size, qemu.flash_file_size
    if size != expected:
        file.close()
        message = f"expected a flash of {expected} bytes, {path} has {size}"
        raise DeviceError("WrongFlash", message, expected=expected, got=size)
    try:
        _lock(file, path)
    except DeviceError:
        file.close()
        raise
    return file


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "`iotsign board list` names the boards that run"
        raise DeviceError("FlashInUse", f"another board runs on {path}", file=str(path), hint=hint) from None
