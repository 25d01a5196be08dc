"""The extension module; `iotsign.core` is its door and says what each function does."""

from collections.abc import Callable, Sequence
from typing import final

from typing_extensions import Buffer

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm

def digest(algorithm: HashAlgorithm, data: Buffer) -> bytes: ...

@final
class Hasher:
    def __new__(cls, algorithm: HashAlgorithm) -> Hasher: ...
    def update(self, data: Buffer, /) -> None: ...
    def digest(self) -> bytes: ...

def xor_bytes(data: Buffer, /) -> int: ...
def base64_encode(data: Buffer, /) -> bytes: ...
def base64_decode(data: Buffer, /) -> bytes: ...
def hash_file(
    fd: int,
    algorithm: HashAlgorithm,
    *,
    offset: int | None = None,
    length: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[bytes, int]: ...
def encode_payload(
    fd_in: int,
    fd_out: int,
    out_offset: int,
    algorithm: HashAlgorithm,
    *,
    progress: Callable[[int], None] | None = None,
) -> tuple[bytes, int]: ...
def shift_file(fd: int, start: int, end: int, delta: int, /) -> None: ...
def read_json_embedded(
    fd: int,
    hash_for: Callable[[str], HashAlgorithm],
    *,
    fd_out: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, bytes, str, int, int, bytes]: ...
def sha256_many(buffers: Sequence[Buffer], *, threads: int | None = None) -> list[bytes]: ...
def hash_payloads(files: Sequence[tuple[int, int, int]], /) -> list[tuple[int, bytes] | None]: ...
def verify(algorithm: SignatureAlgorithm, public_key_spki_der: Buffer, message: Buffer, signature: Buffer) -> None: ...
def verify_digest(
    algorithm: SignatureAlgorithm, public_key_spki_der: Buffer, digest: Buffer, signature: Buffer
) -> None: ...
