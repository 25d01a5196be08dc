"""Every line of the contract that scripts rely on, with the real command."""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Iotsign = Callable[..., subprocess.CompletedProcess[bytes]]

FREERTOS = ("-p", "AmazonFreeRTOS-Default")


@pytest.fixture
def ok(iotsign: Iotsign) -> Callable[..., bytes]:
    """Run the command, expect success, give stdout."""

    def run(*arguments: str | Path, **options: Any) -> bytes:
        done = iotsign(*arguments, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout or b""

    return run


@pytest.fixture
def firmware(tmp_path: Path) -> bytes:
    data = os.urandom(70_001)
    (tmp_path / "app.bin").write_bytes(data)
    return data


@pytest.mark.parametrize(
    ("key_type", "platform", "algorithm"),
    [
        ("p256", "AmazonFreeRTOS-Default", "SHA256withECDSA"),
        ("p384", "MCUboot-ECDSA-P384", "SHA384withECDSA"),
        ("rsa2048", "MCUboot-RSA-2048", "SHA256withRSA"),
        ("rsa3072", "Espressif-ESP32", "SHA256withRSA"),
        ("rsa4096", "AmazonFreeRTOS-Default", "SHA256withRSA"),
        ("ed25519", "MCUboot-Ed25519", "Ed25519"),
    ],
)
def test_generate_sign_verify(
    ok: Callable[..., bytes],
    iotsign: Iotsign,
    tmp_path: Path,
    firmware: bytes,
    key_type: str,
    platform: str,
    algorithm: str,
) -> None:
    ok("key", "generate", "-t", key_type, "-o", "key.pem")
    ok("key", "show", "pem:key.pem", "--public", "-o", "pub.pem")
    ok("image", "sign", "app.bin", "-p", platform, "-k", "pem:key.pem", "-o", "app.signed", "-f", "JSONEmbedded")
    signed = json.loads((tmp_path / "app.signed").read_bytes())
    assert signed["signatureAlgorithm"] == algorithm
    for verifier in ("openssl", "both"):
        verify = (
            "image",
            "verify",
            "app.signed",
            "--key",
            "pub.pem",
            "-p",
            platform,
            "--strict",
            "--verifier",
            verifier,
        )
        assert b"trusted" in ok(*verify)
    ok("image", "inspect", "app.signed")
    ok("image", "extract", "app.signed", "-o", "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == firmware
    signed["payload"] = base64.b64encode(firmware[:-1] + bytes([firmware[-1] ^ 1])).decode()
    (tmp_path / "app.signed").write_text(json.dumps(signed))
    assert iotsign("image", "verify", "app.signed", "--key", "pub.pem").returncode == 1


def test_certificates_and_trust(ok: Callable[..., bytes], iotsign: Iotsign, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    ok("key", "certificate", "-k", "pem:key.pem", "-o", "self.pem", "--subject", "CN=Self", "--days", "30")
    ok("key", "certificate", "-k", "pem:key.pem", "-o", "cert.pem", "--subject", "CN=Dev", "--chain-dir", "chain")
    ok("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o", "app.signed")
    for trust in (("--certificate", "self.pem"), ("--certificate", "cert.pem")):
        verdict = json.loads(ok("image", "verify", "app.signed", *trust, "--json"))
        assert verdict["verdict"] == "trusted"
    late = iotsign("image", "verify", "app.signed", "--certificate", "self.pem", "--at", "2090-01-01", "--json")
    assert late.returncode == 1
    assert json.loads(late.stdout)["error"]["data"]["step"] == 6


def test_passphrase(ok: Callable[..., bytes], iotsign: Iotsign, tmp_path: Path, firmware: bytes) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("open sesame\n")
    ok("key", "generate", "-t", "p256", "-o", "key.pem", "--passphrase-file", "secret")
    sign = ("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o", "app.signed")
    ok(*sign, "--passphrase-file", "secret")
    ok(*sign, "--passphrase-file", "-", input=b"open sesame\n")
    for more in ((), ("--no-input",)):
        done = iotsign(*sign, *more)
        assert done.returncode == 4
        assert b"--passphrase-file" in done.stderr
    done = iotsign(*sign, "--passphrase-file", "-", input=b"wrong\n")
    assert done.returncode == 4
    assert b"wrong" not in done.stderr.replace(b"a wrong passphrase", b"").replace(b"wrong passphrase", b"")


def test_detached_with_s3(ok: Callable[..., bytes], tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    ok("key", "show", "pem:key.pem", "--public", "-o", "pub.pem")
    platform = ("-p", "AWSIoTDeviceManagement-SHA256-ECDSA", "-f", "JSONDetached")
    ok("image", "sign", "app.bin", *platform, "-k", "pem:key.pem", "-o", "job.json", "--s3", "my-bucket/dir/app.bin@v7")
    signed = (tmp_path / "job.json").read_bytes()
    assert signed.startswith(b'{"rawPayloadSize":70001,"signature":"')
    location = b'"payloadLocation":{"s3":{"bucketName":"my-bucket","key":"dir/app.bin","version":"v7"}}}'
    assert signed.endswith(b'","signatureAlgorithm":"SHA256withECDSA",' + location)
    ok("image", "verify", "job.json", "--key", "pub.pem", "--payload", "app.bin")


def test_own_platform_file(ok: Callable[..., bytes], tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    shown = Path(__file__).parents[2] / "iotsign/platforms/data/MCUboot-ECDSA-P256.toml"
    (tmp_path / "board.toml").write_text(shown.read_text().replace("MCUboot-ECDSA-P256", "My-Board"))
    ok("platform", "check", "board.toml")
    report = json.loads(
        ok(
            "image",
            "sign",
            "app.bin",
            "-p",
            "board.toml",
            "-k",
            "pem:key.pem",
            "-o",
            "x",
            "-f",
            "JSONEmbedded",
            "--json",
        )
    )
    assert report["platformId"] == "My-Board"


def test_pipes(ok: Callable[..., bytes], tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    ok("key", "show", "pem:key.pem", "--public", "-o", "pub.pem")
    signed = ok("image", "sign", "-", *FREERTOS, "-k", "pem:key.pem", "-o", "-", input=firmware)
    ok("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o", "app.signed")
    assert signed == (tmp_path / "app.signed").read_bytes()
    ok("image", "verify", "-", "--key", "pub.pem", input=signed)
    assert ok("image", "extract", "-", "-o", "-", input=signed) == firmware
    with (tmp_path / "app.signed").open("rb") as stdin:
        ok("image", "verify", "-", "--key", "pub.pem", stdin=stdin)


def test_redirected_output_is_appended_to_and_not_replaced(
    ok: Callable[..., bytes], tmp_path: Path, firmware: bytes
) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    sign = ("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o")
    for out in ("-", "/dev/stdout"):
        with (tmp_path / "log").open("wb") as log:
            log.write(b"head\n")
            log.flush()
            ok(*sign, out, stdout=log)
        assert (tmp_path / "log").read_bytes().endswith(b'"}')


def test_same_input_and_key_give_the_same_bytes(ok: Callable[..., bytes], tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    sign = ("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o")
    for name in ("one", "two"):
        ok(*sign, name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_several_images(ok: Callable[..., bytes], iotsign: Iotsign, tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    ok("key", "show", "pem:key.pem", "--public", "-o", "pub.pem")
    for name in ("one", "two"):
        ok("image", "sign", "app.bin", *FREERTOS, "-k", "pem:key.pem", "-o", name)
    lines = ok("image", "verify", "one", "two", "--key", "pub.pem", "--json").splitlines()
    assert [json.loads(line)["image"] for line in lines] == ["one", "two"]
    lines = ok("image", "inspect", "one", "two", "--json").splitlines()
    assert [json.loads(line)["imageFormat"] for line in lines] == ["JSONEmbedded"] * 2


def test_configuration_names_platform_and_key(ok: Callable[..., bytes], tmp_path: Path, firmware: bytes) -> None:
    ok("key", "generate", "-t", "p256", "-o", "key.pem")
    (tmp_path / "iotsign.toml").write_text('[signing]\nplatform = "AmazonFreeRTOS-Default"\nkey = "pem:key.pem"\n')
    ok("image", "sign", "app.bin", "-o", "app.signed")


@pytest.mark.parametrize("noun", ["list", "show"])
def test_platforms(ok: Callable[..., bytes], noun: str) -> None:
    more = ("AmazonFreeRTOS-Default",) if noun == "show" else ()
    assert b"AmazonFreeRTOS-Default" in ok("platform", noun, *more)
    first = json.loads(ok("platform", noun, *more, "--json").splitlines()[0])
    assert "platformId" in json.dumps(first)
