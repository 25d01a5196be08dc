"""The small authority in a directory."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, ConfigError, KeyRejectedError, KeyUnavailableError, StoreError
from iotsign.keys import (
    Signer,
    TrustStore,
    certificate_pem,
    certify_self,
    certify_with,
    load_certificate,
    write_key_file,
)
from iotsign.keys import _authority as authority_module

NOW = datetime(2030, 6, 1, tzinfo=UTC)
FILES = ["intermediate.pem", "private/intermediate-key.pem", "private/root-key.pem", "root.pem"]


def files_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048, KeyType.ED25519])
def test_an_empty_place_becomes_an_authority(signers: dict[KeyType, Signer], tmp_path: Path, key_type: KeyType) -> None:
    home, key = tmp_path / "ca", signers[key_type].public_key
    issued = certify_with(home, key, subject="CN=Release", days=30, now=NOW)
    leaf = f"signer-{key.fingerprint.hex()[:16]}.pem"
    assert files_in(home) == sorted([*FILES, leaf])
    assert sorted(str(path.relative_to(home)) for path in issued.files) == sorted([*FILES, leaf])
    assert load_certificate(home / leaf) == issued.certificate
    trust = TrustStore(home)
    assert trust.verify_chain(issued.certificate, at=NOW).certificates == (issued.certificate, *issued.issuers)
    assert trust.signers == (issued.certificate,)
    # threat 31
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (home / "private").rglob("*")}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((home / "private").stat().st_mode) == 0o700


def test_an_authority_issues_again(signers: dict[KeyType, Signer], tmp_path: Path) -> None:
    first = certify_with(tmp_path, signers[KeyType.P256].public_key, subject=None, days=30, now=NOW)
    (tmp_path / "private" / "root-key.pem").unlink()  # it is offline now
    second = certify_with(tmp_path, signers[KeyType.RSA2048].public_key, subject=None, days=30, now=NOW)
    renewed = certify_with(tmp_path, signers[KeyType.P256].public_key, subject=None, days=60, now=NOW)
    assert first.issuers == second.issuers == renewed.issuers
    assert [len(issued.files) for issued in (first, second, renewed)] == [5, 1, 1]
    assert load_certificate(renewed.files[0]) == renewed.certificate
    assert len(TrustStore(tmp_path).signers) == 2


def test_encrypted_ca_keys(signers: dict[KeyType, Signer], tmp_path: Path) -> None:
    key = signers[KeyType.P256].public_key
    certify_with(tmp_path, key, subject=None, days=30, new_passphrase=b"secret", now=NOW)
    for name in ("root", "intermediate"):
        assert b"ENCRYPTED" in (tmp_path / "private" / f"{name}-key.pem").read_bytes()
    certify_with(tmp_path, key, subject=None, days=30, passphrase=lambda: b"secret", now=NOW)
    with pytest.raises(KeyUnavailableError, match="passphrase"):
        certify_with(tmp_path, key, subject=None, days=30, now=NOW)


def test_half_an_authority_is_refused(signers: dict[KeyType, Signer], tmp_path: Path) -> None:
    key = signers[KeyType.P256].public_key
    certify_with(tmp_path, key, subject=None, days=30, now=NOW)
    (tmp_path / "intermediate.pem").unlink()
    before = files_in(tmp_path)
    with pytest.raises(ConfigError, match="whole authority or none") as caught:
        certify_with(tmp_path, key, subject=None, days=30, now=NOW)
    assert caught.value.code == "IncompleteAuthority"
    assert files_in(tmp_path) == before


def test_an_authority_whose_parts_do_not_fit(signers: dict[KeyType, Signer], tmp_path: Path) -> None:
    key = signers[KeyType.P256].public_key
    for name in ("a", "b"):
        certify_with(tmp_path / name, key, subject=None, days=30, now=NOW)
    os.replace(tmp_path / "a/private/root-key.pem", tmp_path / "a/private/intermediate-key.pem")  # noqa: PTH105
    with pytest.raises(KeyRejectedError, match="do not belong together"):
        certify_with(tmp_path / "a", key, subject=None, days=30, now=NOW)
    (tmp_path / "b" / "root.pem").write_bytes((tmp_path / "a" / "root.pem").read_bytes())
    before = (tmp_path / "b" / f"signer-{key.fingerprint.hex()[:16]}.pem").read_bytes()
    with pytest.raises(CertificateError, match="path to a trusted root"):
        certify_with(tmp_path / "b", key, subject=None, days=30, now=NOW)
    assert (tmp_path / "b" / f"signer-{key.fingerprint.hex()[:16]}.pem").read_bytes() == before


@pytest.mark.parametrize(("subject", "days"), [("nonsense", 30), (None, 0), (None, 3651)])
def test_a_refused_request_leaves_no_authority(
    signers: dict[KeyType, Signer], tmp_path: Path, subject: str | None, days: int
) -> None:
    with pytest.raises(ConfigError):
        certify_with(tmp_path / "ca", signers[KeyType.P256].public_key, subject=subject, days=days, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_no_authority(
    signers: dict[KeyType, Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []

    def interrupted(path: Path, content: bytes, **options: bool) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write_key_file(path, content, **options)

    monkeypatch.setattr(authority_module, "write_key_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        certify_with(tmp_path / "ca", signers[KeyType.P256].public_key, subject=None, days=30, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_where_no_authority_can_be(signers: dict[KeyType, Signer], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "absent" / "ca", tmp_path / "file"):
        with pytest.raises(StoreError) as caught:
            certify_with(place, signers[KeyType.P256].public_key, subject=None, days=30, now=NOW)
        assert caught.value.code == "DirectoryUnwritable"


def test_a_certificate_by_oneself(signers: dict[KeyType, Signer]) -> None:
    issued = certify_self(signers[KeyType.P256], subject="CN=x", days=30, now=NOW)
    assert (issued.issuers, issued.files) == ((), ())
    assert certificate_pem(issued.certificate).startswith(b"-----BEGIN CERTIFICATE-----")
