"""The MCUboot image as a native container; what a verb needs loads when it is used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign.formats.mcuboot._header import IMAGE_MAGIC

if TYPE_CHECKING:
    from iotsign.algorithms import HashAlgorithm
    from iotsign.formats.container import Container, OpenContainer, PackedContainer, Settings
    from iotsign.keys import PublicKey, Signer


class McubootContainer:
    """The format; see `iotsign.formats.container.Container`."""

    name = "mcuboot"

    def defaults(self, native_options: Settings) -> dict[str, Any]:
        """The board's slots and flash: ``headerSize``, ``slotSize``, ``align`` and all else that signing takes."""
        return {re.sub("[A-Z]", _separated, name): value for name, value in native_options.items()}

    def recognises(self, head: bytes) -> bool:
        """By the magic."""
        return head[:4] == IMAGE_MAGIC.to_bytes(4, "little")

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe an image."""
        from iotsign.formats.mcuboot._inspect import inspect_image

        return inspect_image(file)

    def open(self, file: BinaryIO, settings: Settings) -> OpenContainer:
        """Read an image's structure."""
        from iotsign.formats.mcuboot._opened import OpenMcuboot

        return OpenMcuboot(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Make an image."""
        from iotsign.formats.mcuboot import _packing

        return _packing.sign(source, output, signers, settings)

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign an image with other keys."""
        from iotsign.formats.mcuboot import _packing

        return _packing.resign(source, output, signers, settings)

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write a digest to sign, or for a pure image the message."""
        from iotsign.formats.mcuboot import _packing

        return _packing.message(source, output, key, settings)

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Make an image with a signature that was made elsewhere, or add it to an image."""
        from iotsign.formats.mcuboot import _packing

        return _packing.attach(source, output, key, signature, settings)

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the firmware."""
        from iotsign.formats.mcuboot import _extract, _opening_settings

        _opening_settings.check_opening(settings)
        return _extract.extract_payload(file, output, decryption_key=_opening_settings.decryption_key(settings))


CONTAINER: Final[Container] = McubootContainer()


def _separated(capital: re.Match[str]) -> str:
    return f"_{capital[0].lower()}"
