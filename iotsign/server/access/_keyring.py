"""The access file as the server sees it: read again when it changes."""

import threading
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from iotsign.errors import AccessDeniedError
from iotsign.server.access._file import Access, read_access
from iotsign.server.sigv4 import AccessKey

_LOOK_EVERY_S: Final = 1.0

_Fingerprint = tuple[int, int, int, int]


class FileKeyring:
    """Looks access keys up in a file. A new key works at once, a removed one for one second more.

    A file that became unreadable, wrong or open to others denies everybody: the error of reading it is raised on each
    look-up until it is put right.

    Raises:
        ConfigError: The file cannot be read or is wrong.
        KeyRejectedError: Others can read the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: _Fingerprint | None = self._fingerprint()
        self._access = read_access(path)
        self._looked_at = time.monotonic()

    def find(self, access_key_id: str) -> AccessKey | None:
        """Give the key of that id, or None.

        Raises:
            ConfigError: The file cannot be read or is wrong.
            KeyRejectedError: Others can read the file.
        """
        return self.access().keys.get(access_key_id) or self.access(now=True).keys.get(access_key_id)

    def access(self, *, now: bool = False) -> Access:
        """Give the accounts, roles and keys.

        Args:
            now: Look at the file even if it was looked at a moment ago.

        Raises:
            ConfigError: The file cannot be read or is wrong.
            KeyRejectedError: Others can read the file.
        """
        with self._lock:
            if now or time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
                seen = self._fingerprint()
                if seen is None or seen != self._seen:
                    self._seen = None  # stays so if reading fails
                    self._access = read_access(self._path)
                    self._seen = seen
                self._looked_at = time.monotonic()
            return self._access

    def _fingerprint(self) -> _Fingerprint | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def check_allowed(key: AccessKey, action: str) -> None:
    """Check that a key's owner may call an action, such as ``signer:PutSigningProfile``.

    Raises:
        AccessDeniedError: It may not.
    """
    if not any(fnmatchcase(action, pattern) for pattern in key.allow):
        message = (
            f"User: {key.arn} is not authorized to perform: {action} because no identity-based policy allows the "
            f"{action} action"
        )
        raise AccessDeniedError("AccessDenied", message)
