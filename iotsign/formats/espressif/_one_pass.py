"""Reading an image once, for all that anything says about its bytes, and writing what was read."""

from collections.abc import Collection, Iterator
from typing import BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import MalformedImageError
from iotsign.formats.background_hasher import BackgroundHasher
from iotsign.formats.espressif.image import CHECKSUM_SEED, EspressifImage, appended_hash_mismatch, checksum_mismatch
from iotsign.formats.espressif.signature_sector import SECTOR_SIZE

_CHUNK: Final = 1 << 19


class OnePass:
    """One pass over an image and what is signed with it.

    Args:
        source: The file, seekable.
        image: Its structure.
        length: Bytes to read, at least the image's; 0xFF up to a multiple of 4096 bytes belongs to what is signed.
        hashes: Hashes over all that.

    Attributes:
        digests: By hash; once the pass has ended.
    """

    def __init__(
        self, source: BinaryIO, image: EspressifImage, length: int, hashes: Collection[HashAlgorithm] = ()
    ) -> None:
        self.digests: dict[HashAlgorithm, bytes] = {}
        self._source, self._image, self._length, self._hashes = source, image, length, frozenset(hashes)

    def read(self) -> None:
        """Read everything and check what the image says.

        Raises:
            IotsignError: As `chunks` raises.
        """
        for _ in self.chunks():
            pass

    def chunks(self) -> Iterator[bytes]:
        """Read everything, the padding included; what the image says is checked when the pass ends.

        Raises:
            MalformedImageError: The source is shorter than it was, or its checksum is not the image's.
            DigestMismatchError: The appended SHA-256 is not the image's.
        """
        image = self._image
        wanted = self._hashes if image.sha256 is None else self._hashes | {HashAlgorithm.SHA256}
        hash_offset = image.size - len(image.sha256 or b"")
        checksum, sha256, offset = CHECKSUM_SEED, None, 0
        with BackgroundHasher(*wanted) as hasher:
            for chunk in padded_chunks(self._source, self._length):
                view, end = memoryview(chunk), offset + len(chunk)
                for segment in image.segments:
                    start, stop = max(segment.offset, offset), min(segment.offset + segment.length, end)
                    if start < stop:
                        checksum ^= core.xor_bytes(view[start - offset : stop - offset])
                if offset < hash_offset <= end and image.sha256 is not None:
                    hasher.update(view[: hash_offset - offset])
                    sha256 = hasher.digests()[HashAlgorithm.SHA256]
                    view = view[hash_offset - offset :]
                hasher.update(view)
                offset = end
                yield chunk
            self.digests = hasher.digests()
        if checksum != image.checksum:
            raise checksum_mismatch(image, checksum)
        if image.sha256 is not None and sha256 != image.sha256:
            raise appended_hash_mismatch(image, sha256 or b"")


def padded_chunks(source: BinaryIO, length: int) -> Iterator[bytes]:
    """The first `length` bytes, and 0xFF up to a multiple of 4096.

    Raises:
        MalformedImageError: The source is shorter.
    """
    source.seek(0)
    left = length
    while left:
        chunk = source.read(min(left, _CHUNK))
        if not chunk:
            raise MalformedImageError("TruncatedImage", f"the input ended {left} bytes early", offset=length - left)
        yield chunk
        left -= len(chunk)
    if length % SECTOR_SIZE:
        yield b"\xff" * (-length % SECTOR_SIZE)


def copy_padded(source: BinaryIO, target: BinaryIO, length: int) -> int:
    """Copy the first `length` bytes and pad with 0xFF to a multiple of 4096; returns the padded length.

    Raises:
        MalformedImageError: The source is shorter.
    """
    size = 0
    for chunk in padded_chunks(source, length):
        size += target.write(chunk)
    target.flush()
    return size
