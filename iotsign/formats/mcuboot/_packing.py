"""Packing of MCUboot images as native containers: settings in, what was written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from iotsign.errors import ConfigError
from iotsign.formats.container import PackedContainer, Settings
from iotsign.formats.mcuboot._create import create_image
from iotsign.formats.mcuboot._image import Image, is_image
from iotsign.formats.mcuboot._opened import described_signature
from iotsign.formats.mcuboot._opening_settings import decryption_key, release
from iotsign.formats.mcuboot._options import ImageOptions
from iotsign.formats.mcuboot._settings import encryption_key, image_options, resign_options
from iotsign.formats.mcuboot._signature import names_key
from iotsign.formats.mcuboot._stream import Source
from iotsign.formats.mcuboot._verify import CheckedSignature

if TYPE_CHECKING:
    from iotsign.algorithms import HashAlgorithm
    from iotsign.formats.mcuboot._image import SignatureEntry
    from iotsign.keys import PublicKey, Signer

_MAGIC_SIZE = 4


def sign(source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings) -> PackedContainer:
    """Make an image."""
    options = _options_for(source, settings)
    image = create_image(
        source, output, options, signers, encryption_key=encryption_key(settings), release=release(settings)
    )
    return _packed(image, [signer.public_key for signer in signers])


def resign(source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings) -> PackedContainer:
    """Sign an image with other keys."""
    from iotsign.formats.mcuboot._resign import resign_image

    options = resign_options(settings)
    image = resign_image(source, output, signers, options, decryption_key=decryption_key(settings))
    return _packed(image, [signer.public_key for signer in signers])


def message(source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings) -> HashAlgorithm | None:
    """Write a digest to sign, or for a pure image the message."""
    from iotsign.formats.mcuboot._offline import write_image_message, write_message

    if _is_image(source):
        resign_options(settings)
        return write_image_message(source, output, decryption_key=decryption_key(settings))
    options = _options_for(source, settings)
    return write_message(source, output, options, key, encryption_key=encryption_key(settings))


def attach(source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings) -> PackedContainer:
    """Make an image with a signature that was made elsewhere, or add it to an image."""
    from iotsign.formats.mcuboot._offline import AttachedSignature, attach_signature, attach_to_image

    attached = AttachedSignature(key, signature)
    if _is_image(source):
        again = resign_options(settings, append=True)
        image = attach_to_image(source, output, attached, decryption_key=decryption_key(settings), options=again)
    else:
        options = _options_for(source, settings)
        image = attach_signature(source, output, options, attached, encryption_key=encryption_key(settings))
    return _packed(image, [key])


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
        signatures=tuple(described_signature(CheckedSignature(entry, signer_of(entry))) for entry in image.signatures),
    )
