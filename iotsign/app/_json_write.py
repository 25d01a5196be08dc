"""Writing signed objects around a payload; the signature is verified before it is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.app._output_file import write_all
from iotsign.app._payload import Payload
from iotsign.core import Progress
from iotsign.errors import DigestMismatchError
from iotsign.formats import jsonimage
from iotsign.keys import PublicKey, Signer

__all__ = [
    "MakeSignature",
    "ReadPayload",
    "hash_payload",
    "sign_payload",
    "write_detached",
    "write_embedded",
    "write_read_payload",
]

MakeSignature = Callable[[bytes, Payload], bytes]


@dataclass(frozen=True, slots=True)
class ReadPayload:
    """A payload in memory.

    Attributes:
        payload: Where it was read from, still open.
        content: Its bytes.
        digest: `payload_hash` of them.
    """

    payload: Payload
    content: bytes
    digest: bytes


# DER of a typical ECDSA signature; the layout makes room for this much and moves if it is wrong
_TYPICAL_SIZES: Final = {
    KeyType.P256: 71,
    KeyType.P384: 103,
    KeyType.RSA2048: 256,
    KeyType.RSA3072: 384,
    KeyType.RSA4096: 512,
    KeyType.ED25519: 64,
}


def sign_payload(signer: Signer, payload: Payload, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
    """Sign a payload whose digest is known.

    Raises:
        KeyFamilyError: The key cannot be used.
        DigestMismatchError: The payload changed.
    """
    if algorithm.hash is None:
        return signer.sign(_read_message(payload, digest), algorithm)
    return signer.sign_digest(digest, algorithm)


def write_embedded(
    payload: Payload,
    out: BinaryIO,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    make: MakeSignature,
    progress: Progress | None,
) -> jsonimage.PackedImage:
    """Write JSONEmbedded.

    Raises:
        IotsignError: As `iotsign.app.sign_image` raises.
    """

    def sign(digest: bytes) -> bytes:
        return _checked(payload, digest, key, algorithm, make)

    return jsonimage.pack_embedded(
        payload.file.fd,
        out.fileno(),
        size=payload.file.size,
        algorithm=algorithm,
        signature_size=_TYPICAL_SIZES[key.key_type],
        sign=sign,
        progress=progress,
    )


def write_detached(
    payload: Payload,
    out: BinaryIO,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    make: MakeSignature,
    progress: Progress | None,
    *,
    location: jsonimage.S3Location,
) -> jsonimage.PackedImage:
    """Write JSONDetached.

    Raises:
        IotsignError: As `iotsign.app.sign_image` raises.
    """
    digest = hash_payload(payload, jsonimage.payload_hash(algorithm), progress)
    signature = _checked(payload, digest, key, algorithm, make)
    data = jsonimage.pack_detached(
        raw_payload_size=payload.file.size, signature=signature, algorithm=algorithm, location=location
    )
    write_all(out, data)
    return jsonimage.PackedImage(digest, payload.file.size, signature, len(data))


def write_read_payload(
    read: ReadPayload,
    out: BinaryIO,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    make: MakeSignature,
    *,
    location: jsonimage.S3Location | None,
) -> jsonimage.PackedImage:
    """Write a signed object of a payload in memory: JSONDetached with a location, JSONEmbedded without.

    Raises:
        IotsignError: As `iotsign.app.sign_image` raises.
    """
    size = len(read.content)
    signature = _checked(read.payload, read.digest, key, algorithm, make)
    if location is None:
        data = jsonimage.pack_small(read.content, signature, algorithm)
    else:
        data = jsonimage.pack_detached(
            raw_payload_size=size, signature=signature, algorithm=algorithm, location=location
        )
    out.write(data)
    return jsonimage.PackedImage(read.digest, size, signature, len(data))


def _checked(
    payload: Payload, digest: bytes, key: PublicKey, algorithm: SignatureAlgorithm, make: MakeSignature
) -> bytes:
    signature = make(digest, payload)
    if algorithm.hash is None:
        key.verify(_read_message(payload, digest), signature, algorithm)
    else:
        key.verify_digest(digest, signature, algorithm)
    return signature


def hash_payload(payload: Payload, hash_: HashAlgorithm, progress: Progress | None) -> bytes:
    """Hash a payload.

    Raises:
        StoreError: It cannot be read, or changed while it was.
    """
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
