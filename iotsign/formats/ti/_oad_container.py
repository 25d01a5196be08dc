"""SimpleLink OAD images as a native container; they are small enough to be held in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.errors import ConfigError, KeyMismatchError
from iotsign.formats.container import Container, ContainerSignature, PackedContainer, Settings, no_key_digests
from iotsign.formats.judge import Judge, raw_ecdsa_signature
from iotsign.formats.ti import oad
from iotsign.formats.ti._small_image import check_settings, only_signer, read_whole

if TYPE_CHECKING:
    from iotsign.keys import PublicKey, Signer

_WHAT: Final = "an OAD image"
_SIGNING: Final = frozenset({"timestamp", "hash"})


class OpenOad:
    """An open image; see `iotsign.formats.container.OpenContainer`."""

    def __init__(self, file: BinaryIO, settings: Settings) -> None:
        check_settings(settings, (), _WHAT)
        self._data = read_whole(file, _WHAT)
        self._image = oad.read_oad(self._data)

    @property
    def summary(self) -> str:
        """Id, type and size."""
        image = self._image
        return f"SimpleLink OAD image {image.image_id}, type {image.image_type}, {image.length} bytes"

    @property
    def payload_size(self) -> int:
        """Bytes of the whole image."""
        return self._image.length

    def check_platform(self, native_options: Settings) -> None:
        """Check the image id."""
        wanted = native_options.get("imageId", self._image.image_id)
        if self._image.image_id != wanted:
            message = f"the platform is for image id {wanted}, the image has {self._image.image_id}"
            raise KeyMismatchError("ImageIdMismatch", message)

    def check_integrity(self, keys: Sequence[PublicKey] = ()) -> str:  # noqa: ARG002
        """Check the CRC."""
        oad.verify_oad(self._data, None)
        return f"CRC-32 0x{self._image.crc32:08x}"

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed."""
        key = self._named_key(keys)
        oad.verify_oad(self._data, key, judge)
        return (_described(self._image, key),)

    def _named_key(self, keys: Sequence[PublicKey]) -> PublicKey:
        candidates = [key for key in keys if key.key_type is KeyType.P256] or list(keys)
        return next((key for key in candidates if oad.signer_info(key) == self._image.signer), candidates[0])

    def find_digests(self, digests: Sequence[bytes], judge: Judge) -> tuple[ContainerSignature, ...]:  # noqa: ARG002
        """Nothing: an image names its key by eight bytes."""
        raise no_key_digests("an OAD image")

    def check_floor(self) -> str | None:
        """Nothing in an image counts up."""
        return None


class OadContainer:
    """The format; see `iotsign.formats.container.Container`."""

    name = "ti-cc13x2-oad"

    def defaults(self, native_options: Settings) -> dict[str, Any]:  # noqa: ARG002
        """Nothing that the platform fixes is decided when packing."""
        return {}

    def recognises(self, head: bytes) -> bool:
        """By the image id."""
        return oad.looks_like_oad(head)

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe an image."""
        fields = {
            "".join(part.capitalize() if number else part for number, part in enumerate(name.split("_"))): value
            for name, value in asdict(oad.read_oad(read_whole(file, _WHAT))).items()
        }
        return {"container": self.name, **fields}

    def open(self, file: BinaryIO, settings: Settings) -> OpenOad:
        """Read an image's structure."""
        return OpenOad(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign an image that was built with a security segment."""
        return _sign(read_whole(source, _WHAT), output, signers, settings)

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign again; the old signature is replaced."""
        data = read_whole(source, _WHAT)
        oad.verify_oad(data, None)
        return _sign(data, output, signers, settings)

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write the SHA-256 digest; it covers the signer info, so the key must be given."""
        check_settings(settings, _SIGNING, _WHAT)
        if key is None:
            hint = "give the public key with --key"
            raise ConfigError("KeyNeeded", "the digest of an OAD image depends on the signer's key", hint=hint)
        output.write(oad.oad_digest(read_whole(source, _WHAT), key))
        return HashAlgorithm.SHA256

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Put a signature in that was made elsewhere; DER or r‖s."""
        check_settings(settings, _SIGNING, _WHAT)
        return _write(output, oad.attach_oad(read_whole(source, _WHAT), raw_ecdsa_signature(signature, 32), key), key)

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the image as it is: its headers are part of the program as it was linked."""
        check_settings(settings, (), _WHAT)
        data = read_whole(file, _WHAT)
        oad.verify_oad(data, None)
        output.write(data)
        return len(data)


CONTAINER: Final[Container] = OadContainer()


def _sign(data: bytes, output: BinaryIO, signers: Sequence[Signer], settings: Settings) -> PackedContainer:
    check_settings(settings, _SIGNING, _WHAT)
    signer = only_signer(signers, _WHAT)
    signed = oad.sign_oad(data, signer, timestamp=settings.get("timestamp"))
    return _write(output, signed, signer.public_key)


def _write(output: BinaryIO, signed: bytes, key: PublicKey) -> PackedContainer:
    output.write(signed)
    output.flush()
    signature = _described(oad.read_oad(signed), key)
    return PackedContainer(HashAlgorithm.SHA256, oad.oad_digest(signed, key), len(signed), len(signed), (signature,))


def _described(image: oad.OadImage, key: PublicKey) -> ContainerSignature:
    return ContainerSignature(
        "ECDSA P-256", oad.OAD_ALGORITHM, oad.SIGNATURE_OFFSET, image.signer, key, image.signature
    )
