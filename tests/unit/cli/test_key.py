"""`iotsign key`, in this process."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iotsign.algorithms import KeyType
from iotsign.cli import run
from iotsign.keys import TrustStore, check_signing_certificate, load_certificate, load_public_key, open_signer

KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def key(key_files: KeyFiles) -> str:
    return f"pem:{key_files(KeyType.P256)[0]}"


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("key_type", ["p256", "p384", "rsa2048", "rsa3072", "ed25519"])
def test_generate_every_type(capsys: pytest.CaptureFixture[str], key_type: str) -> None:
    assert run(["key", "generate", "-t", key_type, "-o", "key.pem", "--json"]) == 0
    about = said(capsys)
    public_key = open_signer("pem:key.pem").public_key
    assert public_key.key_type.value == key_type
    assert about["uri"] == "pem:key.pem"
    assert about["keyType"] == key_type
    assert about["publicKeySha256"] == public_key.fingerprint.hex()
    assert stat.S_IMODE(Path("key.pem").stat().st_mode) == 0o600


def test_generate_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem"]) == 0
    out, err = capsys.readouterr()
    assert open_signer("pem:key.pem").public_key.fingerprint.hex() in out
    assert "p256" in out
    assert err == ""


def test_generate_keeps_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    Path("key.pem").write_bytes(b"precious")
    for extra in ([], ["-n"]):
        assert run(["key", "generate", "-t", "p256", "-o", "key.pem", *extra]) == 2
        assert "hint: choose another name, or --force" in capsys.readouterr().err
    assert Path("key.pem").read_bytes() == b"precious"
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem", "--force", "-n"]) == 0
    assert Path("key.pem").read_bytes() == b"precious"
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem", "--force"]) == 0
    open_signer("pem:key.pem")


def test_generate_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["key", "generate", "-t", "p256", "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert err == b""
    assert run(["key", "generate", "-t", "p256", "-o", "-", "--json"]) == 2
    assert capsysbinary.readouterr().out == b""


def test_generate_encrypted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("secret").write_bytes(b"correct horse\nsecond line\n")
    Path("secret").chmod(0o600)
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem", "--passphrase-file", "secret"]) == 0
    assert capsys.readouterr().err == ""
    assert b"ENCRYPTED" in Path("key.pem").read_bytes()
    open_signer("pem:key.pem", passphrase=lambda: b"correct horse")
    Path("empty").write_bytes(b"\nsecond line\n")
    for file in ("empty", "absent", "."):
        assert run(["key", "generate", "-t", "p256", "-o", "other.pem", "--passphrase-file", file]) == 4
        assert not Path("other.pem").exists()


def test_an_open_passphrase_file_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    Path("secret").write_bytes(b"x\n")
    Path("secret").chmod(0o644)
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem", "--passphrase-file", "secret"]) == 0
    assert "warning: the passphrase file secret is open to group or others" in capsys.readouterr().err


def test_nobody_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "generate", "-t", "p256", "-o", "key.pem", "--encrypt", "--no-input"]) == 4
    assert "hint: give it with --passphrase-file FILE" in capsys.readouterr().err
    assert not Path("key.pem").exists()


def test_usage_errors() -> None:
    for arguments in (
        ["generate", "-t", "dsa", "-o", "x"],
        ["generate", "-t", "p256"],
        ["generate", "-o", "x"],
        ["certificate", "-o", "x"],
        ["certificate", "-k", "pem:x", "-o", "x", "--days", "many"],
        ["show"],
        ["show", "pem:x", "-o", "x"],
    ):
        assert run(["key", *arguments]) == 2


def test_a_self_signed_certificate(capsys: pytest.CaptureFixture[str], key: str) -> None:
    subject = "CN=Release signing,O=Example"
    assert run(["key", "certificate", "-k", key, "-o", "a.crt", "--subject", subject, "--days", "9", "--json"]) == 0
    about = said(capsys)
    certificate = load_certificate("a.crt")
    assert check_signing_certificate(certificate) == open_signer(key).public_key
    assert (about["path"], about["subject"], about["issuer"]) == ("a.crt", subject, subject)
    assert (about["keyUsage"], about["extendedKeyUsage"], about["ca"]) == (["digitalSignature"], ["codeSigning"], False)
    assert (about["issuers"], about["files"]) == ([], [])
    assert certificate.not_valid_after_utc.isoformat() == about["notAfter"]
    assert run(["key", "certificate", "-k", key, "-o", "a.crt"]) == 0
    assert load_certificate("a.crt") != certificate


def test_a_certificate_with_a_chain(capsys: pytest.CaptureFixture[str], key: str) -> None:
    assert run(["key", "certificate", "-k", key, "-o", "a.crt", "--chain-dir", "ca", "--json"]) == 0
    about = said(capsys)
    trust = TrustStore("ca")
    assert trust.signers == (load_certificate("a.crt"),)
    assert len(trust.verify_chain(trust.signers[0]).certificates) == 3
    assert [issuer["ca"] for issuer in about["issuers"]] == [True, True]
    assert len(about["files"]) == 5
    assert run(["key", "certificate", "-k", key, "-o", "b.crt", "--chain-dir", "ca"]) == 0
    out = capsys.readouterr().out
    assert "also written" in out
    assert "private" not in out


def test_a_chain_with_encrypted_keys(capsys: pytest.CaptureFixture[str], key: str) -> None:
    Path("secret").touch(0o600)
    Path("secret").write_bytes(b"x\n")
    chain = ["key", "certificate", "-k", key, "-o", "a.crt", "--chain-dir", "ca"]
    assert run([*chain, "--chain-passphrase-file", "secret"]) == 0
    assert run([*chain, "--chain-passphrase-file", "secret"]) == 0
    assert run(chain) == 4
    assert "the CA in ca is encrypted" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(capsys: pytest.CaptureFixture[str], key: str, here: Path) -> None:
    assert run(["key", "certificate", "-k", key, "-o", "a.crt", "--chain-dir", "ca", "-n"]) == 0
    assert "would write a certificate to a.crt, issued by the CA in ca" in capsys.readouterr().err
    assert run(["key", "certificate", "-k", key, "-o", "a.crt", "-n", "--days", "0"]) == 2
    assert list(here.iterdir()) == []


def test_a_certificate_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes], key: str) -> None:
    assert run(["key", "certificate", "-k", key, "-o", "-"]) == 0
    out, _ = capsysbinary.readouterr()
    assert out.startswith(b"-----BEGIN CERTIFICATE-----")
    assert out.endswith(b"-----END CERTIFICATE-----\n")


def test_a_certificate_never_replaces_its_key(key_files: KeyFiles) -> None:
    content = key_files(KeyType.P256)[0].read_bytes()
    Path("key.pem").touch(0o600)
    Path("key.pem").write_bytes(content)
    for arguments in (["certificate", "-k", "pem:key.pem"], ["show", "pem:key.pem", "--public"]):
        assert run(["key", *arguments, "-o", "key.pem"]) == 2
    assert Path("key.pem").read_bytes() == content


@pytest.mark.parametrize("key_type", list(KeyType))
def test_show(capsys: pytest.CaptureFixture[str], key_files: KeyFiles, key_type: KeyType) -> None:
    private, public = key_files(key_type)
    for path, kind in ((private, "privateKey"), (public, "publicKey")):
        assert run(["key", "show", f"pem:{path}", "--json"]) == 0
        about = said(capsys)
        assert (about["kind"], about["keyType"], about["weaknesses"]) == (kind, key_type.value, [])
        assert about["publicKeySha256"] == load_public_key(public).fingerprint.hex()


def test_show_a_certificate(capsys: pytest.CaptureFixture[str], trust_directory: Callable[..., Path]) -> None:
    path = trust_directory() / "signer.pem"
    assert run(["key", "show", f"pem:{path}", "--json"]) == 0
    (certificate,) = said(capsys)["certificates"]
    assert (certificate["subject"], certificate["issuer"]) == ("CN=Signer", "CN=Intermediate")
    assert run(["key", "show", f"pem:{path}"]) == 0
    assert "extended usage  codeSigning" in capsys.readouterr().out


def test_a_name_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str], key_files: KeyFiles) -> None:
    # threat 24
    key = serialization.load_pem_private_key(key_files(KeyType.P256)[0].read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "../a\x1b[2J\nb")])
    day = datetime(2030, 1, 1, tzinfo=UTC)
    certificate = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day).sign(key, hashes.SHA256())
    Path("a.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert run(["key", "show", "pem:a.crt"]) == 0
    out, err = capsys.readouterr()
    assert ("\x1b[2J" in out + err, "../a\\x1b[2J" in out) == (False, True)


def test_take_the_public_half_out(capsys: pytest.CaptureFixture[str], key: str) -> None:
    expected = open_signer(key).public_key
    assert run(["key", "show", key, "--public", "-o", "pub.pem"]) == 0
    assert capsys.readouterr().out == ""
    assert load_public_key("pub.pem") == expected
    assert run(["key", "show", key, "--public", "-o", "pub.pem", "--json"]) == 0
    assert said(capsys)["publicKeySha256"] == expected.fingerprint.hex()
    for extra in ([], ["-o", "-"]):
        assert run(["key", "show", key, "--public", *extra]) == 0
        assert capsys.readouterr().out == expected.to_pem().decode()
    assert run(["key", "show", key, "--public", "--json"]) == 2


def test_weaknesses_are_named(capsys: pytest.CaptureFixture[str], key_files: KeyFiles) -> None:
    # threats 8 and 31
    Path("open.pem").write_bytes(key_files(KeyType.P256)[0].read_bytes())
    Path("open.pem").chmod(0o644)
    assert run(["key", "show", "pem:open.pem"]) == 0
    out, err = capsys.readouterr()
    assert "must not sign" in out
    assert "warning: 'open.pem' is open to group or others" in err
    assert run(["key", "show", "pem:open.pem", "--json"]) == 0
    assert [weakness["code"] for weakness in said(capsys)["weaknesses"]] == ["KeyFileOpenToOthers"]
    assert run(["key", "certificate", "-k", "pem:open.pem", "-o", "a.crt"]) == 4
    assert "chmod 600" in capsys.readouterr().err
    assert not Path("a.crt").exists()


@pytest.mark.parametrize(
    ("uri", "code", "says"),
    [
        ("pem:absent.pem", "KeyFileUnreadable", "No such file"),
        ("absent.pem", "UnknownKeyScheme", "write pem:absent.pem"),
        ("pkcs12:x", "UnknownKeyScheme", "starts with pem:"),
        ("pem:", "NoKeyPath", "expected a file"),
        ("pem:.", "KeyFileUnreadable", "Is a directory"),
        ("pem:/dev/null", "KeyFileEmpty", "got nothing"),
    ],
)
def test_keys_that_cannot_be_read(capsys: pytest.CaptureFixture[str], uri: str, code: str, says: str) -> None:
    # threat 20
    for arguments in (["show", uri], ["certificate", "-k", uri, "-o", "x.crt"]):
        assert run(["key", *arguments, "--json"]) == 4
        out, err = capsys.readouterr()
        error = json.loads(err)["error"]
        assert (out, error["code"], error["exitCode"]) == ("", code, 4)
        assert says in error["message"]
