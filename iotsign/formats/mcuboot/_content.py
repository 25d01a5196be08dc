"""The content of an image in plain: decrypted, decompressed, as its digests cover it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import (
    DigestMismatchError,
    KeyUnavailableError,
    MalformedImageError,
    UnsupportedFormatError,
    VerificationIncompleteError,
)
from iotsign.formats.background_hasher import BackgroundHasher, BackgroundUpdates, Taker
from iotsign.formats.mcuboot._header import COMPRESSION_FLAGS, ENCRYPTION_FLAGS, HEADER, ImageFlag
from iotsign.formats.mcuboot._image import Image
from iotsign.formats.mcuboot._stream import Blocks, Region, Source
from iotsign.formats.mcuboot._tlv import COMPRESSION_TYPES, PROTECTED_INFO_MAGIC, TlvType, pack_area

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._encryption import DecryptionKey


class PayloadState(StrEnum):
    """How the payload lies in the file."""

    PLAIN = "plain"
    ENCRYPTED = "encrypted"
    CLEAR = "clear"  # meant to be encrypted on its way, and here in plain


@dataclass(frozen=True, slots=True)
class Content:
    """An image whose digests hold.

    Attributes:
        region: What the digests cover, in plain; each further pass over it is held to them.
        digests: The digests, computed, in the image's order.
        state: How the payload lies in the file.
    """

    region: Region
    digests: dict[HashAlgorithm, bytes]
    state: PayloadState

    @property
    def digest(self) -> bytes:
        """The first digest."""
        return next(iter(self.digests.values()))


def open_content(
    image: Image, source: Source, decryption_key: DecryptionKey | None = None, beside: Iterable[Taker] = ()
) -> Content:
    """Find the content of an image and check the image's own digests.

    Args:
        image: The image's structure.
        source: The file it was read from.
        decryption_key: Opens an encrypted payload.
        beside: Who gets the content, too, as it is read; of an image whose payload is in plain.

    Raises:
        MalformedImageError: No digest, or an encrypted image without its key record.
        DigestMismatchError: The content is not what the image's digest says.
        KeyMismatchError: The payload was encrypted for another key.
        VerificationIncompleteError: The payload is encrypted and there is no key to decrypt it.
        StoreError: The file cannot be read.
    """
    if not image.hashes:
        raise MalformedImageError(
            "DigestMissing", f"expected a digest in the TLVs at offset {image.tlv_offset:#x}, got none"
        )
    plain = _region(image, source, lambda: _stored(image, source))
    if not image.header.encrypted:
        return _content(plain, _checked(image, plain, beside), PayloadState.PLAIN)
    if image.header.flags & ENCRYPTION_FLAGS == ENCRYPTION_FLAGS:
        raise MalformedImageError("EncryptionFlags", "expected AES-128 or AES-256 in the flags at offset 16, got both")
    if decryption_key is None:
        return _clear(image, plain)
    wrapped = image.encrypted_key
    if wrapped is None:
        message = f"expected a wrapped content key in the TLVs at offset {image.tlv_offset:#x}, got none"
        raise MalformedImageError("ContentKeyMissing", message)
    from iotsign.formats.mcuboot._encryption import apply_cipher

    content_key = decryption_key.unwrap(wrapped, image.header.content_key_size)
    decrypted = _region(image, source, lambda: apply_cipher(content_key, _stored(image, source)))
    digests = _digests(image, decrypted)
    if _match(image, digests):
        return _content(decrypted, digests, PayloadState.ENCRYPTED)
    digests = _digests(image, plain)
    if _match(image, digests):
        return _content(plain, digests, PayloadState.CLEAR)
    raise _mismatch(image, digests)


def decompressed_region(image: Image, region: Region) -> Region:
    """The image that a compressed one becomes in its slot.

    Args:
        image: A compressed image.
        region: Its content as transferred, in plain.

    Raises:
        UnsupportedFormatError: LZMA1.
        MalformedImageError: Its size record is missing; the payload's errors come while it is read.
    """
    flags = image.header.flags
    if not flags & ImageFlag.COMPRESSED_LZMA2 or flags & ImageFlag.COMPRESSED_LZMA1:
        message = f"expected LZMA2 in the flags at offset 16, got {', '.join(image.header.flag_names)}"
        raise UnsupportedFormatError("CompressionNotSupported", message)
    size = image.decompressed_size
    if size is None:
        raise MalformedImageError("DecompressedSizeMissing", "expected DECOMP_SIZE in the protected TLVs, got none")
    kept = [tlv for tlv in image.protected if tlv.type not in COMPRESSION_TYPES]
    protected = pack_area(kept, PROTECTED_INFO_MAGIC) if kept else b""
    header = replace(image.header, img_size=size, flags=flags & ~COMPRESSION_FLAGS, protected_tlv_size=len(protected))
    from iotsign.formats.mcuboot._compression import decompress

    thumb = bool(flags & ImageFlag.COMPRESSED_ARM_THUMB)
    compressed_size = image.compressed_size

    def payload() -> Blocks:
        return decompress(region.payload(), compressed_size, size, arm_thumb=thumb)

    return Region(header.to_bytes() + region.header_area[HEADER.size :], payload, size, protected)


def check_decompressed(image: Image, region: Region) -> tuple[Region, bytes]:
    """Decompress an image and check the digest it states for that.

    Raises:
        DigestMismatchError: The digest differs.
        FormatError: As for `decompressed_region`; or no such digest.
    """
    claimed = image.protected_value(TlvType.DECOMP_SHA)
    if claimed is None:
        raise MalformedImageError("DecompressedDigestMissing", "expected DECOMP_SHA in the protected TLVs, got none")
    hash_ = next((hash_ for hash_, _ in image.hashes if hash_.digest_size == len(claimed)), None)
    if hash_ is None:
        message = f"expected DECOMP_SHA as long as the image's digest, got {len(claimed)} bytes"
        raise MalformedImageError("DecompressedDigestSize", message)
    inner = decompressed_region(image, region)
    digest = inner.digest(hash_)
    if digest != claimed:
        message = f"expected digest {claimed.hex()} of the decompressed image, got {digest.hex()}"
        raise DigestMismatchError("DecompressedDigestMismatch", message)
    return inner, digest


_WHAT: Final = "header, payload and protected TLVs"


def _stored(image: Image, source: Source) -> Blocks:
    return source.blocks(image.header.hdr_size, image.header.img_size)


def _region(image: Image, source: Source, payload: Callable[[], Blocks]) -> Region:
    area = source.read(0, image.header.hdr_size, "header area")
    protected = source.read(image.tlv_offset, image.header.protected_tlv_size, "protected TLVs")
    return Region(area, payload, image.header.img_size, protected)


def _clear(image: Image, plain: Region) -> Content:
    digests = _digests(image, plain)
    if _match(image, digests):
        return _content(plain, digests, PayloadState.CLEAR)
    cause = KeyUnavailableError("DecryptionKeyMissing", "the payload is encrypted and no decryption key was given")
    raise VerificationIncompleteError("EncryptedPayload", f"cannot check the digest: {cause.message}") from cause


def _content(region: Region, digests: dict[HashAlgorithm, bytes], state: PayloadState) -> Content:
    algorithm, digest = next(iter(digests.items()))
    return Content(region.held_to(algorithm, digest), digests, state)


def _digests(image: Image, region: Region, beside: Iterable[Taker] = ()) -> dict[HashAlgorithm, bytes]:
    hashes = (hash_ for hash_, _ in image.hashes)
    with BackgroundHasher(*hashes) as hasher, BackgroundUpdates(beside) as others:
        for block in region.blocks():
            hasher.update(block)
            others.update(block)
        return hasher.digests()


def _match(image: Image, digests: dict[HashAlgorithm, bytes]) -> bool:
    return all(digests[hash_] == tlv.data for hash_, tlv in image.hashes)


def _checked(image: Image, region: Region, beside: Iterable[Taker]) -> dict[HashAlgorithm, bytes]:
    digests = _digests(image, region, beside)
    if not _match(image, digests):
        raise _mismatch(image, digests)
    return digests


def _mismatch(image: Image, digests: dict[HashAlgorithm, bytes]) -> DigestMismatchError:
    hash_, tlv = next((hash_, tlv) for hash_, tlv in image.hashes if digests[hash_] != tlv.data)
    message = (
        f"expected {hash_.value} {tlv.data.hex()} over {_WHAT} as the TLV at offset {tlv.offset:#x} says, "
        f"got {digests[hash_].hex()}"
    )
    return DigestMismatchError("DigestMismatch", message, offset=tlv.offset)
