"""Accounts, roles and access keys."""

from iotsign.server.access._change import add_key, remove_key
from iotsign.server.access._file import ACCESS_FILE, LOCAL_ACCOUNT, Access, check_account, read_access
from iotsign.server.access._keyring import FileKeyring, check_allowed

__all__ = [
    "ACCESS_FILE",
    "LOCAL_ACCOUNT",
    "Access",
    "FileKeyring",
    "add_key",
    "check_account",
    "check_allowed",
    "read_access",
    "remove_key",
]
