"""Bad input, one by one: a clear error, the right exit code, no traceback, nothing half-written, nothing lost."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import KeyType

Iotsign = Callable[..., subprocess.CompletedProcess[bytes]]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]
IOTSIGN = Path(sys.executable).with_name("iotsign")
PLATFORM = ("-p", "AmazonFreeRTOS-Default")


class Bench:
    """A directory with a firmware, keys and a signed image, and the real command in it."""

    def __init__(self, directory: Path, iotsign: Iotsign, key_files: KeyFiles) -> None:
        self.directory = directory
        self._iotsign = iotsign
        self.private, self.public = map(str, key_files(KeyType.P256))
        self.key_files = key_files
        self.firmware = os.urandom(50_000)
        (directory / "app.bin").write_bytes(self.firmware)
        self.sign()

    def run(self, code: int, *arguments: str | Path, **options: Any) -> str:
        before = self.files()
        done = self._iotsign(*arguments, **options)
        stderr = bytes(done.stderr or b"").decode()
        assert done.returncode == code, stderr
        assert "Traceback" not in stderr
        if code:
            assert stderr.startswith("error: ")
            assert self.files() == before
        return stderr

    def sign(
        self, code: int = 0, source: str | Path = "app.bin", out: str | Path = "app.signed", *more: str, **options: Any
    ) -> str:
        key = () if "-k" in more else ("-k", f"pem:{self.private}")
        platform = () if "-p" in more else PLATFORM
        return self.run(code, "image", "sign", source, *platform, *key, "-o", out, *more, **options)

    def verify(self, code: int, *images: str | Path, **options: Any) -> str:
        return self.run(code, "image", "verify", *images, "--key", self.public, **options)

    def files(self) -> dict[str, bytes | None]:
        """Everything there is, with its content: an error may not add, change or lose anything."""
        return {path.name: path.read_bytes() if path.is_file() else None for path in sorted(self.directory.iterdir())}


@pytest.fixture
def bench(tmp_path: Path, iotsign: Iotsign, key_files: KeyFiles) -> Bench:
    return Bench(tmp_path, iotsign, key_files)


def test_empty_files(bench: Bench) -> None:
    (bench.directory / "empty").touch()
    assert "empty" in bench.sign(3, "empty", "out")
    assert "empty" in bench.sign(3, "-", "out", input=b"")
    assert "an empty file" in bench.verify(3, "empty")
    bench.run(3, "image", "inspect", "empty")
    bench.run(3, "image", "extract", "empty", "-o", "out")
    bench.run(4, "image", "sign", "app.bin", *PLATFORM, "-k", "pem:empty", "-o", "out")
    bench.run(4, "image", "verify", "app.signed", "--key", "empty")
    attach = ("image", "attach", "app.bin", *PLATFORM, "--signature", "empty", "--key", bench.public, "-o", "out")
    bench.run(3, *attach)
    bench.run(2, "image", "sign", "app.bin", "-p", "empty.toml", "-k", f"pem:{bench.private}", "-o", "out")


@pytest.mark.parametrize("length", [1, 2, 30, 100, 150, 180, 1000, 66_000])
def test_truncated_images(bench: Bench, length: int) -> None:
    image = bench.directory / "app.signed"
    image.write_bytes(image.read_bytes()[:length])
    bench.verify(3, "app.signed")
    bench.run(3, "image", "extract", "app.signed", "-o", "out")


def test_wrong_formats(bench: Bench) -> None:
    assert "offset 0" in bench.verify(3, "app.bin")
    assert "offset 0" in bench.verify(3, Path("/bin/sh"))
    for name, content in (
        ("bad.hex", b":00000001FE\n"),
        ("odd.hex", b":0400000001020304F\n:00000001FF\n"),
        ("overlap.hex", b":0400000001020304F2\n:0400020001020304F0\n:00000001FF\n"),
        ("not.elf", b"not an ELF file"),
        ("cut.elf", b"\x7fELF\x01\x01\x01"),
        ("cut.uf2", b"UF2\n\x57\x51\x5d\x9e"),
    ):
        (bench.directory / name).write_bytes(content)
        assert name in bench.sign(3, name, "out")


def test_too_large_for_the_platform(bench: Bench) -> None:
    large = bench.directory / "large.bin"
    with large.open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert "16777216" in bench.sign(3, "large.bin", "out")
    with large.open("rb") as stdin:
        bench.sign(3, "-", "out", stdin=stdin)
    assert "more than 16777216" in bench.sign(3, "/dev/zero", "out")
    bench.run(3, "image", "digest", "large.bin", *PLATFORM, "-o", "out")


def test_key_of_the_wrong_type(bench: Bench) -> None:
    for key_type in (KeyType.P384, KeyType.ED25519):
        key = f"pem:{bench.key_files(key_type)[0]}"
        words = bench.sign(4, "app.bin", "out", "-k", key)
        assert key_type.value in words
        assert "p256, rsa2048, rsa3072, rsa4096" in words
    public = str(bench.key_files(KeyType.RSA2048)[1])
    assert "needs a key of type p256" in bench.run(1, "image", "verify", "app.signed", "--key", public)


def test_keys_that_cannot_be_used(bench: Bench) -> None:
    # threats 20 and 31
    bench.sign(4, "app.bin", "out", "-k", "pem:missing.pem")
    bench.sign(4, "app.bin", "out", "-k", "pem:app.bin")
    bench.sign(4, "app.bin", "out", "-k", "missing.pem")
    bench.sign(4, "app.bin", "out", "-k", "pkcs12:key.p12")
    bench.sign(4, "app.bin", "out", "-k", f"pem:{bench.public}")
    bench.sign(4, "app.bin", "out", "-k", f"pem:{bench.directory}")
    shared = bench.directory / "shared.pem"
    shared.write_bytes(Path(bench.private).read_bytes())
    shared.chmod(0o644)
    assert "chmod" in bench.sign(4, "app.bin", "out", "-k", "pem:shared.pem")
    for option in ("--key", "--certificate", "--trust"):
        bench.run(4, "image", "verify", "app.signed", option, "missing")
    bench.run(4, "image", "verify", "app.signed", "--key", bench.private)
    bench.run(4, "image", "verify", "app.signed", "--trust", str(bench.directory))
    bench.run(1, "image", "verify", "app.signed")


def test_encrypted_key_without_passphrase(bench: Bench) -> None:
    encrypted = bench.directory / "encrypted.pem"
    encrypted.touch(0o600)
    command: list[str] = ["openssl", "pkcs8", "-topk8", "-in", bench.private, "-passout", "pass:geheim"]
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    encrypted.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    key = ("-k", "pem:encrypted.pem")
    assert "--passphrase-file" in bench.sign(4, "app.bin", "out", *key)
    bench.sign(4, "app.bin", "out", *key, "--no-input")
    bench.sign(4, "app.bin", "out", *key, "--passphrase-file", "missing")
    words = bench.sign(4, "app.bin", "out", *key, "--passphrase-file", "-", input=b"hunter2\n")
    assert "hunter2" not in words


def test_output_that_is_an_input(bench: Bench) -> None:
    private = bench.directory / "own.pem"
    private.write_bytes(Path(bench.private).read_bytes())
    private.chmod(0o600)
    (bench.directory / "link").symlink_to("app.bin")
    assert "also an input" in bench.sign(2, "app.bin", "app.bin")
    assert "also an input" in bench.sign(2, "app.bin", "link")
    assert "also an input" in bench.sign(2, "app.bin", "own.pem", "-k", "pem:own.pem")
    assert "also an input" in bench.run(2, "image", "extract", "app.signed", "-o", "app.signed")
    assert "also an input" in bench.run(2, "image", "digest", "app.bin", *PLATFORM, "-o", "app.bin")


def test_directories(bench: Bench) -> None:
    (bench.directory / "sub").mkdir()
    assert "directory" in bench.sign(5, "app.bin", "sub")
    assert "directory" in bench.sign(5, "sub", "out").lower()
    assert "directory" in bench.verify(5, "sub").lower()
    bench.sign(5, "app.bin", "missing/out")
    bench.sign(5, "missing", "out")
    bench.verify(5, "missing")


def test_devices(bench: Bench) -> None:
    bench.sign(0, "app.bin", "/dev/null")
    assert Path("/dev/null").is_char_device()
    assert "No space left on device" in bench.sign(5, "app.bin", "/dev/full")
    bench.sign(3, "/dev/null", "out")
    bench.verify(3, "/dev/null")
    bench.verify(3, "/dev/zero")


def test_fifos(bench: Bench) -> None:
    for name in ("in", "out"):
        os.mkfifo(bench.directory / name)
    got: list[bytes] = []
    feeder = threading.Thread(target=lambda: (bench.directory / "in").write_bytes(bench.firmware))
    drain = threading.Thread(target=lambda: got.append((bench.directory / "out").read_bytes()))
    feeder.start()
    drain.start()
    done = subprocess.run(
        [str(IOTSIGN), "image", "sign", "in", *PLATFORM, "-k", f"pem:{bench.private}", "-o", "out"],
        cwd=bench.directory,
        capture_output=True,
        timeout=60,
    )
    feeder.join(20)
    drain.join(20)
    assert done.returncode == 0, done.stderr
    assert got == [(bench.directory / "app.signed").read_bytes()]


def test_closed_pipe(bench: Bench) -> None:
    for arguments in (
        ("sign", "app.bin", *PLATFORM, "-k", f"pem:{bench.private}", "-o", "-"),
        ("extract", "app.signed", "-o", "-"),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        assert "Broken pipe" in bench.run(5, "image", *arguments, stdout=writing)
        os.close(writing)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 64 KiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def test_full_disk(bench: Bench, small_disk: Path) -> None:
    old = small_disk / "out"
    old.write_bytes(b"the old file")
    for out in (old, small_disk / "new"):
        assert "No space left on device" in bench.sign(5, "app.bin", out)
        assert [path.name for path in small_disk.iterdir()] == ["out"]
        assert old.read_bytes() == b"the old file"
    # what has no name of its own goes to TMPDIR, which may be full too
    environment = os.environ | {"TMPDIR": str(small_disk)}
    big = b"x" * 100_000
    words = bench.sign(5, "-", "out", input=big, env=environment)
    assert "No space left on device" in words
    assert "No space left on device" in bench.verify(5, "-", input=b"{" + big, env=environment)
    detached = ("-p", "AWSIoTDeviceManagement-SHA256-ECDSA")
    with contextlib.suppress(OSError), (small_disk / "fill").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    assert "No space left on device" in bench.sign(5, "app.bin", small_disk / "new", *detached)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_in_mid_write(bench: Bench, signum: signal.Signals, tmp_path: Path) -> None:
    """A payload of 400 MB in a file that has no blocks takes long enough to be interrupted."""
    text = (Path(__file__).parents[2] / "iotsign/platforms/data/MCUboot-ECDSA-P256.toml").read_text()
    text = text.replace("MCUboot-ECDSA-P256", "Huge").replace("maxSizeInMB = 16", "maxSizeInMB = 8192")
    (tmp_path / "huge.toml").write_text(text)
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(4 << 30)
    out = tmp_path / "out"
    out.write_bytes(b"the old file")
    before = {path.name for path in tmp_path.iterdir()}
    options = ["-p", "huge.toml", "-f", "JSONEmbedded", "-k", f"pem:{bench.private}", "-o", "out"]
    with subprocess.Popen(
        [str(IOTSIGN), "image", "sign", "huge.bin", *options], cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + 30
        while not _is_writing(tmp_path, before) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signum)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + signum
    assert b"Traceback" not in stderr
    assert {path.name for path in tmp_path.iterdir()} == before
    assert out.read_bytes() == b"the old file"


def _is_writing(directory: Path, before: set[str]) -> bool:
    """Tell whether the temporary file is there and has grown."""
    try:
        return any(path.stat().st_size > 1 << 20 for path in directory.iterdir() if path.name not in before)
    except FileNotFoundError:
        return False


def test_interrupt_while_many_are_verified(bench: Bench) -> None:
    large = bench.directory / "large.signed"
    head = b'{"rawPayloadSize":15000000,"signature":"MAEC","signatureAlgorithm":"SHA256withECDSA","payload":"'
    large.write_bytes(head + b"A" * 20_000_000 + b'"}')
    command: list[str | Path] = [
        IOTSIGN,
        "image",
        "verify",
        "app.signed",
        *["large.signed"] * 3000,
        "--key",
        bench.public,
        "--json",
    ]
    with subprocess.Popen(command, cwd=bench.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["verdict"] == "trusted"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)  # all of them would take minutes
    assert process.returncode == 130
    assert b"Traceback" not in stderr


def test_formats_that_are_refused(bench: Bench) -> None:
    assert "reserved" in bench.sign(3, "app.bin", "out", "-f", "JSON")
    assert "takes JSONEmbedded" in bench.sign(3, "app.bin", "out", "-f", "JSONDetached")
    bench.sign(3, "app.bin", "out", "-f", "native")


# threat 24
@pytest.mark.parametrize("location", ["bucket/../../etc/passwd@v", "../x/y@v", "bucket/a\nb@v", "bucket/key@", "b/k@v"])
def test_bad_s3_locations(bench: Bench, location: str) -> None:
    platform = ("-p", "AWSIoTDeviceManagement-SHA256-ECDSA")
    bench.sign(2, "app.bin", "out", *platform, "--s3", location)


def test_names_with_odd_characters(bench: Bench) -> None:
    # threat 24
    for name in (b"with space", b"new\nline", b"esc\x1b[2J", b"\xff\xfe", "größe".encode(), b"-dash"):
        path = bench.directory / os.fsdecode(name)
        path.write_bytes(bench.firmware)
        out = bench.directory / "out"
        words = bench.sign(0, path, out)
        assert "\x1b" not in words
        assert words.count("\n") == 1
        out.unlink()
        path.unlink()


def test_signature_of_another_file_is_not_attached(bench: Bench) -> None:
    (bench.directory / "other.bin").write_bytes(b"other")
    signed = json.loads((bench.directory / "app.signed").read_bytes())
    import base64

    (bench.directory / "sig").write_bytes(base64.b64decode(signed["signature"]))
    more = (*PLATFORM, "--signature", "sig", "--key", bench.public, "-o", "out")
    bench.run(1, "image", "attach", "other.bin", *more)
    bench.run(0, "image", "attach", "app.bin", *more)
    assert (bench.directory / "out").read_bytes() == (bench.directory / "app.signed").read_bytes()
    (bench.directory / "sig").write_bytes(bytes(70_000))
    bench.run(3, "image", "attach", "app.bin", *more)


def test_internal_errors_are_not_shown_as_tracebacks(bench: Bench) -> None:
    """An error that nobody thought of: exit code 70, a note, and a way to see more."""
    code = "from iotsign.cli import _root, run; import click, sys\n"
    code += "@_root.command()\ndef image(): 1 / 0\n"
    code += "import iotsign.cli; iotsign.cli._load = lambda noun: image\nsys.exit(run(['image']))\n"
    for more in ({}, {"IOTSIGN_TRACEBACK": "1"}):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env=os.environ | more, cwd=bench.directory
        )
        assert done.returncode == 70
        assert (b"Traceback" in done.stderr) is bool(more)
        assert b"error: internal error: ZeroDivisionError" in done.stderr
        assert b"IOTSIGN_TRACEBACK=1" in done.stderr
