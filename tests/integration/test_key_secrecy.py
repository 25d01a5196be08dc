"""No key byte in any log, argv, environment or traceback."""

import base64
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from iotsign.algorithms import signature_algorithm
from iotsign.errors import IotsignError
from iotsign.keys import open_signer

PASSPHRASE = b"a passphrase nobody prints"
Run = Callable[..., subprocess.CompletedProcess[bytes]]


class Secrets:
    """A private key in three forms, and every spelling of its bytes that must not appear."""

    def __init__(self, directory: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        scalar = key.private_numbers().private_value.to_bytes(32, "big")
        plain = self._pem(key, serialization.NoEncryption())
        encrypted = self._pem(key, serialization.BestAvailableEncryption(PASSPHRASE))
        self.needles = [
            scalar.hex(),
            scalar.hex().upper(),
            repr(scalar)[2:-1],
            str(key.private_numbers().private_value),
        ]
        self.needles += [repr(PASSPHRASE)[2:-1], PASSPHRASE.hex(), base64.b64encode(PASSPHRASE).decode()]
        for pem in (plain, encrypted):
            lines = pem.decode().splitlines()[1:-1]
            self.needles += lines + [repr(base64.b64decode(line))[2:-1] for line in lines if len(line) == 64]
        self.plain, self.encrypted, self.passphrase = (
            self._write(directory / name, content)
            for name, content in (("plain.pem", plain), ("encrypted.pem", encrypted), ("passphrase", PASSPHRASE))
        )

    @staticmethod
    def _pem(key: ec.EllipticCurvePrivateKey, protection: serialization.KeySerializationEncryption) -> bytes:
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)

    @staticmethod
    def _write(path: Path, content: bytes) -> Path:
        path.touch(0o600)
        path.write_bytes(content)
        return path

    def found_in(self, text: str) -> list[str]:
        return [needle for needle in self.needles if needle in text]


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path)


def test_the_needles_can_be_found(secrets: Secrets) -> None:
    assert secrets.found_in(secrets.plain.read_text())
    assert secrets.found_in(repr(secrets.encrypted.read_bytes()))


def test_tracebacks_that_print_variables(secrets: Secrets, caplog: pytest.LogCaptureFixture) -> None:
    # threat 31
    caplog.set_level(logging.DEBUG)
    damaged = secrets.plain.with_name("damaged.pem")
    secrets._write(damaged, secrets.plain.read_bytes().replace(b"\nMIG", b"\nMIH"))
    wide = secrets._write(secrets.plain.with_name("open.pem"), secrets.plain.read_bytes())
    wide.chmod(0o644)
    double = secrets._write(secrets.plain.with_name("double.pem"), secrets.plain.read_bytes() * 2)
    with_signer = open_signer(f"pem:{secrets.plain}")

    def asked(answer: bytes) -> Callable[[], bytes]:
        return lambda: answer

    failing: list[Callable[[], Any]] = [
        lambda: open_signer(f"pem:{damaged}"),
        lambda: open_signer(f"pem:{wide}"),
        lambda: open_signer(f"pem:{double}"),
        lambda: open_signer(f"pem:{secrets.encrypted}"),
        lambda: open_signer(f"pem:{secrets.encrypted}", passphrase=asked(PASSPHRASE + b"x")),
        lambda: with_signer.sign(b"x", signature_algorithm("SHA256withRSA")),
        lambda: with_signer.sign_digest(b"x", signature_algorithm("SHA256withECDSA")),
    ]
    for call in failing:
        with pytest.raises(IotsignError) as caught:
            call()
        text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert "<secret, " in text or "sign" in text
        assert secrets.found_in(text.replace(repr(PASSPHRASE + b"x"), "")) == []
    assert secrets.found_in(repr(with_signer) + str(with_signer) + caplog.text) == []


@pytest.mark.parametrize("trace", [False, True])
def test_the_command_line_prints_none(
    iotsign: Run, secrets: Secrets, monkeypatch: pytest.MonkeyPatch, trace: bool
) -> None:
    # threat 31
    if trace:
        monkeypatch.setenv("IOTSIGN_TRACEBACK", "1")
    (secrets.plain.parent / "app.bin").write_bytes(b"firmware" * 100)
    sign = ["image", "sign", "app.bin", "-p", "AmazonFreeRTOS-Default", "-o", "app.signed"]
    for code, arguments in (
        (0, ["key", "show", "pem:plain.pem"]),
        (0, ["key", "show", "pem:encrypted.pem", "--passphrase-file", "passphrase", "--json"]),
        (4, ["key", "show", "pem:encrypted.pem", "--passphrase-file", "plain.pem"]),
        (4, ["key", "show", "pem:passphrase"]),
        (0, ["key", "certificate", "-k", "pem:plain.pem", "-o", "plain.crt"]),
        (2, ["key", "certificate", "-k", "pem:plain.pem", "-o", "plain.pem"]),
        (2, ["key", "generate", "-t", "p256", "-o", "plain.pem"]),
        (0, [*sign, "-k", "pem:plain.pem"]),
        (0, [*sign, "-k", "pem:encrypted.pem", "--passphrase-file", "passphrase"]),
        (4, [*sign, "-k", "pem:encrypted.pem", "--passphrase-file", "plain.pem"]),
    ):
        done = iotsign(*arguments)
        assert done.returncode == code, done.stderr
        assert secrets.found_in((done.stdout + done.stderr).decode()) == []
    assert secrets.found_in((secrets.plain.parent / "app.signed").read_text()) == []


def test_a_passphrase_is_no_argument(iotsign: Run, secrets: Secrets) -> None:
    # threat 31
    for verb in (
        ["generate", "-t", "p256", "-o", "x"],
        ["show", "pem:encrypted.pem"],
        ["certificate", "-k", "x", "-o", "x"],
    ):
        done = iotsign("key", *verb, "--passphrase", PASSPHRASE.decode())
        assert done.returncode == 2
        assert b"No such option" in done.stderr


WATCH = """
import json, os, sys
started = []
environment = dict(os.environ)
sys.addaudithook(lambda event, args: started.append([event, repr(args)]) if event in EVENTS else None)
from iotsign.cli import run
code = run(sys.argv[1:])
changed = {name: value for name, value in os.environ.items() if environment.get(name) != value}
print(json.dumps([code, started, changed]))
"""


def test_no_program_is_started_and_no_variable_set(secrets: Secrets) -> None:
    # threat 31: what is neither in an argument list nor in an environment cannot be read there
    events = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.putenv"}
    script = WATCH.replace("EVENTS", repr(events))
    arguments = ["key", "show", f"pem:{secrets.encrypted}", "--passphrase-file", str(secrets.passphrase), "--public"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, timeout=60)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, [], {}]
