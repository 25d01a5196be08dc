"""Key URIs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign import keys
from iotsign.algorithms import KeyType
from iotsign.errors import KeyUnavailableError, KeyUriError
from iotsign.keys import key_file, open_signer

WriteKey = Callable[..., Path]


@pytest.mark.parametrize(
    ("uri", "code", "says"),
    [
        ("", "UnknownKeyScheme", "starts with pem:"),
        ("signing.pem", "UnknownKeyScheme", "write pem:signing.pem"),
        ("PEM:signing.pem", "UnknownKeyScheme", "starts with pem:"),
        ("pkcs12:signing.p12", "UnknownKeyScheme", "got 'pkcs12:signing.p12'"),
        ("pem:", "NoKeyPath", "got ''"),
        ("pem:a\0b", "NoKeyPath", "got 'a"),
    ],
)
def test_what_is_no_key_uri(uri: str, code: str, says: str) -> None:
    with pytest.raises(KeyUriError, match=says) as caught:
        open_signer(uri)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["a b.pem", "50%25.pem", "q?x=1#y.pem", "ключ.pem", "a:b.pem", "-", "~"])
def test_a_path_is_taken_as_it_stands(
    key_pems: dict[KeyType, bytes], write_key: WriteKey, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = write_key(key_pems[KeyType.P256], name)
    assert open_signer(f"pem:{path}").uri == f"pem:{path}"
    monkeypatch.chdir(path.parent)
    assert open_signer(f"pem:./{name}").uri == f"pem:./{name}"


def test_the_home_directory(
    key_pems: dict[KeyType, bytes], write_key: WriteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_key(key_pems[KeyType.P256])
    monkeypatch.setenv("HOME", str(path.parent))
    assert open_signer("pem:~/key.pem").uri == f"pem:{path}"
    assert key_file("pem:~/key.pem") == path
    monkeypatch.chdir(path.parent)
    with pytest.raises(KeyUnavailableError):
        open_signer("pem:~root/key.pem")


def test_the_door_names_what_it_has() -> None:
    assert set(keys.__all__) == set(keys._HOMES)
    assert all(getattr(keys, name) is not None for name in keys.__all__)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = keys.absent  # type: ignore[attr-defined, unused-ignore]
