"""MCUboot images: made, read, verified, signed again, decrypted.

The names load on first use: looking at an image needs little of what making one does.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._container import CONTAINER
    from iotsign.formats.mcuboot._create import create_image
    from iotsign.formats.mcuboot._dependency import Dependency
    from iotsign.formats.mcuboot._encryption import (
        DecryptionKey,
        EncryptionKey,
        load_decryption_key,
        load_encryption_key,
    )
    from iotsign.formats.mcuboot._extract import decrypt_image, extract_payload
    from iotsign.formats.mcuboot._header import ImageFlag, ImageHeader
    from iotsign.formats.mcuboot._image import Image, SignatureEntry, is_image, read_image
    from iotsign.formats.mcuboot._inspect import inspect_image
    from iotsign.formats.mcuboot._offline import (
        AttachedSignature,
        attach_signature,
        attach_to_image,
        write_image_message,
        write_message,
    )
    from iotsign.formats.mcuboot._options import (
        Auto,
        Compression,
        ImageOptions,
        parse_uuid,
    )
    from iotsign.formats.mcuboot._resign import ResignOptions, resign_image
    from iotsign.formats.mcuboot._rollback import Floor
    from iotsign.formats.mcuboot._tlv import PublicKeyFormat, Tlv, TlvType
    from iotsign.formats.mcuboot._trailer import SwapType, Trailer, TrailerLayout
    from iotsign.formats.mcuboot._verify import (
        CheckedImage,
        CheckedSignature,
        VerifiedImage,
        check_integrity,
        verify_image,
    )
    from iotsign.formats.mcuboot._version import ImageVersion

__all__ = [
    "CONTAINER",
    "AttachedSignature",
    "Auto",
    "CheckedImage",
    "CheckedSignature",
    "Compression",
    "DecryptionKey",
    "Dependency",
    "EncryptionKey",
    "Floor",
    "Image",
    "ImageFlag",
    "ImageHeader",
    "ImageOptions",
    "ImageVersion",
    "PublicKeyFormat",
    "ResignOptions",
    "SignatureEntry",
    "SwapType",
    "Tlv",
    "TlvType",
    "Trailer",
    "TrailerLayout",
    "VerifiedImage",
    "attach_signature",
    "attach_to_image",
    "check_integrity",
    "create_image",
    "decrypt_image",
    "extract_payload",
    "inspect_image",
    "is_image",
    "load_decryption_key",
    "load_encryption_key",
    "parse_uuid",
    "read_image",
    "resign_image",
    "verify_image",
    "write_image_message",
    "write_message",
]

_HOMES: Final = {
    "CONTAINER": "_container",
    "AttachedSignature": "_offline",
    "Auto": "_options",
    "CheckedImage": "_verify",
    "CheckedSignature": "_verify",
    "Compression": "_options",
    "DecryptionKey": "_encryption",
    "Dependency": "_dependency",
    "EncryptionKey": "_encryption",
    "Floor": "_rollback",
    "Image": "_image",
    "ImageFlag": "_header",
    "ImageHeader": "_header",
    "ImageOptions": "_options",
    "ImageVersion": "_version",
    "PublicKeyFormat": "_tlv",
    "ResignOptions": "_resign",
    "SignatureEntry": "_image",
    "SwapType": "_trailer",
    "Tlv": "_tlv",
    "TlvType": "_tlv",
    "Trailer": "_trailer",
    "TrailerLayout": "_trailer",
    "VerifiedImage": "_verify",
    "attach_signature": "_offline",
    "attach_to_image": "_offline",
    "check_integrity": "_verify",
    "create_image": "_create",
    "decrypt_image": "_extract",
    "extract_payload": "_extract",
    "inspect_image": "_inspect",
    "is_image": "_image",
    "load_decryption_key": "_encryption",
    "load_encryption_key": "_encryption",
    "parse_uuid": "_options",
    "read_image": "_image",
    "resign_image": "_resign",
    "verify_image": "_verify",
    "write_image_message": "_offline",
    "write_message": "_offline",
}

__getattr__ = lazy_names(__name__, _HOMES)
