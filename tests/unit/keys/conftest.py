"""Keys made for the tests, once a session, one of every type."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from iotsign.algorithms import KeyType
from iotsign.keys import Signer, open_signer

WriteKey = Callable[..., Path]


def _generate(key_type: KeyType) -> Any:
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if key_type in (KeyType.P256, KeyType.P384):
        return ec.generate_private_key(ec.SECP256R1() if key_type is KeyType.P256 else ec.SECP384R1())
    return rsa.generate_private_key(65537, int(key_type.value[3:]))


def _private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


@pytest.fixture
def write_key(tmp_path: Path) -> WriteKey:
    """Write bytes to a fresh file that only its owner reads."""

    def write(content: bytes, name: str = "key.pem", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


@pytest.fixture(scope="session")
def key_pems() -> dict[KeyType, bytes]:
    """One private key of every type, PKCS#8 PEM."""
    return {key_type: _private_pem(_generate(key_type)) for key_type in KeyType}


@pytest.fixture(scope="session")
def signers(key_pems: dict[KeyType, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[KeyType, Signer]:
    """A signer of every type."""
    directory = tmp_path_factory.mktemp("keys")
    opened = {}
    for key_type, pem in key_pems.items():
        path = directory / f"{key_type.value}.pem"
        path.touch(0o600)
        path.write_bytes(pem)
        opened[key_type] = open_signer(f"pem:{path}")
    return opened
