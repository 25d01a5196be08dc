"""Images that only a signing service signs: which they are, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from iotsign.app._input_file import InputFile
from iotsign.app._native_files import reader

if TYPE_CHECKING:
    from iotsign.formats.claims import ServiceSignature

__all__ = ["ServiceImage", "is_service_image", "looks_like_zip", "open_service_image"]

Progress = Callable[[int], None]

_ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_LARGEST_ENVELOPE: Final = 1 << 16  # as in iotsign.formats.notation, which looking at other images need not load


class ServiceImage(Protocol):
    """An image whose structure holds; nothing else has been checked."""

    @property
    def name(self) -> str:
        """The format."""

    @property
    def platform_id(self) -> str:
        """The signing platform that makes such images."""

    @property
    def summary(self) -> str:
        """What it is, in a few words for people."""

    @property
    def payload_size(self) -> int:
        """Bytes of what is signed."""

    @property
    def signature(self) -> ServiceSignature:
        """The signature.

        Raises:
            SignatureMismatchError: There is none.
        """

    def check_payload(self) -> str:
        """Check that the payload is what the signature's attributes say.

        Returns:
            What was found, for people.

        Raises:
            FormatError: It contradicts itself.
            DigestMismatchError: It is another one.
        """

    def extract(self, output: BinaryIO) -> int:
        """Write what was signed, and give its size in bytes.

        Raises:
            UnsupportedFormatError: It is not in the image as it was.
        """

    def describe(self) -> dict[str, Any]:
        """Describe it as plain data for JSON."""


def looks_like_zip(head: bytes) -> bool:
    """Tell whether a file that begins with these bytes is a zip file."""
    return head[:4] in _ZIP_MAGICS


def is_service_image(file: InputFile) -> bool:
    """Tell whether a file is an image that only signing services sign.

    Raises:
        StoreError: It cannot be read.
    """
    return looks_like_zip(file.head(4)) or _envelope(file) is not None


def open_service_image(file: InputFile, progress: Progress | None = None) -> ServiceImage | None:
    """Read an image of a signing service; None if it is none.

    Raises:
        FormatError: It is one, and malformed.
        StoreError: It cannot be read.
    """
    if looks_like_zip(file.head(4)):
        from iotsign.app._service_image_kinds import LambdaImage
        from iotsign.formats.awslambda import read_lambda_zip

        source = reader(file)
        return LambdaImage(source, file.size, read_lambda_zip(source, file.size), progress)
    envelope = _envelope(file)
    if envelope is None:
        return None
    from iotsign.app._service_image_kinds import NotationImage
    from iotsign.formats.notation import read_envelope

    return NotationImage(read_envelope(envelope))


def _envelope(file: InputFile) -> bytes | None:
    """Read a file that looks like an envelope."""
    if file.head(1) != b"{" or file.size > _LARGEST_ENVELOPE:
        return None
    from iotsign.formats.notation import looks_like_envelope

    data = file.piece(0, file.size)
    return data if looks_like_envelope(data) else None
