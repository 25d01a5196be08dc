"""The MCUboot image as a native container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign.errors import ConfigError
from iotsign.formats.container import Container, ContainerSignature, Judge, PackedContainer, Settings
from iotsign.formats.mcuboot._create import create_image
from iotsign.formats.mcuboot._extract import extract_payload
from iotsign.formats.mcuboot._image import Image, is_image
from iotsign.formats.mcuboot._inspect import inspect_image
from iotsign.formats.mcuboot._offline import (
    AttachedSignature,
    attach_signature,
    attach_to_image,
    write_image_message,
    write_message,
)
from iotsign.formats.mcuboot._options import ImageOptions
from iotsign.formats.mcuboot._resign import resign_image
from iotsign.formats.mcuboot._settings import (
    check_opening,
    decryption_key,
    encryption_key,
    floors,
    image_options,
    release,
    resign_options,
)
from iotsign.formats.mcuboot._signature import algorithm_of, names_key
from iotsign.formats.mcuboot._stream import Source
from iotsign.formats.mcuboot._verify import CheckedSignature, OpenImage

if TYPE_CHECKING:
    from iotsign.algorithms import HashAlgorithm
    from iotsign.formats.mcuboot._image import SignatureEntry
    from iotsign.keys import PublicKey, Signer

_MAGIC_SIZE = 4


class OpenMcuboot:
    """An open image; see `iotsign.formats.container.OpenContainer`."""

    def __init__(self, file: BinaryIO, settings: Settings) -> None:
        check_opening(settings)
        self._settings = settings
        self._opened = OpenImage(file, decryption_key(settings))

    @property
    def summary(self) -> str:
        """Version and size."""
        image = self._opened.image
        return f"MCUboot image {image.version}, {image.file_size} bytes"

    @property
    def payload_size(self) -> int:
        """Bytes of firmware, as stored."""
        return self._opened.image.header.img_size

    def check_platform(self, native_options: Settings) -> None:
        """Nothing in an image names its target."""

    def check_integrity(self) -> str:
        """Check the digests, outside and inside."""
        checked = self._opened.check()
        words = [f"{hash_.value} {digest.hex()}" for hash_, digest in checked.digests.items()]
        words.append(f"payload {checked.payload.value}")
        if checked.decompressed_digest is not None:
            words.append(f"decompresses to {checked.image.decompressed_size} bytes")
        return ", ".join(words)

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed."""
        verified = self._opened.verify(keys, judge, require_all=bool(self._settings.get("require_all")))
        return tuple(_described(checked) for checked in verified.signatures)

    def check_floor(self) -> str | None:
        """Check version and security counter."""
        demanded = floors(self._settings)
        image = self._opened.image
        for floor in demanded:
            floor.check(image.version, image.security_counter)
        return f"version {image.version}, security counter {image.security_counter}" if demanded else None


class McubootContainer:
    """The format; see `iotsign.formats.container.Container`."""

    name = "mcuboot"

    def recognises(self, head: bytes) -> bool:
        """By the magic."""
        return is_image(head)

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe an image."""
        return inspect_image(file)

    def open(self, file: BinaryIO, settings: Settings) -> OpenMcuboot:
        """Read an image's structure."""
        return OpenMcuboot(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Make an image."""
        options = _options_for(source, settings)
        image = create_image(
            source, output, options, signers, encryption_key=encryption_key(settings), release=release(settings)
        )
        return _packed(image, [signer.public_key for signer in signers])

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign an image with other keys."""
        options = resign_options(settings)
        image = resign_image(source, output, signers, options, decryption_key=decryption_key(settings))
        return _packed(image, [signer.public_key for signer in signers])

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write a digest to sign, or for a pure image the message."""
        if _is_image(source):
            resign_options(settings)
            return write_image_message(source, output, decryption_key=decryption_key(settings))
        options = _options_for(source, settings)
        return write_message(source, output, options, key, encryption_key=encryption_key(settings))

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Make an image with a signature that was made elsewhere, or add it to an image."""
        attached = AttachedSignature(key, signature)
        if _is_image(source):
            again = resign_options(settings, append=True)
            image = attach_to_image(source, output, attached, decryption_key=decryption_key(settings), options=again)
        else:
            options = _options_for(source, settings)
            image = attach_signature(source, output, options, attached, encryption_key=encryption_key(settings))
        return _packed(image, [key])

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the firmware."""
        check_opening(settings)
        return extract_payload(file, output, decryption_key=decryption_key(settings))


CONTAINER: Final[Container] = McubootContainer()


def _is_image(source: BinaryIO) -> bool:
    reader = Source(source)
    return is_image(reader.read(0, min(_MAGIC_SIZE, reader.size), "firmware"))


def _options_for(source: BinaryIO, settings: Settings) -> ImageOptions:
    """The options; without a word about the header it is put before the firmware, unless that has left room for one."""
    if "header_size" in settings or "pad_header" in settings:
        return image_options(settings)
    options = image_options({**settings, "pad_header": True})
    reader = Source(source)
    head = reader.read(0, min(options.header_size, reader.size), "firmware")
    if head and not any(head):
        message = f"expected a header size, because the firmware begins with {len(head)} zeros: room for a header?"
        hint = "give --header-size for the room that is there, or --pad-header to put the header before it"
        raise ConfigError("HeaderSizeMissing", message, hint=hint)
    return options


def _described(checked: CheckedSignature) -> ContainerSignature:
    entry, signer = checked.entry, checked.signer
    return ContainerSignature(
        kind=entry.tlv.type_name,
        algorithm=algorithm_of(signer) if signer is not None else None,
        offset=entry.tlv.offset,
        key_id=entry.key.data if entry.key is not None else None,
        value=entry.tlv.data,
        signer=signer,
    )


def _packed(image: Image, keys: Sequence[PublicKey]) -> PackedContainer:
    hash_, tlv = image.hashes[0]

    def signer_of(entry: SignatureEntry) -> PublicKey | None:
        named = entry.key
        return next((key for key in keys if named is not None and names_key(named, key, hash_)), None)

    return PackedContainer(
        digest_algorithm=hash_,
        digest=tlv.data,
        payload_size=image.header.img_size,
        size=image.file_size,
        signatures=tuple(_described(CheckedSignature(entry, signer_of(entry))) for entry in image.signatures),
    )
