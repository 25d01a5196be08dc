"""Records that stand where the boot loader looks for them, once each, and do not contradict each other."""

from collections import Counter

from iotsign.errors import MalformedImageError
from iotsign.formats.mcuboot._image import Image
from iotsign.formats.mcuboot._tlv import ENCRYPTION_TYPES, SINGLE_TYPES, UNPROTECTED_TYPES, Tlv, TlvType


def check_records(image: Image) -> None:
    """Check the records of an image.

    Raises:
        MalformedImageError: One stands where nothing covers it, comes twice, or has a wrong length or value.
    """
    for tlv in image.unprotected:
        if tlv.type not in UNPROTECTED_TYPES:
            message = (
                f"expected {tlv.type_name} (type {tlv.type:#06x}) among the protected TLVs only, "
                f"got it at offset {tlv.offset:#x}, where nothing covers it"
            )
            raise _malformed("UnprotectedTlv", message, tlv)
        if tlv.type == TlvType.SIG_PURE and tlv.data != b"\x01":
            message = f"expected 01 in SIG_PURE at offset {tlv.offset:#x}, got {tlv.data.hex()}"
            raise _malformed("BadSigPure", message, tlv)
        if tlv.type in ENCRYPTION_TYPES and not image.header.encrypted:
            message = f"expected no {tlv.type_name} in an unencrypted image, got it at offset {tlv.offset:#x}"
            raise _malformed("UnexpectedContentKey", message, tlv)
    for area in (image.protected, image.unprotected):
        kinds = [_kind(tlv) for tlv in area]
        counts = Counter(kind for kind in kinds if kind is not None)
        for tlv, kind in zip(area, kinds, strict=True):
            if counts[kind] > 1:
                message = f"expected {tlv.type_name} once, got it {counts[kind]} times, first at offset {tlv.offset:#x}"
                raise _malformed("TlvTwice", message, tlv)
    for entry in image.signatures:
        if entry.key is None and len(image.signatures) > 1:
            message = (
                f"expected a key's name before each of several signatures, got none at offset {entry.tlv.offset:#x}"
            )
            raise _malformed("UnnamedSignature", message, entry.tlv)
    # the getters check the lengths of what the caller will use
    _ = image.security_counter, image.dependencies


def _kind(tlv: Tlv) -> object:
    """What there may be only one of; None for what may come often."""
    if tlv.type in ENCRYPTION_TYPES:
        return ENCRYPTION_TYPES
    return tlv.type if tlv.type in SINGLE_TYPES else None


def _malformed(code: str, message: str, tlv: Tlv) -> MalformedImageError:
    return MalformedImageError(code, message, offset=tlv.offset, type=tlv.type)
