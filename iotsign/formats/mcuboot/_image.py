"""Reading an image: header, TLVs, trailer, with every size checked against the file."""

from dataclasses import dataclass
from typing import BinaryIO, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import MalformedImageError
from iotsign.formats.mcuboot._dependency import DEPENDENCY, Dependency
from iotsign.formats.mcuboot._header import HEADER, IMAGE_MAGIC, ImageHeader
from iotsign.formats.mcuboot._stream import Source
from iotsign.formats.mcuboot._tlv import (
    ENCRYPTION_TYPES,
    HASH_TYPES,
    INFO_MAGIC,
    PROTECTED_INFO_MAGIC,
    SIGNATURE_TYPES,
    TLV_INFO,
    Tlv,
    TlvType,
    unpack_area,
)
from iotsign.formats.mcuboot._trailer import TRAILER_WINDOW, Trailer
from iotsign.formats.mcuboot._version import ImageVersion

HASHES: Final = {
    TlvType.SHA256: HashAlgorithm.SHA256,
    TlvType.SHA384: HashAlgorithm.SHA384,
    TlvType.SHA512: HashAlgorithm.SHA512,
}
HASH_TLVS: Final = {algorithm: type_ for type_, algorithm in HASHES.items()}


@dataclass(frozen=True, slots=True)
class SignatureEntry:
    """A signature in an image and how the image names its key.

    Attributes:
        tlv: The signature's record.
        key: The KEYHASH or PUBKEY record before it; None if the image does not name the key.
    """

    tlv: Tlv
    key: Tlv | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it lies in a file.

    Attributes:
        header: The header.
        protected: Records of the area that is hashed.
        unprotected: Records of the area that is not.
        tlv_offset: Where the first TLV area starts: the end of the payload.
        end: Where the last TLV area ends.
        file_size: Bytes in the file; what is beyond `end` is padding and trailer.
        trailer: The trailer; None if fewer than 16 bytes follow the TLVs.
    """

    header: ImageHeader
    protected: tuple[Tlv, ...]
    unprotected: tuple[Tlv, ...]
    tlv_offset: int
    end: int
    file_size: int
    trailer: Trailer | None

    @property
    def version(self) -> ImageVersion:
        """The image's version."""
        return self.header.version

    def protected_value(self, type_: int) -> bytes | None:
        """Value of the first protected record of a type; the unprotected area is never looked at."""
        return next((tlv.data for tlv in self.protected if tlv.type == type_), None)

    @property
    def security_counter(self) -> int | None:
        """The anti-rollback counter of the protected area.

        Raises:
            MalformedImageError: It is not 4 bytes long.
        """
        return self._number(TlvType.SEC_CNT)

    @property
    def decompressed_size(self) -> int | None:
        """Bytes of the payload once decompressed.

        Raises:
            MalformedImageError: The record is not 4 bytes long.
        """
        return self._number(TlvType.DECOMP_SIZE)

    @property
    def compressed_size(self) -> int:
        """Bytes of compressed payload, without what encryption pads it with.

        Raises:
            MalformedImageError: The record is not 4 bytes long or exceeds the payload.
        """
        size = self._number(TlvType.COMP_DEC_SIZE)
        if size is None:
            return self.header.img_size
        if size > self.header.img_size:
            message = f"expected at most {self.header.img_size} compressed bytes, got {size} in COMP_DEC_SIZE"
            raise MalformedImageError("BadCompressedSize", message)
        return size

    @property
    def dependencies(self) -> tuple[Dependency, ...]:
        """Images that this one needs, from the protected area.

        Raises:
            MalformedImageError: A record is not 12 bytes long.
        """
        found = [tlv for tlv in self.protected if tlv.type == TlvType.DEPENDENCY]
        for tlv in found:
            _check_length(tlv, DEPENDENCY.size)
        return tuple(Dependency.from_bytes(tlv.data) for tlv in found)

    @property
    def hashes(self) -> tuple[tuple[HashAlgorithm, Tlv], ...]:
        """The image's digests as the image claims them."""
        return tuple((HASHES[TlvType(tlv.type)], tlv) for tlv in self.unprotected if tlv.type in HASH_TYPES)

    @property
    def pure(self) -> bool:
        """Whether the signatures are over the image itself."""
        return any(tlv.type == TlvType.SIG_PURE for tlv in self.unprotected)

    @property
    def encrypted_key(self) -> Tlv | None:
        """The wrapped content key."""
        return next((tlv for tlv in self.unprotected if tlv.type in ENCRYPTION_TYPES), None)

    @property
    def signatures(self) -> tuple[SignatureEntry, ...]:
        """Signatures in file order. As in the boot loader, a key record names the key of the next signature only."""
        entries = []
        key: Tlv | None = None
        for tlv in self.unprotected:
            if tlv.type in (TlvType.KEYHASH, TlvType.PUBKEY):
                key = tlv
            elif tlv.type in SIGNATURE_TYPES:
                entries.append(SignatureEntry(tlv, key))
                key = None
        return tuple(entries)

    def _number(self, type_: TlvType) -> int | None:
        tlv = next((tlv for tlv in self.protected if tlv.type == type_), None)
        if tlv is None:
            return None
        _check_length(tlv, 4)
        return int.from_bytes(tlv.data, "little")


def is_image(head: bytes) -> bool:
    """Whether a file that starts with these bytes claims to be an image."""
    return head[:4] == IMAGE_MAGIC.to_bytes(4, "little")


def read_image(file: BinaryIO) -> Image:
    """Read an image's structure; nothing is verified yet.

    Args:
        file: Seekable; the image starts at offset 0.

    Raises:
        MalformedImageError: A size that contradicts another or the file, or a wrong magic; the message has the offset.
        StoreError: The file cannot be read.
    """
    source = Source(file)
    header = ImageHeader.from_bytes(source.read(0, min(HEADER.size, source.size), "image header"))
    offset = header.hdr_size + header.img_size
    if offset + TLV_INFO.size > source.size:
        message = (
            f"expected TLVs at offset {offset:#x}, behind {header.hdr_size} bytes of header and {header.img_size} "
            f"of payload, but the file ends at {source.size:#x}"
        )
        raise MalformedImageError("Truncated", message, offset=offset, size=source.size)
    protected: tuple[Tlv, ...] = ()
    end = offset
    if header.protected_tlv_size:
        end += header.protected_tlv_size
        if header.protected_tlv_size < TLV_INFO.size:
            message = (
                f"expected a protected TLV area of at least 4 bytes, got {header.protected_tlv_size} at offset 0xa"
            )
            raise MalformedImageError("BadProtectedSize", message, offset=10)
        area = source.read(offset, header.protected_tlv_size, "protected TLVs")
        protected = unpack_area(area, PROTECTED_INFO_MAGIC, offset)
    total = TLV_INFO.unpack(source.read(end, TLV_INFO.size, "TLV info"))[1]
    unprotected = unpack_area(source.read(end, max(total, TLV_INFO.size), "TLVs"), INFO_MAGIC, end)
    end += total
    window = min(source.size - end, TRAILER_WINDOW)
    trailer = Trailer.from_bytes(source.read(source.size - window, window, "trailer"))
    return Image(header, protected, unprotected, offset, end, source.size, trailer)


def _check_length(tlv: Tlv, size: int) -> None:
    if len(tlv.data) != size:
        message = f"expected {size} bytes of {tlv.type_name}, got {len(tlv.data)} at offset {tlv.offset:#x}"
        raise MalformedImageError("BadTlvLength", message, offset=tlv.offset)
