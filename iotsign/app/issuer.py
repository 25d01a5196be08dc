"""Looking after the signing service's own certificate authority: another chain, and whom to trust."""

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from iotsign.app.service import ServiceSettings, open_issuer, open_service
from iotsign.errors import StoreError
from iotsign.keys import certificate_key, certificate_pem, write_key_file

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["export_trust", "rotate_issuer"]


def rotate_issuer(settings: ServiceSettings) -> "Certificate":
    """Let another root and issuing CA issue from now on; what was signed before stays good.

    Args:
        settings: Where the service keeps things.

    Returns:
        The new root.

    Raises:
        KeyFamilyError: The key file cannot be used.
        StoreError: There is no chain yet, the new one is not on record, or something cannot be opened.
    """
    _check_folder(settings.directory)
    with open_service(settings) as opened:
        opened.service.rotate_issuer(f"local:{_user()}")
        return opened.issuer.roots()[-1]


def export_trust(settings: ServiceSettings, directory: Path) -> tuple[Path, ...]:
    """Write the root of every chain, replaced ones included, into a trust directory; other files in it stay.

    Args:
        settings: Where the service keeps things.
        directory: Where to; it is made if its parent is there.

    Returns:
        What was written, the oldest root first.

    Raises:
        KeyFamilyError: A root is damaged.
        StoreError: There is no chain yet, or the system does not take the files.
    """
    _check_folder(settings.directory)
    roots = open_issuer(settings).roots()
    if not roots:
        message = f"{settings.directory}: expected the signing service's own chain, got none yet"
        raise StoreError("NoIssuer", message, hint="iotsign serve makes it when it first starts")
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError("DirectoryUnwritable", f"cannot create {str(directory)!r}: {error.strerror}") from error
    written = []
    for root in roots:
        path = directory / f"root-{certificate_key(root).fingerprint.hex()[:16]}.pem"
        write_key_file(path, certificate_pem(root), private=False, force=True)
        written.append(path)
    return tuple(written)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise StoreError("NoSuchFolder", f"{folder}: expected the folder of a signing service, got none")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
