"""Uploads in parts.

::

    ROOT/buckets/BUCKET/uploads/UPLOAD/upload.json   key, content type, metadata
    ROOT/buckets/BUCKET/uploads/UPLOAD/N-MD5         one part

Source: Amazon S3 User Guide, "Uploading and copying objects using multipart upload" (sizes, ETag).
"""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.stores.objects._directory import DirectoryObjects
from iotsign.stores.objects._files import key_directory, locked, read_json, store_errors, write_json
from iotsign.stores.objects._stored import StoredVersion

MAX_PARTS: Final = 10_000
MIN_PART_SIZE: Final = 5 << 20
"""The least size of every part but the last, in bytes."""

_UPLOAD_ID: Final = re.compile(r"[0-9a-f]{32}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_ABOUT: Final = "upload.json"
_CHUNK: Final = 1 << 20


class MultipartUploads:
    """Objects that come in parts; an upload is no object until it is completed.

    Args:
        objects: Where they become objects.
        sync: Make parts survive a power cut; a completed object always does what ``objects`` does.
    """

    def __init__(self, objects: DirectoryObjects, *, sync: bool = True) -> None:
        self._objects, self._sync = objects, sync

    def create(self, bucket: str, key: str, *, content_type: str, metadata: Mapping[str, str]) -> str:
        """Begin an upload and name it.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            ValidationError: It is no key.
            StoreError: The system does not take it.
        """
        key_directory(key)
        upload_id = secrets.token_hex(16)
        home = self._home(bucket) / upload_id
        with store_errors("begin an upload"):
            home.mkdir(parents=True)
            about = {"key": key, "contentType": content_type, "metadata": dict(metadata)}
            write_json(home / _ABOUT, about, sync=self._sync)
        return upload_id

    def put_part(self, bucket: str, key: str, upload_id: str, number: int, staged: IO[bytes], *, etag: str) -> None:
        """Take a part, in place of one of the same number.

        Args:
            bucket: Where.
            key: Under what name.
            upload_id: From `create`.
            number: 1 to `MAX_PARTS`.
            staged: From `DirectoryObjects.stage`; the content.
            etag: Its MD5 in hex.

        Raises:
            ResourceNotFoundError: There is no such upload (``NoSuchUpload``).
            ValidationError: The number is out of range (``InvalidArgument``).
            StoreError: The system does not take it.
        """
        if not 1 <= number <= MAX_PARTS:
            raise ValidationError("InvalidArgument", f"expected a part number of 1 to {MAX_PARTS}, got {number}")
        home, _ = self._find(bucket, key, upload_id)
        with store_errors("write a part"):
            staged.flush()
            if self._sync:
                os.fsync(staged.fileno())
            with locked(home):
                for older in home.glob(f"{number:05}-*"):
                    older.unlink()
                os.link(staged.name, home / f"{number:05}-{etag}")

    def complete(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> StoredVersion:
        """Make an object of parts.

        Args:
            bucket: Where.
            key: Under what name.
            upload_id: From `create`.
            parts: Numbers and ETags (MD5 in hex), in order.

        Raises:
            ResourceNotFoundError: There is no such upload (``NoSuchUpload``).
            ValidationError: A part is missing or another (``InvalidPart``), they are not in order
                (``InvalidPartOrder``), or one is too small (``EntityTooSmall``).
            StoreError: The system does not take it.
        """
        home, about = self._find(bucket, key, upload_id)
        numbers = [number for number, _ in parts]
        if numbers != sorted(set(numbers)):
            raise ValidationError("InvalidPartOrder", "The list of parts was not in ascending order.")
        with store_errors("complete an upload"), locked(home), self._objects.stage() as staged:
            files = [_part(home, number, etag) for number, etag in parts]
            for file in files[:-1]:
                if file.stat().st_size < MIN_PART_SIZE:
                    message = "Your proposed upload is smaller than the minimum allowed object size."
                    raise ValidationError("EntityTooSmall", message)
            for file in files:
                with file.open("rb") as part:
                    shutil.copyfileobj(part, staged, _CHUNK)
            digests = b"".join(bytes.fromhex(etag) for _, etag in parts)
            etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
            stored = self._objects.put(
                bucket, key, staged, content_type=about["contentType"], metadata=about["metadata"], etag=etag
            )
            shutil.rmtree(home)
        return stored

    def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget an upload.

        Raises:
            ResourceNotFoundError: There is no such upload (``NoSuchUpload``).
            StoreError: The system does not let go of it.
        """
        home, _ = self._find(bucket, key, upload_id)
        with store_errors("abort an upload"), locked(home):
            shutil.rmtree(home)

    def _home(self, bucket: str) -> Path:
        return self._objects.directory_of(bucket) / "uploads"

    def _find(self, bucket: str, key: str, upload_id: str) -> tuple[Path, dict[str, Any]]:
        home = self._home(bucket) / (upload_id if _UPLOAD_ID.fullmatch(upload_id) else "none")
        with store_errors("read an upload"):
            about = read_json(home / _ABOUT)
        if about.get("key") != key:
            raise ResourceNotFoundError("NoSuchUpload", "The specified multipart upload does not exist.")
        return home, about


def _part(home: Path, number: int, etag: str) -> Path:
    path = home / f"{number:05}-{etag}"
    if not _MD5.fullmatch(etag) or not path.is_file():
        message = "One or more of the specified parts could not be found."
        raise ValidationError("InvalidPart", message, part=number)
    return path
