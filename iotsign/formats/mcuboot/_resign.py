"""Changing who signed an image, without touching its payload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.errors import ConfigError, ImageTooLargeError, KeyMismatchError, UnsupportedAlgorithmError
from iotsign.formats.mcuboot._boot_record import BootRecord
from iotsign.formats.mcuboot._content import Content, decompressed_region
from iotsign.formats.mcuboot._encryption import DecryptionKey
from iotsign.formats.mcuboot._header import HEADER
from iotsign.formats.mcuboot._image import HASH_TLVS, Image, read_image
from iotsign.formats.mcuboot._signature import choose_hash, key_hash, names_key, sign, signature_tlvs
from iotsign.formats.mcuboot._stream import Blocks, Region, Source, write_all
from iotsign.formats.mcuboot._tlv import (
    HASH_TYPES,
    INFO_MAGIC,
    PROTECTED_INFO_MAGIC,
    SIGNATURE_TYPES,
    PublicKeyFormat,
    Tlv,
    TlvType,
    pack_area,
)
from iotsign.formats.mcuboot._trailer import DEFAULT_MAX_ALIGN, TrailerLayout
from iotsign.formats.mcuboot._verify import OpenImage

if TYPE_CHECKING:
    from iotsign.keys import PublicKey, Signer

_SIGNATURE_RECORDS = SIGNATURE_TYPES | HASH_TYPES | {TlvType.KEYHASH, TlvType.PUBKEY, TlvType.SIG_PURE}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResignOptions:
    """How to sign again.

    Attributes:
        append: Keep the signatures that are there and add to them.
        public_key_format: How the image names its key; by default as it did, else by hash.
        hash: The image's hash; by default the present one, where the new key allows it.
        pure: Whether Ed25519 signs the image itself; by default as it did.
        align: Write size of the flash, for the size of a padded image's trailer; likewise the next two.
        max_sectors: Sectors that the swap status has room for.
        overwrite_only: The boot loader never swaps.
    """

    append: bool = False
    public_key_format: PublicKeyFormat | None = None
    hash: HashAlgorithm | None = None
    pure: bool | None = None
    align: int = 1
    max_sectors: int = 128
    overwrite_only: bool = False


def resign_image(
    source: BinaryIO,
    output: BinaryIO,
    signers: Sequence[Signer],
    options: ResignOptions | None = None,
    *,
    decryption_key: DecryptionKey | None = None,
) -> Image:
    """Sign an image with other keys. Payload, encryption, padding and trailer stay as they are.

    Args:
        source: The image, seekable.
        output: Where the new image goes, seekable and readable, empty.
        signers: Each makes one signature, in this order.
        options: How to sign.
        decryption_key: Opens an encrypted payload, because nothing is signed that was not checked.

    Returns:
        The image as it was written.

    Raises:
        FormatError: The image contradicts itself.
        DigestMismatchError: Its content is not what its digest says.
        VerificationIncompleteError: It is encrypted and there is no key to decrypt it.
        KeyMismatchError: A key is to be added that has signed already, or the payload is encrypted for another key.
        ConfigError: No signer, or options that do not fit the image.
        ImageTooLargeError: The new signatures do not fit before the trailer.
        KeyFamilyError: A key that cannot sign such an image.
        StoreError: Reading or writing failed.
    """
    options = options or ResignOptions()
    if not signers:
        raise ConfigError("NoSigner", "expected at least one key to sign with, got none")
    reader = Source(source)
    opened = OpenImage(source, decryption_key)
    image, content = opened.image, opened.checked_content()
    keys = [signer.public_key for signer in signers]
    pure = _pure(image, keys, options)
    hash_ = _hash(image, content, keys, options, pure=pure)
    region = content.region if options.append else _new_region(image, content, signers[0], hash_, pure=pure)
    digest = region.digest(hash_)
    format_ = options.public_key_format or _format(image)
    records = _kept(image, content, keys) if options.append else _first_records(hash_, digest, pure=pure)
    for signer in signers:
        records += signature_tlvs(signer, region, digest, hash_, format_, pure=pure)
    records += [tlv for tlv in image.unprotected if tlv.type not in _SIGNATURE_RECORDS]
    area = pack_area(records, INFO_MAGIC)
    tail = _tail(image, reader, region.size + len(area), options)
    write_all(output, [region.header_area])
    write_all(output, reader.blocks(image.header.hdr_size, image.header.img_size))
    write_all(output, [region.protected, area])
    write_all(output, tail)
    return read_image(output)


def _pure(image: Image, keys: Sequence[PublicKey], options: ResignOptions) -> bool:
    if options.append:
        if options.pure is not None and options.pure is not image.pure:
            raise ConfigError("CannotAppend", "expected signatures as the image has them, all pure or all not")
        return image.pure
    if options.pure is not None:
        return options.pure
    return image.pure and all(key.key_type is KeyType.ED25519 for key in keys)


def _hash(
    image: Image, content: Content, keys: Sequence[PublicKey], options: ResignOptions, *, pure: bool
) -> HashAlgorithm:
    present = next(iter(content.digests))
    if options.append:
        if image.header.compressed:
            message = "a compressed image has room for one inner signature: resign it, nothing can be appended"
            raise ConfigError("CannotAppend", message)
        return choose_hash(keys, present, pure=pure)
    if options.hash is not None:
        return choose_hash(keys, options.hash, pure=pure)
    try:
        return choose_hash(keys, present, pure=pure)
    except UnsupportedAlgorithmError:
        return choose_hash(keys, None, pure=pure)


def _format(image: Image) -> PublicKeyFormat:
    full = any(tlv.type == TlvType.PUBKEY for tlv in image.unprotected)
    return PublicKeyFormat.FULL if full else PublicKeyFormat.HASH


def _first_records(hash_: HashAlgorithm, digest: bytes, *, pure: bool) -> list[Tlv]:
    return [Tlv(HASH_TLVS[hash_], digest)] + ([Tlv(TlvType.SIG_PURE, b"\x01")] if pure else [])


def _kept(image: Image, content: Content, keys: Sequence[PublicKey]) -> list[Tlv]:
    hash_ = next(iter(content.digests))
    for entry in image.signatures:
        if entry.key is not None and any(names_key(entry.key, key, hash_) for key in keys):
            message = f"expected a key that has not signed yet, got the one named at offset {entry.key.offset:#x}"
            raise KeyMismatchError("SignedAlready", message, offset=entry.key.offset)
    return [tlv for tlv in image.unprotected if tlv.type in _SIGNATURE_RECORDS]


def _new_region(image: Image, content: Content, signer: Signer, hash_: HashAlgorithm, *, pure: bool) -> Region:
    """The content, with what its protected TLVs say about the key and the hash brought up to date."""
    protected = [_updated(tlv, signer.public_key, hash_) for tlv in image.protected]
    if image.header.compressed:
        inner = decompressed_region(replace(image, protected=tuple(protected)), content.region)
        digest = inner.digest(hash_)
        fresh = {TlvType.DECOMP_SHA: digest, TlvType.DECOMP_SIGNATURE: sign(signer, inner, digest, pure=pure)}
        protected = _replaced(protected, fresh)
    area = pack_area(protected, PROTECTED_INFO_MAGIC) if protected else b""
    header = replace(image.header, protected_tlv_size=len(area)).to_bytes()
    return replace(content.region, header_area=header + content.region.header_area[HEADER.size :], protected=area)


def _updated(tlv: Tlv, key: PublicKey, hash_: HashAlgorithm) -> Tlv:
    if tlv.type != TlvType.BOOT_RECORD:
        return tlv
    record = replace(
        BootRecord.from_bytes(tlv.data),
        signer_id=key_hash(key, hash_),
        description=hash_.value,
        measurement=bytes(hash_.digest_size),
    )
    return Tlv(tlv.type, record.to_bytes())


def _replaced(protected: list[Tlv], fresh: dict[TlvType, bytes]) -> list[Tlv]:
    """Replace values in place; a signature that was not there comes right behind its digest."""
    result = []
    signed = any(tlv.type == TlvType.DECOMP_SIGNATURE for tlv in protected)
    for tlv in protected:
        new = next((Tlv(type_, value) for type_, value in fresh.items() if type_ == tlv.type), tlv)
        result.append(new)
        if tlv.type == TlvType.DECOMP_SHA and not signed:
            result.append(Tlv(TlvType.DECOMP_SIGNATURE, fresh[TlvType.DECOMP_SIGNATURE]))
    return result


def _tail(image: Image, reader: Source, new_end: int, options: ResignOptions) -> Blocks:
    """Padding and trailer at the same place in a file of the same size; erased bytes give way or fill up."""
    tail_size = image.file_size - image.end
    if not tail_size:
        return iter(())
    growth = new_end - image.end
    erased = reader.read(image.end, 1, "padding")
    max_align = image.trailer.max_align if image.trailer and image.trailer.max_align else DEFAULT_MAX_ALIGN
    saved = len(image.encrypted_key.data) if image.encrypted_key else 0
    layout = TrailerLayout(options.align, max_align, options.max_sectors, options.overwrite_only, saved)
    room = tail_size - layout.size
    if growth > 0 and (growth > room or reader.read(image.end, growth, "padding").strip(erased)):
        message = (
            f"expected {growth} erased bytes more for the signatures at offset {image.end:#x}, before a trailer of "
            f"{layout.size:#x} bytes, got {max(room, 0)}"
        )
        raise ImageTooLargeError("SlotTooSmall", message, offset=image.end)
    if growth >= 0:
        return reader.blocks(new_end, image.file_size - new_end)
    return _filled(erased * -growth, reader.blocks(image.end, tail_size))


def _filled(padding: bytes, blocks: Blocks) -> Blocks:
    yield padding
    yield from blocks
