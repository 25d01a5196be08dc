"""Getting the firmware back out of an image."""

from typing import BinaryIO

from iotsign.formats.mcuboot._content import PayloadState, decompressed_region
from iotsign.formats.mcuboot._encryption import DecryptionKey
from iotsign.formats.mcuboot._image import Image, read_image
from iotsign.formats.mcuboot._stream import Source, write_all
from iotsign.formats.mcuboot._verify import OpenImage


def extract_payload(file: BinaryIO, output: BinaryIO, *, decryption_key: DecryptionKey | None = None) -> int:
    """Write an image's firmware, decrypted and decompressed. Integrity is checked first; authenticity is not.

    Args:
        file: The image, seekable.
        output: Where the firmware goes.
        decryption_key: Opens an encrypted payload.

    Returns:
        Bytes of firmware. Zeros that encryption padded it with cannot be told from it and stay.

    Raises:
        IotsignError: As `check_integrity` raises.
    """
    opened = OpenImage(file, decryption_key)
    image, content = opened.image, opened.checked_content()
    region = decompressed_region(image, content.region) if image.header.compressed else content.region
    write_all(output, region.payload())
    return region.payload_size


def decrypt_image(file: BinaryIO, output: BinaryIO, *, decryption_key: DecryptionKey | None = None) -> Image:
    """Write the same image with its payload in plain, as the boot loader puts it into the primary slot.

    Header, TLVs, padding and trailer stay as they are, so every signature still holds.

    Args:
        file: The image, seekable.
        output: Where the image goes, seekable and readable, empty.
        decryption_key: Opens the payload; needed if it is encrypted.

    Returns:
        The image as it was written.

    Raises:
        IotsignError: As `check_integrity` raises.
    """
    opened = OpenImage(file, decryption_key)
    image, content = opened.image, opened.checked_content()
    source = Source(file)
    rest = image.tlv_offset
    if content.state is PayloadState.PLAIN:
        rest = 0
    else:
        write_all(output, [content.region.header_area])
        write_all(output, content.region.payload())
    write_all(output, source.blocks(rest, image.file_size - rest))
    return read_image(output)
