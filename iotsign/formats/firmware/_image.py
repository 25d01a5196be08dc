"""From pieces of memory to one image without holes."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from iotsign.errors import ImageTooLargeError, MalformedImageError
from iotsign.formats.firmware._detect import FirmwareFormat

MAX_IMAGE_SIZE: Final = 64 << 20
"""Largest image made of a HEX, ELF or UF2 file, in bytes, gaps included; a flat binary has no such limit."""

MAX_HEX_SIZE: Final = 16 << 20
"""Most data taken from an Intel HEX file, in bytes: intelhex takes about 110 bytes of memory for each."""

REGION_GAP: Final = 64 << 10
"""A hole longer than this, in bytes, parts two regions: two memories, or two programs in one."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of memory.

    Attributes:
        start: Address of the first byte.
        end: Address after the last byte.
    """

    start: int
    end: int

    def __str__(self) -> str:
        """Write it as ``0x8000..0x9000``, the end exclusive."""
        return f"{self.start:#x}..{self.end:#x}"


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """One program image.

    Attributes:
        data: The bytes from ``address`` on, gaps filled.
        address: Load address; None if nobody said.
        entry: Address of the first instruction, if the file states one.
        source_format: What the file was.
        left_out: Regions of the file that are not in ``data``, because the caller chose one region by its address.
    """

    data: bytes | memoryview
    address: int | None
    entry: int | None
    source_format: FirmwareFormat
    left_out: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that belong at one address.

    Attributes:
        address: Where the first byte belongs.
        size: How many bytes.
        offset: Where in the file they stand, for messages.
    """

    address: int
    size: int
    offset: int

    @property
    def end(self) -> int:
        """Address after the last byte."""
        return self.address + self.size


def too_large(name: str, expected: int, got: str, *, hint: str | None = None) -> ImageTooLargeError:
    """Make the error of an image that exceeds its limit."""
    message = f"{name}: expected an image of at most {expected} bytes, got {got}"
    data = {"hint": hint} if hint else {}
    return ImageTooLargeError("ImageTooLarge", message, path=name, limit=expected, **data)


def plan_image(
    name: str, segments: Iterable[Segment], *, address: int | None, limit: int
) -> tuple[Region, list[Segment], tuple[Region, ...]]:
    """Decide what the image spans, before anything is allocated for it.

    Args:
        name: The file's name, for messages.
        segments: Pieces in any order; empty ones are ignored.
        address: Where the image begins; None for all of the file.
        limit: Largest image in bytes.

    Returns:
        What the image spans; its segments, sorted by address; the regions that are left out.

    Raises:
        MalformedImageError: There is no data, two pieces overlap, or no data begins at ``address``.
        ImageTooLargeError: The image would exceed ``limit``.
    """
    pieces = sorted((piece for piece in segments if piece.size), key=lambda piece: (piece.address, piece.offset))
    if not pieces:
        raise MalformedImageError("NoData", f"{name}: expected firmware, got a file without any data", path=name)
    for before, after in itertools.pairwise(pieces):
        if after.address < before.end:
            message = f"{name}: data at offset {after.offset} and {before.offset} overlap at address {after.address:#x}"
            raise MalformedImageError("OverlappingData", message, path=name, offset=after.offset)
    chosen, left_out = (pieces, ()) if address is None else _from_address(name, pieces, address)
    span = Region(chosen[0].address, chosen[-1].end)
    if span.end - span.start > limit:
        regions = _regions(chosen)
        listed = ", ".join(map(str, regions[:8])) + (", …" if len(regions) > 8 else "")
        hint = f"--address {regions[0].start:#x} signs one of its regions: {listed}" if len(regions) > 1 else None
        raise too_large(name, limit, f"{span.end - span.start} at {span}", hint=hint)
    return span, chosen, left_out


def _regions(pieces: Sequence[Segment]) -> list[Region]:
    """Join pieces that are at most `REGION_GAP` apart; they are sorted."""
    regions: list[Region] = []
    for piece in pieces:
        if regions and piece.address - regions[-1].end <= REGION_GAP:
            regions[-1] = Region(regions[-1].start, piece.end)
        else:
            regions.append(Region(piece.address, piece.end))
    return regions


def _from_address(name: str, pieces: list[Segment], address: int) -> tuple[list[Segment], tuple[Region, ...]]:
    """Choose what begins at ``address`` and ends at the next hole longer than `REGION_GAP`."""
    first = next((index for index, piece in enumerate(pieces) if piece.address == address), None)
    if first is None or (first and pieces[first - 1].end == address):
        starts = [
            piece.address for index, piece in enumerate(pieces) if not index or pieces[index - 1].end != piece.address
        ]
        listed = ", ".join(f"{start:#x}" for start in starts[:8]) + (", …" if len(starts) > 8 else "")
        message = f"{name}: expected data that begins at address {address:#x}; data begins at {listed}"
        raise MalformedImageError("NoDataAtAddress", message, path=name, address=address)
    region = _regions(pieces[first:])[0]
    chosen = [piece for piece in pieces if region.start <= piece.address < region.end]
    return chosen, tuple(_regions(pieces[:first]) + _regions(pieces[first + len(chosen) :]))
