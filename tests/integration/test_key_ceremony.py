"""From nothing to a verdict that rests on a chain, by the commands of docs/keys.md."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.mark.parametrize(("key_type", "platform"), [("p256", "AmazonFreeRTOS-Default"), ("ed25519", "MCUboot-Ed25519")])
def test_a_chain_from_ceremony_to_verdict(iotsign: Run, tmp_path: Path, key_type: str, platform: str) -> None:
    (tmp_path / "app.bin").write_bytes(b"firmware" * 1000)
    steps = [
        f"key generate -t {key_type} -o signing.pem",
        "key show pem:signing.pem --public -o signing.pub.pem",
        "key certificate -k pem:signing.pem -o signing.crt --chain-dir ca",
        f"image sign app.bin -p {platform} -f JSONEmbedded -k pem:signing.pem -o app.signed",
        "image verify app.signed --key signing.pub.pem",
        "image verify app.signed --certificate signing.crt",
        "image verify app.signed --trust ca",
    ]
    for step in steps:
        done = iotsign(*step.split())
        assert done.returncode == 0, (step, done.stderr)
    (tmp_path / "ca" / "private" / "root-key.pem").rename(tmp_path / "safe.pem")  # the root key goes into the safe
    assert iotsign(*steps[2].split()).returncode == 0
    # threat 20: another chain, an expired one, one without root
    assert iotsign("key", "generate", "-t", key_type, "-o", "other.pem").returncode == 0
    assert (
        iotsign(*["key", "certificate", "-k", "pem:other.pem", "-o", "other.crt", "--chain-dir", "other"]).returncode
        == 0
    )
    verify = ["image", "verify", "app.signed", "--json", "--trust"]
    assert iotsign(*verify, "other").returncode == 1
    late = iotsign(*verify, "ca", "--at", "2099-01-01")
    assert late.returncode == 1
    assert "Expired" in late.stdout.decode() + late.stderr.decode()
    (tmp_path / "ca" / "root.pem").unlink()
    rootless = iotsign(*verify, "ca")
    assert rootless.returncode == 1
    assert "NoPathToRoot" in rootless.stdout.decode() + rootless.stderr.decode()
    (tmp_path / "nothing").mkdir()
    for directory in ("nothing", "absent", "app.bin"):
        assert iotsign(*verify, directory).returncode == 4


@pytest.mark.parametrize("defect", ["damaged", "truncated", "swapped"])
def test_nothing_is_signed_with_a_damaged_key(iotsign: Run, tmp_path: Path, defect: str) -> None:
    # threat 20
    assert iotsign("key", "generate", "-t", "p256", "-o", "key.pem").returncode == 0
    assert iotsign("key", "generate", "-t", "ed25519", "-o", "swapped.pem").returncode == 0
    (tmp_path / "app.bin").write_bytes(b"firmware")
    pem = (tmp_path / "key.pem").read_bytes()
    for name, content in (("damaged", pem.replace(b"\nMIG", b"\nMIH")), ("truncated", pem[: len(pem) // 2])):
        (tmp_path / f"{name}.pem").touch(0o600)
        (tmp_path / f"{name}.pem").write_bytes(content)
    sign = ["image", "sign", "app.bin", "-p", "AmazonFreeRTOS-Default", "-o", "app.signed", "--json"]
    done = iotsign(*sign, "-k", f"pem:{defect}.pem")
    assert (done.returncode, done.stdout) == (4, b"")
    assert json.loads(done.stderr)["error"]["exitCode"] == 4
    assert not (tmp_path / "app.signed").exists()
