import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import KeyType
from iotsign.cli import run

KeyFiles = Callable[[KeyType], tuple[Path, Path]]
PLATFORM = ("-p", "AmazonFreeRTOS-Default")


class Bench:
    """A directory with a firmware and keys, and the command line in it."""

    def __init__(self, directory: Path, key_files: KeyFiles, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.private, self.public = map(str, key_files(KeyType.P256))
        self.firmware = str(directory / "app.bin")
        self.signed = str(directory / "app.signed")
        self.data = bytes(range(256)) * 9 + b"end"
        Path(self.firmware).write_bytes(self.data)
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        got = run(["image", *arguments])
        captured = self._capsys.readouterr()
        assert got == code, captured.err
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        out, err = self.run(*arguments, "--json", code=code)
        value: dict[str, Any] = json.loads(out or err)
        return value

    def sign(self, *more: str, code: int = 0, source: str | None = None, out: str | None = None) -> tuple[str, str]:
        key = ("-k", f"pem:{self.private}")
        return self.run("sign", source or self.firmware, *PLATFORM, *key, "-o", out or self.signed, *more, code=code)


@pytest.fixture
def bench(
    tmp_path: Path, key_files: KeyFiles, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench(tmp_path, key_files, capsys)


def test_sign_says_what_it_did_on_stderr(bench: Bench) -> None:
    out, err = bench.sign()
    assert out == ""
    assert "SHA256withECDSA" in err
    assert "AmazonFreeRTOS-Default" in err
    assert json.loads(Path(bench.signed).read_text())["rawPayloadSize"] == len(bench.data)


def test_sign_json(bench: Bench) -> None:
    out, err = bench.sign("--json")
    assert err == ""
    about = json.loads(out)
    assert about["image"] == bench.signed
    assert about["platformId"] == "AmazonFreeRTOS-Default"
    assert about["imageFormat"] == "JSONEmbedded"
    assert about["signatureAlgorithm"] == "SHA256withECDSA"
    assert about["otaSignatureKey"] == "sig-sha256-ecdsa"
    assert about["digest"] == {"algorithm": "SHA256", "value": hashlib.sha256(bench.data).hexdigest()}
    assert about["size"] == Path(bench.signed).stat().st_size
    assert about["inputFormat"] == "bin"
    assert about["dryRun"] is False
    assert set(about["key"]) == {"keyType", "fingerprint"}


def test_dry_run(bench: Bench) -> None:
    _, err = bench.sign("-n")
    assert "nothing was written" in err
    assert not Path(bench.signed).exists()


def test_verify(bench: Bench) -> None:
    bench.sign()
    out, err = bench.run("verify", bench.signed, "--key", bench.public)
    assert out.startswith(f"{bench.signed}: trusted\n")
    assert err == ""
    about = bench.json("verify", bench.signed, "--key", bench.public)
    assert (about["verdict"], about["exitCode"]) == ("trusted", 0)
    assert [step["outcome"] for step in about["steps"]] == ["passed"] * 5 + ["skipped"]
    assert [step["number"] for step in about["steps"]] == [1, 2, 3, 4, 5, 6]
    assert "error" not in about
    assert about["key"]["keyType"] == "p256"


def test_verify_with_certificate_and_trust(bench: Bench, trust_directory: Callable[..., Path]) -> None:
    bench.sign()
    directory = trust_directory()
    about = bench.json("verify", bench.signed, "--trust", str(directory), *PLATFORM, "--strict")
    assert about["certificate"]["subject"] == "CN=Signer"
    assert about["certificate"]["notValidAfter"] == "2035-01-01T00:00:00+00:00"
    signer = str(directory / "signer.pem")
    assert bench.json("verify", bench.signed, "--certificate", signer)["verdict"] == "trusted"
    late = bench.json("verify", bench.signed, "--certificate", signer, "--at", "2036-01-01", code=1)
    assert late["verdict"] == "untrusted"
    assert late["error"]["code"] == "Expired"
    assert late["steps"][-1] == {
        "number": 6,
        "name": "certificate",
        "outcome": "failed",
        "detail": late["error"]["message"],
    }
    zoned = "2030-01-01T12:00:00+02:00"
    assert bench.json("verify", bench.signed, "--certificate", signer, "--at", zoned)["verdict"] == "trusted"


def test_verify_without_a_key(bench: Bench) -> None:
    bench.sign()
    out, err = bench.run("verify", bench.signed, code=1)
    assert "integrity holds, authenticity not checked" in err
    assert "--integrity-only" in err
    assert out.startswith(f"{bench.signed}: untrusted\n")
    out, err = bench.run("verify", bench.signed, "--integrity-only")
    assert out.startswith(f"{bench.signed}: intact\n")
    assert err.startswith("warning: ")


def test_verify_several(bench: Bench) -> None:
    bench.sign()
    tampered = Path("tampered.signed")
    data = json.loads(Path(bench.signed).read_text())
    tampered.write_text(json.dumps(data | {"rawPayloadSize": 3, "payload": "AAAA"}))
    names = [bench.signed, str(tampered), bench.firmware, "missing"]
    out, err = bench.run("verify", *names, "--key", bench.public, "--json", code=5)
    assert err == ""
    objects = [json.loads(line) for line in out.splitlines()]
    assert [about["image"] for about in objects] == names
    assert [about["verdict"] for about in objects] == ["trusted", "untrusted", "malformed", "unknown"]
    assert [about["exitCode"] for about in objects] == [0, 1, 3, 5]
    assert objects[1]["error"]["code"] == "SignatureMismatch"
    assert objects[1]["error"]["data"]["step"] == 5
    out, err = bench.run("verify", *names[:2], "--key", bench.public, code=1)
    assert "app.signed: trusted\n" in out
    assert "tampered.signed: untrusted\n" in out
    assert err.startswith("error: tampered.signed: ")


def test_sign_several(bench: Bench) -> None:
    names = []
    for number in range(5):
        names.append(f"{number}.bin")
        Path(names[-1]).write_bytes(bytes([number]) * 100)
    Path("out").mkdir()
    key = (*PLATFORM, "-k", f"pem:{bench.private}")
    assert "need a directory" in bench.run("sign", *names, *key, "-o", "missing", code=2)[1]
    assert "have to be files" in bench.run("sign", "-", *names, *key, "-o", "out", code=2)[1]
    out, err = bench.run("sign", *names, "missing.bin", *key, "-o", "out", code=5)
    assert out == ""
    assert err.count("100 bytes signed") == 5
    assert err.endswith("error: missing.bin: No such file or directory\n")
    out, err = bench.run("sign", *names, *key, "-o", "out", "--json")
    assert [json.loads(line)["image"] for line in out.splitlines()] == [f"out/{name}.signed" for name in names]
    bench.run("verify", *[f"out/{name}.signed" for name in names], "--key", bench.public)


def test_verify_detached(bench: Bench) -> None:
    out = "job.json"
    bench.run(
        "sign", bench.firmware, "-p", "AWSIoTDeviceManagement-SHA256-ECDSA", "-k", f"pem:{bench.private}", "-o", out,
        "--s3", "my-bucket/job.bin@v1",
    )  # fmt: skip
    about = bench.json("verify", out, "--payload", bench.firmware, "--key", bench.public)
    assert about["payloadLocation"] == {"bucketName": "my-bucket", "key": "job.bin", "version": "v1"}
    assert "--payload FILE" in bench.run("verify", out, "--key", bench.public, code=2)[1]
    assert "one IMG" in bench.run("verify", out, out, "--payload", bench.firmware, code=2)[1]
    assert "my-bucket" in bench.run("inspect", out)[0]
    assert "s3://my-bucket/job.bin@v1" in bench.run("extract", out, "-o", "x", code=3)[1]


def test_sign_detached_without_location_warns(bench: Bench) -> None:
    platform = ("-p", "AWSIoTDeviceManagement-SHA256-ECDSA")
    _, err = bench.run("sign", bench.firmware, *platform, "-k", f"pem:{bench.private}", "-o", "job.json")
    assert "warning: without --s3" in err
    out, _ = bench.run("inspect", "job.json")
    assert "(a local file)" in out


def test_inspect(bench: Bench) -> None:
    bench.sign()
    out, err = bench.run("inspect", bench.signed)
    assert err == ""
    for words in ("JSONEmbedded", "SHA256withECDSA", "sig-sha256-ecdsa", hashlib.sha256(bench.data).hexdigest()):
        assert words in out
    out, err = bench.run("inspect", bench.signed, bench.firmware, bench.signed, "--json", code=3)
    objects = [json.loads(line) for line in out.splitlines()]
    assert [about["image"] for about in objects] == [bench.signed] * 2
    assert json.loads(err)["error"]["image"] == bench.firmware
    _, err = bench.run("inspect", bench.firmware, code=3)
    assert err.startswith(f"error: {bench.firmware}: expected a signed object")


def test_extract(bench: Bench) -> None:
    bench.sign()
    _, err = bench.run("extract", bench.signed, "-o", "out.bin")
    assert Path("out.bin").read_bytes() == bench.data
    assert "authenticity not checked" in err
    about = bench.json("extract", bench.signed, "-o", "out.bin", "--key", bench.public)
    assert (about["verdict"], about["warnings"]) == ("trusted", [])
    assert "nothing was written" in bench.run("extract", bench.signed, "-o", "other", "-n")[1]
    assert not Path("other").exists()


def test_ceremony(bench: Bench) -> None:
    from iotsign.algorithms import signature_algorithm
    from iotsign.keys import open_signer

    _, err = bench.run("digest", bench.firmware, *PLATFORM, "-o", "app.digest")
    digest = Path("app.digest").read_bytes()
    assert digest == hashlib.sha256(bench.data).digest()
    assert digest.hex() in err
    about = bench.json("digest", bench.firmware, *PLATFORM, "-o", "app.digest")
    assert about["digest"] == {"algorithm": "SHA256", "value": digest.hex()}
    signer = open_signer(f"pem:{bench.private}")
    Path("app.sig").write_bytes(signer.sign_digest(digest, signature_algorithm("SHA256withECDSA")))
    more = (*PLATFORM, "--signature", "app.sig", "--key", bench.public)
    bench.run("attach", bench.firmware, *more, "-o", "attached")
    bench.sign()
    assert Path("attached").read_bytes() == Path(bench.signed).read_bytes()
    assert bench.json("attach", bench.firmware, *more, "-o", "attached")["signatureAlgorithm"] == "SHA256withECDSA"
    Path(bench.firmware).write_bytes(b"another firmware")
    bench.run("attach", bench.firmware, *more, "-o", "not-attached", code=1)
    assert not Path("not-attached").exists()
    assert "also an input" in bench.run("attach", bench.firmware, *more, "-o", "app.sig", code=2)[1]


def test_streams(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(data: bytes, *arguments: str) -> bytes:
        out = io.BytesIO()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out))
        assert run(["image", *arguments]) == 0
        return out.getvalue()

    signed = pipe(bench.data, "sign", "-", *PLATFORM, "-k", f"pem:{bench.private}", "-o", "-")
    assert json.loads(signed)["rawPayloadSize"] == len(bench.data)
    assert json.loads(pipe(signed, "verify", "-", "--key", bench.public, "--json"))["image"] == "-"
    assert pipe(signed, "extract", "-", "-o", "-") == bench.data


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sign", "app.bin", "-o", "-", "--json"), "cannot take both"),
        (("sign", "app.bin", "-o", "x", "--address", "zero"), "'zero'"),
        (("sign", "app.bin", "-o", "x", "--address", "-1"), "'-1'"),
        (("sign", "app.bin", "-o", "x", "--fill", "0x100"), "'0x100'"),
        (("sign", "app.bin", "-o", "x", "--input-format", "srec"), "srec"),
        (("sign", "app.bin", "-o", "x", "-p", "NoSuchPlatform"), "NoSuchPlatform"),
        (("sign", "app.bin", "-o", "x", "-p", "missing.toml"), "missing.toml"),
        (("sign", "app.bin", "-o", "x", "--s3", "nonsense"), "BUCKET/KEY@VERSION"),
        (("sign", "app.bin", "-o", "x", "--s3", "bucket/key@v"), "JSONDetached"),
        (("verify", "x", "--key", "a", "--trust", "b"), "--key and --trust"),
        (("verify", "x", "--at", "tomorrow"), "'tomorrow'"),
    ],
)
def test_usage(bench: Bench, arguments: tuple[str, ...], words: str) -> None:
    more = ("-p", "AmazonFreeRTOS-Default") if arguments[0] == "sign" and "-p" not in arguments else ()
    key = ("-k", f"pem:{bench.private}") if arguments[0] == "sign" else ()
    _, err = bench.run(*arguments, *more, *key, code=2)
    assert words in err
    assert [path.name for path in bench.directory.iterdir()] == ["app.bin"]


def test_binary_is_not_for_a_terminal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "not for a terminal" in bench.sign(out="-", code=2)[1]


def test_hash_that_does_not_exist(bench: Bench) -> None:
    assert "MD5" in bench.sign("--hash", "MD5", code=4)[1]
    assert "takes SHA256" in bench.sign("--hash", "sha-384", code=4)[1]
    assert bench.sign("--hash", "sha-256")[1]


def test_regions_that_are_left_out_are_named(bench: Bench) -> None:
    source = Path("app.hex")
    source.write_bytes(b":0400000001020304F2\n:020000041000EA\n:020008000506EB\n:00000001FF\n")
    _, err = bench.sign("--address", "0x0", source=str(source))
    assert "warning: app.hex: 0x10000008..0x1000000a is not part of the image" in err
