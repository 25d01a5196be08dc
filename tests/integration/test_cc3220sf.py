"""Signing for a CC3220SF: SHA-1 with RSA-2048, 512 KiB, an optional prefix, a certificate's name."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

PLATFORM = ("-p", "AmazonFreeRTOS-TI-CC3220SF")


def iotsign(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iotsign", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    assert iotsign("key", "generate", "-t", "rsa2048", "-o", path).returncode == 0
    assert iotsign("key", "show", f"pem:{path}", "--public", "-o", path.with_suffix(".pub")).returncode == 0
    return path


@pytest.mark.parametrize("prefix", [False, True])
def test_openssl_verifies_what_lies_in_flash(prefix: bool, key: Path, tmp_path: Path) -> None:
    image, signed, flash = tmp_path / "mcuflashimg.bin", tmp_path / "signed", tmp_path / "flash.bin"
    image.write_bytes(b"firmware" * 100)
    options = ["--sha256-prefix"] if prefix else []
    command = ["image", "sign", image, *PLATFORM, "-k", f"pem:{key}", "-o", signed, "--json", *options]
    answer = json.loads(iotsign(*command, "--certificate-name", "certs/ota.der").stdout)
    assert answer["certfile"] == "certs/ota.der"
    assert answer["otaSignatureKey"] == "sig-sha1-rsa"
    assert iotsign("image", "extract", signed, "--key", key.with_suffix(".pub"), "-o", flash).returncode == 0
    body = image.read_bytes()
    assert flash.read_bytes() == (hashlib.sha256(body).digest() if prefix else b"") + body
    (tmp_path / "signature").write_bytes(base64.b64decode(answer["signature"]))
    files = ["-verify", str(key.with_suffix(".pub")), "-signature", str(tmp_path / "signature"), str(flash)]
    verify = ["openssl", "dgst", "-sha1", *files]
    assert subprocess.run(verify, capture_output=True, text=True).stdout.strip() == "Verified OK"


def test_the_chips_limit_holds_with_the_prefix(key: Path, tmp_path: Path) -> None:
    image, signed = tmp_path / "image.bin", tmp_path / "signed"
    image.write_bytes(bytes(512 * 1024))
    sign = ["image", "sign", image, *PLATFORM, "-k", f"pem:{key}", "-o", signed]
    assert iotsign(*sign).returncode == 0
    signed.unlink()
    refused = iotsign(*sign, "--sha256-prefix")
    assert refused.returncode == 3
    assert "524288" in refused.stderr
    assert not signed.exists()


def test_there_is_no_container_to_write(key: Path, tmp_path: Path) -> None:
    image = tmp_path / "image.bin"
    image.write_bytes(b"x")
    refused = iotsign("image", "sign", image, *PLATFORM, "-k", f"pem:{key}", "-o", tmp_path / "out", "-f", "native")
    assert refused.returncode == 3
    assert "beside it" in refused.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--sha256-prefix",), "belongs to the CC3220SF"),
        (("--certificate-name", "a.der"), "belongs to the CC3220SF"),
    ],
)
def test_other_platforms_refuse_its_options(options: tuple[str, ...], says: str, key: Path, tmp_path: Path) -> None:
    image = tmp_path / "image.bin"
    image.write_bytes(b"x")
    sign = ["image", "sign", image, "-p", "AmazonFreeRTOS-Default", "-k", f"pem:{key}", "-o", tmp_path / "out"]
    refused = iotsign(*sign, *options)
    assert refused.returncode == 2
    assert says in refused.stderr


def test_a_certificate_name_stays_in_its_file_system(key: Path, tmp_path: Path) -> None:
    # threat 24
    image = tmp_path / "image.bin"
    image.write_bytes(b"x")
    sign = ["image", "sign", image, *PLATFORM, "-k", f"pem:{key}", "-o", tmp_path / "out"]
    refused = iotsign(*sign, "--certificate-name", "../../root.der")
    assert refused.returncode == 2
    assert not (tmp_path / "out").exists()
