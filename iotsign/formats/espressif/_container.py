"""Espressif's signed images as a native container; what a verb needs loads when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign.formats.espressif.image import looks_like_image, read_image

if TYPE_CHECKING:
    from iotsign.algorithms import HashAlgorithm
    from iotsign.formats.container import Container, OpenContainer, PackedContainer, Settings
    from iotsign.keys import PublicKey, Signer


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
        from iotsign.formats.espressif.signature_block import BLOCK_SIZE
        from iotsign.formats.espressif.signature_sector import find_sector

        image = read_image(file)
        length, blocks = find_sector(file, image)
        return {
            "container": self.name,
            "chip": image.chip.display_name if image.chip else None,
            "chipId": image.chip_id,
            "minimumRevision": image.minimum_revision,
            "maximumRevision": image.maximum_revision,
            "entry": image.entry,
            "segments": [_vars_of(segment) for segment in image.segments],
            "checksum": image.checksum,
            "sha256": image.sha256,
            "size": image.size,
            "application": _vars_of(image.app) if image.app else None,
            "signatures": [
                {
                    "offset": length + number * BLOCK_SIZE,
                    "key": block.kind.value,
                    "keyDigest": block.key_digest,
                    "digestAlgorithm": block.kind.hash.value,
                    "digest": block.digest,
                    "signature": block.signature,
                }
                for number, block in enumerate(blocks)
            ],
        }

    def open(self, file: BinaryIO, settings: Settings) -> OpenContainer:
        """Read an image's structure."""
        from iotsign.formats.espressif._opened import OpenEspressif

        return OpenEspressif(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Pad a firmware to whole sectors and put the signature sector behind it."""
        from iotsign.formats.espressif import _packing

        return _packing.sign(source, output, signers, settings)

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Replace the signatures, or with ``append`` add to them."""
        from iotsign.formats.espressif import _packing

        return _packing.resign(source, output, signers, settings)

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write the digest of the padded image; SHA-384 for a P-384 key, else SHA-256."""
        from iotsign.formats.espressif import _packing

        return _packing.message(source, output, key, settings)

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Add a block with a signature that was made elsewhere; ECDSA as DER or r‖s."""
        from iotsign.formats.espressif import _packing

        return _packing.attach(source, output, key, signature, settings)

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the image without padding and signatures."""
        from iotsign.formats.espressif import _packing

        return _packing.extract(file, output, settings)


CONTAINER: Final[Container] = EspressifContainer()


def _vars_of(record: Any) -> dict[str, Any]:
    """A slotted dataclass as a dictionary in camelCase."""
    words = {name: name.split("_") for name in record.__slots__}
    return {parts[0] + "".join(map(str.capitalize, parts[1:])): getattr(record, name) for name, parts in words.items()}
