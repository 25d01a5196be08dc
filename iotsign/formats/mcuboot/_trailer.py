"""The trailer at the end of a slot: swap status, the flags that ask for a test or confirm it, and a magic.

Source: MCUboot docs/design.md "Image trailer"; bootutil/src/bootutil_misc.c for the sizes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAGIC: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
MAGIC_TAIL: Final = bytes.fromhex("2de15d29410b8d77679c110f1f8a")  # after a 16-bit alignment, where that exceeds 8
MAGIC_SIZE: Final = 16
DEFAULT_MAX_ALIGN: Final = 8
ALIGNMENTS: Final = (1, 2, 4, 8, 16, 32)
MAX_ALIGNMENTS: Final = (8, 16, 32)
FLAG_SET: Final = 0x01
_STATUS_ENTRIES: Final = 3  # of one write each, for every sector


class SwapType(StrEnum):
    """What the boot loader does with a slot of this trailer in the secondary slot."""

    NONE = "none"
    TEST = "test"
    PERMANENT = "permanent"


def align_up(size: int, alignment: int) -> int:
    """Round up to a multiple."""
    return -(-size // alignment) * alignment


@dataclass(frozen=True, slots=True)
class TrailerLayout:
    """Where the trailer's fields are; all sizes in bytes.

    Attributes:
        align: Write size of the flash.
        max_align: Alignment of each field, at least 8.
        max_sectors: Sectors of the slot that the swap status has room for.
        overwrite_only: The boot loader never swaps, so there is no status.
        saved_key_size: Encryption key or TLV that is saved twice; 0 for an image without encryption.
    """

    align: int
    max_align: int
    max_sectors: int
    overwrite_only: bool
    saved_key_size: int

    @property
    def size(self) -> int:
        """Bytes of the whole trailer."""
        magic = align_up(MAGIC_SIZE, self.max_align)
        if self.overwrite_only:
            return 2 * self.max_align + magic
        status = self.max_sectors * _STATUS_ENTRIES * self.align
        keys = 2 * align_up(self.saved_key_size, self.max_align)
        return status + keys + 4 * self.max_align + magic

    @property
    def magic(self) -> bytes:
        """The last 16 bytes of the slot."""
        if self.max_align == DEFAULT_MAX_ALIGN:
            return MAGIC
        return self.max_align.to_bytes(2, "little") + MAGIC_TAIL

    def to_bytes(self, erased_value: int, *, confirmed: bool) -> bytes:
        """The trailer as a packer writes it: all erased but the magic and, where confirmed, image_ok."""
        trailer = bytearray([erased_value]) * self.size
        trailer[-MAGIC_SIZE:] = self.magic
        if confirmed and not self.overwrite_only:
            trailer[-align_up(MAGIC_SIZE, self.max_align) - self.max_align] = FLAG_SET
        return bytes(trailer)


@dataclass(frozen=True, slots=True)
class Trailer:
    """The end of a padded image.

    Attributes:
        magic: The last 16 bytes.
        max_align: What the magic says; None if it is no trailer's magic, and then all other fields are None too.
        image_ok: Byte; 1 says confirmed.
        copy_done: Byte.
        swap_info: Byte.
        swap_size: 32-bit number.
    """

    magic: bytes
    max_align: int | None = None
    image_ok: int | None = None
    copy_done: int | None = None
    swap_info: int | None = None
    swap_size: int | None = None

    @property
    def swap_type(self) -> SwapType:
        """What the boot loader does with it in the secondary slot."""
        if self.max_align is None:
            return SwapType.NONE
        return SwapType.PERMANENT if self.image_ok == FLAG_SET else SwapType.TEST

    @classmethod
    def from_bytes(cls, tail: bytes) -> "Trailer | None":
        """Read the trailer from what follows the TLVs.

        Args:
            tail: The bytes behind the TLVs, or the last 192 of them; with fewer than 16 there is no trailer.
        """
        if len(tail) < MAGIC_SIZE:
            return None
        magic = tail[-MAGIC_SIZE:]
        max_align = _max_align(magic)
        if max_align is None or len(tail) < align_up(MAGIC_SIZE, max_align) + 4 * max_align:
            return cls(magic)
        image_ok = len(tail) - align_up(MAGIC_SIZE, max_align) - max_align
        copy_done, swap_info, swap_size = (image_ok - step * max_align for step in (1, 2, 3))
        return cls(
            magic,
            max_align,
            tail[image_ok],
            tail[copy_done],
            tail[swap_info],
            int.from_bytes(tail[swap_size : swap_size + 4], "little"),
        )


TRAILER_WINDOW: Final = MAX_ALIGNMENTS[-1] * 6
"""Bytes at the end of a slot that hold all fields of any trailer, the swap status aside."""


def _max_align(magic: bytes) -> int | None:
    if magic == MAGIC:
        return DEFAULT_MAX_ALIGN
    alignment = int.from_bytes(magic[:2], "little")
    return alignment if magic[2:] == MAGIC_TAIL and alignment in MAX_ALIGNMENTS[1:] else None
