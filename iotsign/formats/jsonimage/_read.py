"""One door for both JSON formats: which of them a file is."""

import os
from typing import Final

from iotsign.errors import StoreError, UnsupportedFormatError
from iotsign.formats.jsonimage._embedded import Progress, read_embedded
from iotsign.formats.jsonimage._image import JsonImage
from iotsign.formats.jsonimage._recognise import MAX_SMALL_SIZE, looks_like_json_image

_DETACHED_MARK: Final = b'"payloadLocation"'  # a quote cannot stand inside base64, so no payload holds this


def read_json_image(fd: int, size: int, *, fd_out: int | None = None, progress: Progress | None = None) -> JsonImage:
    """Read a signed object strictly, whichever of the two formats it is.

    Args:
        fd: Its file, seekable.
        size: Its length in bytes.
        fd_out: Where to write the decoded payload of JSONEmbedded, if wanted.
        progress: Called with the bytes of payload done so far.

    Raises:
        UnsupportedFormatError: It does not begin like JSON.
        MalformedImageError: It is not exactly such an object.
        StoreError: A file cannot be read or written.
    """
    try:
        head = os.pread(fd, size if size <= MAX_SMALL_SIZE else 1, 0)
    except OSError as error:
        raise StoreError("ReadFailed", f"cannot read the signed object: {error.strerror}") from error
    if not looks_like_json_image(head):
        message = f"expected a signed object that begins with {{, got {head[:8].hex() or 'an empty file'} at offset 0"
        raise UnsupportedFormatError("UnknownImageFormat", message, offset=0)
    if _DETACHED_MARK in head:
        from iotsign.formats.jsonimage._detached import read_detached

        return read_detached(head)
    return read_embedded(fd, fd_out=fd_out, progress=progress)
