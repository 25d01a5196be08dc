"""Espressif images and Secure Boot signatures.

The names load on first use: looking into an image needs few of them.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.formats.espressif._container import CONTAINER
    from iotsign.formats.espressif._one_pass import OnePass, copy_padded
    from iotsign.formats.espressif.block_key import BlockKind, block_kind
    from iotsign.formats.espressif.image import (
        AppDescription,
        ChipId,
        EspressifImage,
        Segment,
        looks_like_image,
        read_image,
    )
    from iotsign.formats.espressif.secure_boot_v1 import find_tail, verify_v1
    from iotsign.formats.espressif.signature_block import (
        BLOCK_SIZE,
        SignatureBlock,
        key_digest,
        make_block,
        read_block,
        sign_digest,
        verify_block,
    )
    from iotsign.formats.espressif.signature_sector import (
        MAX_BLOCKS,
        SECTOR_SIZE,
        check_digests,
        image_digest,
        read_sector,
        verify_image,
        write_sector,
    )

__all__ = [
    "BLOCK_SIZE",
    "CONTAINER",
    "MAX_BLOCKS",
    "SECTOR_SIZE",
    "AppDescription",
    "BlockKind",
    "ChipId",
    "EspressifImage",
    "OnePass",
    "Segment",
    "SignatureBlock",
    "block_kind",
    "check_digests",
    "copy_padded",
    "find_tail",
    "image_digest",
    "key_digest",
    "looks_like_image",
    "make_block",
    "read_block",
    "read_image",
    "read_sector",
    "sign_digest",
    "verify_block",
    "verify_image",
    "verify_v1",
    "write_sector",
]

_HOMES: Final = {
    "AppDescription": "image",
    "BLOCK_SIZE": "signature_block",
    "BlockKind": "block_key",
    "CONTAINER": "_container",
    "ChipId": "image",
    "EspressifImage": "image",
    "MAX_BLOCKS": "signature_sector",
    "OnePass": "_one_pass",
    "SECTOR_SIZE": "signature_sector",
    "Segment": "image",
    "SignatureBlock": "signature_block",
    "block_kind": "block_key",
    "check_digests": "signature_sector",
    "copy_padded": "_one_pass",
    "find_tail": "secure_boot_v1",
    "image_digest": "signature_sector",
    "key_digest": "signature_block",
    "looks_like_image": "image",
    "make_block": "signature_block",
    "read_block": "signature_block",
    "read_image": "image",
    "read_sector": "signature_sector",
    "sign_digest": "signature_block",
    "verify_block": "signature_block",
    "verify_image": "signature_sector",
    "verify_v1": "secure_boot_v1",
    "write_sector": "signature_sector",
}

__getattr__ = lazy_names(__name__, _HOMES)
