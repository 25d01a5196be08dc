"""`iotsign audit` and `iotsign key import`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import KeyType
from iotsign.app.service import ServiceSettings, open_service
from iotsign.cli import run
from iotsign.formats.revocations import read_revocations
from iotsign.signer import Caller

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def call(operation: str, **request: Any) -> dict[str, Any]:
    with open_service(ServiceSettings(Path("iotsign-data"))) as opened:
        return opened.service.call(ME, operation, request, request_id="r")


def import_key(key_files: KeyFiles, capfd: pytest.CaptureFixture[str], *more: str) -> str:
    private, _ = key_files(KeyType.P256)
    assert run(["key", "certificate", "-k", f"pem:{private}", "-o", "signing.crt"]) == 0
    capfd.readouterr()
    arguments = ["key", "import", "-k", f"pem:{private}", "-c", "signing.crt", "--account", ME.account]
    assert run([*arguments, *more]) == 0
    return capfd.readouterr().out.strip()


def test_an_imported_key_makes_a_profile(key_files: KeyFiles, capfd: pytest.CaptureFixture[str], home: Path) -> None:
    arn = import_key(key_files, capfd)
    assert arn.startswith("arn:aws:acm:us-east-1:111122223333:certificate/")
    assert (home / "iotsign-data" / "material.key").stat().st_mode & 0o777 == 0o600
    profile = call(
        "PutSigningProfile",
        profileName="release",
        platformId="AmazonFreeRTOS-Default",
        signingMaterial={"certificateArn": arn},
    )
    assert profile["profileVersion"]
    again = json.loads(import_key(key_files, capfd, "--json", "--region", "eu-west-1"))
    assert again["certificateArn"].startswith("arn:aws:acm:eu-west-1:")


def test_what_keeps_a_key_from_signing_is_said_at_once(
    key_files: KeyFiles, trust_directory: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from cryptography.x509.oid import ExtendedKeyUsageOID

    private, _ = key_files(KeyType.P256)
    certificate = trust_directory(ExtendedKeyUsageOID.SERVER_AUTH) / "signer.pem"
    arguments = ["key", "import", "-k", f"pem:{private}", "--account", ME.account, "--by-reference"]
    assert run([*arguments, "-c", str(certificate)]) == 0
    assert "codeSigning" in capfd.readouterr().err
    assert run([*arguments[:-2], "1234"]) == 2
    assert "twelve digits" in capfd.readouterr().err


def test_keys_that_do_not_fit_are_refused(key_files: KeyFiles, capfd: pytest.CaptureFixture[str], home: Path) -> None:
    import_key(key_files, capfd)
    other, _ = key_files(KeyType.P384)
    assert run(["key", "import", "-k", f"pem:{other}", "-c", "signing.crt", "--account", ME.account]) == 4
    assert "about another key" in capfd.readouterr().err
    (home / "iotsign-data" / "material.key").chmod(0o604)  # threat 31
    assert run(["key", "import", "-k", f"pem:{other}", "--account", ME.account]) == 4
    assert "chmod 600" in capfd.readouterr().err


def test_a_verified_log_is_summed_up(key_files: KeyFiles, capfd: pytest.CaptureFixture[str], home: Path) -> None:
    test_an_imported_key_makes_a_profile(key_files, capfd, home)
    assert run(["audit", "verify", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["records"], report["endKnown"]) == (1, True)
    log = home / "iotsign-data" / "iotsign.audit"
    log.with_name("iotsign.audit.head").unlink()
    assert run(["audit", "verify", str(log), "--expect", f"1:{report['lastHash']}"]) == 0
    assert run(["audit", "verify", str(log)]) == 0
    assert "cut off at the end would not show" in capfd.readouterr().err
    assert run(["audit", "verify", "--expect", f"2:{report['lastHash']}"]) == 1  # threat 33
    assert "records 2 to 2 are missing" in capfd.readouterr().err
    log.write_bytes(log.read_bytes().replace(b"release", b"Release"))
    assert run(["audit", "verify"]) == 1
    assert "record 1 is not as it was written" in capfd.readouterr().err
    assert run(["audit", "verify", "--expect", "1"]) == 2
    assert run(["audit", "verify", "nothing"]) == 5


def test_revocations_are_exported(capfd: pytest.CaptureFixture[str], home: Path) -> None:
    made = call("PutSigningProfile", profileName="code", platformId="AWSLambda-SHA384-ECDSA")
    call(
        "RevokeSigningProfile",
        profileName="code",
        profileVersion=made["profileVersion"],
        reason="leaked",
        effectiveTime=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert run(["audit", "export-revocations", "-o", "revocations.json", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["profileVersions"] == 1
    written = read_revocations((home / "revocations.json").read_bytes())
    assert [profile.arn for profile in written.profile_versions] == [made["profileVersionArn"]]
    assert run(["audit", "export-revocations", "-o", "-"]) == 0
    assert read_revocations(capfd.readouterr().out.encode()).region == "us-east-1"
    assert run(["audit", "export-revocations", "-o", "revocations.json"]) == 0
    assert "0 signatures and 1 profiles are revoked" in capfd.readouterr().err
    assert run(["audit", "export-revocations", "-o", "x", "--data", "nowhere"]) == 5
    assert not (home / "nowhere").exists()
