"""FreeRTOS images with an ``@AFRTOS`` descriptor as a native container: looked into, verified and signed again.

The descriptor is put before the application by the port, which knows the addresses; iotsign changes its signature and
nothing else. The application follows at once, or where the next flash page of 4096 bytes begins, as in a slot.

Source: amazon-freertos, Nordic port, aws_ota_pal.c: the end address is the start and the size; SHA-256, ECDSA in DER.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from iotsign import core
from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, SignatureAlgorithm, signature_algorithm
from iotsign.errors import (
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
)
from iotsign.formats.container import Container, ContainerSignature, PackedContainer, Settings, no_key_digests
from iotsign.formats.judge import Judge
from iotsign.formats.ti._small_image import check_settings, only_signer, read_whole
from iotsign.formats.ti.descriptor import DESCRIPTOR_SIZE, MAGIC, ImageDescriptor, read_descriptor

if TYPE_CHECKING:
    from iotsign.keys import PublicKey, Signer

_WHAT: Final = "a FreeRTOS image"
_SIGNING: Final = frozenset({"hash"})
_MAX_SIGNATURE: Final = 256
_SIGNATURE_OFFSET: Final = 32
_PAGE_SIZE: Final = 4096  # where a slot's application begins
_ALGORITHMS: Final = {
    EncryptionAlgorithm.ECDSA: "SHA256withECDSA",
    EncryptionAlgorithm.RSA: "SHA256withRSA",
}


class OpenDescribed:
    """An open image; see `iotsign.formats.container.OpenContainer`."""

    def __init__(self, file: BinaryIO, settings: Settings) -> None:
        check_settings(settings, (), _WHAT)
        self._image = _read(file)

    @property
    def summary(self) -> str:
        """State, sequence number and size."""
        descriptor = self._image.descriptor
        return f"FreeRTOS image {descriptor.sequence}, {descriptor.flags.name}, {self.payload_size} bytes"

    @property
    def payload_size(self) -> int:
        """Bytes of the application."""
        return len(self._image.application)

    def check_platform(self, native_options: Settings) -> None:
        """Nothing in a descriptor names a platform."""

    def check_integrity(self, keys: Sequence[PublicKey] = ()) -> str:  # noqa: ARG002
        """Nothing but the signature covers the application."""
        return f"SHA256 {self._image.digest.hex()} of the application; nothing but a signature covers it"

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed."""
        if not self._image.descriptor.signature:
            raise SignatureMismatchError("NotSigned", "the descriptor holds no signature", offset=_SIGNATURE_OFFSET)
        candidates = [key for key in keys if key.key_type.encryption in _ALGORITHMS]
        if not candidates:
            names = ", ".join(key.key_type.value for key in keys)
            raise KeyMismatchError("KeyTypeMismatch", f"a descriptor's signature is by ECDSA or RSA; got {names}")
        failure: SignatureMismatchError | MalformedImageError | None = None
        for key in candidates:
            try:
                self._verify(key, judge)
            except (SignatureMismatchError, MalformedImageError) as error:
                failure = error
            else:
                return (_described(self._image.descriptor, key),)
        message = "the descriptor's signature is by none of the given keys"
        raise SignatureMismatchError("SignatureMismatch", message, offset=_SIGNATURE_OFFSET) from failure

    def _verify(self, key: PublicKey, judge: Judge) -> None:
        image = self._image
        judge(key, _algorithm(key), image.descriptor.signature, digest=image.digest, message=lambda: image.application)

    def find_digests(self, digests: Sequence[bytes], judge: Judge) -> tuple[ContainerSignature, ...]:  # noqa: ARG002
        """Nothing: a descriptor names no key."""
        raise no_key_digests("a FreeRTOS descriptor")

    def check_floor(self) -> str | None:
        """Nothing that is signed counts up."""
        return None


class DescriptorContainer:
    """The format; see `iotsign.formats.container.Container`."""

    name = "freertos-descriptor"

    def defaults(self, native_options: Settings) -> dict[str, Any]:  # noqa: ARG002
        """Nothing that the platform fixes is decided when packing."""
        return {}

    def recognises(self, head: bytes) -> bool:
        """By a descriptor that does not contradict itself; a magic alone may be anything."""
        if not head.startswith(MAGIC):
            return False
        try:
            descriptor = read_descriptor(head)
        except MalformedImageError:
            return False
        return descriptor.end > descriptor.start

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe an image."""
        image = _read(file)
        descriptor = image.descriptor
        return {
            "container": self.name,
            "flags": int(descriptor.flags),
            "state": descriptor.flags.name,
            "sequence": descriptor.sequence,
            "start": descriptor.start,
            "end": descriptor.end,
            "execution": descriptor.execution,
            "hardwareId": descriptor.hardware_id,
            "size": len(image.application),
            "sha256": image.digest,
            "signature": descriptor.signature or None,
        }

    def open(self, file: BinaryIO, settings: Settings) -> OpenDescribed:
        """Read an image's structure."""
        return OpenDescribed(file, settings)

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign an image that begins with a descriptor; a signature that is there is replaced."""
        check_settings(settings, _SIGNING, _WHAT)
        signer, image = only_signer(signers, _WHAT), _read(source)
        key = signer.public_key
        return _write(output, image, signer.sign_digest(image.digest, _algorithm(key)), key)

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Replace the signature."""
        return self.sign(source, output, signers, settings)

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write the SHA-256 of the application."""
        check_settings(settings, _SIGNING, _WHAT)
        if key is not None:
            _algorithm(key)
        output.write(_read(source).digest)
        return HashAlgorithm.SHA256

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Put a signature in that was made elsewhere: DER, or PKCS#1 v1.5."""
        check_settings(settings, _SIGNING, _WHAT)
        image = _read(source)
        key.verify_digest(image.digest, signature, _algorithm(key))
        return _write(output, image, signature, key)

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write the application without its descriptor."""
        check_settings(settings, (), _WHAT)
        return output.write(_read(file).application)


DESCRIPTOR_CONTAINER: Final[Container] = DescriptorContainer()


@dataclass(frozen=True, slots=True)
class _Image:
    """A descriptor, exactly the application that it describes, and the erased flash between and behind them."""

    descriptor: ImageDescriptor
    gap: bytes
    application: bytes
    rest: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the application: what is signed."""
        return core.digest(HashAlgorithm.SHA256, self.application)


def _read(file: BinaryIO) -> _Image:
    data = read_whole(file, _WHAT)
    size = len(data)
    descriptor = read_descriptor(data)
    length = descriptor.end - descriptor.start
    offset = DESCRIPTOR_SIZE if size == DESCRIPTOR_SIZE + length else _PAGE_SIZE
    if length == 0 or size < offset + length:
        message = (
            f"expected {length} bytes, not 0, from start {descriptor.start:#010x} to end {descriptor.end:#010x} "
            f"at offset {offset}; the file ends at {size}"
        )
        raise MalformedImageError("ApplicationSize", message, offset=offset)
    image = _Image(descriptor, data[DESCRIPTOR_SIZE:offset], data[offset : offset + length], data[offset + length :])
    for place, erased in ((DESCRIPTOR_SIZE, image.gap), (offset + length, image.rest)):
        if erased.strip(b"\xff"):
            message = f"expected erased flash, ff, in {len(erased)} bytes at offset {place}, which nothing covers"
            raise MalformedImageError("NotErased", message, offset=place)
    return image


def _write(output: BinaryIO, image: _Image, signature: bytes, key: PublicKey) -> PackedContainer:
    if len(signature) > _MAX_SIGNATURE:
        message = f"a descriptor has room for {_MAX_SIGNATURE} bytes of signature, got {len(signature)}"
        raise UnsupportedFormatError("SignatureTooLong", message)
    signed = replace(image.descriptor, signature=signature)
    size = output.write(signed.to_bytes() + image.gap + image.application + image.rest)
    output.flush()
    described = (_described(signed, key),)
    return PackedContainer(HashAlgorithm.SHA256, image.digest, len(image.application), size, described)


def _described(descriptor: ImageDescriptor, key: PublicKey) -> ContainerSignature:
    return ContainerSignature("signature", _algorithm(key), _SIGNATURE_OFFSET, None, key, descriptor.signature)


def _algorithm(key: PublicKey) -> SignatureAlgorithm:
    name = _ALGORITHMS.get(key.key_type.encryption)
    if name is None:
        message = f"a descriptor's signature is by ECDSA or RSA with SHA-256, not by {key.key_type.value}"
        raise UnsupportedAlgorithmError("KeyTypeNotAllowed", message)
    return signature_algorithm(name)
