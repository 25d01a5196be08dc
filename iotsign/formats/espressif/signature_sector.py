"""Secure Boot v2: a 4096-byte sector with up to three signature blocks behind the padded image.

The image is padded with 0xFF to a multiple of 4096 bytes; the sector follows, unused space 0xFF.

Source: ESP-IDF Programming Guide, Secure Boot v2, Signature Block Format.
"""

import os
from collections.abc import Collection, Mapping
from typing import BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import DigestMismatchError, KeyMismatchError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.espressif.block_key import BlockKind
from iotsign.formats.espressif.image import EspressifImage
from iotsign.formats.espressif.signature_block import BLOCK_MAGIC, BLOCK_SIZE, SignatureBlock, read_block, verify_block

SECTOR_SIZE: Final = 4096
MAX_BLOCKS: Final = 3


def read_sector(file: BinaryIO) -> tuple[int, tuple[SignatureBlock, ...]]:
    """Find the signature sector at the end of a seekable file.

    Returns:
        Bytes of the image before the sector, and one to three blocks.

    Raises:
        UnsupportedFormatError: The file carries no signature sector.
        MalformedImageError: The image is not padded to 4096 bytes, a block is malformed, or the rest is not 0xFF.
    """
    end = file.seek(0, os.SEEK_END)
    start = end - SECTOR_SIZE
    if start <= 0 or end % SECTOR_SIZE:
        message = f"expected whole sectors of {SECTOR_SIZE} bytes, a signature sector last; the file has {end} bytes"
        raise UnsupportedFormatError("NotSigned", message, size=end)
    file.seek(start)
    sector = file.read(SECTOR_SIZE)
    if sector[0] != BLOCK_MAGIC:
        raise UnsupportedFormatError("NotSigned", f"no signature block at offset {start}", offset=start)
    blocks: list[SignatureBlock] = []
    position = 0
    while len(blocks) < MAX_BLOCKS and sector[position] == BLOCK_MAGIC:
        blocks.append(read_block(sector[position : position + BLOCK_SIZE], start + position))
        position += BLOCK_SIZE
    if sector[position:] != b"\xff" * (SECTOR_SIZE - position):
        message = f"expected 0xff from offset {start + position} to the end of the sector"
        raise MalformedImageError("TrailingBytes", message, offset=start + position)
    return start, tuple(blocks)


def find_sector(file: BinaryIO, image: EspressifImage) -> tuple[int, tuple[SignatureBlock, ...]]:
    """As `read_sector`; no blocks if there is no sector, and the image's own size."""
    try:
        return read_sector(file)
    except UnsupportedFormatError:
        return image.size, ()


def image_digest(file: BinaryIO, length: int, kind: BlockKind) -> bytes:
    """Digest of the first `length` bytes of a file on disk, by the hash of `kind`; 32 or 48 bytes."""
    return core.hash_file(file.fileno(), kind.hash, offset=0, length=length)[0]


def write_sector(target: BinaryIO, blocks: Collection[SignatureBlock]) -> None:
    """Write the 4096-byte sector at the current position.

    Raises:
        UnsupportedFormatError: More than three blocks.
        KeyMismatchError: RSA and ECDSA blocks in one sector, or a key twice.
    """
    if len(blocks) > MAX_BLOCKS:
        message = f"a sector holds at most {MAX_BLOCKS} blocks, got {len(blocks)}"
        raise UnsupportedFormatError("TooManySignatures", message)
    if len({block.kind for block in blocks}) > 1:
        raise KeyMismatchError("MixedKeyTypes", "all blocks of a sector must have keys of one type")
    if len({block.key_digest for block in blocks}) < len(blocks):
        raise KeyMismatchError("KeyTwice", "this key has already signed the image")
    target.write(b"".join(block.raw for block in blocks).ljust(SECTOR_SIZE, b"\xff"))


def check_digests(digests: Mapping[HashAlgorithm, bytes], length: int, blocks: Collection[SignatureBlock]) -> None:
    """Check that all blocks were made for an image.

    Args:
        digests: Of the image up to the sector, by the blocks' hashes.
        length: Bytes before the sector, for messages.
        blocks: The blocks.

    Raises:
        DigestMismatchError: One was made for another image.
    """
    for number, block in enumerate(blocks):
        if block.digest != digests[block.kind.hash]:
            found = digests[block.kind.hash].hex()
            message = f"block {number} was made for an image with digest {block.digest.hex()}, this one has {found}"
            raise DigestMismatchError("ImageDigestMismatch", message, offset=length + number * BLOCK_SIZE + 4)


def verify_image(file: BinaryIO, trusted: Collection[bytes] = ()) -> tuple[SignatureBlock, ...]:
    """Verify a signed image as the chip does: 1. sector, 2. digest, 3. key, 4. signature.

    Args:
        file: A seekable file on disk.
        trusted: Key digests (`key_digest`), as burnt into the eFuses; with none, steps 1, 2 and 4 prove integrity only,
            and the caller still owes the verdict.

    Returns:
        The blocks that count: those with a trusted key, or all.

    Raises:
        UnsupportedFormatError, MalformedImageError: Step 1.
        DigestMismatchError: Step 2.
        KeyMismatchError: Step 3: no block has a trusted key.
        SignatureMismatchError: Step 4.
    """
    length, blocks = read_sector(file)  # 1
    digests = {block.kind.hash: image_digest(file, length, block.kind) for block in blocks}
    check_digests(digests, length, blocks)  # 2
    counting = tuple(block for block in blocks if not trusted or block.key_digest in trusted)
    if not counting:  # 3
        found = ", ".join(block.key_digest.hex() for block in blocks)
        raise KeyMismatchError("UntrustedKey", f"signed by key {found}, which is not trusted")
    for block in counting:  # 4
        verify_block(block)
    return counting
