"""An open Espressif image, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

from iotsign.algorithms import KeyType, signature_algorithm
from iotsign.errors import (
    KeyMismatchError,
    RollbackError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats.container import ContainerSignature, Settings
from iotsign.formats.espressif._one_pass import OnePass
from iotsign.formats.espressif.block_key import KEY_TYPES, BlockKind, algorithm_of
from iotsign.formats.espressif.image import EspressifImage, read_image
from iotsign.formats.espressif.secure_boot_v1 import find_tail, verify_v1
from iotsign.formats.espressif.signature_block import BLOCK_SIZE, SignatureBlock, key_digest, verify_block
from iotsign.formats.espressif.signature_sector import check_digests, find_sector
from iotsign.formats.judge import Judge
from iotsign.formats.settings import read_release, refuse_unknown
from iotsign.keys import PublicKey

WHAT: Final = "an Espressif image"
OPENING: Final = frozenset({"minimum_security_counter", "release"})


class OpenEspressif:
    """An open image; see `iotsign.formats.container.OpenContainer`."""

    def __init__(self, file: BinaryIO, settings: Settings) -> None:
        refuse_unknown(settings, OPENING, WHAT)
        self._file, self._settings = file, settings
        self._image = read_image(file)
        self._length, self._blocks = find_sector(file, self._image)

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

    def check_integrity(self, keys: Sequence[PublicKey] = ()) -> str:  # noqa: ARG002
        """Check the appended hash, and that the signature blocks were made for this image."""
        reading = OnePass(self._file, self._image, self._length, {block.kind.hash for block in self._blocks})
        reading.read()
        check_digests(reading.digests, self._length, self._blocks)
        words = [f"checksum 0x{self._image.checksum:02x}"]
        if self._image.sha256 is not None:
            words.append(f"SHA256 {self._image.sha256.hex()}")
        words += [f"block {number} {block.digest.hex()}" for number, block in enumerate(self._blocks)]
        return ", ".join(words)

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed; without a Secure Boot v2 sector, look for a v1 signature."""
        if not self._blocks:
            return self._find_v1_signer(keys)
        known = {key_digest(key): key for key in keys if key.key_type in KEY_TYPES}
        found = []
        for number, block in enumerate(self._blocks):
            signer = known.get(block.key_digest)
            if signer is not None:
                verify_block(block, judge)
            found.append(described_signature(block, self._length + number * BLOCK_SIZE, signer))
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
                verify_block(block, judge)
                signer = None if block.kind is BlockKind.P192 else PublicKey(block.spki_der)
            found.append(described_signature(block, self._length + number * BLOCK_SIZE, signer))
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
        return check_floor(self._image, self._settings)


def check_floor(image: EspressifImage, settings: Settings) -> str | None:
    """Check secure_version against what the settings demand; says what was found, if anything is demanded.

    Raises:
        RollbackError: It is too low or missing.
    """
    floors = []
    if "minimum_security_counter" in settings:
        floors.append(int(settings["minimum_security_counter"]))
    released = read_release(settings, read_image)
    if released is not None:
        floors.append(released.app.secure_version if released.app else 0)
    if not floors:
        return None
    if image.app is None:
        raise RollbackError("NoSecureVersion", "the image has no application description, so no secure_version")
    if image.app.secure_version < max(floors):
        message = f"secure_version is {image.app.secure_version}, at least {max(floors)} is demanded"
        raise RollbackError("SecureVersionTooLow", message)
    return f"secure_version {image.app.secure_version}"


def described_signature(block: SignatureBlock, offset: int, signer: PublicKey | None) -> ContainerSignature:
    """A block as all containers describe their signatures."""
    algorithm = None if block.kind is BlockKind.P192 else algorithm_of(block.kind)
    return ContainerSignature(block.kind.value, algorithm, offset, block.key_digest, signer, block.signature)


def _chip(image: EspressifImage) -> str:
    return image.chip.display_name if image.chip else f"chip {image.chip_id}"


def _check_chip(image: EspressifImage, native_options: Settings) -> None:
    wanted = native_options.get("chipId", image.chip_id)
    if image.chip_id != wanted:
        message = f"the platform is for chip id {wanted}, the image is for {_chip(image)} (chip id {image.chip_id})"
        raise KeyMismatchError("ChipMismatch", message, expected=wanted, got=image.chip_id)
