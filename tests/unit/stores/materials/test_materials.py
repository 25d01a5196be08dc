"""Signing material: imported, found, and kept secret."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509 import Certificate

from iotsign.algorithms import KeyType, signature_algorithm
from iotsign.errors import ConfigError, KeyRejectedError, KeyUnavailableError, StoreError
from iotsign.keys import certify_self, generate_key, open_signer, write_key_file
from iotsign.stores.materials import DirectoryMaterials, create_key_file, read_key_file

ME = "111122223333"
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture
def materials(tmp_path: Path) -> DirectoryMaterials:
    create_key_file(tmp_path / "material.key")
    return reopened(tmp_path)


def reopened(home: Path) -> DirectoryMaterials:
    return DirectoryMaterials(home / "materials", home / "material.key", region="eu-west-1")


def certificate(key_files: KeyFiles, key_type: KeyType = KeyType.P256) -> Certificate:
    signer = open_signer(f"pem:{key_files(key_type)[0]}")
    return certify_self(signer, subject="CN=Release", days=30).certificate


def test_what_was_imported_signs(materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path) -> None:
    private, _ = key_files(KeyType.P256)
    issued = certificate(key_files)
    arn = materials.import_key(ME, f"pem:{private}", [issued, issued])
    assert arn.startswith(f"arn:aws:acm:eu-west-1:{ME}:certificate/")
    for store in (materials, reopened(tmp_path)):
        found = store.find(arn)
        assert found is not None
        assert (found.certificate, found.issuers) == (issued, (issued,))
        assert store.find(arn) is found
        algorithm = signature_algorithm("SHA256withECDSA")
        signature = found.signer.sign(b"message", algorithm)
        open_signer(f"pem:{private}").public_key.verify(b"message", signature, algorithm)


def test_no_key_lies_in_the_clear(  # threat 31
    materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path
) -> None:
    private, _ = key_files(KeyType.P256)
    materials.import_key(ME, f"pem:{private}", [])
    secret = (tmp_path / "material.key").read_bytes().strip()
    body = b"".join(private.read_bytes().splitlines()[1:-1])[40:100]
    for file in (tmp_path / "materials").rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0
            content = file.read_bytes().replace(b"\n", b"")
            assert body not in content
            assert secret not in content
    (pem,) = (tmp_path / "materials").rglob("key.pem")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem.read_bytes()


def test_a_key_file_that_others_can_read_is_refused(  # threat 31
    materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path
) -> None:
    private, _ = key_files(KeyType.P256)
    arn = materials.import_key(ME, f"pem:{private}", [])
    (tmp_path / "material.key").chmod(0o640)
    for use in (lambda: reopened(tmp_path).find(arn), lambda: materials.import_key(ME, f"pem:{private}", [])):
        with pytest.raises(KeyRejectedError, match=r"open to group or others .*chmod 600"):
            use()


def test_another_key_file_opens_nothing(materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path) -> None:
    arn = materials.import_key(ME, f"pem:{key_files(KeyType.P256)[0]}", [])
    (tmp_path / "material.key").unlink()
    with pytest.raises(KeyUnavailableError, match="cannot read the key file"):
        reopened(tmp_path).find(arn)
    create_key_file(tmp_path / "material.key")
    with pytest.raises(KeyUnavailableError, match="wrong passphrase"):
        reopened(tmp_path).find(arn)
    with pytest.raises(ConfigError):
        create_key_file(tmp_path / "material.key")


@pytest.mark.parametrize("content", [b"", b"short", b"0" * 63, b"0" * 65, b"g" * 64])
def test_a_key_file_holds_64_digits(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "material.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyUnavailableError, match="expected 64 hexadecimal digits"):
        read_key_file(path)


def test_a_key_can_stay_where_it_is(materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path) -> None:
    private, _ = key_files(KeyType.RSA2048)
    arn = materials.import_key(ME, f"pem:{private}", [certificate(key_files, KeyType.RSA2048)], by_reference=True)
    (tmp_path / "material.key").unlink()
    found = reopened(tmp_path).find(arn)
    assert found is not None
    assert found.signer.uri == f"pem:{private}"
    assert not list((tmp_path / "materials").rglob("key.pem"))


def test_an_encrypted_key_needs_its_passphrase_once(materials: DirectoryMaterials, tmp_path: Path) -> None:
    write_key_file(tmp_path / "key.pem", generate_key(KeyType.P256, passphrase=b"secret"))
    asked = []

    def passphrase() -> bytes:
        asked.append(1)
        return b"secret"

    arn = materials.import_key(ME, f"pem:{tmp_path / 'key.pem'}", [], passphrase=passphrase)
    assert len(asked) == 1
    assert materials.find(arn)
    with pytest.raises(KeyUnavailableError, match="encrypted"):
        materials.import_key(ME, f"pem:{tmp_path / 'key.pem'}", [])


def test_a_key_that_must_not_sign_is_not_taken_in(
    materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path
) -> None:
    open_key = tmp_path / "open.pem"
    open_key.write_bytes(key_files(KeyType.P256)[0].read_bytes())
    open_key.chmod(0o644)
    with pytest.raises(KeyRejectedError, match="must not sign"):
        materials.import_key(ME, f"pem:{open_key}", [])
    with pytest.raises(KeyRejectedError, match="about the signing key, got one about another"):
        materials.import_key(ME, f"pem:{key_files(KeyType.P256)[0]}", [certificate(key_files, KeyType.P384)])
    assert not (tmp_path / "materials").exists()


def test_what_was_not_imported_is_not_found(materials: DirectoryMaterials, key_files: KeyFiles) -> None:
    arn = materials.import_key(ME, f"pem:{key_files(KeyType.P256)[0]}", [])
    for other in (
        arn.replace(ME, "444455556666"),
        arn.replace("eu-west-1", "us-east-1"),
        f"{arn[:-1]}{int(arn[-1], 16) ^ 1:x}",
        "arn:aws:acm:eu-west-1:111122223333:certificate/../../x",
    ):
        assert materials.find(other) is None


def test_damaged_material_is_a_store_error(materials: DirectoryMaterials, key_files: KeyFiles, tmp_path: Path) -> None:
    arn = materials.import_key(ME, f"pem:{key_files(KeyType.P256)[0]}", [])
    (about,) = (tmp_path / "materials").rglob("material.json")
    about.write_text("[]")
    assert materials.find(arn) is None
    about.write_text("{")
    with pytest.raises(StoreError, match="cannot read the signing material"):
        materials.find(arn)


def test_a_folder_that_cannot_be_written_is_a_store_error(tmp_path: Path, key_files: KeyFiles) -> None:
    create_key_file(tmp_path / "material.key")
    (tmp_path / "file").touch()
    materials = DirectoryMaterials(tmp_path / "file" / "x", tmp_path / "material.key", region="eu-west-1")
    with pytest.raises(StoreError, match="cannot write signing material"):
        materials.import_key(ME, f"pem:{key_files(KeyType.P256)[0]}", [])
