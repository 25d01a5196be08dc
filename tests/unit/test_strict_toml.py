import os
from pathlib import Path

import pytest

from iotsign.errors import ConfigError
from iotsign.strict_toml import MAX_FILE_SIZE, Table, read_toml


def table(**values: object) -> Table:
    return Table(values, ("key", "other"), file="a.toml", path="outer")


def test_typed_values() -> None:
    assert table(key="text").text("key") == "text"
    assert table(key=7).integer("key", 0, 7) == 7
    assert table(key=True).flag("key") is True
    assert table(key=["a", "b"]).texts("key") == ("a", "b")
    assert table(key=[]).texts("key") == ()
    assert table(key={"inner": 1}).table("key", ("inner",)).integer("inner", 0, 1) == 1
    assert "key" in table(key=1)
    assert "other" not in table(key=1)


@pytest.mark.parametrize(
    ("value", "read", "code", "message"),
    [
        (1, "text", "WrongType", "a.toml: outer.key: expected string, got integer"),
        ("", "text", "EmptyValue", "a.toml: outer.key: expected a non-empty string"),
        (1, "flag", "WrongType", "a.toml: outer.key: expected boolean, got integer"),
        ("x", "texts", "WrongType", "a.toml: outer.key: expected array, got string"),
        (["x", 1.5], "texts", "WrongType", "a.toml: outer.key[1]: expected a non-empty string, got float"),
        ([""], "texts", "WrongType", "a.toml: outer.key[0]: expected a non-empty string, got an empty string"),
        (["x", "x"], "texts", "DuplicateValue", "a.toml: outer.key[1]: 'x' is there twice"),
    ],
)
def test_wrong_values(value: object, read: str, code: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        getattr(table(key=value), read)("key")
    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.data["file"] == "a.toml"


@pytest.mark.parametrize(
    ("value", "code", "problem"),
    [
        (True, "WrongType", "expected integer, got boolean"),
        ("7", "WrongType", "expected integer, got string"),
        (8, "ValueOutOfRange", "expected 0..7, got 8"),
        (-1, "ValueOutOfRange", "expected 0..7, got -1"),
    ],
)
def test_wrong_integers(value: object, code: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        table(key=value).integer("key", 0, 7)
    assert caught.value.code == code


def test_missing_key() -> None:
    with pytest.raises(ConfigError, match=r"^a\.toml: outer\.key: required table is missing$"):
        table().table("key", ())


@pytest.mark.parametrize(("key", "hint"), [("kye", "did you mean 'key'?"), ("zzz", "known: key, other")])
def test_unknown_key_names_the_nearest(key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        table(**{key: 1})
    assert caught.value.message == f"a.toml: outer.{key}: unknown key"
    assert caught.value.data["hint"] == hint


def test_unknown_key_in_an_inner_table() -> None:
    with pytest.raises(ConfigError, match=r"a\.toml: outer\.key\.x: unknown key"):
        table(key={"x": 1}).table("key", ("y",))


@pytest.mark.parametrize(
    ("content", "code", "problem"),
    [
        (b"a = ", "NotToml", "Invalid value"),
        (b"a = 1\na = 2\n", "NotToml", "Cannot overwrite"),
        (b"\xef\xbb\xbf[a]", "NotToml", "expected TOML"),
        (b"a = '\xff'", "NotUtf8", "stray byte at offset 5"),
        (b"a = " + b"[" * 20_000, "NotToml", "expected TOML"),
        (b"a = " + b"9" * 10_000, "NotToml", "expected TOML"),
        (b"#" * (MAX_FILE_SIZE + 1), "FileTooLong", "at most 1048576 bytes"),
    ],
)
def test_files_that_are_not_toml(tmp_path: Path, content: bytes, code: str, problem: str) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_toml(file)
    assert caught.value.code == code
    assert caught.value.message.startswith(str(file))


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_toml(tmp_path)
    with pytest.raises(ConfigError, match="at most"):
        read_toml(Path("/dev/zero"))
    if os.geteuid() != 0:
        (tmp_path / "b.toml").touch(mode=0)
        with pytest.raises(ConfigError, match="Permission denied"):
            read_toml(tmp_path / "b.toml")


def test_file_name_with_a_null_byte() -> None:
    with pytest.raises(ConfigError) as caught:
        read_toml(Path("a\0.toml"))
    assert caught.value.code == "FileUnreadable"
