"""Making an image: header, payload, protected TLVs, digest, signatures, trailer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import (
    ConfigError,
    ImageTooLargeError,
    MalformedImageError,
    UnsupportedAlgorithmError,
)
from iotsign.formats.background_hasher import BackgroundHasher
from iotsign.formats.mcuboot._boot_record import BootRecord
from iotsign.formats.mcuboot._header import AES_BLOCK, MAX_PAYLOAD_SIZE, ImageFlag, ImageHeader
from iotsign.formats.mcuboot._image import HASH_TLVS, Image, is_image, read_image
from iotsign.formats.mcuboot._options import Compression, ImageOptions
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._signature import choose_hash, key_hash, sign, signature_tlvs
from iotsign.formats.mcuboot._stream import Blocks, Region, Source, temporary_file, write_all
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, PROTECTED_INFO_MAGIC, Tlv, TlvType, pack_area
from iotsign.formats.mcuboot._trailer import TrailerLayout

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._encryption import EncryptionKey
    from iotsign.keys import Signer


_UNSIGNED_ID: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class _Payload:
    """Something that can be read more than once.

    Attributes:
        size: Bytes.
        source: The file it is in.
        offset: Where it starts there.
        padding: Zero bytes behind it.
        compressed: It has been compressed.
    """

    size: int
    source: Source
    offset: int
    padding: int = 0
    compressed: bool = False

    def blocks(self) -> Blocks:
        yield from self.source.blocks(self.offset, self.size)
        if self.padding:
            yield bytes(self.padding)


def create_image(
    source: BinaryIO,
    output: BinaryIO,
    options: ImageOptions,
    signers: Sequence[Signer] = (),
    *,
    encryption_key: EncryptionKey | None = None,
    release: Image | None = None,
) -> Image:
    """Make an image from a firmware binary.

    Args:
        source: The firmware, seekable. Without `pad_header` it begins with `header_size` zeros.
        output: Where the image goes, seekable and readable, empty.
        options: Everything else about the image.
        signers: Each makes one signature, in this order; none makes an image with a digest only.
        encryption_key: Encrypts the payload for this key.
        release: Refuse to sign an image of a lower version or security counter than this one has.

    Returns:
        The image as it was written.

    Raises:
        ConfigError: The input is an image already, or contradicts the options.
        MalformedImageError: The input is empty or its header area is not empty.
        ImageTooLargeError: Image and trailer exceed the slot, or a size its field.
        RollbackError: Version or security counter are lower than demanded.
        KeyFamilyError: A key that cannot sign such an image.
        StoreError: Reading or writing failed.
    """
    Floor(options.minimum_version, options.minimum_security_counter).check(options.version, options.counter)
    if release is not None:
        Floor.of_release(release).check(options.version, options.counter)
    if options.pure and not signers:
        raise UnsupportedAlgorithmError("PureNeedsEd25519", "expected an ed25519 key for a pure image, got none")
    hash_ = choose_hash([signer.public_key for signer in signers], options.hash, pure=options.pure)
    with contextlib.ExitStack() as stack:
        Builder(Source(source), options, signers, hash_, encryption_key, stack).write(output)
    return read_image(output)


class Builder:
    """Puts one image together; its temporary file lives as long as the stack."""

    def __init__(
        self,
        source: Source,
        options: ImageOptions,
        signers: Sequence[Signer],
        hash_: HashAlgorithm,
        encryption_key: EncryptionKey | None,
        stack: contextlib.ExitStack,
    ) -> None:
        self._options = options
        self._signers = signers
        self._hash = hash_
        self._encryption_key = encryption_key
        self._stack = stack
        self._area, self._plain = _split_input(source, options)

    def region(self) -> Region:
        """What the image's digest and signatures cover."""
        payload, tlvs = self._plain, self._protected_tlvs()
        if self._options.compression is not Compression.NONE:
            payload, tlvs = self._compress(tlvs)
        if self._encryption_key is not None:
            padding = -(self._options.header_size + payload.size) % AES_BLOCK
            payload = replace(payload, padding=padding)
        return self._region(payload, tlvs)

    def write(self, output: BinaryIO) -> None:
        """Write the whole image."""
        region = self.region()
        content_key = None
        if self._encryption_key is not None:
            from iotsign.formats.mcuboot._encryption import new_content_key

            content_key = new_content_key(self._options.content_key_size)
        if self._options.pure:
            region = self._stack.enter_context(region.kept())
        with BackgroundHasher(self._hash) as hasher:
            self._copy(region, output, None if self._options.clear else content_key, hasher)
            records = self._records(region, hasher)
        encrypted = 0
        if self._encryption_key is not None and content_key is not None:
            wrapped = self._encryption_key.wrap(content_key, self._options.ecies_hash)
            encrypted = len(wrapped.data)
            records.append(wrapped)
        area = pack_area(records, INFO_MAGIC)
        write_all(output, [area])
        write_all(output, _slot_end(region.size + len(area), self._options, encrypted))

    def _copy(self, region: Region, output: BinaryIO, content_key: bytes | None, hasher: BackgroundHasher) -> None:
        """One pass: hash the plain region, write it with the payload encrypted."""
        cipher = None
        if content_key is not None:
            from iotsign.formats.mcuboot._encryption import payload_cipher

            cipher = payload_cipher(content_key)
        if region.whole is not None:
            # all at once, so that nothing waits for it: while the key signs there is time enough
            hasher.update(region.whole)

        def hashed(blocks: Iterable[bytes | memoryview]) -> Blocks:
            for block in blocks:
                if region.whole is None:
                    hasher.update(block)
                yield block

        write_all(output, hashed([region.header_area]))
        payload = hashed(region.payload())
        write_all(output, map(cipher, payload) if cipher else payload)
        write_all(output, hashed([region.protected]))

    def _records(self, region: Region, hasher: BackgroundHasher) -> list[Tlv]:
        pure, key_format = self._options.pure, self._options.public_key_format
        # a pure signature is not over the digest, which takes as long as the signature
        digest = b"" if pure else hasher.digests()[self._hash]
        signatures = []
        for signer in self._signers:
            signatures += signature_tlvs(signer, region, digest, self._hash, key_format, pure=pure)
        records = [Tlv(HASH_TLVS[self._hash], hasher.digests()[self._hash])]
        if pure:
            records.append(Tlv(TlvType.SIG_PURE, b"\x01"))
        return records + signatures

    def _region(self, payload: _Payload, protected: list[Tlv]) -> Region:
        options = self._options
        area = pack_area(protected, PROTECTED_INFO_MAGIC) if protected else b""
        size = payload.size + payload.padding
        if size > MAX_PAYLOAD_SIZE:
            raise ImageTooLargeError("PayloadTooLarge", f"expected a payload under 4 GiB, got {size} bytes", size=size)
        header = ImageHeader(
            load_addr=options.rom_fixed or options.load_addr,
            hdr_size=options.header_size,
            protected_tlv_size=len(area),
            img_size=size,
            flags=self._flags(compressed=payload.compressed),
            version=options.version,
        ).to_bytes()
        return Region(header + self._area[len(header) :], payload.blocks, size, area)

    def _flags(self, *, compressed: bool) -> int:
        options = self._options
        flags = ImageFlag(0)
        if self._encryption_key is not None:
            aes256 = options.content_key_size == 32
            flags |= ImageFlag.ENCRYPTED_AES256 if aes256 else ImageFlag.ENCRYPTED_AES128
        if options.load_addr:
            flags |= ImageFlag.RAM_LOAD
        if options.rom_fixed:
            flags |= ImageFlag.ROM_FIXED
        if options.non_bootable:
            flags |= ImageFlag.NON_BOOTABLE
        if compressed:
            flags |= ImageFlag.COMPRESSED_LZMA2
            if options.compression is Compression.LZMA2_ARM_THUMB:
                flags |= ImageFlag.COMPRESSED_ARM_THUMB
        return flags

    def _protected_tlvs(self, compression: Sequence[Tlv] = ()) -> list[Tlv]:
        options = self._options
        tlvs = []
        if options.counter is not None:
            tlvs.append(Tlv(TlvType.SEC_CNT, options.counter.to_bytes(4, "little")))
        if options.boot_record is not None:
            tlvs.append(Tlv(TlvType.BOOT_RECORD, self._boot_record(options.boot_record)))
        tlvs += [Tlv(TlvType.DEPENDENCY, dependency.to_bytes()) for dependency in options.dependencies]
        tlvs += compression
        if options.vendor_id is not None:
            tlvs.append(Tlv(TlvType.UUID_VID, options.vendor_id))
        if options.class_id is not None:
            tlvs.append(Tlv(TlvType.UUID_CID, options.class_id))
        return tlvs + [Tlv(type_, value) for type_, value in options.custom_tlvs]

    def _boot_record(self, sw_type: str) -> bytes:
        signer_id = key_hash(self._signers[0].public_key, self._hash) if self._signers else _UNSIGNED_ID
        version = self._options.version
        return BootRecord(
            sw_type=sw_type,
            version=f"{version.major}.{version.minor}.{version.revision}",
            signer_id=signer_id,
            description=self._hash.value,
            measurement=bytes(self._hash.digest_size),
        ).to_bytes()

    def _compress(self, tlvs: list[Tlv]) -> tuple[_Payload, list[Tlv]]:
        """Compress the payload; a second, inner digest and signature cover the image as it will be in the slot."""
        from iotsign.formats.mcuboot._compression import check_ratio, compress

        inner = self._region(self._plain, tlvs)
        file = self._stack.enter_context(temporary_file())
        thumb = self._options.compression is Compression.LZMA2_ARM_THUMB
        with BackgroundHasher(self._hash) as hasher:

            def hashed() -> Blocks:
                for block in inner.payload():
                    hasher.update(block)
                    yield block

            hasher.update(inner.header_area)
            write_all(file, compress(hashed(), arm_thumb=thumb))
            hasher.update(inner.protected)
            digest = hasher.digests()[self._hash]
        compressed = Source(file)
        records = [
            Tlv(TlvType.DECOMP_SIZE, self._plain.size.to_bytes(4, "little")),
            Tlv(TlvType.DECOMP_SHA, digest),
        ]
        if self._signers:
            signature = sign(self._signers[0], inner, digest, pure=self._options.pure)
            records.append(Tlv(TlvType.DECOMP_SIGNATURE, signature))
        if self._encryption_key is not None:
            records.append(Tlv(TlvType.COMP_DEC_SIZE, compressed.size.to_bytes(4, "little")))
        overhead = sum(len(record.data) for record in records if record.type != TlvType.COMP_DEC_SIZE)
        if compressed.size - 2 + overhead >= self._plain.size:
            return self._plain, tlvs
        check_ratio(compressed.size, self._plain.size)
        return _Payload(compressed.size, compressed, 0, compressed=True), self._protected_tlvs(records)


def _split_input(source: Source, options: ImageOptions) -> tuple[bytes, _Payload]:
    """The header area, still without header, and the payload."""
    if is_image(source.read(0, min(4, source.size), "firmware")):
        message = (
            "expected a firmware without a header, got an MCUboot image at offset 0: resign it, or extract its payload"
        )
        raise ConfigError("AlreadyAnImage", message)
    if options.pad_header:
        area, offset = bytes([options.erased_value]) * options.header_size, 0
    else:
        area, offset = source.read(0, options.header_size, "header area"), options.header_size
        if any(area):
            message = (
                f"expected {options.header_size} zero bytes at offset 0, where the header goes, got "
                f"{area[:8].hex()}…: build the firmware with room for a header, or ask for --pad-header"
            )
            raise MalformedImageError("HeaderAreaInUse", message, offset=0)
    size = source.size - offset
    if size <= 0:
        raise MalformedImageError("EmptyFirmware", f"expected firmware at offset {offset:#x}, got none", offset=offset)
    return area, _Payload(size, source, offset)


def _slot_end(size: int, options: ImageOptions, encrypted_key_size: int) -> Iterator[bytes]:
    """Padding and trailer, checked against the slot."""
    if not options.slot_size:
        return
    saved = 0
    if encrypted_key_size:
        saved = encrypted_key_size if options.save_encrypted_key else AES_BLOCK
    layout = TrailerLayout(options.align, options.field_align, options.max_sectors, options.overwrite_only, saved)
    room = options.slot_size - size - layout.size
    if room < 0:
        message = (
            f"expected image and trailer to fit the slot of {options.slot_size:#x} bytes, "
            f"got {size:#x} + {layout.size:#x}"
        )
        raise ImageTooLargeError("SlotTooSmall", message, image=size, trailer=layout.size, slot=options.slot_size)
    if not options.padded:
        return
    erased = bytes([options.erased_value])
    for start in range(0, room, 1 << 16):
        yield erased * min(1 << 16, room - start)
    yield layout.to_bytes(options.erased_value, confirmed=options.confirm)
