"""The access file: accounts, roles and access keys in TOML, readable by its owner only.

The file holds secrets, because signature version 4 needs them on both sides; so it is read only while nobody else can
read it, and written whole or not at all. Its layout is described in `docs/server.md`.
"""

import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from iotsign.errors import ConfigError, StoreError
from iotsign.server._secret_files import refuse_open_file
from iotsign.server.sigv4 import AccessKey
from iotsign.strict_toml import Table, read_toml

ACCESS_FILE: Final = "access.toml"
"""Name of the access file in the service's folder."""

EVERYTHING: Final = ("*",)

LOCAL_ACCOUNT: Final = "111122223333"
"""The account of a folder whose access file names none; one of AWS's own examples."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_USER: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_ROLE_ARN: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/((?:[!-.0-~]+/)*)([A-Za-z0-9+=,.@_-]{1,64})")
_KEY_ID: Final = re.compile(r"[A-Z0-9]{16,128}")
_PATTERN: Final = re.compile(r"\*|(signer|s3):[A-Za-z0-9*]+")
_TABLES: Final = ("accounts", "roles", "keys")
_KEY_FIELDS: Final = ("account", "user", "role", "secret", "session_token", "expires_at", "allow")


@dataclass(frozen=True, slots=True)
class Access:
    """Who there is.

    Attributes:
        accounts: Account ids (12 digits) and what people call them.
        roles: Role ARNs and the actions that each role may call.
        keys: Access keys by id.
    """

    accounts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, AccessKey] = field(default_factory=lambda: MappingProxyType({}))


def check_account(account: str) -> str:
    """Give an account id back if it is one.

    Raises:
        ConfigError: It is not 12 digits.
    """
    if not _ACCOUNT.fullmatch(account):
        raise ConfigError("BadAccount", f"expected an account of 12 digits, got {account!r}")
    return account


def check_user(user: str) -> str:
    """Give a user's name back if it is one.

    Raises:
        ConfigError: It has other characters than IAM allows, or too many.
    """
    if not _USER.fullmatch(user):
        raise ConfigError("BadUser", f"expected 1 to 64 letters, digits or +=,.@_- as a user's name, got {user!r}")
    return user


def check_role(arn: str, account: str) -> str:
    """Give a role's ARN back if it is one of that account.

    Raises:
        ConfigError: It is not.
    """
    match = _ROLE_ARN.fullmatch(arn)
    if match is None or match[1] != account:
        raise ConfigError("BadRole", f"expected arn:aws:iam::{account}:role/[path/]name, got {arn!r}")
    return arn


def check_actions(allow: tuple[str, ...]) -> tuple[str, ...]:
    """Give patterns of actions back if they are such.

    Raises:
        ConfigError: One is not ``*``, ``signer:…`` or ``s3:…``.
    """
    for pattern in allow:
        if not _PATTERN.fullmatch(pattern):
            message = f"expected an action such as signer:StartSigningJob, signer:List*, s3:* or *, got {pattern!r}"
            raise ConfigError("BadAction", message)
    return allow


def principal_arn(account: str, access_key_id: str, user: str | None, role: str | None) -> str:
    """Name who signs with a key: an IAM user, or a role's session, which is named after the key."""
    if role is None:
        return f"arn:aws:iam::{account}:user/{user}"
    return f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{access_key_id}"


def read_access(path: Path) -> Access:
    """Read an access file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or says something unknown or impossible.
        KeyRejectedError: Others than its owner can read or change it.
    """
    refuse_open_file(path)
    values = read_toml(path)
    root = Table(values, _TABLES, file=str(path))

    def names(table: str) -> tuple[str, ...]:
        found = values.get(table, {})
        return tuple(found) if isinstance(found, dict) else ()

    accounts_table = root.table("accounts", names("accounts"), optional=True)
    accounts = {check_account(name): accounts_table.text(name) for name in names("accounts")}
    roles_table = root.table("roles", names("roles"), optional=True)
    roles: dict[str, tuple[str, ...]] = {}
    for arn in names("roles"):
        table = roles_table.table(arn, ("allow",))
        roles[check_role(arn, arn.split(":")[4] if arn.count(":") > 3 else "")] = check_actions(
            table.texts("allow", EVERYTHING)
        )
    keys_table = root.table("keys", names("keys"), optional=True)
    for name in names("keys"):
        if not _KEY_ID.fullmatch(name):
            raise keys_table.error("BadKeyId", name, "expected an id of 16 to 128 capitals and digits")
    keys = {name: _read_key(keys_table.table(name, _KEY_FIELDS), name, accounts, roles) for name in names("keys")}
    return Access(accounts, roles, keys)


def _read_key(table: Table, name: str, accounts: Mapping[str, str], roles: Mapping[str, tuple[str, ...]]) -> AccessKey:
    account = table.text("account")
    if account not in accounts:
        raise table.error("UnknownAccount", "account", f"no account {account!r} in this file")
    if ("user" in table) == ("role" in table):
        raise table.error("OneOwner", "user", "expected either a user or a role")
    role = table.text("role") if "role" in table else None
    user = check_user(table.text("user")) if role is None else None
    if role is not None and (role not in roles or check_role(role, account) != role):
        raise table.error("UnknownRole", "role", f"no role {role!r} in this file")
    allow = check_actions(table.texts("allow", EVERYTHING))
    return AccessKey(
        name,
        table.text("secret"),
        account,
        principal_arn(account, name, user, role),
        role=role,
        session_token=table.text("session_token") if "session_token" in table else None,
        expires_at=_read_moment(table) if "expires_at" in table else None,
        allow=allow if role is None else roles[role],
    )


def _read_moment(table: Table) -> datetime:
    text = table.text("expires_at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise table.error("BadTime", "expires_at", f"expected a time such as 2027-01-01T00:00:00Z, got {text!r}")
    return moment.astimezone(UTC)


def write_access(path: Path, access: Access) -> None:
    """Write an access file, whole or not at all; only its owner can read it.

    Raises:
        StoreError: The system does not take it.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".access-")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
                file.write(_toml(access))
                file.flush()
                os.fsync(descriptor)
            os.replace(name, path)  # noqa: PTH105
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108
    except OSError as error:
        raise StoreError("AccessFileUnwritable", f"{path}: {error.strerror}", path=str(path)) from error


def _toml(access: Access) -> str:
    lines = ["# Written by `iotsign access`. It holds secrets: keep it to yourself.", "", "[accounts]"]
    lines += [f"{account} = {_text(name)}" for account, name in access.accounts.items()]
    for arn, allow in access.roles.items():
        lines += ["", f"[roles.{_text(arn)}]", f"allow = {_texts(allow)}"]
    for key in access.keys.values():
        lines += ["", f"[keys.{key.access_key_id}]", f"account = {_text(key.account)}"]
        if key.role is None:
            lines += [f"user = {_text(key.arn.rpartition('/')[2])}", f"allow = {_texts(key.allow)}"]
        else:
            lines += [f"role = {_text(key.role)}"]
        lines += [f"secret = {_text(key.secret)}"]
        if key.session_token is not None:
            lines += [f"session_token = {_text(key.session_token)}"]
        if key.expires_at is not None:
            lines += [f"expires_at = {_text(key.expires_at.isoformat())}"]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    # JSON's escapes are among TOML's, but for DEL, which TOML wants escaped
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f")


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


@contextlib.contextmanager
def changing(path: Path) -> Iterator[Access]:
    """Read an access file to change it; whoever else wants to change it waits. A missing file is an empty one.

    Raises:
        ConfigError: It is there and cannot be read.
        KeyRejectedError: Others can read it.
        StoreError: The folder cannot be written to.
    """
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError("AccessFileUnwritable", f"{path}: {error.strerror}", path=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield read_access(path) if path.exists() else Access()
    finally:
        os.close(descriptor)
