"""Signing: one image, one platform, one key."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotsign import core
from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.app._containers import container_for
from iotsign.app._input_file import Source, source_paths
from iotsign.app._output_file import Target, output_file, write_all
from iotsign.app._payload import Payload, PayloadOptions, open_payload
from iotsign.errors import ConfigError, DigestMismatchError, UnsupportedAlgorithmError, UnsupportedFormatError
from iotsign.formats.jsonimage import (
    DETACHED,
    EMBEDDED,
    PackedImage,
    S3Location,
    check_json_format,
    pack_detached,
    pack_embedded,
    payload_hash,
)
from iotsign.keys import PublicKey, Signer
from iotsign.platforms import Platform

if TYPE_CHECKING:
    from iotsign.formats.firmware import Region

__all__ = ["Progress", "SignedImage", "SigningOptions", "attach_signature", "digest_image", "sign_image"]

Progress = Callable[[int], None]

_NATIVE: Final = "native"
# DER of a typical ECDSA signature; the layout makes room for this much and moves if it is wrong
_TYPICAL_SIZES: Final = {
    KeyType.P256: 71,
    KeyType.P384: 103,
    KeyType.RSA2048: 256,
    KeyType.RSA3072: 384,
    KeyType.RSA4096: 512,
    KeyType.ED25519: 64,
}


@dataclass(frozen=True, slots=True)
class SigningOptions:
    """What to make of an input.

    Attributes:
        platform: The signing platform.
        image_format: ``JSONEmbedded``, ``JSONDetached`` or ``native``; by default the platform's.
        hash_algorithm: By default the platform's.
        location: Where the payload of a JSONDetached object lives; by default a local file of the input's name.
        payload: How the input is read.
    """

    platform: Platform
    image_format: str | None = None
    hash_algorithm: HashAlgorithm | None = None
    location: S3Location | None = None
    payload: PayloadOptions = field(default_factory=PayloadOptions)

    def choose_format(self) -> str:
        """Give the image format to write.

        Raises:
            UnsupportedFormatError: ``JSON``, a native container that is not there, or a format that the platform
                does not take.
            ConfigError: A location for a format that has no place for it.
        """
        wanted = self.image_format or self.platform.default_image_format
        if wanted == _NATIVE:
            container_for(self.platform)
        check_json_format(wanted)
        if wanted not in self.platform.image_formats:
            allowed = ", ".join(self.platform.image_formats)
            message = f"platform {self.platform.platform_id} takes {allowed}; got {wanted}"
            raise UnsupportedFormatError("FormatNotAllowed", message, platform=self.platform.platform_id, got=wanted)
        if self.location and wanted != DETACHED:
            message = f"an S3 location belongs to {DETACHED}; the image format is {wanted}"
            raise ConfigError("LocationNotWanted", message, image_format=wanted)
        return wanted


@dataclass(frozen=True, slots=True)
class SignedImage:
    """What was signed.

    Attributes:
        platform_id: The signing platform.
        image_format: The format that was written.
        algorithm: How it was signed.
        digest_algorithm: The hash of `digest`.
        digest: Of the payload.
        raw_payload_size: Length of the payload in bytes.
        size: Length of the signed object in bytes.
        signature: The signature.
        key: The key that verifies it.
        source_format: What the input was: ``bin``, ``hex``, ``elf`` or ``uf2``.
        address: Load address of the payload, where the input states one.
        left_out: Regions of the input that are not part of the payload.
        location: Where the payload lives; None for JSONEmbedded.
    """

    platform_id: str
    image_format: str
    algorithm: SignatureAlgorithm
    digest_algorithm: HashAlgorithm
    digest: bytes
    raw_payload_size: int
    size: int
    signature: bytes
    key: PublicKey
    source_format: str
    address: int | None
    left_out: tuple["Region", ...]
    location: S3Location | None


_MakeSignature = Callable[[bytes, Payload], bytes]


def sign_image(
    source: Source,
    target: Target,
    options: SigningOptions,
    signer: Signer,
    *,
    inputs: Iterable[Path] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> SignedImage:
    """Sign an image; the signature is verified before anything is released.

    The same input and key give the same bytes wherever the signer is deterministic.

    Args:
        source: The firmware.
        target: Where the signed object goes.
        options: What to make of it.
        signer: The private key.
        inputs: Further files that the target must not overwrite, such as the key.
        dry_run: Do everything but write the target.
        progress: Called with the bytes of payload done so far.

    Raises:
        UnsupportedAlgorithmError: The platform does not take keys of this type, or not this hash.
        FormatError: The input is not what it claims, empty or too large, or the image format is not allowed.
        KeyFamilyError: The key cannot be used.
        SignatureMismatchError: The signer's own signature does not verify.
        ConfigError: Options contradict each other, or the target is one of the inputs.
        StoreError: A file cannot be read or written.
    """
    key = signer.public_key
    algorithm = options.platform.signature_algorithm(key.key_type, options.hash_algorithm)

    def make(digest: bytes, payload: Payload) -> bytes:
        if algorithm.hash is None:
            return signer.sign(_read_message(payload, digest), algorithm)
        return signer.sign_digest(digest, algorithm)

    return _pack(source, target, options, key, algorithm, make, inputs=inputs, dry_run=dry_run, progress=progress)


def attach_signature(
    source: Source,
    target: Target,
    options: SigningOptions,
    signature: bytes,
    key: PublicKey,
    *,
    inputs: Iterable[Path] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> SignedImage:
    """Put a signature that was made elsewhere into a signed object, if it verifies.

    Args:
        source: The firmware, the same that `digest_image` was given.
        target: Where the signed object goes.
        options: What to make of it, the same that `digest_image` was given.
        signature: ECDSA: DER; RSA: PKCS#1 v1.5; Ed25519: R‖S over the payload itself.
        key: The public key.
        inputs: Further files that the target must not overwrite.
        dry_run: Do everything but write the target.
        progress: Called with the bytes of payload done so far.

    Raises:
        SignatureMismatchError: The signature is not this key's over this payload.
        MalformedImageError: The signature's encoding is not canonical.
        IotsignError: All that `sign_image` raises.
    """
    algorithm = options.platform.signature_algorithm(key.key_type, options.hash_algorithm)

    def make(digest: bytes, payload: Payload) -> bytes:  # noqa: ARG001
        return signature

    return _pack(source, target, options, key, algorithm, make, inputs=inputs, dry_run=dry_run, progress=progress)


def digest_image(
    source: Source,
    target: Target,
    options: SigningOptions,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> tuple[HashAlgorithm, bytes]:
    """Write the digest that a key elsewhere has to sign: the raw bytes, nothing else.

    Args:
        source: The firmware.
        target: Where the digest goes.
        options: What will be made of it.
        dry_run: Do everything but write the target.
        progress: Called with the bytes of payload done so far.

    Returns:
        The hash and the digest.

    Raises:
        UnsupportedAlgorithmError: The platform's only keys sign whole messages, or it does not take this hash.
        IotsignError: All that `sign_image` raises for inputs and outputs.
    """
    platform = options.platform
    if platform.encryption_algorithms == (EncryptionAlgorithm.ED25519,):
        message = (
            f"platform {platform.platform_id} takes Ed25519 keys, which sign the payload itself and no digest of it"
        )
        hint = "sign the payload with: openssl pkeyutl -sign -rawin -inkey KEY.pem -in IN -out SIG; then image attach"
        raise UnsupportedAlgorithmError("NoDigestToSign", message, platform=platform.platform_id, hint=hint)
    key_type = next(kind for kind in platform.key_types if kind.encryption is platform.default_encryption)
    algorithm = platform.signature_algorithm(key_type, options.hash_algorithm)
    image_format = options.choose_format()
    with (
        open_payload(source, platform, image_format, options.payload) as payload,
        output_file(target, inputs=source_paths(source), dry_run=dry_run) as out,
    ):
        digest = _hash_payload(payload, payload_hash(algorithm), progress)
        write_all(out, digest)
    return payload_hash(algorithm), digest


def _pack(
    source: Source,
    target: Target,
    options: SigningOptions,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    make: _MakeSignature,
    *,
    inputs: Iterable[Path],
    dry_run: bool,
    progress: Progress | None,
) -> SignedImage:
    image_format = options.choose_format()
    with (
        open_payload(source, options.platform, image_format, options.payload) as payload,
        output_file(target, inputs=[*source_paths(source), *inputs], dry_run=dry_run) as out,
    ):

        def sign(digest: bytes) -> bytes:
            signature = make(digest, payload)
            if algorithm.hash is None:
                key.verify(_read_message(payload, digest), signature, algorithm)
            else:
                key.verify_digest(digest, signature, algorithm)
            return signature

        location = None
        if image_format == EMBEDDED:
            packed = pack_embedded(
                payload.file.fd,
                out.fileno(),
                size=payload.file.size,
                algorithm=algorithm,
                signature_size=_TYPICAL_SIZES[key.key_type],
                sign=sign,
                progress=progress,
            )
        else:
            location = options.location or S3Location.local(Path(payload.file.name).name)
            digest = _hash_payload(payload, payload_hash(algorithm), progress)
            signature = sign(digest)
            data = pack_detached(
                raw_payload_size=payload.file.size, signature=signature, algorithm=algorithm, location=location
            )
            write_all(out, data)
            packed = PackedImage(digest, payload.file.size, signature, len(data))
    return SignedImage(
        platform_id=options.platform.platform_id,
        image_format=image_format,
        algorithm=algorithm,
        digest_algorithm=payload_hash(algorithm),
        digest=packed.digest,
        raw_payload_size=packed.raw_payload_size,
        size=packed.size,
        signature=packed.signature,
        key=key,
        source_format=payload.source_format,
        address=payload.address,
        left_out=payload.left_out,
        location=location,
    )


def _hash_payload(payload: Payload, hash_: HashAlgorithm, progress: Progress | None) -> bytes:
    digest, size = core.hash_file(payload.file.fd, hash_, offset=0, length=payload.file.size, progress=progress)
    payload.file.check_size(size)
    payload.file.check_size(os.fstat(payload.file.fd).st_size)
    return digest


def _read_message(payload: Payload, digest: bytes) -> bytes:
    """Read the whole payload for an algorithm that signs no digest; it must be the one that was hashed.

    A private copy is signed, never a mapping: Ed25519 reads its message twice, and a message that changed in between
    would give the private key away.
    """
    message = payload.file.read_all()
    if core.digest(HashAlgorithm.SHA256, message) != digest:
        raise DigestMismatchError(
            "InputChanged", f"{payload.file.name}: the file is being written", path=payload.file.name
        )
    return message
