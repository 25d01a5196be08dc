"""Reading and writing images in blocks, so that an image of any size needs little memory."""

import contextlib
import mmap
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import DigestMismatchError, MalformedImageError, StoreError
from iotsign.formats.background_hasher import BackgroundHasher

BLOCK_SIZE: Final = 512 * 1024
_LARGE: Final = 16 << 20  # bytes of a mapping; less may stay in memory
_GIVE_BACK_S: Final = 0.01  # in which OpenSSL reads some 5 MiB

Blocks = Iterator[bytes | memoryview]


@contextlib.contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Turn an error of the operating system into a StoreError that says what was being done."""
    try:
        yield
    except OSError as error:
        message = f"cannot {action}: {error.strerror or error}"
        raise StoreError("InputOutput", message, errno=error.errno) from error


class Source:
    """A seekable binary file that is read at given offsets.

    Attributes:
        size: Bytes in the file.

    Raises:
        StoreError: The file cannot be read or does not seek.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        with store_errors("find the size of the input"):
            self.size = file.seek(0, 2)

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Read exactly `size` bytes.

        Raises:
            MalformedImageError: The file ends before.
            StoreError: The file cannot be read.
        """
        if offset + size <= self.size:
            with store_errors("read the input"):
                self._file.seek(offset)
                data = self._file.read(size)
            if len(data) == size:
                return data
        message = f"expected {size} bytes of {what} at offset {offset:#x}, but the file ends at {self.size:#x}"
        raise MalformedImageError("Truncated", message, offset=offset, size=self.size)

    def blocks(self, offset: int, size: int) -> Blocks:
        """Read `size` bytes from `offset` on, in blocks.

        Raises:
            MalformedImageError: The file ends before.
            StoreError: The file cannot be read.
        """
        end = offset + size
        while offset < end:
            block = self.read(offset, min(BLOCK_SIZE, end - offset), "payload")
            offset += len(block)
            yield block


@dataclass(frozen=True, slots=True)
class Region:
    """The bytes that an image's hash and signature cover, in plain.

    Attributes:
        header_area: Header with its padding.
        payload: Starts a pass over the payload.
        payload_size: Bytes of payload.
        protected: The protected TLV area; empty without one.
        whole: All of it in one piece, if it is kept in one.
    """

    header_area: bytes
    payload: Callable[[], Blocks]
    payload_size: int
    protected: bytes
    whole: memoryview | None = None

    @property
    def size(self) -> int:
        """Bytes of the whole region."""
        return len(self.header_area) + self.payload_size + len(self.protected)

    def blocks(self) -> Blocks:
        """One pass over all bytes."""
        yield self.header_area
        yield from self.payload()
        yield self.protected

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Hash the region."""
        with BackgroundHasher(algorithm) as hasher:
            for block in self.blocks():
                hasher.update(block)
            return hasher.digests()[algorithm]

    def held_to(self, algorithm: HashAlgorithm, digest: bytes) -> "Region":
        """The same region, whose payload is held to a digest in every pass, in case the file changes in between."""

        def payload() -> Blocks:
            with BackgroundHasher(algorithm) as hasher:
                hasher.update(self.header_area)
                for block in self.payload():
                    hasher.update(block)
                    yield block
                hasher.update(self.protected)
                if hasher.digests()[algorithm] != digest:
                    raise DigestMismatchError("InputChanged", "the image changed while it was read")

        return replace(self, payload=payload)

    @contextlib.contextmanager
    def kept(self) -> Iterator["Region"]:
        """The same region, read once, for several passes that must see the same bytes.

        Raises:
            StoreError: No room for a temporary file.
        """
        start, end = len(self.header_area), len(self.header_area) + self.payload_size
        with self.mapped() as whole:

            def payload() -> Blocks:
                return (whole[offset : min(offset + BLOCK_SIZE, end)] for offset in range(start, end, BLOCK_SIZE))

            yield replace(self, payload=payload, whole=whole)

    @contextlib.contextmanager
    def mapped(self) -> Iterator[memoryview]:
        """The region as one buffer, mapped from a temporary file: pure Ed25519 signs the message itself.

        Raises:
            StoreError: No room for the temporary file.
        """
        if self.whole is not None:
            yield self.whole
            return
        with temporary_file() as file:
            write_all(file, self.blocks())
            with store_errors("map a temporary file"):
                file.flush()
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            view = memoryview(mapping)
            try:
                with _given_back(mapping):
                    yield view
            finally:
                # an error on its way holds on to what it was about
                with contextlib.suppress(BufferError):
                    view.release()
                    mapping.close()


@contextlib.contextmanager
def _given_back(mapping: mmap.mmap) -> Iterator[None]:
    """Let go of a mapping's pages again and again while somebody reads it; what is in the file comes back at need."""
    ended = threading.Event()

    def give_back() -> None:
        while not ended.wait(_GIVE_BACK_S):
            mapping.madvise(mmap.MADV_DONTNEED)

    if len(mapping) < _LARGE or not hasattr(mmap, "MADV_DONTNEED"):
        yield
        return
    thread = threading.Thread(target=give_back, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def write_all(file: BinaryIO, blocks: Iterable[bytes | memoryview]) -> None:
    """Write all blocks at the current position.

    Raises:
        StoreError: The file cannot be written.
    """
    for block in blocks:
        rest = memoryview(block)
        # an unbuffered file may take a part only, for example where a disk fills up
        while rest:
            with store_errors("write the output"):
                rest = rest[file.write(rest) :]


@contextlib.contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """A temporary file without a name.

    Raises:
        StoreError: No room for one.
    """
    import tempfile

    with store_errors("make a temporary file"):
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    with file:
        yield file
