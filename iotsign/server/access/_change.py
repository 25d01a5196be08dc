"""Adding and removing access keys."""

import base64
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from iotsign.errors import ConfigError
from iotsign.server.access._file import (
    EVERYTHING,
    changing,
    check_account,
    check_actions,
    check_role,
    check_user,
    principal_arn,
    write_access,
)
from iotsign.server.sigv4 import AccessKey


def new_key_id(*, session: bool) -> str:
    """Make an id as AWS's look: ``AKIA`` for a lasting key, ``ASIA`` for a session's, and 16 of [A-Z2-7]."""
    return ("ASIA" if session else "AKIA") + base64.b32encode(secrets.token_bytes(10)).decode()


def add_key(
    path: Path,
    *,
    account: str,
    user: str | None = None,
    role: str | None = None,
    allow: tuple[str, ...] | None = None,
    account_name: str | None = None,
    lifetime: timedelta | None = None,
) -> AccessKey:
    """Make an access key and store it; account and role come into being with their first key.

    Args:
        path: The access file; it is made if it is not there.
        account: 12 digits.
        user: Whose key it is, unless it is a role's.
        role: ``[path/]name`` of the role, or its ARN.
        allow: The actions that the user, or the role, may call; everything by default. A role that is there keeps its
            own unless others are given.
        account_name: What people call the account.
        lifetime: How long it is good for; such a key has a session token.

    Returns:
        The key; its secret is shown nowhere else.

    Raises:
        ConfigError: A name is not one, or the file is wrong.
        KeyRejectedError: Others can read the file.
        StoreError: The file cannot be written.
    """
    check_account(account)
    if (user is None) == (role is None):
        raise ConfigError("OneOwner", "expected either a user or a role as the owner of an access key")
    if user is not None:
        check_user(user)
    if role is not None:
        role = check_role(role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}", account)
    check_actions(allow or ())
    key_id = new_key_id(session=lifetime is not None)
    with changing(path) as access:
        roles = dict(access.roles)
        if role is not None:
            roles[role] = allow or roles.get(role, EVERYTHING)
        key = AccessKey(
            key_id,
            base64.b64encode(secrets.token_bytes(30)).decode(),
            account,
            principal_arn(account, key_id, user, role),
            role=role,
            session_token=base64.b64encode(secrets.token_bytes(48)).decode() if lifetime else None,
            expires_at=(datetime.now(UTC) + lifetime).replace(microsecond=0) if lifetime else None,
            allow=(allow or EVERYTHING) if role is None else roles[role],
        )
        name = account_name or access.accounts.get(account, account)
        changed = replace(
            access, accounts={**access.accounts, account: name}, roles=roles, keys={**access.keys, key_id: key}
        )
        write_access(path, changed)
    return key


def remove_key(path: Path, access_key_id: str) -> None:
    """Remove an access key; what was signed with it is refused from then on.

    Raises:
        ConfigError: There is no such key, or the file is wrong.
        KeyRejectedError: Others can read the file.
        StoreError: The file cannot be written.
    """
    with changing(path) as access:
        if access_key_id not in access.keys:
            raise ConfigError("UnknownKey", f"{path}: no access key {access_key_id!r}", file=str(path))
        keys = {key_id: key for key_id, key in access.keys.items() if key_id != access_key_id}
        write_access(path, replace(access, keys=keys))
