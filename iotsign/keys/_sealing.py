"""Private keys for safekeeping: read from one file, encrypted anew for another."""

from typing import cast

from cryptography.hazmat.primitives import serialization

from iotsign.errors import KeyRejectedError
from iotsign.keys._files import read_key_file
from iotsign.keys._private import OpensslPrivateKey, Passphrase, load_private_key, parse_signer
from iotsign.keys._public import PublicKey
from iotsign.keys._uri import pem_path


def seal_key(uri: str, secret: bytes, *, passphrase: Passphrase | None = None) -> tuple[bytes, PublicKey]:
    """Encrypt a private key under a secret.

    Args:
        uri: ``pem:PATH``.
        secret: The new passphrase; random, at least 32 bytes.
        passphrase: Called if the key is encrypted.

    Returns:
        PKCS#8 as PEM (PBES2 with AES-256-CBC), and the public half.

    Raises:
        KeyUriError: The URI names no file.
        KeyUnavailableError: The file is unreadable or holds no private key, or the passphrase is missing or wrong.
        KeyRejectedError: The key must not sign: readable by others, weak, publicly known.
        UnsupportedAlgorithmError: A key type that iotsign does not sign with.
    """
    path = pem_path(uri)
    file = read_key_file(path)
    known: list[bytes] = []

    def ask_once() -> bytes:
        if not known:
            known.append(passphrase() if passphrase else b"")
        return known[0]

    signer = parse_signer(file, path, ask_once)
    if signer.weaknesses:
        reasons = "; ".join(weakness.message for weakness in signer.weaknesses)
        raise KeyRejectedError(signer.weaknesses[0].code, f"the key in {path!r} must not sign: {reasons}", path=path)
    key = cast("OpensslPrivateKey", load_private_key(file, path, ask_once))
    encryption = serialization.BestAvailableEncryption(secret)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem, signer.public_key
