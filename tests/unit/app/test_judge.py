import hashlib
from collections.abc import Callable

import pytest

from iotsign.algorithms import SIGNATURE_ALGORITHMS, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.app._judge import VERIFIERS, judge_by_both, judge_of
from iotsign.errors import (
    ConfigError,
    IotsignError,
    MalformedImageError,
    SignatureMismatchError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.keys import PublicKey, Signer

GetSigner = Callable[[KeyType], Signer]
MESSAGE = b"firmware"
KEYS = {"ECDSA": KeyType.P256, "RSA": KeyType.RSA2048, "Ed25519": KeyType.ED25519}


def digest_of(algorithm: SignatureAlgorithm, message: bytes = MESSAGE) -> bytes:
    return hashlib.new(algorithm.hash.value if algorithm.hash else "SHA256", message).digest()


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("algorithm", SIGNATURE_ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_every_algorithm(signer: GetSigner, verifier: str, algorithm: SignatureAlgorithm) -> None:
    private = signer(KEYS[algorithm.encryption.value])
    signature = private.sign(MESSAGE, algorithm)
    judge = judge_of(verifier)
    judge(private.public_key, algorithm, signature, digest=digest_of(algorithm), message=lambda: MESSAGE)
    with pytest.raises(SignatureMismatchError):
        judge(private.public_key, algorithm, signature, digest=digest_of(algorithm, b"x"), message=lambda: b"x")
    with pytest.raises((SignatureMismatchError, MalformedImageError)):
        judge(private.public_key, algorithm, b"", digest=digest_of(algorithm), message=lambda: MESSAGE)


@pytest.mark.parametrize("algorithm", SIGNATURE_ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_algorithm_of_another_family(signer: GetSigner, algorithm: SignatureAlgorithm) -> None:
    # threat 6
    for family, key_type in KEYS.items():
        if family == algorithm.encryption.value:
            continue
        key = signer(key_type).public_key
        for verifier in VERIFIERS:
            with pytest.raises(IotsignError):
                judge_of(verifier)(key, algorithm, bytes(64), digest=digest_of(algorithm), message=lambda: MESSAGE)


@pytest.mark.parametrize("core_is_right", [True, False])
def test_verifiers_that_do_not_agree(signer: GetSigner, core_is_right: bool) -> None:
    algorithm = signature_algorithm("SHA256withECDSA")
    private = signer(KeyType.P256)
    other = PublicKey(bytes.fromhex(P256_GENERATOR))
    torn = PublicKey(private.public_key.spki_der)  # gets one half of another key, as if one verifier were broken
    half = "_openssl" if core_is_right else "spki_der"
    object.__setattr__(torn, half, getattr(other, half))
    signature = private.sign(MESSAGE, algorithm)
    with pytest.raises(VerificationIncompleteError, match="do not agree") as caught:
        judge_by_both(torn, algorithm, signature, digest=digest_of(algorithm), message=lambda: MESSAGE)
    assert caught.value.code == "VerifiersDisagree"
    assert isinstance(caught.value, UntrustedImageError)
    assert caught.value.data["core" if core_is_right else "openssl"] == "it verifies"
    assert caught.value.data["openssl" if core_is_right else "core"] != "it verifies"


# the public key whose private half is 1: the generator of P-256 itself
P256_GENERATOR = (
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def test_unknown_verifier() -> None:
    with pytest.raises(ConfigError, match="auto, openssl, core, both"):
        judge_of("gpg")


@pytest.mark.parametrize(("verifier", "asked"), [("auto", 1), ("core", 1), ("both", 1), ("openssl", 0)])
def test_who_takes_a_message_in_parts(signer: GetSigner, verifier: str, asked: int) -> None:
    private, algorithm = signer(KeyType.ED25519), signature_algorithm("Ed25519")
    signature, seen = private.sign(MESSAGE, algorithm), []
    judge = judge_of(verifier)

    def whole() -> bytes:
        assert verifier in {"openssl", "both"}
        return MESSAGE

    judge(private.public_key, algorithm, signature, digest=b"", message=whole, streamed=lambda: seen.append(verifier))
    assert len(seen) == asked
