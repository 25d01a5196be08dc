"""Reading a signed Lambda zip, and taking the source out of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Final

from iotsign.errors import DigestMismatchError, FormatError, StoreError, UnsupportedFormatError
from iotsign.formats.awslambda._cms_names import LARGEST_SIGNATURE
from iotsign.formats.awslambda._cms_read import read_signature
from iotsign.formats.awslambda._content import SIGNATURE_NAME, content_digest, digest_content, read_body
from iotsign.formats.awslambda._zip import END, END_MAGIC, Entry, Zip, read_zip
from iotsign.formats.claims import ServiceSignature

__all__ = ["LambdaZip", "check_content", "describe_zip", "extract_source", "read_lambda_zip"]

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LambdaZip:
    """A zip file and its signature; nothing has been verified.

    Attributes:
        layout: The zip file.
        signature: None if it carries none.
        content_digest: SHA-384 of the content's digest, 48 bytes, as the signature claims it; empty without one.
    """

    layout: Zip
    signature: ServiceSignature | None
    content_digest: bytes = field(default=b"")

    @property
    def content(self) -> tuple[Entry, ...]:
        """The entries that a signature covers."""
        return tuple(entry for entry in self.layout.entries if entry.name != SIGNATURE_NAME)

    @property
    def content_size(self) -> int:
        """Bytes of all bodies that a signature covers."""
        return sum(entry.size for entry in self.content)

    @property
    def signature_overhead(self) -> int:
        """Bytes of the file that the signature's entry takes, if it is the last one; 0 otherwise."""
        entry = self.layout.entries[-1] if self.layout.entries else None
        if entry is None or entry.name != SIGNATURE_NAME:
            return 0
        return entry.end - entry.offset + self.layout.end_offset - entry.directory_offset


def read_lambda_zip(file: BinaryIO, size: int) -> LambdaZip:
    """Read a zip file's layout and its signature, if it has one; the content is passed over.

    Args:
        file: Seekable.
        size: Its length in bytes.

    Raises:
        MalformedImageError: It is no zip file or its signature none, or readers might see different things in it.
        UnsupportedFormatError: It is encrypted, has zip64 end records, an unusual compression or another signature
            algorithm.
    """
    layout = read_zip(file, size)
    entry = next((entry for entry in layout.entries if entry.name == SIGNATURE_NAME), None)
    if entry is None:
        return LambdaZip(layout, None)
    try:
        if entry.size > LARGEST_SIGNATURE:
            message = f"expected at most {LARGEST_SIGNATURE} bytes of signature, got {entry.size}"
            raise UnsupportedFormatError("SignatureTooLarge", message)
        signature, content_digest_ = read_signature(b"".join(read_body(file, entry)))
    except FormatError as error:
        error.data.setdefault("offset", entry.body_offset)
        raise
    return LambdaZip(layout, signature, content_digest_)


def check_content(file: BinaryIO, signed: LambdaZip, *, progress: Callable[[int], None] | None = None) -> bytes:
    """Check that the content is what the signature claims.

    Args:
        file: That was read.
        signed: A zip with a signature.
        progress: Called with the bytes of the file done so far.

    Returns:
        The content's SHA-384, 48 bytes.

    Raises:
        DigestMismatchError: It is not.
        FormatError: A body is not what its headers say, or too large.
    """
    digest = digest_content(file, signed.content, progress=progress)
    if content_digest(digest) != signed.content_digest:
        message = f"expected content whose SHA-384 hashes to {signed.content_digest.hex()}, got {digest.hex()}"
        raise DigestMismatchError("ContentMismatch", message, got=digest.hex())
    return digest


def extract_source(file: BinaryIO, signed: LambdaZip, output: BinaryIO) -> int:
    """Write the zip file as it was before `sign_zip` added the signature, byte for byte, and check what was written.

    Args:
        file: That was read.
        signed: A zip with a signature.
        output: Empty, seekable, readable and writable.

    Returns:
        Bytes written.

    Raises:
        UnsupportedFormatError: The signature is not the last entry, so that nobody can tell what was there before.
        DigestMismatchError: What was written is not what was signed: the file changed meanwhile.
        StoreError: The file has become shorter.
    """
    layout = signed.layout
    entry = layout.entries[-1]
    if entry.name != SIGNATURE_NAME or entry.end != layout.directory_offset:
        message = "expected the signature as the zip's last entry, got another; the zip before signing is not in here"
        raise UnsupportedFormatError("SignatureNotLast", message, hint="unzip it")
    _copy(file, output, 0, entry.offset)
    _copy(file, output, layout.directory_offset, entry.directory_offset)
    count = len(layout.entries) - 1
    directory_size = entry.directory_offset - layout.directory_offset
    end = END.pack(END_MAGIC, 0, 0, count, count, directory_size, entry.offset, len(layout.comment))
    output.write(end + layout.comment)
    # threat 22
    size = output.tell()
    check_content(output, replace(signed, layout=read_zip(output, size)))
    output.seek(size)
    return size


def describe_zip(signed: LambdaZip) -> dict[str, Any]:
    """Describe a zip file's content as plain data for JSON."""
    return {
        "contentSize": signed.content_size,
        "entries": [
            {"name": entry.name.decode(), "size": entry.size, "compressedSize": entry.compressed_size}
            for entry in signed.layout.entries
        ],
    }


def _copy(file: BinaryIO, output: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    left = end - start
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise StoreError("InputChanged", f"expected {left} more bytes of the zip, got none: it is being written")
        output.write(chunk)
        left -= len(chunk)
