"""Devices: lines to them, SMP over these lines, emulated boards, and the programs that flash other boards.

The names load on first use: listing boards needs neither pyserial nor SMP.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.device._board import Area, Board, Flash, FlasherSettings, Qemu, find_board, list_boards
    from iotsign.device._client import ImageState, SmpClient
    from iotsign.device._flash_file import make_flash
    from iotsign.device._flashers import flash_with_program, flasher_commands
    from iotsign.device._noise import NoisyTransport
    from iotsign.device._qemu import EmulatedBoard
    from iotsign.device._relay import PtyRelay
    from iotsign.device._running import RunningBoard, announced, running_boards
    from iotsign.device._transport import SerialTransport, Transport
    from iotsign.device._upload import block_size, upload_image
    from iotsign.device._vendor import Attestation, AttestedSlot, Identity

__all__ = [
    "Area",
    "Attestation",
    "AttestedSlot",
    "Board",
    "EmulatedBoard",
    "Flash",
    "FlasherSettings",
    "Identity",
    "ImageState",
    "NoisyTransport",
    "PtyRelay",
    "Qemu",
    "RunningBoard",
    "SerialTransport",
    "SmpClient",
    "Transport",
    "announced",
    "block_size",
    "find_board",
    "flash_with_program",
    "flasher_commands",
    "list_boards",
    "make_flash",
    "running_boards",
    "upload_image",
]

_HOMES: Final = {
    "Area": "_board",
    "Attestation": "_vendor",
    "AttestedSlot": "_vendor",
    "Board": "_board",
    "EmulatedBoard": "_qemu",
    "Flash": "_board",
    "FlasherSettings": "_board",
    "Identity": "_vendor",
    "ImageState": "_client",
    "NoisyTransport": "_noise",
    "PtyRelay": "_relay",
    "Qemu": "_board",
    "RunningBoard": "_running",
    "SerialTransport": "_transport",
    "SmpClient": "_client",
    "Transport": "_transport",
    "announced": "_running",
    "block_size": "_upload",
    "find_board": "_board",
    "flash_with_program": "_flashers",
    "flasher_commands": "_flashers",
    "list_boards": "_board",
    "make_flash": "_flash_file",
    "running_boards": "_running",
    "upload_image": "_upload",
}

__getattr__ = lazy_names(__name__, _HOMES)
