"""What an image says about itself, as plain data for JSON."""

import contextlib
from typing import Any, BinaryIO

from iotsign.errors import MalformedImageError
from iotsign.formats.mcuboot._boot_record import BootRecord
from iotsign.formats.mcuboot._header import IMAGE_MAGIC
from iotsign.formats.mcuboot._image import Image, read_image
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, PROTECTED_INFO_MAGIC, Tlv, TlvType
from iotsign.formats.mcuboot._trailer import Trailer, align_up

_KEY_SIZE = 16


def inspect_image(file: BinaryIO) -> dict[str, Any]:
    """Describe an image. Nothing is verified.

    ``header``, ``tlv_area`` and ``trailer`` have the members that ``imgtool dumpinfo -f json`` prints, and more.

    Args:
        file: Seekable; the image starts at offset 0.

    Returns:
        Numbers, strings, lists and dictionaries; bytes as lower-case hexadecimal.

    Raises:
        MalformedImageError: The structure contradicts itself; the message has the offset.
        StoreError: The file cannot be read.
    """
    image = read_image(file)
    return {
        "container": "mcuboot",
        "size": image.file_size,
        "version": str(image.version),
        "security_counter": _lenient_number(image.protected_value(TlvType.SEC_CNT)),
        "dependencies": [
            {"image": dependency.image, "version": str(dependency.version)} for dependency in image.dependencies
        ],
        "boot_record": _boot_record(image),
        "digests": [{"hash": hash_.value, "digest": tlv.data.hex()} for hash_, tlv in image.hashes],
        "pure": image.pure,
        "signatures": [
            {
                "type": entry.tlv.type_name,
                "offset": entry.tlv.offset,
                "key": entry.key.data.hex() if entry.key else None,
                "key_format": entry.key.type_name if entry.key else None,
            }
            for entry in image.signatures
        ],
        "encryption": image.encrypted_key.type_name if image.encrypted_key else None,
        "decompressed_size": _lenient_number(image.protected_value(TlvType.DECOMP_SIZE)),
        "header": _header(image),
        "tlv_area": _tlv_area(image),
        "trailer": _trailer(image, image.trailer) if image.trailer else {},
    }


def _header(image: Image) -> dict[str, Any]:
    header = image.header
    return {
        "magic": IMAGE_MAGIC,
        "load_addr": header.load_addr,
        "hdr_size": header.hdr_size,
        "protected_tlv_size": header.protected_tlv_size,
        "img_size": header.img_size,
        "flags": header.flags,
        "flag_names": header.flag_names,
        "version": str(header.version),
    }


def _tlv_area(image: Image) -> dict[str, Any]:
    protected_size = image.header.protected_tlv_size
    return {
        "tlv_hdr_prot": {"magic": PROTECTED_INFO_MAGIC, "tlv_tot": protected_size} if protected_size else {},
        "tlvs_prot": [_tlv(tlv) for tlv in image.protected],
        "tlv_hdr": {"magic": INFO_MAGIC, "tlv_tot": image.end - image.tlv_offset - protected_size},
        "tlvs": [_tlv(tlv) for tlv in image.unprotected],
    }


def _tlv(tlv: Tlv) -> dict[str, Any]:
    return {
        "type": tlv.type,
        "type_name": tlv.type_name,
        "len": len(tlv.data),
        "data": tlv.data.hex(),
        "offset": tlv.offset,
    }


def _trailer(image: Image, trailer: Trailer) -> dict[str, Any]:
    described: dict[str, Any] = {"magic": trailer.magic.hex()}
    if trailer.max_align is None:
        return described
    described |= {
        "image_ok": trailer.image_ok,
        "copy_done": trailer.copy_done,
        "swap_info": trailer.swap_info,
        "swap_size": trailer.swap_size,
        "max_align": trailer.max_align,
        "swap_type": trailer.swap_type.value,
    }
    if image.header.encrypted:
        described["key_field_len"] = 2 * align_up(_KEY_SIZE, trailer.max_align)
    return described


def _boot_record(image: Image) -> dict[str, Any] | None:
    data = image.protected_value(TlvType.BOOT_RECORD)
    if data is None:
        return None
    with contextlib.suppress(MalformedImageError):
        record = BootRecord.from_bytes(data)
        return {
            "sw_type": record.sw_type,
            "version": record.version,
            "signer_id": record.signer_id.hex(),
            "measurement_description": record.description,
            "measurement_value": record.measurement.hex(),
        }
    return {"raw": data.hex()}


def _lenient_number(data: bytes | None) -> int | None:
    return int.from_bytes(data, "little") if data is not None else None
