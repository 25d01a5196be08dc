"""Espressif images and Secure Boot signatures."""

from iotsign.formats.espressif.image import AppDescription, ChipId, EspressifImage, Segment, read_image
from iotsign.formats.espressif.secure_boot_v1 import find_tail, verify_v1
from iotsign.formats.espressif.secure_boot_v2 import (
    BLOCK_SIZE,
    MAX_BLOCKS,
    SECTOR_SIZE,
    BlockKind,
    SignatureBlock,
    block_kind,
    copy_padded,
    image_digest,
    key_digest,
    make_block,
    read_block,
    read_sector,
    sign_digest,
    verify_image,
    write_sector,
)

__all__ = [
    "BLOCK_SIZE",
    "MAX_BLOCKS",
    "SECTOR_SIZE",
    "AppDescription",
    "BlockKind",
    "ChipId",
    "EspressifImage",
    "Segment",
    "SignatureBlock",
    "block_kind",
    "copy_padded",
    "find_tail",
    "image_digest",
    "key_digest",
    "make_block",
    "read_block",
    "read_image",
    "read_sector",
    "sign_digest",
    "verify_image",
    "verify_v1",
    "write_sector",
]
