"""Keys of every type and images made with them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from iotsign.formats.mcuboot import (
    DecryptionKey,
    EncryptionKey,
    ImageOptions,
    ImageVersion,
    create_image,
    load_decryption_key,
    load_encryption_key,
)
from iotsign.keys import PublicKey, Signer, open_signer

FIRMWARE = b"firmware" * 4


@pytest.fixture(scope="session")
def private_pems() -> dict[str, bytes]:
    keys = {
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p256-other": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "rsa2048": rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "ed25519-other": ed25519.Ed25519PrivateKey.generate(),
        "x25519": x25519.X25519PrivateKey.generate(),
    }
    return {
        name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
        for name, key in keys.items()
    }


@pytest.fixture(scope="session")
def signers(private_pems: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    directory: Path = tmp_path_factory.mktemp("mcuboot-keys")
    opened = {}
    for name, pem in private_pems.items():
        if name == "x25519":
            continue
        file = directory / f"{name}.pem"
        file.write_bytes(pem)
        file.chmod(0o600)
        opened[name] = open_signer(f"pem:{file}")
    return opened


@pytest.fixture(scope="session")
def keys(signers: dict[str, Signer]) -> dict[str, PublicKey]:
    return {name: signer.public_key for name, signer in signers.items()}


@pytest.fixture(scope="session")
def rsa4096() -> PublicKey:
    """A key of a type that MCUboot does not have; nothing needs its private half."""
    numbers = rsa.RSAPublicNumbers(65537, (1 << 4095) | int.from_bytes(bytes(range(1, 256))) | 1)
    return PublicKey(numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture(scope="session")
def encryption_keys(private_pems: dict[str, bytes]) -> dict[str, EncryptionKey]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    public = {}
    for name in ("p256", "rsa2048", "x25519"):
        key = load_pem_private_key(private_pems[name], None).public_key()
        public[name] = load_encryption_key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return public | {"kw128": load_encryption_key(bytes(range(16))), "kw256": load_encryption_key(bytes(range(32)))}


@pytest.fixture(scope="session")
def decryption_keys(private_pems: dict[str, bytes]) -> dict[str, DecryptionKey]:
    keys = {name: load_decryption_key(private_pems[name]) for name in ("p256", "rsa2048", "x25519")}
    return keys | {"kw128": load_decryption_key(bytes(range(16))), "kw256": load_decryption_key(bytes(range(32)))}


Make = Callable[..., bytes]


@pytest.fixture(scope="session")
def make(signers: dict[str, Signer], encryption_keys: dict[str, EncryptionKey]) -> Make:
    def made(
        names: Sequence[str] = ("ed25519",), firmware: bytes = FIRMWARE, encrypt: str | None = None, **options: object
    ) -> bytes:
        given = {"version": ImageVersion(1, 2, 3, 4), "pad_header": True, **options}
        output = io.BytesIO()
        create_image(
            io.BytesIO(firmware),
            output,
            ImageOptions(**given),  # type: ignore[arg-type]
            [signers[name] for name in names],
            encryption_key=encryption_keys[encrypt] if encrypt else None,
        )
        return output.getvalue()

    return made
