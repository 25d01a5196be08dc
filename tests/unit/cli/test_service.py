"""What a service answers is shown as words, never as commands to the terminal."""

import pytest

from iotsign.cli._service import show


def test_answers_are_made_printable(capsys: pytest.CaptureFixture[str]) -> None:
    show({"jobId": "a\x1b[2J", "tags": {"\x1b]0;x": "\x07"}, "many": ["a\n", "b"], "deep": {"er": {"n": 1}}})
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert lines == [["jobId", r"a\x1b[2J"], [r"tags.\x1b]0;x", r"\x07"], ["many", r"a\n, b"], ["deep.er.n", "1"]]


def test_an_empty_answer_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show({})
    assert capsys.readouterr().out == ""
