"""Verification of MCUboot images as native containers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from iotsign.formats.container import ContainerSignature, Settings, no_key_digests
from iotsign.formats.judge import Judge
from iotsign.formats.mcuboot._opening_settings import check_opening, decryption_key, floors
from iotsign.formats.mcuboot._signature import algorithm_of
from iotsign.formats.mcuboot._verify import CheckedSignature, OpenImage

if TYPE_CHECKING:
    from iotsign.keys import PublicKey


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

    def check_integrity(self, keys: Sequence[PublicKey] = ()) -> str:
        """Check the digests, outside and inside."""
        self._opened.expected = tuple(keys)
        checked = self._opened.check()
        words = [f"{hash_.value} {digest.hex()}" for hash_, digest in checked.digests.items()]
        words.append(f"payload {checked.payload.value}")
        if checked.decompressed_digest is not None:
            words.append(f"decompresses to {checked.image.decompressed_size} bytes")
        return ", ".join(words)

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed."""
        verified = self._opened.verify(keys, judge, require_all=bool(self._settings.get("require_all")))
        return tuple(described_signature(checked) for checked in verified.signatures)

    def find_digests(self, digests: Sequence[bytes], judge: Judge) -> tuple[ContainerSignature, ...]:  # noqa: ARG002
        """Nothing: images name keys and do not carry them, or not as one digest."""
        raise no_key_digests("an MCUboot image")

    def check_floor(self) -> str | None:
        """Check version and security counter."""
        demanded = floors(self._settings)
        image = self._opened.image
        for floor in demanded:
            floor.check(image.version, image.security_counter)
        return f"version {image.version}, security counter {image.security_counter}" if demanded else None


def described_signature(checked: CheckedSignature) -> ContainerSignature:
    """A signature as all containers describe theirs."""
    entry, signer = checked.entry, checked.signer
    return ContainerSignature(
        kind=entry.tlv.type_name,
        algorithm=algorithm_of(signer) if signer is not None else None,
        offset=entry.tlv.offset,
        key_id=entry.key.data if entry.key is not None else None,
        signer=signer,
        value=entry.tlv.data,
    )
