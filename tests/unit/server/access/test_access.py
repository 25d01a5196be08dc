"""Accounts, roles and keys: the file, changing it, and the keyring that watches it."""

import concurrent.futures
import errno
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iotsign.errors import AccessDeniedError, ConfigError, KeyRejectedError, StoreError
from iotsign.server.access import Access, FileKeyring, add_key, check_allowed, read_access, remove_key

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/build"
Iotsign = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.toml"


def write(file: Path, text: str) -> Path:
    file.touch(0o600)
    file.write_text(text)
    return file


def test_a_user(file: Path) -> None:
    key = add_key(file, account=ACCOUNT, user="alice", account_name="Release")
    assert (key.account, key.arn, key.role) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice", None)
    assert key.access_key_id.startswith("AKIA")
    assert len(key.access_key_id) == 20
    assert (key.session_token, key.expires_at, key.allow) == (None, None, ("*",))
    assert read_access(file) == Access({ACCOUNT: "Release"}, {}, {key.access_key_id: key})
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_session_of_a_role(file: Path) -> None:
    first = add_key(file, account=ACCOUNT, role="ci/build", allow=("signer:Start*",), lifetime=timedelta(hours=1))
    assert first.access_key_id.startswith("ASIA")
    assert first.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/build/{first.access_key_id}"
    assert first.role == ROLE
    assert first.session_token
    assert first.expires_at
    assert first.expires_at > datetime.now(UTC) + timedelta(minutes=59)
    second = add_key(file, account=ACCOUNT, role=ROLE)
    assert second.allow == ("signer:Start*",)
    third = add_key(file, account=ACCOUNT, role=ROLE, allow=("s3:*", "signer:*"))
    found = read_access(file)
    assert found.keys[first.access_key_id].allow == third.allow == found.roles[ROLE]
    assert found.keys[first.access_key_id].expires_at == first.expires_at


def test_removing(file: Path) -> None:
    keys = [add_key(file, account=ACCOUNT, user=name) for name in ("a", "b")]
    remove_key(file, keys[0].access_key_id)
    assert list(read_access(file).keys) == [keys[1].access_key_id]
    with pytest.raises(ConfigError, match="no access key 'AKIANONE'"):
        remove_key(file, "AKIANONE")


def test_many_at_once(file: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda number: add_key(file, account=ACCOUNT, user=f"u{number}"), range(32)))
    assert {key.access_key_id for key in keys} == set(read_access(file).keys)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"account": "1", "user": "a"}, "12 digits"),
        ({"account": "١" * 12, "user": "a"}, "12 digits"),
        ({"account": ACCOUNT}, "either a user or a role"),
        ({"account": ACCOUNT, "user": "a", "role": "b"}, "either a user or a role"),
        ({"account": ACCOUNT, "user": "a b"}, "user's name"),
        ({"account": ACCOUNT, "user": "../x"}, "user's name"),
        ({"account": ACCOUNT, "role": "a b"}, "role/"),
        ({"account": ACCOUNT, "role": "arn:aws:iam::444455556666:role/x"}, "role/"),
        ({"account": ACCOUNT, "user": "a", "allow": ("iam:*",)}, "an action such as"),
        ({"account": ACCOUNT, "user": "a", "allow": ("signer:[a]",)}, "an action such as"),
    ],
)
def test_names_that_are_none(file: Path, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        add_key(file, **options)
    assert not file.exists()


KEY = '[keys.AKIAIOSFODNN7EXAMPLE]\naccount = "111122223333"\nsecret = "s"\n'
ACCOUNTS = '[accounts]\n111122223333 = "x"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[users]\n", "users: unknown key"),
        ("accounts = 1\n", "accounts: expected table"),
        ('[accounts]\n1 = "x"\n', "12 digits"),
        ('[roles."x"]\n', "expected arn:aws:iam::"),
        ('[roles."a:b:c:d:e:f"]\n', "expected arn:aws:iam::e:role"),
        ('[roles."arn:aws:iam::111122223333:role/x"]\nallow = ["x"]\n', "an action such as"),
        (ACCOUNTS + KEY, "keys.AKIAIOSFODNN7EXAMPLE.user: expected either a user or a role"),
        (KEY + 'user = "a"\n', "account: no account '111122223333' in this file"),
        (ACCOUNTS + KEY + 'role = "arn:aws:iam::111122223333:role/x"\n', "role: no role"),
        (ACCOUNTS + KEY + 'user = "a"\nexpires_at = "tomorrow"\n', "expires_at: expected a time"),
        (ACCOUNTS + KEY + 'user = "a"\nexpires_at = "2026-01-01T00:00:00"\n', "expires_at: expected a time"),
        (ACCOUNTS + KEY + 'user = "a"\npassword = "x"\n', "password: unknown key"),
        (ACCOUNTS + '[keys.short]\naccount = "111122223333"\n', "keys.short: expected an id"),
        ("not toml", "expected TOML"),
    ],
)
def test_wrong_files_name_the_key(file: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_access(write(file, text))


def test_a_file_that_is_not_there_or_open(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_access(file)
    write(file, ACCOUNTS).chmod(0o620)
    with pytest.raises(KeyRejectedError, match="others than its owner") as caught:  # threat 31
        read_access(file)
    assert caught.value.data["hint"] == f"chmod 600 {file}"
    with pytest.raises(StoreError):
        add_key(tmp_path / "none" / "access.toml", account=ACCOUNT, user="a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError):
        add_key(tmp_path / "access.toml", account=ACCOUNT, user="a")
    tmp_path.chmod(0o700)


def test_a_file_that_cannot_be_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(file, account=ACCOUNT, user="a")
    content = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        add_key(file, account=ACCOUNT, user="b")
    assert file.read_bytes() == content
    assert sorted(path.name for path in file.parent.iterdir()) == ["access.toml", "access.toml.lock"]


def test_a_name_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "access.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        add_key(tmp_path / "access.toml", account=ACCOUNT, user="a")


def test_the_keyring_watches_its_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = add_key(file, account=ACCOUNT, user="a")
    ring = FileKeyring(file)
    assert ring.find(first.access_key_id) == first
    second = add_key(file, account=ACCOUNT, user="b")
    assert ring.find(second.access_key_id) == second  # a key that is unknown is looked for at once
    remove_key(file, first.access_key_id)
    later = time.monotonic() + 2
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert ring.find(first.access_key_id) is None
    content = file.read_text()
    for breaking in (lambda: file.write_text("broken"), lambda: file.chmod(0o644), file.unlink):
        breaking()
        later += 2
        for _ in range(2):
            with pytest.raises((ConfigError, KeyRejectedError)):
                ring.find(second.access_key_id)
        file.unlink(missing_ok=True)
        write(file, content)
        assert ring.find(second.access_key_id) == second


def test_what_a_key_may_call(file: Path) -> None:
    key = add_key(file, account=ACCOUNT, user="a", allow=("signer:Get*", "s3:PutObject"))
    for action in ("signer:GetSigningProfile", "s3:PutObject"):
        check_allowed(key, action)
    for action in ("signer:PutSigningProfile", "s3:GetObject", "signer:", "xsigner:GetX"):
        with pytest.raises(AccessDeniedError, match=f"user/a is not authorized to perform: {action}"):
            check_allowed(key, action)


def test_the_command(iotsign: Iotsign, tmp_path: Path) -> None:
    done = iotsign("access", "add", ACCOUNT, "--role", "ci", "--expires-in", "12h", "--allow", "signer:*")
    assert done.returncode == 0, done.stderr
    lines = dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.decode().splitlines())
    assert set(lines) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    made = json.loads(iotsign("access", "add", ACCOUNT, "--user", "a", "--json").stdout)
    listed = iotsign("access", "list").stdout.decode()
    assert made["accessKeyId"] in listed
    assert lines["AWS_ACCESS_KEY_ID"] in listed
    for secret in (made["secretAccessKey"], lines["AWS_SECRET_ACCESS_KEY"], lines["AWS_SESSION_TOKEN"]):
        assert secret not in listed
    assert iotsign("access", "remove", made["accessKeyId"]).returncode == 0
    found = [json.loads(line) for line in iotsign("access", "list", "--json").stdout.splitlines()]
    assert [entry["accessKeyId"] for entry in found] == [lines["AWS_ACCESS_KEY_ID"]]
    assert (tmp_path / "iotsign-data").stat().st_mode & 0o777 == 0o700
    for wrong in (["--user", "a", "--role", "b"], [], ["--user", "a", "--expires-in", "soon"]):
        assert iotsign("access", "add", ACCOUNT, *wrong).returncode == 2
    (tmp_path / "taken").touch()
    assert iotsign("access", "add", ACCOUNT, "--user", "a", "--data", "taken/x").returncode == 5
