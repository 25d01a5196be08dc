"""Objects in a directory."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from iotsign.errors import ConflictError, ResourceNotFoundError, StoreError, ValidationError
from iotsign.signer import BucketHead, ObjectStore, SourceObject, TargetObject
from iotsign.stores.objects import DirectoryObjects, StoredVersion, Versioning

ME = "111122223333"
TYPE = "application/octet-stream"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryObjects:
    store = DirectoryObjects(tmp_path / "objects")
    for bucket in ("firmware", "plain"):
        store.create_bucket(bucket, ME)
    store.set_versioning("firmware", Versioning.ENABLED)
    return store


@pytest.fixture
def put(store: DirectoryObjects) -> Callable[..., StoredVersion]:
    def do(content: bytes, bucket: str = "firmware", key: str = "app.bin", **about: Any) -> StoredVersion:
        with store.stage() as staged:
            staged.write(content)
            return store.put(bucket, key, staged, **about)

    return do


def test_versions_are_kept_and_never_change(store: DirectoryObjects, put: Callable[..., StoredVersion]) -> None:
    port: ObjectStore = store
    first, second = put(b"first"), put(b"second", content_type="text/plain")
    source = SourceObject("firmware", "app.bin", first.version)
    assert port.size(source) == 5
    with port.open_version(source) as file:
        assert os.pread(file.fileno(), 99, 0) == b"first"
    assert first.etag == "8b04d5e3775d298e78455efc5ca404d5"
    assert store.find("firmware", "app.bin") == second
    assert second.is_latest
    assert second.content_type == "text/plain"
    assert [found.version for found in store.versions("firmware")] == [second.version, first.version]
    assert port.digest(TargetObject("firmware", "app.bin")) == (
        "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"
    )


def test_a_bucket_without_versions_keeps_one(store: DirectoryObjects, put: Callable[..., StoredVersion]) -> None:
    put(b"first", "plain")
    put(b"second", "plain")
    (only,) = store.versions("plain")
    assert (only.version, only.path.read_bytes()) == ("null", b"second")
    store.set_versioning("plain", Versioning.ENABLED)
    put(b"third", "plain")
    store.set_versioning("plain", Versioning.SUSPENDED)
    put(b"fourth", "plain")
    assert [found.path.read_bytes() for found in store.versions("plain")] == [b"fourth", b"third"]


def test_an_object_is_put_only_where_there_is_none(store: DirectoryObjects) -> None:  # threat 23
    target = TargetObject("plain", "signed")

    def attempt(number: int) -> bool:
        with store.stage() as staged:
            staged.write(b"%d" % number)
            return store.put_if_absent(target, staged, content_type=TYPE)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert len(store.versions("plain")) == 1


@pytest.mark.parametrize(
    "key",
    ["../../bucket.json", "/etc/passwd", "a/../b", ".", "..", "a\0b", "a\nb", "é" * 512, "x" * 1024, "a/", "a//b"],
)
def test_a_key_is_never_a_path(  # threat 24
    store: DirectoryObjects, put: Callable[..., StoredVersion], key: str, tmp_path: Path
) -> None:
    put(b"content", key=key)
    assert store.find("firmware", key).path.read_bytes() == b"content"
    assert [found.key for found in store.versions("firmware")] == [key]
    assert {entry.name for entry in tmp_path.iterdir()} == {"objects"}
    assert store.find_bucket("firmware").owner == ME


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "\ud800"])
def test_keys_that_s3_does_not_take(store: DirectoryObjects, put: Callable[..., StoredVersion], key: str) -> None:
    with pytest.raises(ValidationError, match="1 to 1024 bytes"):
        put(b"content", key=key)
    with pytest.raises(ValidationError):
        store.find("firmware", key)


@pytest.mark.parametrize("name", ["ab", "a" * 64, "Firmware", "a..b", "-ab", "192.168.0.1", "a/b", "..", "../x"])
def test_names_that_no_bucket_has(store: DirectoryObjects, name: str) -> None:  # threat 24
    with pytest.raises(ValidationError, match="bucket name"):
        store.create_bucket(name, ME)
    with pytest.raises(ResourceNotFoundError):
        store.bucket(name)


@pytest.mark.parametrize("version", ["", "null", "../x", "nothing", "*"])
def test_what_is_not_there_is_not_found(
    store: DirectoryObjects, put: Callable[..., StoredVersion], version: str
) -> None:
    put(b"content")
    with pytest.raises(ResourceNotFoundError) as caught:
        store.size(SourceObject("firmware", "app.bin", version))
    assert caught.value.code == "NoSuchVersion"
    for bucket, key, code in (("firmware", "nothing", "NoSuchKey"), ("nowhere", "app.bin", "NoSuchBucket")):
        with pytest.raises(ResourceNotFoundError) as caught:
            store.find(bucket, key)
        assert caught.value.code == code
    with pytest.raises(ResourceNotFoundError):
        store.set_versioning("nowhere", Versioning.ENABLED)
    assert store.digest(TargetObject("firmware", "nothing")) is None


def test_buckets_belong_to_accounts(store: DirectoryObjects) -> None:
    store.create_bucket("theirs", "444455556666")
    assert [bucket.name for bucket in store.buckets(ME)] == ["firmware", "plain"]
    assert store.bucket("theirs") == BucketHead("444455556666", False)
    for owner, code in ((ME, "BucketAlreadyExists"), ("444455556666", "BucketAlreadyOwnedByYou")):
        with pytest.raises(ConflictError) as caught:
            store.create_bucket("theirs", owner)
        assert caught.value.code == code


def test_what_is_not_put_vanishes(store: DirectoryObjects, tmp_path: Path) -> None:
    with store.stage() as staged:
        staged.write(b"never put")
    assert not list((tmp_path / "objects" / "staging").iterdir())
    abandoned = tmp_path / "objects" / "staging" / "old"
    abandoned.write_bytes(b"of a process that was killed")
    young = tmp_path / "objects" / "staging" / "young"
    young.touch()
    os.utime(abandoned, (0, 0))
    DirectoryObjects(tmp_path / "objects")
    assert not abandoned.exists()
    assert young.exists()


def test_a_lost_note_costs_nothing_but_the_note(store: DirectoryObjects, put: Callable[..., StoredVersion]) -> None:
    version = put(b"content", content_type="text/plain")
    version.path.with_name(f"{version.path.name}.json").write_text("{torn")
    found = store.find("firmware", "app.bin", version.version)
    assert found.path.read_bytes() == b"content"
    assert found.key == "app.bin"
    assert store.versions("firmware") == []


def test_without_sync_it_works_alike(tmp_path: Path) -> None:
    store = DirectoryObjects(tmp_path, sync=False)
    store.create_bucket("plain", ME)
    with store.stage() as staged:
        staged.write(b"x")
        assert store.put("plain", "key", staged, metadata={"a": "b"}, etag="e").metadata == {"a": "b"}
    assert store.find("plain", "key").etag == "e"


def test_a_store_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="the object store cannot be opened"):
        DirectoryObjects(tmp_path / "file")


def test_a_full_disk_is_a_store_error(store: DirectoryObjects) -> None:
    def fill() -> None:
        with store.stage():
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device") as caught:
        fill()
    assert caught.value.code == "ENOSPC"
