"""What a packer decides about an image."""

import uuid
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError
from iotsign.formats.mcuboot._dependency import Dependency
from iotsign.formats.mcuboot._header import HEADER, MAX_HEADER_SIZE
from iotsign.formats.mcuboot._tlv import MAX_AREA_SIZE, PublicKeyFormat, is_vendor_type
from iotsign.formats.mcuboot._trailer import ALIGNMENTS, DEFAULT_MAX_ALIGN, MAX_ALIGNMENTS
from iotsign.formats.mcuboot._version import ImageVersion

_U32_MAX: Final = 0xFFFFFFFF


class Compression(StrEnum):
    """How the payload is compressed."""

    NONE = "disabled"
    LZMA2 = "lzma2"
    LZMA2_ARM_THUMB = "lzma2armthumb"


class Auto(Enum):
    """A value that is derived from others."""

    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """Everything about an image but its payload and its keys. Sizes and addresses are in bytes.

    Attributes:
        version: The image's version.
        header_size: Bytes before the payload.
        pad_header: Put the header before the input; otherwise the input begins with `header_size` zeros.
        slot_size: Size of the slot that image and trailer must fit; 0 checks nothing.
        pad: Fill the slot and write the trailer.
        confirm: Mark the image as confirmed; implies `pad`.
        test: Ask for a test swap; implies `pad`.
        align: Write size of the flash.
        max_align: Alignment of the trailer's fields; by default the larger of `align` and 8.
        max_sectors: Sectors that the swap status has room for.
        overwrite_only: The boot loader never swaps.
        erased_value: What erased flash reads.
        load_addr: Address to load the image to; 0 for none.
        rom_fixed: Address the image is built for; 0 for none.
        non_bootable: The image is not started.
        security_counter: Anti-rollback counter; AUTO derives it from the version.
        dependencies: Other images that must be there.
        custom_tlvs: Vendor types and values, put into the protected area.
        boot_record: Role of the component in a boot record; None writes none.
        vendor_id: 16-byte UUID.
        class_id: 16-byte UUID.
        public_key_format: How the image names its key.
        hash: The image's hash; by default the first that the key goes with.
        pure: Ed25519 signs the image itself, not its digest.
        compression: How the payload is compressed; dropped where it would not make the image smaller.
        content_key_size: AES key of an encrypted image, 16 or 32.
        ecies_hash: Hash of the key derivation; SHA-512 goes with X25519 only.
        clear: Write an image that can be encrypted, but in plain.
        save_encrypted_key: The trailer saves the encrypted key instead of the plain one.
        minimum_version: Refuse to sign a lower version.
        minimum_security_counter: Refuse to sign a lower counter.

    Raises:
        ConfigError: Values out of range or contradicting each other.
    """

    version: ImageVersion
    header_size: int = HEADER.size
    pad_header: bool = False
    slot_size: int = 0
    pad: bool = False
    confirm: bool = False
    test: bool = False
    align: int = 1
    max_align: int | None = None
    max_sectors: int = 128
    overwrite_only: bool = False
    erased_value: int = 0xFF
    load_addr: int = 0
    rom_fixed: int = 0
    non_bootable: bool = False
    security_counter: int | Auto | None = None
    dependencies: tuple[Dependency, ...] = ()
    custom_tlvs: tuple[tuple[int, bytes], ...] = ()
    boot_record: str | None = None
    vendor_id: bytes | None = None
    class_id: bytes | None = None
    public_key_format: PublicKeyFormat = PublicKeyFormat.HASH
    hash: HashAlgorithm | None = None
    pure: bool = False
    compression: Compression = Compression.NONE
    content_key_size: int = 16
    ecies_hash: HashAlgorithm = HashAlgorithm.SHA256
    clear: bool = False
    save_encrypted_key: bool = False
    minimum_version: ImageVersion | None = None
    minimum_security_counter: int | None = None

    def __post_init__(self) -> None:
        _check_range("header_size", self.header_size, HEADER.size, MAX_HEADER_SIZE)
        for name in ("slot_size", "load_addr", "rom_fixed", "max_sectors"):
            _check_range(name, getattr(self, name), 0, _U32_MAX)
        if isinstance(self.security_counter, int):
            _check_range("security_counter", self.security_counter, 0, _U32_MAX)
        _check_choice("align", self.align, ALIGNMENTS)
        if self.max_align is not None:
            _check_choice("max_align", self.max_align, MAX_ALIGNMENTS)
        _check_choice("erased_value", self.erased_value, (0x00, 0xFF))
        _check_choice("content_key_size", self.content_key_size, (16, 32))
        _check_choice("ecies_hash", self.ecies_hash, (HashAlgorithm.SHA256, HashAlgorithm.SHA512))
        if self.load_addr and self.rom_fixed:
            raise ConfigError("ConflictingAddresses", "expected either a load address or a ROM address, got both")
        if self.padded and not self.slot_size:
            raise ConfigError("SlotSizeMissing", "expected a slot size, because the image shall be padded to it")
        self._check_tlvs()

    def _check_tlvs(self) -> None:
        for dependency in self.dependencies:
            _check_range("dependency image", dependency.image, 0, 0xFF)
        seen = set()
        for number, value in self.custom_tlvs:
            if not is_vendor_type(number):
                message = f"expected a custom TLV type between 0xXXa0 and 0xXXfe, got {number:#06x}"
                raise ConfigError("CustomTlvType", message, type=number)
            if number in seen:
                raise ConfigError("CustomTlvTwice", f"expected custom TLV {number:#06x} once", type=number)
            seen.add(number)
            _check_range(f"custom TLV {number:#06x} size", len(value), 0, MAX_AREA_SIZE)
        for name in ("vendor_id", "class_id"):
            value = getattr(self, name)
            if value is not None and len(value) != 16:
                raise ConfigError("BadUuid", f"expected 16 bytes of {name}, got {len(value)}")

    @property
    def padded(self) -> bool:
        """Whether the slot is filled; a flag in the trailer needs that."""
        return self.pad or self.confirm or self.test

    @property
    def field_align(self) -> int:
        """Alignment of the trailer's fields."""
        return self.max_align or max(DEFAULT_MAX_ALIGN, self.align)

    @property
    def counter(self) -> int | None:
        """The security counter as a number."""
        if self.security_counter is Auto.AUTO:
            return self.version.security_counter
        return self.security_counter


def parse_uuid(text: str, namespace: bytes | None = uuid.NAMESPACE_DNS.bytes) -> bytes:
    """Read a UUID, or derive one (version 5) from a name.

    Args:
        text: 32 hexadecimal digits with or without hyphens, or a name such as a domain.
        namespace: 16 bytes: that of a class name is the vendor's UUID; None allows no names.

    Raises:
        ConfigError: A name where none is allowed, or one that is not printable.
    """
    try:
        return uuid.UUID(hex=text).bytes
    except ValueError:
        if namespace is None or not text.isprintable() or not text:
            message = f"expected a UUID, or a name together with a vendor, got {text!r}"
            raise ConfigError("BadUuid", message) from None
        return uuid.uuid5(uuid.UUID(bytes=namespace), text).bytes


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        message = f"expected {name.replace('_', ' ')} between {least} and {most}, got {value}"
        raise ConfigError("OptionOutOfRange", message, option=name, value=value)


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        listed = ", ".join(str(getattr(choice, "value", choice)) for choice in choices)
        message = f"expected {name.replace('_', ' ')} to be one of {listed}, got {value}"
        raise ConfigError("OptionOutOfRange", message, option=name)
