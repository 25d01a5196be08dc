"""Which layers a file has: a signed object, a native container, or one inside the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from iotsign import core
from iotsign.app._input_file import InputFile
from iotsign.app._service_image import looks_like_zip
from iotsign.errors import DigestMismatchError, UnsupportedFormatError
from iotsign.formats import jsonimage
from iotsign.formats.container_registry import HEAD_SIZE, recognise_container

if TYPE_CHECKING:
    from iotsign.formats.container import Container
    from iotsign.formats.jsonimage import JsonImage

__all__ = ["image_limit", "inner_container", "inner_file"]

_HEAD_CHARACTERS: Final = HEAD_SIZE // 3 * 4


def image_limit(head: bytes) -> int | None:
    """Refuse what begins like nothing that iotsign verifies; there is no limit on the size.

    Raises:
        UnsupportedFormatError: Neither a signed object nor a native container nor a zip.
    """
    if looks_like_zip(head) or jsonimage.looks_like_json_image(head):
        return None
    if recognise_container(head[:HEAD_SIZE]) is None:
        got = head[:8].hex() or "an empty file"
        message = f"expected a signed object that begins with {{, a native container or a zip, got {got} at offset 0"
        raise UnsupportedFormatError("UnknownImageFormat", message, offset=0)
    return None


def inner_container(file: InputFile, image: JsonImage) -> Container | None:
    """Recognise the native container that the payload inside a signed object is."""
    if image.payload_offset is None or image.payload_length is None:
        return None
    head = file.piece(image.payload_offset, min(image.payload_length, _HEAD_CHARACTERS))
    return recognise_container(core.base64_decode(head))


@contextlib.contextmanager
def inner_file(file: InputFile, image: JsonImage) -> Iterator[InputFile]:
    """Decode the payload inside a signed object into a file of its own; its bytes are those that were verified.

    Raises:
        DigestMismatchError: The signed object changed since it was verified.
    """
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as decoded:
        os.lseek(file.fd, 0, os.SEEK_SET)
        again = jsonimage.read_json_image(file.fd, file.size, fd_out=decoded.fileno())
        if again != image:
            raise DigestMismatchError("InputChanged", f"{file.name}: the signed object changed while it was read")
        decoded.seek(0)
        yield InputFile(decoded.fileno(), image.raw_payload_size, file.name)
