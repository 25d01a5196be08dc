"""Secure Boot v1 and the tail that ESP32's FreeRTOS port writes: verification only.

Secure Boot v1: the image, u32 version 0, r‖s big-endian (64 bytes). FreeRTOS port: the image, u32 0, r‖s, 12 × 0xFF.
ECDSA P-256 over SHA-256 of the image before the tail.

Source: ESP-IDF Programming Guide, Secure Boot v1; amazon-freertos, Espressif port, aws_ota_pal.c.
"""

import os
import struct
from typing import BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, signature_algorithm
from iotsign.errors import KeyMismatchError, UnsupportedFormatError
from iotsign.keys import PublicKey

_TAIL: Final = struct.Struct("<I64s")
assert _TAIL.size == 68
_FREERTOS_FILL: Final = b"\xff" * 12


def find_tail(file: BinaryIO, image_size: int) -> tuple[str, bytes]:
    """Find the signature behind an image of `image_size` bytes.

    Returns:
        ``secure-boot-v1`` or ``freertos-ota``, and r‖s (64 bytes, big-endian).

    Raises:
        UnsupportedFormatError: Neither tail lies there.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(image_size)
    tail = file.read(_TAIL.size + len(_FREERTOS_FILL) + 1)
    if len(tail) >= _TAIL.size:
        version, signature = _TAIL.unpack_from(tail)
        rest = tail[_TAIL.size :]
        if version == 0 and rest in (b"", _FREERTOS_FILL):
            return ("freertos-ota" if rest else "secure-boot-v1"), signature
    message = f"no Secure Boot v1 signature or FreeRTOS tail in the {end - image_size} bytes behind the image"
    raise UnsupportedFormatError("NotSigned", message, offset=image_size)


def verify_v1(file: BinaryIO, image_size: int, public_key: PublicKey) -> str:
    """Verify the tail; returns which one it was.

    Raises:
        UnsupportedFormatError: Neither tail lies behind the image.
        KeyMismatchError: The key is not P-256.
        SignatureMismatchError, MalformedImageError: The signature does not hold.
    """
    kind, signature = find_tail(file, image_size)
    if public_key.key_type is not KeyType.P256:
        message = f"Secure Boot v1 signs with P-256, the key is {public_key.key_type.value}"
        raise KeyMismatchError("KeyTypeMismatch", message)
    digest, _ = core.hash_file(file.fileno(), HashAlgorithm.SHA256, offset=0, length=image_size)
    public_key.verify_digest(digest, signature, signature_algorithm("SHA256withECDSAinP1363Format"))
    return kind
