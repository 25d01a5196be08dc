"""Reads .bin, Intel HEX, ELF and UF2 files into one firmware image.

`docs/formats/firmware.md` says what each reader takes and refuses.
"""

from iotsign.formats.firmware._detect import FirmwareFormat, detect_firmware_format
from iotsign.formats.firmware._image import MAX_IMAGE_SIZE, FirmwareImage, Region
from iotsign.formats.firmware._read import read_firmware

__all__ = [
    "MAX_IMAGE_SIZE",
    "FirmwareFormat",
    "FirmwareImage",
    "Region",
    "detect_firmware_format",
    "read_firmware",
]
