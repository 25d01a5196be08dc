"""Espressif's signed images as a native container."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.errors import (
    ConfigError,
    KeyMismatchError,
    RollbackError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats.container import Container, ContainerSignature, Judge, PackedContainer, Settings
from iotsign.formats.espressif import secure_boot_v2 as v2
from iotsign.formats.espressif.image import (
    EspressifImage,
    check_appended_hash,
    check_checksum,
    looks_like_image,
    read_image,
    read_structure,
)
from iotsign.formats.espressif.secure_boot_v1 import find_tail, verify_v1
from iotsign.keys import PublicKey

if TYPE_CHECKING:
    from iotsign.keys import Signer

_OPENING: Final = frozenset({"minimum_security_counter", "release"})
_SIGNING: Final = frozenset({"minimum_security_counter", "release", "hash"})
_RESIGNING: Final = frozenset({"append", "hash"})


class OpenEspressif:
    """An open image; see `iotsign.formats.container.OpenContainer`."""

    def __init__(self, file: BinaryIO, settings: Settings) -> None:
        _check_settings(settings, _OPENING)
        self._file, self._settings = file, settings
        self._image = read_structure(file)
        self._length, self._blocks = _sector(file, self._image)

    @property
    def summary(self) -> str:
        """Chip, application and size."""
        image = self._image
        app = f" {image.app.project} {image.app.version}" if image.app else ""
        return f"{_chip(image)} image{app}, {image.size} bytes"

    @property
    def payload_size(self) -> int:
        """Bytes of the image without padding and signatures."""
        return self._image.size

    def check_platform(self, native_options: Settings) -> None:
        """Check the chip."""
        _check_chip(self._image, native_options)

    def check_integrity(self) -> str:
        """Check the appended hash, and that the signature blocks were made for this image."""
        check_checksum(self._file, self._image)
        check_appended_hash(self._file, self._image)
        v2.check_digests(self._file, self._length, self._blocks)
        words = [f"checksum 0x{self._image.checksum:02x}"]
        if self._image.sha256 is not None:
            words.append(f"SHA256 {self._image.sha256.hex()}")
        words += [f"block {number} {block.digest.hex()}" for number, block in enumerate(self._blocks)]
        return ", ".join(words)

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed; without a Secure Boot v2 sector, look for a v1 signature."""
        if not self._blocks:
            return self._find_v1_signer(keys)
        known = {v2.key_digest(key): key for key in keys if key.key_type in v2.KEY_TYPES}
        found = []
        for number, block in enumerate(self._blocks):
            signer = known.get(block.key_digest)
            if signer is not None:
                v2.verify_block(block, judge)
            found.append(_described(block, self._length + number * v2.BLOCK_SIZE, signer))
        if not any(signature.signer for signature in found):
            raise self._untrusted("keys")
        return tuple(found)

    def find_digests(self, digests: Sequence[bytes], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out whether keys signed that the eFuses of a chip know; this is how a P-192 key is trusted."""
        if not self._blocks:
            raise SignatureMismatchError("NotSigned", "the image carries no signature block")
        found = []
        for number, block in enumerate(self._blocks):
            signer = None
            if block.key_digest in digests:
                v2.verify_block(block, judge)
                signer = None if block.kind is v2.BlockKind.P192 else PublicKey(block.spki_der)
            found.append(_described(block, self._length + number * v2.BLOCK_SIZE, signer))
        if not any(block.key_digest in digests for block in self._blocks):
            raise self._untrusted("digests")
        return tuple(found)

    def _untrusted(self, what: str) -> KeyMismatchError:
        named = ", ".join(block.key_digest.hex() for block in self._blocks)
        return KeyMismatchError("UntrustedKey", f"signed by key digest {named}, which is none of the given {what}")

    def _find_v1_signer(self, keys: Sequence[PublicKey]) -> tuple[ContainerSignature, ...]:
        try:
            kind, tail = find_tail(self._file, self._image.size)
        except UnsupportedFormatError as error:
            raise SignatureMismatchError("NotSigned", "the image carries no signature") from error
        candidates = [key for key in keys if key.key_type is KeyType.P256]
        if not candidates:
            raise KeyMismatchError("KeyTypeMismatch", f"a {kind} signature is by a P-256 key; none was given")
        failure: SignatureMismatchError | None = None
        for key in candidates:
            try:
                verify_v1(self._file, self._image.size, key)
            except SignatureMismatchError as error:
                failure = error
                continue
            algorithm = signature_algorithm("SHA256withECDSAinP1363Format")
            return (ContainerSignature(kind, algorithm, self._image.size, None, key, tail),)
        raise SignatureMismatchError(
            "SignatureMismatch", f"the {kind} signature is by none of the given keys"
        ) from failure

    def check_floor(self) -> str | None:
        """Check the application's secure_version, Espressif's security counter."""
        return _check_floor(self._image, self._settings)


class EspressifContainer:
    """The format; see `iotsign.formats.container.Container`."""

    name = "espressif-secure-boot-v2"

    def defaults(self, native_options: Settings) -> dict[str, Any]:  # noqa: ARG002
        """Nothing that the platform fixes is decided when packing."""
        return {}

    def recognises(self, head: bytes) -> bool:
        """By magic, segment count and hash flag."""
        return looks_like_image(head)

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe an image and its signature blocks."""
        image = read_image(file)
        length, blocks = _sector(file, image)
        return {
            "container": self.name,
            "chip": image.chip.display_name if image.chip else None,
            "chipId": image.chip_id,
            "minimumRevision": image.minimum_revision,
            "maximumRevision": image.maximum_revision,
            "entry": image.entry,
            "segments": [vars_of(segment) for segment in image.segments],
            "checksum": image.checksum,
            "sha256": image.sha256,
            "size": image.size,
            "application": vars_of(image.app) if image.app else None,
            "signatures": [
                {
                    "offset": length + number * v2.BLOCK_SIZE,
                    "key": block.kind.value,
                    "keyDigest": block.key_digest,
                    "digestAlgorithm": block.kind.hash.value,
                    "digest": block.digest,
                    "signature": block.signature,
                }
                for number, block in enumerate(blocks)
            ],
        }

    def open(self, file: BinaryIO, settings: Settings) -> OpenEspressif:
        """Read an image's structure."""
        return OpenEspressif(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Pad a firmware to whole sectors and put the signature sector behind it."""
        _check_settings(settings, _SIGNING)
        image = read_image(source)
        check_appended_hash(source, image)
        _refuse_signed(source, image)
        _check_floor(image, settings)
        return _copy_and_sign(source, output, _end(source), (), signers, settings)

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Replace the signatures, or with ``append`` add to them."""
        _check_settings(settings, _RESIGNING)
        image = read_image(source)
        check_appended_hash(source, image)
        length, blocks = _sector(source, image)
        v2.check_digests(source, length, blocks)
        return _copy_and_sign(source, output, length, blocks if settings.get("append") else (), signers, settings)

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write the digest of the padded image; SHA-384 for a P-384 key, else SHA-256."""
        _check_settings(settings, _SIGNING | _RESIGNING)
        kind = v2.block_kind(key) if key is not None else v2.BlockKind.P256
        _check_hash(settings, kind)
        image = read_image(source)
        length, blocks = _sector(source, image)
        output.write(v2.padded_digest(source, length if blocks else _end(source), kind))
        return kind.hash

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Add a block with a signature that was made elsewhere; ECDSA as DER or r‖s."""
        _check_settings(settings, _SIGNING | _RESIGNING)
        kind = v2.block_kind(key)
        _check_hash(settings, kind)
        image = read_image(source)
        check_appended_hash(source, image)
        length, blocks = _sector(source, image)
        v2.check_digests(source, length, blocks)
        length = v2.copy_padded(source, output, length if blocks else _end(source))
        block = v2.make_block(key, v2.image_digest(output, length, kind), v2.raw_signature(key, signature))
        return _finish(output, length, [*blocks, block], [key])

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the image without padding and signatures."""
        _check_settings(settings, _OPENING)
        image = read_image(file)
        check_appended_hash(file, image)
        length, blocks = _sector(file, image)
        v2.check_digests(file, length, blocks)
        v2.copy(file, output, image.size)
        return image.size


CONTAINER: Final[Container] = EspressifContainer()


def vars_of(record: Any) -> dict[str, Any]:
    """A slotted dataclass as a dictionary in camelCase."""
    words = {name: name.split("_") for name in record.__slots__}
    return {parts[0] + "".join(map(str.capitalize, parts[1:])): getattr(record, name) for name, parts in words.items()}


def _keys(signers: Sequence[Signer]) -> list[PublicKey]:
    return [signer.public_key for signer in signers]


def _end(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _sector(file: BinaryIO, image: EspressifImage) -> tuple[int, tuple[v2.SignatureBlock, ...]]:
    """The signature sector; no blocks if there is none."""
    try:
        return v2.read_sector(file)
    except UnsupportedFormatError:
        return image.size, ()


def _refuse_signed(source: BinaryIO, image: EspressifImage) -> None:
    if _sector(source, image)[1]:
        hint = "use image resign to change or to add signatures"
        raise UnsupportedFormatError("AlreadySigned", "the image already carries signatures", hint=hint)


def _chip(image: EspressifImage) -> str:
    return image.chip.display_name if image.chip else f"chip {image.chip_id}"


def _check_chip(image: EspressifImage, native_options: Settings) -> None:
    wanted = native_options.get("chipId", image.chip_id)
    if image.chip_id != wanted:
        message = f"the platform is for chip id {wanted}, the image is for {_chip(image)} (chip id {image.chip_id})"
        raise KeyMismatchError("ChipMismatch", message, expected=wanted, got=image.chip_id)


def _check_floor(image: EspressifImage, settings: Settings) -> str | None:
    floors = []
    if "minimum_security_counter" in settings:
        floors.append(int(settings["minimum_security_counter"]))
    if "release" in settings:
        released = read_image(settings["release"])
        floors.append(released.app.secure_version if released.app else 0)
    if not floors:
        return None
    if image.app is None:
        raise RollbackError("NoSecureVersion", "the image has no application description, so no secure_version")
    if image.app.secure_version < max(floors):
        message = f"secure_version is {image.app.secure_version}, at least {max(floors)} is demanded"
        raise RollbackError("SecureVersionTooLow", message)
    return f"secure_version {image.app.secure_version}"


def _check_hash(settings: Settings, kind: v2.BlockKind) -> None:
    wanted = settings.get("hash")
    if wanted is not None and wanted is not kind.hash and wanted != kind.hash.value:
        message = f"Secure Boot v2 hashes with {kind.hash.value} for a {kind.value} key, not with {wanted}"
        raise ConfigError("HashNotAllowed", message)


def _check_settings(settings: Settings, known: frozenset[str]) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        message = f"expected settings that the Espressif container knows here, got {', '.join(unknown)}"
        raise ConfigError("UnknownSetting", message, settings=unknown)


def _copy_and_sign(
    source: BinaryIO,
    output: BinaryIO,
    length: int,
    kept: Sequence[v2.SignatureBlock],
    signers: Sequence[Signer],
    settings: Settings,
) -> PackedContainer:
    """Write image and sector in one pass over the first `length` bytes of the source."""
    kinds = [v2.block_kind(key) for key in _keys(signers)]
    for kind in kinds:
        _check_hash(settings, kind)
    hashers = {kind: core.Hasher(kind.hash) for kind in kinds}
    length = v2.copy_padded(source, output, length, hashers.values())
    digests = {kind: hasher.digest() for kind, hasher in hashers.items()}
    made = [v2.sign_digest(digests[kind], signer) for kind, signer in zip(kinds, signers, strict=True)]
    return _finish(output, length, [*kept, *made], _keys(signers))


def _algorithm(block: v2.SignatureBlock) -> SignatureAlgorithm | None:
    return None if block.kind is v2.BlockKind.P192 else v2.algorithm_of(block.kind)


def _described(block: v2.SignatureBlock, offset: int, signer: PublicKey | None) -> ContainerSignature:
    return ContainerSignature(block.kind.value, _algorithm(block), offset, block.key_digest, signer, block.signature)


def _finish(
    output: BinaryIO, length: int, blocks: Sequence[v2.SignatureBlock], keys: Sequence[PublicKey]
) -> PackedContainer:
    output.seek(length)
    v2.write_sector(output, blocks)
    output.flush()
    known = {v2.key_digest(key): key for key in keys}
    described = tuple(
        _described(block, length + number * v2.BLOCK_SIZE, known.get(block.key_digest))
        for number, block in enumerate(blocks)
    )
    last = blocks[-1]
    return PackedContainer(last.kind.hash, last.digest, length, length + v2.SECTOR_SIZE, described)
