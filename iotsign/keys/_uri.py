"""Key URIs: which signer a name means."""

import os
from pathlib import Path
from typing import Final

from iotsign.errors import KeyUriError
from iotsign.keys._private import Passphrase, open_pem_signer
from iotsign.keys._signer import Signer

_SCHEMES: Final = ("pem",)


def open_signer(uri: str, *, passphrase: Passphrase | None = None, allow_insecure: bool = False) -> Signer:
    """Open the private key that a key URI names.

    ``pem:PATH`` is a PEM or DER file: everything behind the colon is the path as it stands, without escapes; a leading
    ``~/`` is the home directory and ``pem:-`` is standard input.

    Args:
        uri: The key URI.
        passphrase: Called once, and only if the key is encrypted.
        allow_insecure: Sign even with a key that is readable by others, weak or publicly known. The reasons stay
            readable in the signer's ``weaknesses``.

    Raises:
        KeyUriError: The URI has no scheme, an unknown one, or no path.
        KeyUnavailableError: The file is unreadable or holds no private key, or the passphrase is missing or wrong.
        KeyRejectedError: The key must not sign: readable by others, weak, publicly known.
        UnsupportedAlgorithmError: A key type that iotsign does not sign with.
    """
    return open_pem_signer(pem_path(uri), passphrase, allow_insecure=allow_insecure)


def key_file(uri: str) -> Path:
    """The file that a key URI names, so that nothing else is written there.

    Raises:
        KeyUriError: The URI has no scheme, an unknown one, or no path.
    """
    return Path(pem_path(uri))


def pem_path(uri: str) -> str:
    """The file that a ``pem:`` URI names.

    Raises:
        KeyUriError: The URI has no scheme, an unknown one, or no path.
    """
    scheme, colon, path = uri.partition(":")
    if not colon or scheme not in _SCHEMES:
        known = ", ".join(f"{name}:" for name in _SCHEMES)
        hint = "" if colon else f"; for a file write pem:{uri}"
        raise KeyUriError("UnknownKeyScheme", f"expected a key URI that starts with {known} got {uri!r}{hint}", uri=uri)
    if not path or "\0" in path:
        raise KeyUriError("NoKeyPath", f"expected a file behind {scheme}: in the key URI, got {path!r}", uri=uri)
    return os.path.expanduser(path) if path.startswith("~/") else path  # noqa: PTH111 - ~user stays a file name
