import json
import os

import click
import pytest

from iotsign import errors
from iotsign.cli._errors import describe, exit_code, report


def incomplete(cause: BaseException) -> errors.VerificationIncompleteError:
    error = errors.VerificationIncompleteError("Incomplete", "no verdict")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SignatureMismatchError("C", "m"), 1),
        (errors.UntrustedImageError("C", "m"), 1),
        (errors.VerificationIncompleteError("C", "m"), 1),
        (incomplete(errors.KeyUnavailableError("C", "m")), 4),
        (incomplete(errors.StoreError("C", "m")), 5),
        (errors.ConfigError("C", "m"), 2),
        (errors.MissingDependencyError("C", "m"), 2),
        (click.UsageError("m"), 2),
        (errors.MalformedImageError("C", "m"), 3),
        (errors.ImageTooLargeError("C", "m"), 3),
        (errors.KeyRejectedError("C", "m"), 4),
        (errors.UnsupportedAlgorithmError("C", "m"), 4),
        (errors.StoreError("C", "m"), 5),
        (errors.ConflictError("C", "m"), 5),
        (OSError(28, "No space left on device"), 5),
        (errors.DeviceTimeoutError("C", "m"), 6),
        (errors.OtaError("C", "m"), 6),
        (errors.IotsignError("C", "m"), 70),
        (ZeroDivisionError("m"), 70),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_every_error_class_has_an_exit_code() -> None:
    def classes(root: type[errors.IotsignError]) -> list[type[errors.IotsignError]]:
        return [root, *(below for child in root.__subclasses__() for below in classes(child))]

    missing = [kind for kind in classes(errors.IotsignError)[1:] if exit_code(kind("C", "m")) == 70]
    assert not missing


def test_json_error_carries_data_and_hint() -> None:
    error = errors.MalformedImageError("BadMagic", "expected 1, got 2", offset=0, got=b"\x02", hint="look again")
    assert describe(error) == {
        "type": "MalformedImageError",
        "code": "BadMagic",
        "message": "expected 1, got 2",
        "exitCode": 3,
        "hint": "look again",
        "data": {"offset": 0, "got": "02"},
    }


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.bin"), "ENOENT", "x.bin: No such file or directory"),
        (OSError("odd"), "OSError", "odd"),
        (click.ClickException("m"), "ClickException", "m"),
        (ValueError("m"), "ValueError", "internal error: ValueError: m"),
        (AssertionError(), "AssertionError", "internal error: AssertionError"),
    ],
)
def test_words_for_errors_of_others(error: BaseException, code: str, message: str) -> None:
    about = describe(error)
    assert (about["code"], about["message"]) == (code, message)


def test_person_gets_error_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(errors.StoreError("C", "cannot\x1b[2J write", hint="free some space"), as_json=False) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: cannot\\x1b[2J write\nhint: free some space\n"


def test_script_gets_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(click.UsageError("no"), as_json=True) == 2
    assert json.loads(capsys.readouterr().err)["error"]["exitCode"] == 2


def test_traceback_only_when_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IOTSIGN_TRACEBACK", raising=False)
    report(ZeroDivisionError("m"), as_json=False)
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setitem(os.environ, "IOTSIGN_TRACEBACK", "1")
    try:
        raise ZeroDivisionError("m")
    except ZeroDivisionError as error:
        report(error, as_json=False)
    assert "Traceback" in capsys.readouterr().err


def test_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyboardInterrupt(), as_json=False) == 130
    assert capsys.readouterr().err == "interrupted\n"
