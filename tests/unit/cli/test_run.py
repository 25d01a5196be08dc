import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import iotsign.cli
from iotsign import __version__
from iotsign.cli import NOUNS, run

HEAVY = ("cryptography", "rich", "construct", "intelhex", "elftools", "iotsign.app", "iotsign.keys", "botocore")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"iotsign {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_noun(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert all(f"  {noun} " in out for noun in NOUNS)
    assert "Exit codes" in out


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["completion", "bash"], ["job", "start", "--help"]])
def test_what_answers_at_once_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from iotsign.cli import run; run(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_has_help(capsys: pytest.CaptureFixture[str], noun: str) -> None:
    assert run([noun, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: iotsign {noun}")


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    found = [path]  # the group's own help
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        found += verbs(below, (*path, name))
    return found


@pytest.mark.parametrize("verb", verbs(iotsign.cli._root), ids=lambda verb: " ".join(verb) or "iotsign")
def test_help_of_every_command(capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]) -> None:
    assert run([*verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert "\\b" not in out  # a mark for click that it did not understand
    assert "\b" not in out
    assert "TODO" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["imge"], "no such command 'imge'; did you mean 'image'?"),
        (["xyzzy"], "no such command 'xyzzy'"),
        (["--frobnicate"], "--frobnicate"),
        (["image", "sing"], "sing"),
        (["image", "sign"], "Missing"),
        (["image", "extract", "a", "b", "-o", "c"], "unexpected extra argument (b)"),
        (["image", "verify"], "Missing argument"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert words in captured.err
    assert "\nhint: see iotsign" in captured.err


def test_usage_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "verify", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err)["error"]
    assert (error["code"], error["exitCode"]) == ("UsageError", 2)


@pytest.mark.parametrize(
    ("raised", "code"),
    [(KeyboardInterrupt(), 130), (click.Abort(), 130), (SystemExit(143), 143), (SystemExit(), 0), (MemoryError(), 70)],
)
def test_whatever_a_verb_raises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
) -> None:
    @click.command()
    def verb() -> None:
        raise raised

    monkeypatch.setitem(iotsign.cli.NOUNS, "verb", "Raises.")
    monkeypatch.setattr(iotsign.cli, "_load", lambda _: verb)
    assert run(["verb"]) == code
    assert "Traceback" not in capsys.readouterr().err


def cli(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [Path(sys.executable).with_name("iotsign"), *arguments]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_full_stdout() -> None:
    with Path("/dev/full").open("w") as full:
        for arguments in (["completion", "bash"], ["--version"], ["--help"]):
            done = cli(*arguments, stdout=full)
            assert (done.returncode, done.stderr) == (5, "error: No space left on device\n")


def test_closed_pipe_on_stdout_is_silent() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = cli("platform", "list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals(tmp_path: Path, signum: signal.Signals, code: int) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command: list[str | Path] = [Path(sys.executable).with_name("iotsign"), "image", "inspect", fifo]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        with fifo.open("wb"):  # opened: the command waits for what is in it
            process.send_signal(signum)
            assert process.wait(20) == code
        assert process.stderr is not None
        assert process.stderr.read() in (b"", b"interrupted\n")


@pytest.mark.parametrize("module", ["click", "iotsign.cli._output"])
def test_interrupted_while_it_loads(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == sys.argv[1]:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from iotsign.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(["completion", shell]) == 0
    assert "_IOTSIGN_COMPLETE" in capsys.readouterr().out


def test_completion_of_another_shell() -> None:
    assert run(["completion", "tcsh"]) == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("iotsign im", {"image"}),
        ("iotsign --ver", {"--version"}),
        ("iotsign image ver", {"verify"}),
        ("iotsign job st", {"start"}),
        ("iotsign job list --status S", {"Succeeded"}),
        ("iotsign image sign --inp", {"--input-format"}),
    ],
)
def test_completion(words: str, offered: set[str]) -> None:
    environment = os.environ | {
        "_IOTSIGN_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = cli(stdout=subprocess.PIPE, env=environment)
    assert {line.split(",", 1)[1] for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("arguments", ["platform list", "platform list --json", "image extract x -o -"])
def test_closed_stdout(arguments: str) -> None:
    command = f"{Path(sys.executable).with_name('iotsign')} {arguments} >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 5
    assert "standard output is closed" in done.stderr


def test_closed_stdin_and_stderr() -> None:
    iotsign = Path(sys.executable).with_name("iotsign")
    done = subprocess.run(["sh", "-c", f"{iotsign} image inspect - <&-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (5, "error: -: standard input is closed\n")
    assert subprocess.run(["sh", "-c", f"{iotsign} image inspect missing 2>&-"]).returncode == 5
