"""Buckets of versioned objects in a directory.

::

    ROOT/buckets/BUCKET/bucket.json                   owner, time, versioning
    ROOT/buckets/BUCKET/objects/AA/BB…/N-VERSION      content of one version; AABB… is the SHA-256 of the key
    ROOT/buckets/BUCKET/objects/AA/BB…/N-VERSION.json key, content type, metadata, ETag
    ROOT/buckets/BUCKET/uploads/UPLOAD/               parts of a multipart upload
    ROOT/staging/                                     files that are being written

A version exists from the moment on that its content has its name: it is linked there whole, after it was synced, and
never changed again.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, cast

from iotsign.errors import ConflictError
from iotsign.signer import BucketHead, SourceObject, TargetObject
from iotsign.stores.objects._files import (
    check_bucket_name,
    is_bucket_name,
    key_directory,
    locked,
    md5_of,
    no_such,
    read_json,
    store_errors,
    write_json,
)
from iotsign.stores.objects._stored import Bucket, StoredVersion, Versioning

NULL_VERSION: Final = "null"
DEFAULT_TYPE: Final = "binary/octet-stream"

_VERSION_FILE: Final = re.compile(r"([0-9]{8})-([A-Za-z0-9]{1,64})")
_ABANDONED_S: Final = 86400  # seconds after which nobody writes to a staged file any more
_CHUNK: Final = 1 << 20


class DirectoryObjects:
    """An object store in a directory; see `iotsign.signer.ObjectStore`. Any number of processes may use it.

    Args:
        root: The directory; it is made if it is not there.
        sync: Make what was put survive a power cut; without it, it survives the process only.

    Raises:
        StoreError: The directory cannot be made.
    """

    def __init__(self, root: Path, *, sync: bool = True) -> None:
        self._buckets, self._staging, self._sync = root / "buckets", root / "staging", sync
        self._known: dict[str, tuple[tuple[int, int], Bucket]] = {}
        with store_errors("be opened"):
            for directory in (self._buckets, self._staging):
                directory.mkdir(parents=True, exist_ok=True)
            self._clean()

    def create_bucket(self, name: str, owner: str) -> None:
        """Make a bucket.

        Raises:
            ValidationError: No bucket can have this name.
            ConflictError: There is such a bucket: ``BucketAlreadyOwnedByYou`` or ``BucketAlreadyExists``.
            StoreError: The system does not take it.
        """
        check_bucket_name(name)
        home = self._buckets / name
        with store_errors(f"make the bucket {name}"), locked(self._buckets):
            there = read_json(home / "bucket.json")
            if there:
                code = "BucketAlreadyOwnedByYou" if there["owner"] == owner else "BucketAlreadyExists"
                raise ConflictError(code, f"The bucket {name} already exists", bucket=name)
            (home / "objects").mkdir(parents=True, exist_ok=True)
            now = datetime.now(UTC).isoformat()
            write_json(home / "bucket.json", {"owner": owner, "createdAt": now, "versioning": ""}, sync=self._sync)

    def set_versioning(self, name: str, versioning: Versioning) -> None:
        """Let a bucket keep versions from now on, or not.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            StoreError: The system does not take it.
        """
        with store_errors(f"change the bucket {name}"), locked(self._buckets):
            self.find_bucket(name)
            path = self._buckets / name / "bucket.json"
            write_json(path, read_json(path) | {"versioning": versioning.value}, sync=self._sync)

    def find_bucket(self, name: str) -> Bucket:
        """Find a bucket.

        Raises:
            ResourceNotFoundError: There is none.
            StoreError: It cannot be read.
        """
        if not is_bucket_name(name):
            raise no_such("Bucket", name)
        path = f"{self._buckets}/{name}/bucket.json"
        try:
            state = os.stat(path)  # noqa: PTH116 - each request comes here several times
        except FileNotFoundError:
            raise no_such("Bucket", name) from None
        known = self._known.get(name)
        if known is None or known[0] != (state.st_ino, state.st_mtime_ns):
            with store_errors(f"read the bucket {name}"):
                about = read_json(Path(path))
            created_at = datetime.fromisoformat(about["createdAt"])
            bucket = Bucket(name, about["owner"], created_at, Versioning(about["versioning"]))
            known = self._known[name] = ((state.st_ino, state.st_mtime_ns), bucket)
        return known[1]

    def directory_of(self, name: str) -> Path:
        """The directory of a bucket.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            StoreError: It cannot be read.
        """
        self.find_bucket(name)
        return self._buckets / name

    def buckets(self, owner: str) -> tuple[Bucket, ...]:
        """List an account's buckets, by name.

        Raises:
            StoreError: They cannot be read.
        """
        with store_errors("list its buckets"):
            names = sorted(entry.name for entry in self._buckets.iterdir() if (entry / "bucket.json").exists())
        return tuple(bucket for bucket in map(self.find_bucket, names) if bucket.owner == owner)

    @contextmanager
    def stage(self) -> Iterator[IO[bytes]]:
        """Give an empty file for an object that may be put; what is not put vanishes.

        Raises:
            StoreError: The system does not give one.
        """
        path = f"{self._staging}/{secrets.token_hex(16)}"
        with store_errors("make a temporary file"):
            staged = open(path, "x+b", buffering=0, opener=_open_private)  # noqa: SIM115 - closed below
        try:
            with staged as file, store_errors("write a temporary file"):
                yield cast("IO[bytes]", file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108

    def put(
        self,
        bucket: str,
        key: str,
        staged: IO[bytes],
        *,
        content_type: str = DEFAULT_TYPE,
        metadata: Mapping[str, str] | None = None,
        etag: str | None = None,
    ) -> StoredVersion:
        """Make a version of an object, the newest of its key, of a staged file.

        Args:
            bucket: Where.
            key: Under what name.
            staged: From `stage`; the content.
            content_type: Kept with it.
            metadata: Kept with it.
            etag: Computed if None.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            ValidationError: It is no key.
            StoreError: The system does not take it.
        """
        about = {"contentType": content_type, "metadata": dict(metadata or {}), "etag": etag or md5_of(staged)}
        name = self._put(bucket, key, staged, about, if_absent=False)
        return self._read(bucket, Path(self._home(bucket, key)), cast("str", name), is_latest=True)

    def put_if_absent(self, target: TargetObject, staged: IO[bytes], *, content_type: str) -> bool:
        """Make an object of a staged file; False, and nothing happens, if there is one of that key (threat 23).

        Raises:
            ResourceNotFoundError: There is no such bucket.
            ValidationError: It is no key.
            StoreError: The system does not take it.
        """
        about = {"contentType": content_type, "metadata": {}, "etag": md5_of(staged)}
        return self._put(target.bucket, target.key, staged, about, if_absent=True) is not None

    def bucket(self, name: str) -> BucketHead:
        """Look at a bucket.

        Raises:
            ResourceNotFoundError: There is none.
            StoreError: It cannot be read.
        """
        found = self.find_bucket(name)
        return BucketHead(found.owner, found.versioning is Versioning.ENABLED)

    def size(self, source: SourceObject) -> int:
        """Size of one version of an object, in bytes.

        Raises:
            ResourceNotFoundError: There is no such bucket, object or version.
            StoreError: It cannot be read.
        """
        path = self._content(source)
        with store_errors("read an object"):
            return os.stat(path).st_size  # noqa: PTH116 - each job comes here

    @contextmanager
    def open_version(self, source: SourceObject) -> Iterator[IO[bytes]]:
        """Open one version of an object.

        Raises:
            ResourceNotFoundError: There is no such bucket, object or version.
            StoreError: It cannot be read.
        """
        path = self._content(source)
        with store_errors("read an object"), open(path, "rb", buffering=0) as file:  # noqa: PTH123
            yield file

    def digest(self, target: TargetObject) -> str | None:
        """SHA-256, in hex, of an object as it is now; None if there is none.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            StoreError: It cannot be read.
        """
        self.find_bucket(target.bucket)
        versions = self._versions(target.bucket, target.key)
        if not versions:
            return None
        with store_errors("read an object"), versions[-1].path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredVersion:
        """Find a version of an object; the newest if none is named.

        Raises:
            ResourceNotFoundError: There is no such bucket, key or version: ``NoSuchBucket``, ``NoSuchKey``,
                ``NoSuchVersion``.
            StoreError: It cannot be read.
        """
        self.find_bucket(bucket)
        versions = self._versions(bucket, key)
        if not versions:
            raise no_such("Key", key)
        if version is None:
            return versions[-1]
        found = next((candidate for candidate in versions if candidate.version == version), None)
        if found is None:
            raise no_such("Version", version)
        return found

    def versions(self, bucket: str, prefix: str = "") -> list[StoredVersion]:
        """List the versions of all objects whose key begins like this: by key, newest first.

        Raises:
            ResourceNotFoundError: There is no such bucket.
            StoreError: They cannot be read.
        """
        self.find_bucket(bucket)
        found: list[StoredVersion] = []
        with store_errors("list its objects"):
            for directory in (self._buckets / bucket / "objects").glob("*/*"):
                found += self._versions_in(bucket, directory)
        found = [version for version in found if version.key and version.key.startswith(prefix)]
        return sorted(found, key=lambda version: (version.key, -int(version.path.name[:8])))

    def _put(self, bucket: str, key: str, staged: IO[bytes], about: dict[str, Any], *, if_absent: bool) -> str | None:
        """Put a staged file; the name of the new version's file, None if there must be none and is one."""
        home = self._home(bucket, key)
        versioned = self.find_bucket(bucket).versioning is Versioning.ENABLED
        with store_errors("write an object"):
            staged.flush()
            if self._sync:
                os.fsync(staged.fileno())
            os.makedirs(home, exist_ok=True)  # noqa: PTH103
            with locked(home) as directory:
                there = self._names(home)
                if there and if_absent:
                    return None
                version = secrets.token_hex(16) if versioned else NULL_VERSION
                number = int(there[-1][:8]) + 1 if there else 1
                name = f"{number:08}-{version}"
                modified = datetime.now(UTC).isoformat()
                with open(f"{home}/{name}.json", "w", encoding="utf-8") as note:  # noqa: PTH123
                    note.write(json.dumps({"key": key, "modifiedAt": modified} | about))
                os.link(staged.name, f"{home}/{name}")
                if self._sync:
                    os.fsync(directory)  # with it goes what the file system has noted before, such as new directories
                if not versioned:
                    self._drop_null(Path(home), there)
            return name

    def _drop_null(self, home: Path, names: list[str]) -> None:
        for name in names:
            if name.endswith(f"-{NULL_VERSION}"):
                (home / name).unlink()
                (home / f"{name}.json").unlink(missing_ok=True)

    def _home(self, bucket: str, key: str) -> str:
        """Where the versions of a key are; text, because each job asks, and paths take their time."""
        return f"{self._buckets}/{bucket}/objects/{key_directory(key)}"

    def _content(self, source: SourceObject) -> str:
        """Where the content of a version is; nothing but its name has to be known.

        Raises:
            ResourceNotFoundError: There is no such bucket, object or version.
            StoreError: It cannot be looked for.
        """
        self.find_bucket(source.bucket)
        home = self._home(source.bucket, source.key)
        with store_errors("read an object"):
            names = self._names(home)
        if not names:
            raise no_such("Key", source.key)
        for name in names:
            if name.partition("-")[2] == source.version:
                return f"{home}/{name}"
        raise no_such("Version", source.version)

    def _versions(self, bucket: str, key: str) -> list[StoredVersion]:
        return self._versions_in(bucket, Path(self._home(bucket, key)), key)

    def _versions_in(self, bucket: str, home: Path, key: str | None = None) -> list[StoredVersion]:
        with store_errors("read an object"):
            names = self._names(home)
            return [self._read(bucket, home, name, is_latest=name == names[-1], key=key) for name in names]

    @staticmethod
    def _names(home: str | Path) -> list[str]:
        try:
            return sorted(name for name in os.listdir(home) if _VERSION_FILE.fullmatch(name))  # noqa: PTH208
        except FileNotFoundError:
            return []

    @staticmethod
    def _read(bucket: str, home: Path, name: str, *, is_latest: bool, key: str | None = None) -> StoredVersion:
        about, path = read_json(home / f"{name}.json"), home / name
        state = path.stat()
        modified = about.get("modifiedAt")
        return StoredVersion(
            bucket=bucket,
            key=about.get("key", key or ""),
            version=name.partition("-")[2],
            size=state.st_size,
            etag=about.get("etag", ""),
            modified_at=datetime.fromisoformat(modified) if modified else datetime.fromtimestamp(state.st_mtime, UTC),
            content_type=about.get("contentType", DEFAULT_TYPE),
            metadata=about.get("metadata", {}),
            is_latest=is_latest,
            path=path,
        )

    def _clean(self) -> None:
        for entry in self._staging.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > _ABANDONED_S:
                    entry.unlink()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
