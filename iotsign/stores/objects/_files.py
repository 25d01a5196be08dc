"""Files of a directory store: written whole, synced, named so that no key is ever a path."""

import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from iotsign.errors import ResourceNotFoundError, StoreError, ValidationError

# Source: Amazon S3 User Guide, "General purpose bucket naming rules" and "Naming Amazon S3 objects"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+){3}")
_LARGEST_KEY: Final = 1024  # bytes of UTF-8
_CHUNK: Final = 1 << 20


def check_bucket_name(name: str) -> None:
    """Refuse what is no name of a bucket.

    Raises:
        ValidationError: It is none.
    """
    if not _BUCKET.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name):
        message = "expected a bucket name of 3 to 63 of a-z, 0-9, dot and hyphen"
        raise ValidationError("InvalidBucketName", message, bucket=name)


def is_bucket_name(name: str) -> bool:
    """Tell whether a bucket can have this name."""
    return bool(_BUCKET.fullmatch(name)) and ".." not in name


def key_directory(key: str) -> str:
    """The path, below a bucket's objects, where a key's versions lie: two levels of its SHA-256 (threat 24).

    Raises:
        ValidationError: It is no key.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        encoded = b""
    if not 1 <= len(encoded) <= _LARGEST_KEY:
        message = f"expected an object key of 1 to {_LARGEST_KEY} bytes of UTF-8"
        raise ValidationError("InvalidObjectKey", message)
    digest = hashlib.sha256(encoded).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn what the system refuses into StoreError."""
    try:
        yield
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "IoError")
        raise StoreError(code, f"the object store cannot {what}: {error.strerror or error}") from error


@contextmanager
def locked(directory: str | Path) -> Iterator[int]:
    """Have a directory for oneself, among threads and processes; its descriptor."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any, *, sync: bool) -> None:
    """Write a small file whole, in place of the one that is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(value, file, separators=(",", ":"))
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Read a small file; empty if it is not there, or not whole."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def md5_of(file: IO[bytes]) -> str:
    """MD5 of a file, which is what S3 calls an object's ETag; it proves nothing."""
    file.seek(0)
    found = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


def no_such(kind: str, name: str) -> ResourceNotFoundError:
    """Say that a bucket, key or version does not exist."""
    return ResourceNotFoundError(f"NoSuch{kind}", f"The specified {kind.lower()} does not exist: {name}", name=name)
