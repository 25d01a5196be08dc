"""Signing: one image, one platform, one key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, SignatureAlgorithm
from iotsign.app._containers import NATIVE
from iotsign.app._input_file import Source, source_paths
from iotsign.app._json_write import (
    MakeSignature,
    ReadPayload,
    hash_payload,
    sign_payload,
    write_detached,
    write_embedded,
    write_read_payload,
)
from iotsign.app._native_files import settings_files
from iotsign.app._native_sign import attach_native, boot_container, native_message, sign_native
from iotsign.app._output_file import Target, output_file, write_all
from iotsign.app._payload import Payload, open_payload
from iotsign.app._signing import SignedImage, SigningOptions
from iotsign.core import Progress
from iotsign.errors import UnsupportedAlgorithmError
from iotsign.formats import jsonimage
from iotsign.keys import PublicKey, Signer

__all__ = ["attach_signature", "digest_image", "sign_image", "sign_read_payload"]


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
    if options.choose_format() == NATIVE:
        return sign_native(source, target, options, signer, inputs=inputs, dry_run=dry_run, progress=progress)

    def make(digest: bytes, payload: Payload) -> bytes:
        return sign_payload(signer, payload, digest, algorithm)

    return _pack(source, target, options, key, algorithm, make, inputs=inputs, dry_run=dry_run, progress=progress)


def sign_read_payload(
    read: ReadPayload, target: Target, options: SigningOptions, signer: Signer, *, inputs: Iterable[Path], dry_run: bool
) -> SignedImage:
    """Sign a payload that was read, and hashed, before, into a JSON format.

    Args:
        read: The payload.
        target: Where the signed object goes.
        options: What to make of it.
        signer: The private key.
        inputs: Files that the target must not overwrite.
        dry_run: Do everything but write the target.

    Raises:
        IotsignError: All that `sign_image` raises.
    """
    key = signer.public_key
    algorithm = options.platform.signature_algorithm(key.key_type, options.hash_algorithm)

    def make(digest: bytes, payload: Payload) -> bytes:
        return sign_payload(signer, payload, digest, algorithm)

    image_format = options.choose_format()
    location = None if image_format == jsonimage.EMBEDDED else options.location or _local(read.payload)
    with output_file(target, inputs=inputs, dry_run=dry_run) as out:
        packed = write_read_payload(read, out, key, algorithm, make, location=location)
    return _signed(options, algorithm, key, read.payload, packed, location=location)


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
    if options.choose_format() == NATIVE:
        return attach_native(source, target, options, signature, key, inputs=inputs, dry_run=dry_run, progress=progress)

    def make(digest: bytes, payload: Payload) -> bytes:  # noqa: ARG001
        return signature

    return _pack(source, target, options, key, algorithm, make, inputs=inputs, dry_run=dry_run, progress=progress)


def digest_image(
    source: Source,
    target: Target,
    options: SigningOptions,
    *,
    key: PublicKey | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> tuple[HashAlgorithm | None, bytes]:
    """Write the digest that a key elsewhere has to sign: the raw bytes, nothing else.

    Args:
        source: The firmware.
        target: Where the digest goes.
        options: What will be made of it.
        key: The key that will sign; needed where a native container names it in what is signed.
        dry_run: Do everything but write the target.
        progress: Called with the bytes of payload done so far.

    Returns:
        The hash and the digest; no hash and nothing where a native container's key has to sign a whole message.

    Raises:
        UnsupportedAlgorithmError: The platform's only keys sign whole messages, or it does not take this hash.
        IotsignError: All that `sign_image` raises for inputs and outputs.
    """
    platform = options.platform
    image_format = options.choose_format()
    if image_format == NATIVE:
        return native_message(source, target, options, key, dry_run=dry_run, progress=progress)
    if platform.encryption_algorithms == (EncryptionAlgorithm.ED25519,):
        message = (
            f"platform {platform.platform_id} takes Ed25519 keys, which sign the payload itself and no digest of it"
        )
        hint = "sign the payload with: openssl pkeyutl -sign -rawin -inkey KEY.pem -in IN -out SIG; then image attach"
        raise UnsupportedAlgorithmError("NoDigestToSign", message, platform=platform.platform_id, hint=hint)
    key_type = next(kind for kind in platform.key_types if kind.encryption is platform.default_encryption)
    algorithm = platform.signature_algorithm(key_type, options.hash_algorithm)
    with (
        open_payload(source, platform, image_format, options.payload) as payload,
        output_file(target, inputs=source_paths(source), dry_run=dry_run) as out,
    ):
        digest = hash_payload(payload, jsonimage.payload_hash(algorithm), progress)
        write_all(out, digest)
    return jsonimage.payload_hash(algorithm), digest


def _pack(
    source: Source,
    target: Target,
    options: SigningOptions,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    make: MakeSignature,
    *,
    inputs: Iterable[Path],
    dry_run: bool,
    progress: Progress | None,
) -> SignedImage:
    image_format = options.choose_format()
    with contextlib.ExitStack() as stack:
        payload = stack.enter_context(open_payload(source, options.platform, image_format, options.payload))
        keep = [*source_paths(source), *inputs, *settings_files(options.settings)]
        out = stack.enter_context(output_file(target, inputs=keep, dry_run=dry_run))
        container = None
        if options.boot_signer is not None:
            payload, container = stack.enter_context(boot_container(payload, options, options.boot_signer))
        location = None
        if image_format == jsonimage.EMBEDDED:
            packed = write_embedded(payload, out, key, algorithm, make, progress)
        else:
            location = options.location or _local(payload)
            packed = write_detached(payload, out, key, algorithm, make, progress, location=location)
    return _signed(options, algorithm, key, payload, packed, location=location, container=container)


def _local(payload: Payload) -> jsonimage.S3Location:
    return jsonimage.S3Location.local(Path(payload.file.name).name)


def _signed(
    options: SigningOptions,
    algorithm: SignatureAlgorithm,
    key: PublicKey,
    payload: Payload,
    packed: jsonimage.PackedImage,
    *,
    location: jsonimage.S3Location | None,
    container: str | None = None,
) -> SignedImage:
    return SignedImage(
        platform_id=options.platform.platform_id,
        image_format=options.choose_format(),
        algorithm=algorithm,
        digest_algorithm=jsonimage.payload_hash(algorithm),
        digest=packed.digest,
        raw_payload_size=packed.raw_payload_size,
        size=packed.size,
        signature=packed.signature,
        key=key,
        source_format=payload.source_format,
        address=payload.address,
        left_out=payload.left_out,
        location=location,
        container=container,
    )
