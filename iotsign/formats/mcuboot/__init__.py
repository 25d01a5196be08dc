"""MCUboot images: made, read, verified, signed again, decrypted."""

from iotsign.formats.mcuboot._container import CONTAINER
from iotsign.formats.mcuboot._create import create_image
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
    Dependency,
    ImageOptions,
    PublicKeyFormat,
    parse_uuid,
)
from iotsign.formats.mcuboot._resign import ResignOptions, resign_image
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._tlv import Tlv, TlvType
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
