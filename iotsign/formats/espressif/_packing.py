"""Espressif images with signatures: signed, signed again, signed elsewhere, and taken out, in one pass each."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError, UnsupportedFormatError
from iotsign.formats.container import PackedContainer, Settings
from iotsign.formats.espressif._one_pass import OnePass
from iotsign.formats.espressif._opened import OPENING, WHAT, check_floor, described_signature
from iotsign.formats.espressif.block_key import BlockKind, block_kind
from iotsign.formats.espressif.image import EspressifImage, read_image
from iotsign.formats.espressif.signature_block import (
    BLOCK_SIZE,
    SignatureBlock,
    key_digest,
    make_block,
    raw_signature,
    sign_digest,
)
from iotsign.formats.espressif.signature_sector import SECTOR_SIZE, check_digests, find_sector, write_sector
from iotsign.formats.settings import refuse_unknown

if TYPE_CHECKING:
    from iotsign.keys import PublicKey, Signer

_SIGNING: Final = frozenset({"minimum_security_counter", "release", "hash"})
_RESIGNING: Final = frozenset({"append", "hash"})


def sign(source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings) -> PackedContainer:
    """Pad a firmware to whole sectors and put the signature sector behind it."""
    refuse_unknown(settings, _SIGNING, WHAT)
    image = read_image(source)
    if find_sector(source, image)[1]:
        hint = "use image resign to change or to add signatures"
        raise UnsupportedFormatError("AlreadySigned", "the image already carries signatures", hint=hint)
    check_floor(image, settings)
    return _copy_and_sign(source, output, image, signers, settings)


def resign(source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings) -> PackedContainer:
    """Replace the signatures, or with ``append`` add to them."""
    refuse_unknown(settings, _RESIGNING, WHAT)
    return _copy_and_sign(source, output, read_image(source), signers, settings)


def message(source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings) -> HashAlgorithm | None:
    """Write the digest of the padded image; SHA-384 for a P-384 key, else SHA-256."""
    refuse_unknown(settings, _SIGNING | _RESIGNING, WHAT)
    kind = block_kind(key) if key is not None else BlockKind.P256
    _check_hash(settings, kind)
    output.write(_Copied(source, read_image(source), {kind.hash}).digests[kind.hash])
    return kind.hash


def attach(source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings) -> PackedContainer:
    """Add a block with a signature that was made elsewhere; ECDSA as DER or r‖s."""
    refuse_unknown(settings, _SIGNING | _RESIGNING, WHAT)
    kind = block_kind(key)
    _check_hash(settings, kind)
    copied = _Copied(source, read_image(source), {kind.hash}, output)
    block = make_block(key, copied.digests[kind.hash], raw_signature(key, signature))
    return _finish(output, copied.length, [*copied.blocks, block], [key])


def extract(file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
    """Write the image without padding and signatures."""
    refuse_unknown(settings, OPENING, WHAT)
    image = read_image(file)
    _Copied(file, image, (), output, limit=image.size)
    return image.size


class _Copied:
    """An image that was read once, and copied, with everything checked that it says about itself.

    Args:
        source: The file.
        image: Its structure.
        hashes: Hashes over image and padding that are wanted.
        output: Where image and padding go, if anywhere.
        limit: Write no more than so many bytes.

    Attributes:
        length: Bytes of image and padding.
        blocks: Its signature blocks, made for this image.
        digests: Of image and padding.
    """

    def __init__(
        self,
        source: BinaryIO,
        image: EspressifImage,
        hashes: Collection[HashAlgorithm],
        output: BinaryIO | None = None,
        limit: int | None = None,
    ) -> None:
        length, self.blocks = find_sector(source, image)
        if not self.blocks:
            length = source.seek(0, os.SEEK_END)
        reading = OnePass(source, image, length, {*hashes, *(block.kind.hash for block in self.blocks)})
        self.length = 0
        for chunk in reading.chunks():
            if output is not None:
                output.write(chunk if limit is None else chunk[: max(limit - self.length, 0)])
            self.length += len(chunk)
        self.digests = reading.digests
        check_digests(self.digests, self.length, self.blocks)
        if output is not None:
            output.flush()


def _check_hash(settings: Settings, kind: BlockKind) -> None:
    wanted = settings.get("hash")
    if wanted is not None and wanted is not kind.hash and wanted != kind.hash.value:
        message = f"Secure Boot v2 hashes with {kind.hash.value} for a {kind.value} key, not with {wanted}"
        raise ConfigError("HashNotAllowed", message)


def _copy_and_sign(
    source: BinaryIO, output: BinaryIO, image: EspressifImage, signers: Sequence[Signer], settings: Settings
) -> PackedContainer:
    """Write image and sector in one pass over the source; with ``append`` the blocks that are there stay."""
    keys = [signer.public_key for signer in signers]
    kinds = [block_kind(key) for key in keys]
    for kind in kinds:
        _check_hash(settings, kind)
    copied = _Copied(source, image, {kind.hash for kind in kinds}, output)
    made = [sign_digest(copied.digests[kind.hash], signer) for kind, signer in zip(kinds, signers, strict=True)]
    kept = copied.blocks if settings.get("append") else ()
    return _finish(output, copied.length, [*kept, *made], keys)


def _finish(
    output: BinaryIO, length: int, blocks: Sequence[SignatureBlock], keys: Sequence[PublicKey]
) -> PackedContainer:
    output.seek(length)
    write_sector(output, blocks)
    output.flush()
    known = {key_digest(key): key for key in keys}
    described = tuple(
        described_signature(block, length + number * BLOCK_SIZE, known.get(block.key_digest))
        for number, block in enumerate(blocks)
    )
    last = blocks[-1]
    return PackedContainer(last.kind.hash, last.digest, length, length + SECTOR_SIZE, described)
