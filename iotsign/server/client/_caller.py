"""Who calls a folder without a server: whoever can read it, in an account that it knows."""

import getpass
import re
from pathlib import Path
from typing import Final

from iotsign.errors import ConfigError
from iotsign.server.access import ACCESS_FILE, LOCAL_ACCOUNT, check_account, read_access
from iotsign.signer import Caller

_STRANGE: Final = re.compile(r"[^A-Za-z0-9+=,.@_-]")


def find_account(data: Path, wanted: str | None) -> str:
    """Give the account to act in: the wanted one, or the only one of the folder's access file.

    Args:
        data: The service's folder.
        wanted: Twelve digits, or None.

    Raises:
        ConfigError: It is no account, or there are several to choose from.
        KeyRejectedError: Others can read the access file.
    """
    if wanted is not None:
        return check_account(wanted)
    file = data / ACCESS_FILE
    accounts = read_access(file).accounts if file.exists() else {}
    if len(accounts) > 1:
        hint = "say it with --account, or set client.account in the configuration"
        message = f"{file}: expected one account, got {len(accounts)}: {', '.join(sorted(accounts))}"
        raise ConfigError("WhichAccount", message, hint=hint)
    return next(iter(accounts), LOCAL_ACCOUNT)


def local_caller(account: str) -> Caller:
    """Name the person at this machine as an IAM user of an account; the audit log keeps it."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        name = "unknown"
    return Caller(account, f"arn:aws:iam::{account}:user/{_STRANGE.sub('_', name)[:64]}")
