import contextlib
import io
import json
import os
import pty
import re
import time
from pathlib import Path

import click
import pytest

from iotsign.algorithms import KeyType
from iotsign.cli import _progress
from iotsign.cli._output import (
    Invocation,
    drop_stdout,
    input_allowed,
    json_option,
    json_wanted,
    jsonable,
    no_input_option,
    prepare_streams,
    print_fields,
    print_json,
    print_table,
    printable,
    say,
    styled,
    warn,
)


class Terminal:
    """Puts a terminal of 60 columns on stdout and stderr, and keeps what is written to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._main, other = pty.openpty()
        self._stream = os.fdopen(other, "w", encoding="utf-8")
        self._monkeypatch = monkeypatch
        os.set_blocking(self._main, False)

    def __enter__(self) -> None:
        self._monkeypatch.setattr("sys.stdout", self._stream)
        self._monkeypatch.setattr("sys.stderr", self._stream)

    def __exit__(self, *_: object) -> None:
        self._stream.flush()
        self.shown = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._main, 1 << 16):
                self.shown += chunk
        self._monkeypatch.undo()
        self._stream.close()
        os.close(self._main)

    @property
    def text(self) -> str:
        return self.shown.decode().replace("\r\n", "\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return Terminal(monkeypatch)


def test_control_characters_never_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\r\n\t\x9b\u202ec") == "a\\x1b[2Jb\\r\\n\\t\\x9b\\u202ec"
    assert printable("größe ‖ 漢字") == "größe ‖ 漢字"


def test_jsonable() -> None:
    value = {
        "bytes": b"\x01",
        "path": Path("x"),
        "enum": KeyType.P256,
        "tuple": (1, None, True, 1.5),
        "other": complex(1),
        2: memoryview(b"\xff"),
    }
    assert jsonable(value) == {
        "bytes": "01",
        "path": "x",
        "enum": "p256",
        "tuple": [1, None, True, 1.5],
        "other": "(1+0j)",
        "2": "ff",
    }


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "größe\n\udcff"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.isascii()
    assert json.loads(out) == {"name": "größe\n\udcff"}


def test_table_for_a_pipe_is_neither_wrapped_nor_padded(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table(("one", "two"), [("a", long), (b"\x01", None), (styled("b", "red"), "[bold]c")], title="A\x1btitle")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A\\x1btitle"
    assert long in lines[3]
    assert "01" in lines[4]
    assert lines[5].split() == ["b", "[bold]c"]
    assert all(line == line.rstrip() for line in lines)


def test_fields_for_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("name", "value"), ("longer name", "y" * 200)], title="Title")
    assert capsys.readouterr().out == f"Title\nname         value\nlonger name  {'y' * 200}\n"


def test_table_for_a_terminal_shows_every_character(terminal: Terminal) -> None:
    with terminal:
        print_table(("one", "two"), [("a", "0123456789" * 10)], title=styled("Title", "bold"))
    assert "\x1b[1m" in terminal.text
    assert "…" not in terminal.text
    assert len(re.sub(r"\D", "", re.sub(r"\x1b\[\d*m", "", terminal.text))) == 100


def test_no_color(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal:
        print_table(("one",), [(styled("a", "red"),)])
        warn("careful")
    assert "\x1b[3" not in terminal.text
    assert "warning: careful" in terminal.text


def test_dumb_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with terminal:
        warn("careful")
    assert terminal.text == "warning: careful\n"


def test_colour(terminal: Terminal) -> None:
    with terminal:
        warn("careful")
    assert terminal.text == "\x1b[33m\x1b[1mwarning: \x1b[0mcareful\n"


def test_forced_colour(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    warn("careful")
    assert "\x1b[" in capsys.readouterr().err


def test_closed_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    say("nobody hears this")


def test_flags() -> None:
    seen: list[tuple[bool, bool]] = []

    @click.command()
    @json_option
    @no_input_option
    def verb() -> None:
        seen.append((json_wanted(), input_allowed()))

    for arguments in ([], ["--json"], ["--no-input"]):
        verb.main(arguments, standalone_mode=False)
    assert seen == [(False, False), (True, False), (False, False)]
    assert not json_wanted()


def test_a_person_may_be_asked_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    main, other = pty.openpty()
    with os.fdopen(other) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert input_allowed()
        with click.Context(click.Command("verb"), obj=Invocation(no_input=True)):
            assert not input_allowed()
    os.close(main)


def test_names_that_are_not_text_can_be_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    prepare_streams()
    stream.write("a\udcffü")
    stream.flush()
    assert raw.getvalue() == b"a\\udcff\\xfc"


def test_dropped_stdout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        drop_stdout()
        stream.write("lost")
    assert (tmp_path / "out").read_text() == ""
    monkeypatch.setattr("sys.stdout", None)
    drop_stdout()


def test_progress_shows_nothing_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.progress("signing", 10) as advance:
        assert advance is None
    assert capsys.readouterr().err == ""


def test_progress_is_patient(terminal: Terminal) -> None:
    with terminal, _progress.progress("signing", 1000) as advance:
        assert advance is not None
        advance(1)
    assert terminal.text == ""


def test_progress(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_PATIENCE_S", 0)
    with terminal, _progress.progress("signing [x]", 1 << 20) as advance:
        assert advance is not None
        advance(1 << 19)
        advance(1 << 20)
    assert "signing [x]" in terminal.text
    assert "MiB" in terminal.text


def test_progress_is_off_with_json(terminal: Terminal) -> None:
    context = click.Context(click.Command("verb"), obj=Invocation(json=True))
    with terminal, context, _progress.progress("x", 1) as advance:
        assert advance is None
    assert terminal.text == ""


def test_elapsed_is_patient(terminal: Terminal) -> None:
    with terminal, _progress.elapsed("waiting for x"):
        pass
    assert terminal.text == ""


def test_elapsed(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_PATIENCE_S", 0)
    with terminal, _progress.elapsed("waiting for \x1b[x]"):
        time.sleep(0.3)
    assert r"waiting for \x1b[x] 0:00:0" in re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", terminal.text)


def test_elapsed_shows_nothing_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.elapsed("waiting"):
        pass
    assert capsys.readouterr().err == ""


def test_several_files_count_as_one_work(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(100))
    names = [str(tmp_path / "a"), str(tmp_path / "missing"), str(tmp_path / "b")]
    seen: list[int] = []
    assert list(_progress.counted("xyz", names, seen.append)) == ["x", "y", "z"]
    assert seen == [100, 100, 200]
    assert list(_progress.counted("x", names[:1], seen.append)) == ["x"]
    assert len(seen) == 3
