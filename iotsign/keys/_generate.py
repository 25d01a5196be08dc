"""New private keys, and the files they are kept in."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from iotsign.algorithms import KeyType
from iotsign.errors import ConfigError, StoreError
from iotsign.keys._private import OpensslPrivateKey

_EXPONENT: Final = 65537
_CURVES: Final = {KeyType.P256: ec.SECP256R1, KeyType.P384: ec.SECP384R1}


def generate_key(key_type: KeyType, *, passphrase: bytes | None = None) -> bytes:
    """Make a private key, with OpenSSL's random numbers.

    Args:
        key_type: What kind.
        passphrase: Encrypts the key (PKCS#8, PBES2 with AES-256-CBC); None leaves it in the clear.

    Returns:
        PKCS#8 as PEM.
    """
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = _generate(key_type)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def check_key_target(path: str | Path, *, force: bool = False) -> None:
    """Check that a new key may be written to a path, before work is put into making one.

    Raises:
        ConfigError: There is such a file, and `force` was not given; or what is there is no file.
    """
    target = Path(path)
    if force and target.exists() and not target.is_file():
        raise ConfigError("NotAFile", f"expected a file to replace at {str(path)!r}, got a directory or device")
    if not force and (target.is_symlink() or target.exists()):
        raise _exists(path)


def write_key_file(path: str | Path, content: bytes, *, private: bool = True, force: bool = False) -> None:
    """Write a key or certificate; the file is whole or not there.

    Args:
        path: Where to.
        content: What.
        private: Let nobody but the owner read it.
        force: Replace a file that is there.

    Raises:
        ConfigError: There is such a file, and `force` was not given; or what is there is no file.
        StoreError: The system does not take it.
    """
    check_key_target(path, force=force)
    target = Path(path)
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".iotsign-", dir=target.parent)  # mode 0600
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(content)
            file.flush()
            if not private:
                os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        if force:
            Path(temporary).replace(target)
        else:
            target.hardlink_to(temporary)  # unlike a rename it fails if the name is taken
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise StoreError("KeyFileUnwritable", f"cannot write {str(path)!r}: {error.strerror}", path=str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - gone already where it was renamed


def _generate(key_type: KeyType) -> OpensslPrivateKey:
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if key_type in _CURVES:
        return ec.generate_private_key(_CURVES[key_type]())
    return rsa.generate_private_key(_EXPONENT, int(key_type.value.removeprefix("rsa")))


def _exists(path: str | Path) -> ConfigError:
    message = f"expected no file at {str(path)!r}, got one; what is replaced is lost"
    return ConfigError("FileExists", message, path=str(path), hint="choose another name, or --force")
