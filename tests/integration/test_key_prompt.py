"""Passphrases asked for on a terminal, and read from standard input."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from iotsign.keys import open_signer

IOTSIGN = Path(sys.executable).with_name("iotsign")
Run = Callable[..., subprocess.CompletedProcess[bytes]]


def on_a_terminal(
    directory: Path, arguments: Sequence[str], answers: Sequence[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    """Run a command whose standard streams are a terminal, and answer its questions.

    Returns:
        The exit code and what the terminal showed.
    """
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [IOTSIGN, *arguments], stdin=follower, stdout=follower, stderr=follower, cwd=directory, start_new_session=True
    )
    os.close(follower)
    shown, waiting, deadline = b"", list(answers), time.monotonic() + 60
    while time.monotonic() < deadline:
        readable, _, _ = select.select([leader], [], [], 0.1)
        try:
            shown += os.read(leader, 4096) if readable else b""
        except OSError:  # the last holder of the terminal is gone
            break
        if waiting and waiting[0][0] in shown:
            os.write(leader, waiting.pop(0)[1] + b"\n")
    os.close(leader)
    return process.wait(timeout=10), shown


def test_a_new_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    # threat 31: what is typed is not shown
    questions = [(b"New passphrase: ", b"correct horse"), (b"Repeat for confirmation: ", b"correct horse")]
    code, shown = on_a_terminal(tmp_path, ["key", "generate", "-t", "p256", "-o", "key.pem", "--encrypt"], questions)
    assert (code, b"correct horse" in shown) == (0, False)
    signer = open_signer(f"pem:{tmp_path / 'key.pem'}", passphrase=lambda: b"correct horse")
    code, shown = on_a_terminal(
        tmp_path, ["key", "show", "pem:key.pem"], [(b"Passphrase for pem:key.pem: ", b"correct horse")]
    )
    assert (code, b"correct horse" in shown) == (0, False)
    assert signer.public_key.fingerprint.hex()[:40].encode() in shown
    code, shown = on_a_terminal(tmp_path, ["key", "show", "pem:key.pem"], [(b"Passphrase for pem:key.pem: ", b"wrong")])
    assert (code, b"wrong passphrase" in shown) == (4, True)


def test_nothing_is_asked_with_no_input(tmp_path: Path, iotsign: Run) -> None:
    assert (
        iotsign("key", "generate", "-t", "p256", "-o", "key.pem", "--passphrase-file", "-", input=b"x\n").returncode
        == 0
    )
    code, shown = on_a_terminal(tmp_path, ["key", "show", "pem:key.pem", "--no-input"], [])
    assert (code, b"give it with --passphrase-file FILE" in shown) == (4, True)


def test_a_key_and_a_passphrase_on_standard_input(tmp_path: Path, iotsign: Run) -> None:
    pem = iotsign("key", "generate", "-t", "p256", "-o", "-").stdout
    done = iotsign("key", "show", "pem:-", "--public", input=pem)
    assert (done.returncode, done.stdout[:26]) == (0, b"-----BEGIN PUBLIC KEY-----")
    with (tmp_path / "secret").open("wb") as file:
        file.write(b"x\nand more")
    with (tmp_path / "secret").open("rb") as secret:
        made = iotsign("key", "generate", "-t", "p256", "-o", "key.pem", "--passphrase-file", "-", stdin=secret)
    assert made.returncode == 0
    assert iotsign("key", "show", "pem:key.pem", "--passphrase-file", "-", input=b"x\r\n").returncode == 0
    assert iotsign("key", "show", "pem:key.pem", "--passphrase-file", "-", input=b"").returncode == 4


def test_a_key_redirected_from_an_open_file(tmp_path: Path, iotsign: Run) -> None:
    # threat 31: the permissions are those of the file behind the stream
    iotsign("key", "generate", "-t", "p256", "-o", "key.pem")
    for mode, code in ((0o600, 0), (0o644, 4)):
        (tmp_path / "key.pem").chmod(mode)
        for uri in ("pem:-", "pem:/dev/stdin"):
            with (tmp_path / "key.pem").open("rb") as stream:
                done = iotsign("key", "certificate", "-k", uri, "-o", "a.crt", stdin=stream)
            assert done.returncode == code, done.stderr


def test_a_closed_standard_input(iotsign: Run) -> None:
    done = iotsign("key", "show", "pem:-", preexec_fn=lambda: os.close(0), stdin=subprocess.PIPE)
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr
