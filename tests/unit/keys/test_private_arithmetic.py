"""Private keys are numbers to OpenSSL alone: iotsign reads them to check and to store keys, and never to sign."""

import ast
from pathlib import Path

import iotsign
from iotsign import core

ROOT = Path(iotsign.__file__).parent
NUMBERS = {"private_numbers", "private_bytes", "private_bytes_raw", "private_value"}


def names(tree: ast.AST) -> set[str]:
    """Every attribute that a file reads, and every key word that it gives."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}


def test_only_keys_look_into_private_keys() -> None:
    # threat 10
    looks = [path for path in ROOT.rglob("*.py") if NUMBERS & names(ast.parse(path.read_text()))]
    assert {path.relative_to(ROOT).parts[0] for path in looks} == {"keys"}


def test_the_core_has_no_name_for_a_private_key() -> None:
    # threat 10
    public = {name for name in dir(core) if not name.startswith("_")}
    headers = " ".join(path.read_text() for path in (ROOT / "core" / "include" / "iotsign").glob("*.h"))
    assert "verify" in public
    assert "iotsign_p256_verify_digest" in headers
    assert not [name for name in public if any(word in name for word in ("sign_", "private", "generate"))]
    assert not [word for word in ("_sign(", "private_key", "_generate(") if word in headers]
