"""The chains that issued and that issues, in a directory.

::

    ROOT/0001/    the first chain; `_chain` says what is in it
    ROOT/0002/    the one that issues since the first rotation; the last one issues
    ROOT/.lock    held by whoever makes a chain or issues a certificate

A chain is made under another name and appears whole. What a killed process left behind goes with the next one.
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import KeyType
from iotsign.errors import StoreError
from iotsign.keys import create_authority
from iotsign.signer import Announce, Material, ProfileArn
from iotsign.stores.issuer._chain import Chain, signs_at
from iotsign.stores.materials import read_key_file

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LOCK: Final = ".lock"
_UNFINISHED: Final = ".new"
_LOOK_EVERY_S: Final = 1.0
_TBS_DIGITS: Final = 96


class DirectoryIssuer:
    """The service's own certificate authority; see `iotsign.signer.Issuer`. Threads and processes may share it.

    A rotation by another process is noticed within a second.

    Args:
        root: The directory; it is made with the first chain.
        key_file: What encrypts private keys.
        prepare_key_file: Called before the first chain is made; may make the key file.
    """

    def __init__(self, root: Path, key_file: Path, *, prepare_key_file: Callable[[], object] = lambda: None) -> None:
        self._root, self._key_file, self._prepare_key_file = root, key_file, prepare_key_file
        self._chains: dict[str, Chain] = {}
        self._looked_at = -_LOOK_EVERY_S
        self._signers: dict[ProfileArn, Material] = {}
        self._mutex = threading.Lock()

    def establish(self, now: datetime, announce: Announce) -> bool:
        """Make the first chain; False if there is one.

        Raises:
            KeyFamilyError: The key file cannot be used.
            StoreError: It was not announced, or the system does not take it.
        """
        with self._mutex:
            if self._current() is not None:
                return False
            self._prepare_key_file()
            with self._locked():
                if self._current(look=True) is not None:
                    return False
                self._make(now, announce)
                return True

    def rotate(self, now: datetime, announce: Announce) -> None:
        """Make another chain, which issues from now on.

        Raises:
            KeyFamilyError: The key file cannot be used.
            StoreError: There is no chain, this one was not announced, or the system does not take it.
        """
        with self._mutex:
            if self._current(look=True) is None:
                message = f"there is no issuing chain in {str(self._root)!r} that another could follow"
                raise StoreError("NoIssuer", message, path=str(self._root), hint="iotsign serve makes the first one")
            with self._locked():
                self._current(look=True)
                self._make(now, announce)

    def signer(self, profile: ProfileArn, now: datetime, announce: Announce) -> Material | None:
        """Give what signs for a profile version; None if there is no chain.

        Raises:
            ExpiredError: The issuing CA has expired.
            KeyFamilyError: A key or the key file cannot be used.
            StoreError: A new certificate was not announced, or the system does not take it.
        """
        with self._mutex:
            current = self._current()
            if current is None:
                return None
            known = self._signers.get(profile)
            if known is not None and signs_at(known, now):
                return known
            found = current.signer(profile, now)
            if found is None:
                with self._locked():
                    found = current.signer(profile, now) or current.issue(profile, now, announce)
            self._signers[profile] = found
            return found

    def knows(self, certificate_hash: str) -> bool:
        """Tell whether a certificate is one of a chain, by its own hash and its issuer's.

        Raises:
            StoreError: The directory cannot be read.
        """
        certificate, parent = certificate_hash[:_TBS_DIGITS].lower(), certificate_hash[_TBS_DIGITS:].lower()
        with self._mutex:
            for look in (False, True):
                self._current(look=look)
                if any(chain.knows(certificate, parent) for chain in self._chains.values()):
                    return True
        return False

    def roots(self) -> "Sequence[Certificate]":
        """Give the root of every chain, oldest first.

        Raises:
            KeyFamilyError: A certificate is missing or damaged.
            StoreError: The directory cannot be read.
        """
        with self._mutex:
            self._current(look=True)
            return [chain.root for chain in self._chains.values()]

    def _current(self, *, look: bool = False) -> Chain | None:
        """Give the chain that issues, as of a moment ago or as of now."""
        if look or time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
            names = self._names()
            if names != list(self._chains):
                known = self._chains
                self._chains = {name: known.get(name) or Chain(self._root / name, self._secret) for name in names}
                self._signers.clear()
            self._looked_at = time.monotonic()
        return next(reversed(self._chains.values()), None)

    def _names(self) -> list[str]:
        try:
            return sorted((path.name for path in self._root.iterdir() if path.name.isdecimal()), key=int)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failure("read", error) from error

    def _make(self, now: datetime, announce: Announce) -> None:
        """Make the chain behind the last one; the lock is held."""
        unfinished = self._root / _UNFINISHED
        name = f"{int(next(reversed(self._chains), '0')) + 1:04}"
        try:
            if unfinished.exists():
                shutil.rmtree(unfinished)
            create_authority(unfinished, KeyType.P384, passphrase=self._secret(), now=now)
            made = Chain(unfinished, self._secret)
            announce((made.issuing, made.root))
            _sync(unfinished / "private")
            _sync(unfinished)
            unfinished.rename(self._root / name)
            _sync(self._root)
        except OSError as error:
            raise self._failure("write", error) from error
        self._current(look=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failure("write", error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _secret(self) -> bytes:
        return read_key_file(self._key_file)

    def _failure(self, what: str, error: OSError) -> StoreError:
        message = f"cannot {what} the issuing chain {str(self._root)!r}: {error.strerror}"
        return StoreError("IssuerUnusable", message, path=str(self._root))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
