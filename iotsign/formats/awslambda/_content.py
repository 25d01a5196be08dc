"""What a signature over a zip file covers: names and bodies, in the order of the central directory.

The digest is SHA-384 over each entry's name and body, one after the other and nothing between them, without the
signature's own entry. Compression, times, permissions and headers are not in it, nor where a name ends and its body
begins.

Source: unconfirmed; an independent implementation that says to have looked at AWS's signatures does the same.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from iotsign.errors import ImageTooLargeError, MalformedImageError
from iotsign.formats.awslambda._zip import STORED, Entry

__all__ = ["LARGEST_CONTENT", "SIGNATURE_NAME", "content_digest", "digest_content", "read_body"]

SIGNATURE_NAME: Final = b"META_INF/aws_signer_signature_v1.0.SF"
LARGEST_CONTENT: Final = 250 << 20
"""Bytes that all bodies together may have; what AWS Lambda takes.

Source: AWS Lambda Developer Guide, "Lambda quotas" (deployment package, unzipped).
"""
_LARGEST_RATIO: Final = 200  # deflate reaches 1,032 only for what says nothing
_FREE_OF_RATIO: Final = 1 << 20  # bytes
_CHUNK: Final = 1 << 16


def content_digest(digest: bytes) -> bytes:
    """Hash the content's digest once more: it is the CMS's detached content, whose digest is what is signed."""
    return hashlib.sha384(digest).digest()


def digest_content(file: BinaryIO, entries: Sequence[Entry], *, progress: Callable[[int], None] | None = None) -> bytes:
    """Hash all entries but the signature, and check each body's size and CRC-32.

    Args:
        file: The zip file, seekable.
        entries: In the order of the central directory.
        progress: Called with the bytes of the file done so far.

    Returns:
        48 bytes.

    Raises:
        MalformedImageError: A body is not what its headers say, or blows up too far.
        ImageTooLargeError: The bodies together are larger than AWS Lambda takes.
    """
    total = sum(entry.size for entry in entries)
    if total > LARGEST_CONTENT:
        message = f"expected at most {LARGEST_CONTENT} bytes of content in the zip, got {total}"
        raise ImageTooLargeError("ContentTooLarge", message, limit=LARGEST_CONTENT, got=total)
    hash_ = hashlib.sha384()
    for entry in entries:
        if entry.name == SIGNATURE_NAME:
            continue
        hash_.update(entry.name)
        for chunk in read_body(file, entry):
            hash_.update(chunk)
        if progress is not None:
            progress(entry.end)
    return hash_.digest()


def read_body(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Read an entry's body in pieces of at most 64 KiB; its size and CRC-32 are checked when the last one is taken.

    Raises:
        MalformedImageError: It is not what its headers say, or blows up too far.
    """
    # threat 14
    if entry.size > max(_FREE_OF_RATIO, entry.compressed_size * _LARGEST_RATIO):
        message = (
            f"expected at most {_LARGEST_RATIO} times what is stored, got {entry.compressed_size} bytes that become "
        )
        raise _malformed("DecompressionBomb", message + f"{entry.size}", entry)
    size = crc32 = 0
    for chunk in _stored(file, entry) if entry.method == STORED else _inflated(file, entry):
        size += len(chunk)
        if size > entry.size:
            raise _malformed("SizeMismatch", f"expected {entry.size} bytes, got more", entry)
        crc32 = zlib.crc32(chunk, crc32)
        yield chunk
    if size != entry.size:
        raise _malformed("SizeMismatch", f"expected {entry.size} bytes, got {size}", entry)
    if crc32 != entry.crc32:
        raise _malformed("CrcMismatch", f"expected CRC-32 {entry.crc32:#010x}, got {crc32:#010x}", entry)


def _stored(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    file.seek(entry.body_offset)
    left = entry.compressed_size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise _malformed("TruncatedBody", f"expected {left} more bytes, got none", entry)
        left -= len(chunk)
        yield chunk


def _inflated(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for compressed in _stored(file, entry):
            if inflate.eof:
                raise _malformed("BadDeflate", "expected the deflate stream to fill its entry, got more bytes", entry)
            yield inflate.decompress(compressed, _CHUNK)
            while inflate.unconsumed_tail:
                yield inflate.decompress(inflate.unconsumed_tail, _CHUNK)
        while not inflate.eof:
            chunk = inflate.decompress(b"", _CHUNK)
            if not chunk:
                break
            yield chunk
    except zlib.error as error:
        raise _malformed("BadDeflate", f"expected a deflate stream, got another ({error})", entry) from None
    if not inflate.eof or inflate.unused_data:
        raise _malformed("BadDeflate", "expected the deflate stream to end where its entry does", entry)


def _malformed(code: str, message: str, entry: Entry) -> MalformedImageError:
    name = repr(entry.name.decode("utf-8", "replace"))[:200]
    message = f"{name}: {message}, at offset {entry.body_offset}"
    return MalformedImageError(code, message, offset=entry.body_offset)
