"""The C core: hashing, base64, the one-pass file pipelines and the verification that a device does.

All functions release the GIL. Those that work on files take descriptors, handle signals at least every 100 ms (so that
Ctrl-C raises KeyboardInterrupt), use at most two threads, and need the same few megabytes of memory for a file of any
size. `progress` is called some ten times a second, and once at the end, with the bytes of payload done so far; an
exception that it raises ends the work and propagates.
"""

import mmap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.core import _core
from iotsign.core._core import Ed25519Verifier, Hasher

__all__ = [
    "Data",
    "Ed25519Verifier",
    "Hasher",
    "JsonEmbedded",
    "Progress",
    "base64_decode",
    "base64_encode",
    "digest",
    "encode_payload",
    "hash_file",
    "hash_payloads",
    "read_json_embedded",
    "sha256_many",
    "shift_file",
    "verify",
    "verify_digest",
    "xor_bytes",
]

Data = bytes | bytearray | memoryview | mmap.mmap
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class JsonEmbedded:
    """A JSONEmbedded signed object, read and found well-formed; nothing says yet that its signature holds.

    Attributes:
        raw_payload_size: Bytes of the decoded payload.
        signature: The decoded signature.
        signature_algorithm: The algorithm's name as the object spells it.
        payload_offset: Where the payload's base64 begins, in bytes from where reading began.
        payload_length: Characters of the payload's base64.
        digest: Digest of the decoded payload, by the hash that belongs to the algorithm.
    """

    raw_payload_size: int
    signature: bytes
    signature_algorithm: str
    payload_offset: int
    payload_length: int
    digest: bytes


def digest(algorithm: HashAlgorithm, data: Data) -> bytes:
    """Hash bytes that are in memory."""
    return _core.digest(algorithm, data)


def xor_bytes(data: Data) -> int:
    """Exclusive or of all bytes that are in memory: 0 to 255; 0 for none."""
    return _core.xor_bytes(data)


def base64_encode(data: Data) -> bytes:
    """Encode bytes with the standard alphabet, padded.

    Source: RFC 4648 §4.
    """
    return _core.base64_encode(data)


def base64_decode(data: Data) -> bytes:
    """Decode canonical base64: what `base64_encode` would write, and nothing else.

    Raises:
        MalformedImageError: White space, a foreign or url-safe character, missing or surplus padding, or trailing bits
            that are not zero; ``data["offset"]`` is the first offending character.
    """
    return _core.base64_decode(data)


def hash_file(
    fd: int,
    algorithm: HashAlgorithm,
    *,
    offset: int | None = None,
    length: int | None = None,
    progress: Progress | None = None,
) -> tuple[bytes, int]:
    """Hash a file or stream.

    Args:
        fd: A descriptor open for reading.
        algorithm: The hash.
        offset: First byte to hash; the descriptor's own position stays. By default, from the current position on.
        length: Number of bytes to hash; by default, to the end of the file.
        progress: Told how far the work is.

    Returns:
        The digest and the number of bytes hashed.

    Raises:
        StoreError: Reading failed, the file changed meanwhile, or it ended before `length` bytes.
    """
    return _core.hash_file(fd, algorithm, offset=offset, length=length, progress=progress)


def encode_payload(
    fd_in: int, fd_out: int, out_offset: int, algorithm: HashAlgorithm, *, progress: Progress | None = None
) -> tuple[bytes, int]:
    """Hash a file or stream and write its base64, in one pass.

    Args:
        fd_in: A descriptor open for reading; read from its current position to the end.
        fd_out: A seekable descriptor open for writing, of another file.
        out_offset: Where the base64 begins in `fd_out`, in bytes.
        algorithm: The hash.
        progress: Told how far the work is.

    Returns:
        The digest of what was read and its size in bytes.

    Raises:
        StoreError: Reading or writing failed, or the input changed meanwhile; the output is unfinished.
    """
    return _core.encode_payload(fd_in, fd_out, out_offset, algorithm, progress=progress)


def shift_file(fd: int, start: int, end: int, delta: int) -> None:
    """Move the bytes ``[start, end)`` of a file by `delta`. The file may grow; it is never truncated.

    Raises:
        StoreError: Reading or writing failed, or the file ends before `end`; its content is then undefined.
    """
    _core.shift_file(fd, start, end, delta)


def read_json_embedded(
    fd: int,
    hash_for: Callable[[str], HashAlgorithm],
    *,
    fd_out: int | None = None,
    progress: Progress | None = None,
) -> JsonEmbedded:
    """Read a JSONEmbedded signed object in one pass: locate its members, decode the payload and hash it.

    The keys may come in any order, with white space between tokens. Everything else that is not as AWS Signer writes it
    is refused: unknown, missing or duplicate keys, escapes, numbers that are not plain integers, base64 that is not
    canonical, a size that is not the payload's, bytes before or after the object.

    Args:
        fd: A descriptor open for reading; read from its current position to the end.
        hash_for: Says which hash belongs to a signature algorithm's name; an exception that it raises propagates.
        fd_out: The decoded payload is written here, if given. After an error it holds what was decoded so far, which
            nobody vouches for.
        progress: Told how far the work is.

    Raises:
        MalformedImageError: It is not a well-formed JSONEmbedded object; ``data["offset"]`` says where.
        StoreError: Reading or writing failed, or the file changed meanwhile.
    """
    return JsonEmbedded(*_core.read_json_embedded(fd, hash_for, fd_out=fd_out, progress=progress))


def sha256_many(buffers: Sequence[Data], *, threads: int | None = None) -> list[bytes]:
    """Hash many buffers at once with SHA-256, several on each processor.

    Args:
        buffers: Of any lengths, in any order; the longest are begun first.
        threads: At most so many, the calling one included; by default, one a processor.

    Returns:
        The digests, in the order of the buffers.
    """
    return _core.sha256_many(buffers, threads=threads)


def hash_payloads(files: Sequence[tuple[int, int, int]]) -> list[tuple[int, bytes] | None]:
    """Decode and hash the payloads of many small JSONEmbedded objects, on the calling thread and with SHA-256.

    Args:
        files: Of each object: a descriptor of a regular file, the offset where the payload's base64 begins, and the
            size of the file. The members before the payload are the caller's to read. All payloads together must fit
            into memory.

    Returns:
        Of each object: the bytes of the payload and its digest; None if what stands from the offset on is not canonical
        base64 and the end that a writer writes, if the file cannot be read, or if its size changed.
    """
    return _core.hash_payloads(files)


def verify(algorithm: SignatureAlgorithm, public_key_spki_der: bytes, message: Data, signature: bytes) -> None:
    """Verify a signature over a message with exactly the code that a device runs.

    Args:
        algorithm: The algorithm that the signature is claimed to have.
        public_key_spki_der: X.509 SubjectPublicKeyInfo, DER.
        message: What was signed.
        signature: In the encoding that `algorithm` states.

    Raises:
        SignatureMismatchError: It is not this key's signature over this message.
        MalformedImageError: The signature is not the one encoding of a value in range.
        KeyRejectedError: The key is malformed, invalid, or of a family that does not fit the algorithm.
        UnsupportedAlgorithmError: An algorithm object that the core does not know.
    """
    _core.verify(algorithm, public_key_spki_der, message, signature)


def verify_digest(algorithm: SignatureAlgorithm, public_key_spki_der: bytes, digest: bytes, signature: bytes) -> None:
    """Verify a signature over a digest with exactly the code that a device runs.

    Args:
        algorithm: The algorithm that the signature is claimed to have; not Ed25519, which signs whole messages.
        public_key_spki_der: X.509 SubjectPublicKeyInfo, DER.
        digest: Exactly ``algorithm.hash.digest_size`` bytes.
        signature: In the encoding that `algorithm` states.

    Raises:
        SignatureMismatchError: It is not this key's signature over this digest.
        MalformedImageError: The signature is not the one encoding of a value in range, or the digest is too short or
            too long.
        KeyRejectedError: The key is malformed, invalid, or of a family that does not fit the algorithm.
        UnsupportedAlgorithmError: Ed25519, or an algorithm object that the core does not know.
    """
    _core.verify_digest(algorithm, public_key_spki_der, digest, signature)
