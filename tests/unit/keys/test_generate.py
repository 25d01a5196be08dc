"""New keys and the files they are kept in."""

import os
import stat
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from iotsign.algorithms import KeyType
from iotsign.errors import ConfigError, StoreError
from iotsign.keys import check_key_target, generate_key, open_signer, write_key_file


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048, KeyType.ED25519])
@pytest.mark.parametrize("passphrase", [None, b"secret"])
def test_a_new_key_opens(tmp_path: Path, key_type: KeyType, passphrase: bytes | None) -> None:
    pem = generate_key(key_type, passphrase=passphrase)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY" if passphrase else b"-----BEGIN PRIVATE KEY")
    write_key_file(tmp_path / "key.pem", pem)
    signer = open_signer(f"pem:{tmp_path / 'key.pem'}", passphrase=lambda: passphrase or b"")
    assert signer.public_key.key_type is key_type
    key = serialization.load_pem_private_key(pem, passphrase)
    if key_type is KeyType.RSA2048:
        assert key.public_key().public_numbers().e == 65537  # type: ignore[union-attr]


def test_no_two_keys_are_the_same() -> None:
    assert len({generate_key(KeyType.ED25519) for _ in range(50)}) == 50


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_a_key(tmp_path: Path, umask: int) -> None:
    # threat 31
    before = os.umask(umask)
    try:
        write_key_file(tmp_path / "key.pem", b"private")
        write_key_file(tmp_path / "certificate.pem", b"public", private=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "certificate.pem").stat().st_mode) == 0o644


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_key_file(path, b"first")
    for call in (partial(write_key_file, path, b"second"), partial(check_key_target, path)):
        with pytest.raises(ConfigError, match="what is replaced is lost") as caught:
            call()
        assert caught.value.code == "FileExists"
        assert "--force" in caught.value.data["hint"]
    assert path.read_bytes() == b"first"
    write_key_file(path, b"second", force=True)
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]


def test_a_key_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    synced = os.fsync

    def appear(descriptor: int) -> None:
        synced(descriptor)
        path.write_bytes(b"first")

    monkeypatch.setattr(os, "fsync", appear)
    with pytest.raises(ConfigError, match="expected no file"):
        write_key_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "key.pem"
    link.symlink_to(victim)
    with pytest.raises(ConfigError, match="expected no file"):
        write_key_file(link, b"key")
    victim.write_bytes(b"kept")
    write_key_file(link, b"key", force=True)
    assert (victim.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"kept", b"key", False)


def test_where_no_key_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        write_key_file(tmp_path / "absent" / "key.pem", b"key")
    for target in (tmp_path, Path("/dev/null")):
        with pytest.raises(ConfigError) as caught:
            write_key_file(target, b"key", force=True)
        assert caught.value.code == "NotAFile"
    assert Path("/dev/null").is_char_device()


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_key_file(tmp_path / "key.pem", b"key")
    assert list(tmp_path.iterdir()) == []
