import json
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from iotsign.cli import run
from iotsign.cli._configured import complete_platform, find_key, find_platform
from iotsign.platforms import Registry


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a home without configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


@pytest.fixture
def board(elsewhere: Path) -> Path:
    """A descriptor of the user's own, and a directory that holds it."""
    text = (Registry().get("MCUboot-ECDSA-P256").file).read_text()
    directory = elsewhere / "platforms"
    directory.mkdir()
    file = directory / "My-Board.toml"
    file.write_text(text.replace("MCUboot-ECDSA-P256", "My-Board"))
    return file


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["platform", "list"]) == 0
    shown = capsys.readouterr().out
    for platform in Registry().list():
        assert platform.platform_id in shown


def test_list_as_aws_answers_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["platform", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"platforms": [platform.to_aws() for platform in Registry().list()]}


@pytest.mark.parametrize("platform_id", Registry().platform_ids)
def test_show(capsys: pytest.CaptureFixture[str], platform_id: str) -> None:
    platform = Registry().get(platform_id)
    assert run(["platform", "show", platform_id]) == 0
    shown = capsys.readouterr()
    assert platform.target in shown.out
    assert shown.err == "".join(f"note: {note}\n" for note in platform.notes)
    assert run(["platform", "show", platform_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == platform.to_aws()


def test_show_a_file(capsys: pytest.CaptureFixture[str], board: Path) -> None:
    assert run(["platform", "show", str(board)]) == 0
    assert "My-Board" in capsys.readouterr().out


def test_unknown_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["platform", "show", "MCUboot-Ed25518"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("error: no signing platform 'MCUboot-Ed25518'\nhint: did you mean MCUboot-Ed25519?\n")


def test_directories_of_the_configuration(capsys: pytest.CaptureFixture[str], elsewhere: Path, board: Path) -> None:
    assert run(["platform", "show", "My-Board"]) == 2
    (elsewhere / "iotsign.toml").write_text(f'[platforms]\ndirectories = ["{board.parent.name}"]\n')
    assert run(["platform", "show", "My-Board", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["platformId"] == "My-Board"


def test_check(capsys: pytest.CaptureFixture[str], board: Path) -> None:
    assert run(["platform", "check", str(board)]) == 0
    assert capsys.readouterr() == (f"{board}: My-Board is well described\n", "")
    assert run(["platform", "check", str(board), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["platformId"] == "My-Board"


def test_check_says_what_a_directory_needs(capsys: pytest.CaptureFixture[str], board: Path) -> None:
    other = board.rename(board.parent / "other.toml")
    assert run(["platform", "check", str(other)]) == 0
    assert capsys.readouterr().err == f"note: {other}: in a platform directory it has to be named My-Board.toml\n"


def test_check_goes_on_after_a_bad_file(capsys: pytest.CaptureFixture[str], board: Path) -> None:
    bad = board.parent / "bad.toml"
    bad.write_text(board.read_text().replace("maxSizeInMB", "maxSize"))
    assert run(["platform", "check", str(bad), "none.toml", str(board)]) == 2
    captured = capsys.readouterr()
    assert captured.out == f"{board}: My-Board is well described\n"
    assert f"error: {bad}: maxSize: unknown key\nhint: did you mean 'maxSizeInMB'?" in captured.err
    assert "error: none.toml: cannot be read: No such file or directory" in captured.err


def test_configured_platform(elsewhere: Path) -> None:
    with pytest.raises(click.UsageError, match=r"say which signing platform with -p, or set signing\.platform"):
        find_platform(None)
    (elsewhere / "iotsign.toml").write_text('[signing]\nplatform = "MCUboot-Ed25519"\n')
    assert find_platform(None).platform_id == "MCUboot-Ed25519"
    assert find_platform("MCUboot-RSA-2048").platform_id == "MCUboot-RSA-2048"


def test_configured_key(elsewhere: Path) -> None:
    with pytest.raises(click.UsageError, match=r"say which key with -k, or set signing\.key"):
        find_key(None)
    (elsewhere / "iotsign.toml").write_text('[signing]\nkey = "pem:a.pem"\n')
    assert find_key(None) == "pem:a.pem"
    assert find_key("pem:b.pem") == "pem:b.pem"


def test_completion(elsewhere: Path) -> None:
    from iotsign.cli.platform import platform

    offered = ShellComplete(platform, {}, "platform", "X").get_completions(["show"], "mcuboot-r")
    assert [item.value for item in offered] == ["MCUboot-RSA-2048", "MCUboot-RSA-3072"]
    (elsewhere / "iotsign.toml").write_text("[")
    context = click.Context(platform)
    assert complete_platform(context, click.Argument(["x"]), "") == []


def test_config_show(capsys: pytest.CaptureFixture[str], elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "iotsign.toml").write_text('[platforms]\ndirectories = ["a", "b"]\n')
    monkeypatch.setenv("IOTSIGN_SIGNING_KEY", "pem:release.pem")
    assert run(["config", "show"]) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "platforms.directories a, b iotsign.toml" in lines
    assert "signing.key pem:release.pem IOTSIGN_SIGNING_KEY" in lines
    assert "signing.platform none default" in lines
    assert "iotsign.toml read" in lines
    assert run(["config", "show", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["settings"][2] == {"key": "signing.key", "value": "pem:release.pem", "origin": "IOTSIGN_SIGNING_KEY"}
    assert answer["files"][0] == {"path": "iotsign.toml", "present": True}


def test_config_with_an_unknown_key(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "iotsign.toml").write_text("[signing]\nkeyy = 1\n")
    assert run(["config", "show"]) == 2
    assert capsys.readouterr().err == "error: iotsign.toml: signing.keyy: unknown key\nhint: did you mean 'key'?\n"
