"""OpenSSL's command line verifies what iotsign signs, and iotsign accepts what OpenSSL signs."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType

Iotsign = Callable[..., subprocess.CompletedProcess[bytes]]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")

CASES = [
    (KeyType.P256, "AmazonFreeRTOS-Default", "sha256"),
    (KeyType.RSA2048, "AmazonFreeRTOS-Default", "sha256"),
    (KeyType.RSA3072, "MCUboot-RSA-3072", "sha256"),
    (KeyType.RSA2048, "AmazonFreeRTOS-TI-CC3220SF", "sha1"),
    (KeyType.P384, "MCUboot-ECDSA-P384", "sha384"),
]


def openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(os.urandom(100_003))
    return path


@pytest.mark.parametrize(("key_type", "platform", "digest"), CASES)
def test_openssl_verifies_ours(
    iotsign: Iotsign, key_files: KeyFiles, firmware: Path, tmp_path: Path, key_type: KeyType, platform: str, digest: str
) -> None:
    private, public = key_files(key_type)
    sign = ("image", "sign", firmware, "-p", platform, "-k", f"pem:{private}", "-o", "app.signed", "-f", "JSONEmbedded")
    assert iotsign(*sign).returncode == 0
    signed = json.loads((tmp_path / "app.signed").read_bytes())
    (tmp_path / "sig").write_bytes(base64.b64decode(signed["signature"]))
    (tmp_path / "payload").write_bytes(base64.b64decode(signed["payload"]))
    openssl("dgst", f"-{digest}", "-verify", public, "-signature", tmp_path / "sig", tmp_path / "payload")
    assert (tmp_path / "payload").read_bytes() == firmware.read_bytes()


@pytest.mark.parametrize(("key_type", "platform", "digest"), CASES)
@pytest.mark.parametrize("by_digest", [False, True])
def test_ours_accepts_openssls(
    iotsign: Iotsign,
    key_files: KeyFiles,
    firmware: Path,
    tmp_path: Path,
    key_type: KeyType,
    platform: str,
    digest: str,
    by_digest: bool,
) -> None:
    private, public = key_files(key_type)
    options = ("-p", platform, "-f", "JSONEmbedded")
    if by_digest:  # the ceremony: only the digest goes to where the key is
        assert iotsign("image", "digest", firmware, *options, "-o", "digest").returncode == 0
        hash_ = ("-pkeyopt", f"digest:{digest}")
        files = ("-in", tmp_path / "digest", "-out", tmp_path / "sig")
        openssl("pkeyutl", "-sign", "-inkey", private, *hash_, *files)
    else:
        openssl("dgst", f"-{digest}", "-sign", private, "-out", tmp_path / "sig", firmware)
    attach = ("image", "attach", firmware, *options, "--signature", "sig", "--key", public, "-o", "app.signed")
    assert iotsign(*attach).returncode == 0
    verify = ("image", "verify", "app.signed", "--key", public, "-p", platform, "--verifier", "both")
    assert iotsign(*verify).returncode == 0


def test_ed25519(iotsign: Iotsign, key_files: KeyFiles, firmware: Path, tmp_path: Path) -> None:
    private, public = key_files(KeyType.ED25519)
    options = ("-p", "MCUboot-Ed25519", "-f", "JSONEmbedded")
    assert iotsign("image", "sign", firmware, *options, "-k", f"pem:{private}", "-o", "ours").returncode == 0
    sig = base64.b64decode(json.loads((tmp_path / "ours").read_bytes())["signature"])
    (tmp_path / "sig").write_bytes(sig)
    files = ("-in", firmware, "-sigfile", tmp_path / "sig")
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", *files)
    openssl("pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", firmware, "-out", tmp_path / "sig")
    attach = ("image", "attach", firmware, *options, "--signature", "sig", "--key", public, "-o", "theirs")
    assert iotsign(*attach).returncode == 0
    assert (tmp_path / "theirs").read_bytes() == (tmp_path / "ours").read_bytes()


def test_openssl_chain(
    iotsign: Iotsign, key_files: KeyFiles, firmware: Path, trust_directory: Callable[..., Path]
) -> None:
    """The chain that iotsign accepts is one that OpenSSL accepts, and refuses with the root gone."""
    private, _ = key_files(KeyType.P256)
    directory = trust_directory()
    sign = ("image", "sign", firmware, "-p", "AmazonFreeRTOS-Default", "-k", f"pem:{private}", "-o", "app.signed")
    assert iotsign(*sign).returncode == 0
    assert iotsign("image", "verify", "app.signed", "--trust", directory).returncode == 0
    files = ("-CAfile", directory / "root.pem", "-untrusted", directory / "intermediate.pem", directory / "signer.pem")
    openssl("verify", *files)
    (directory / "root.pem").unlink()
    assert iotsign("image", "verify", "app.signed", "--trust", directory).returncode == 1
