"""The device's verification from Python: what OpenSSL signs holds, and each defect has its own exception."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa, utils

from iotsign import core
from iotsign.algorithms import (
    SIGNATURE_ALGORITHMS,
    EncryptionAlgorithm,
    HashAlgorithm,
    SignatureAlgorithm,
    SignatureEncoding,
    signature_algorithm,
)
from iotsign.errors import (
    KeyRejectedError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
)

MESSAGE = b"firmware"
OPENSSL_HASHES = {
    HashAlgorithm.SHA1: hashes.SHA1(),
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}
KEYS: dict[str, Any] = {
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "rsa2048": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
FITTING = {
    EncryptionAlgorithm.ECDSA: {"p256", "p384"},
    EncryptionAlgorithm.RSA: {"rsa2048"},
    EncryptionAlgorithm.ED25519: {"ed25519"},
}
PAIRS = [(algorithm, key) for algorithm in SIGNATURE_ALGORITHMS for key in sorted(FITTING[algorithm.encryption])]


def spki(key: Any) -> bytes:
    der: bytes = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der


def sign(algorithm: SignatureAlgorithm, key: Any, message: bytes = MESSAGE) -> bytes:
    if algorithm.hash is None:
        return bytes(key.sign(message))
    openssl_hash = OPENSSL_HASHES[algorithm.hash]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        der = key.sign(message, ec.ECDSA(openssl_hash))
        if algorithm.encoding is SignatureEncoding.DER:
            return der
        size = (key.key_size + 7) // 8
        return b"".join(number.to_bytes(size, "big") for number in utils.decode_dss_signature(der))
    if algorithm.salt_size is None:
        return bytes(key.sign(message, padding.PKCS1v15(), openssl_hash))
    return bytes(key.sign(message, padding.PSS(padding.MGF1(openssl_hash), algorithm.salt_size), openssl_hash))


def named(pair: tuple[SignatureAlgorithm, str]) -> str:
    return f"{pair[0].name}-{pair[1]}"


@pytest.mark.parametrize(("algorithm", "key"), PAIRS, ids=map(named, PAIRS))
def test_what_openssl_signs(algorithm: SignatureAlgorithm, key: str) -> None:
    public, signature = spki(KEYS[key]), sign(algorithm, KEYS[key])
    core.verify(algorithm, public, MESSAGE, signature)
    with pytest.raises(SignatureMismatchError, match=f"the {algorithm.name} signature was not made over") as caught:
        core.verify(algorithm, public, MESSAGE + b"!", signature)
    assert (caught.value.code, caught.value.data) == ("SignatureMismatch", {})

    if algorithm.hash is None:
        with pytest.raises(UnsupportedAlgorithmError, match="got one that signs whole messages"):
            core.verify_digest(algorithm, public, bytes(32), signature)
        return
    digest = core.digest(algorithm.hash, MESSAGE)
    core.verify_digest(algorithm, public, digest, signature)
    with pytest.raises(SignatureMismatchError):
        core.verify_digest(algorithm, public, bytes(len(digest)), signature)
    # threat 5
    for length in {0, 1, 20, 31, 32, 48, 63, 64, 65, len(digest) - 1, len(digest) + 1} - {len(digest)}:
        with pytest.raises(MalformedImageError, match=f"expected {len(digest)} bytes of digest .*, got {length}"):
            core.verify_digest(algorithm, public, (digest + bytes(64))[:length], signature)


# threat 6
@pytest.mark.parametrize(("algorithm", "key"), PAIRS, ids=map(named, PAIRS))
def test_only_the_diagonal_passes(algorithm: SignatureAlgorithm, key: str) -> None:
    """Under any other algorithm or key the signature fails, and a key of another family is named as the reason."""
    signature = sign(algorithm, KEYS[key])
    for claimed in SIGNATURE_ALGORITHMS:
        for other, other_key in KEYS.items():
            if (claimed, other) == (algorithm, key):
                continue
            fits = other in FITTING[claimed.encryption]
            with pytest.raises((SignatureMismatchError, MalformedImageError) if fits else KeyRejectedError) as caught:
                core.verify(claimed, spki(other_key), MESSAGE, signature)
            assert fits or caught.value.code == "KeyFamilyMismatch"


# threat 17
@pytest.mark.parametrize(("algorithm", "key"), PAIRS, ids=map(named, PAIRS))
def test_every_byte_of_signature_and_key(algorithm: SignatureAlgorithm, key: str) -> None:
    public, signature = spki(KEYS[key]), sign(algorithm, KEYS[key])
    for offset in range(len(signature)):
        flipped = bytearray(signature)
        flipped[offset] ^= 1 << offset % 8
        with pytest.raises((SignatureMismatchError, MalformedImageError)):
            core.verify(algorithm, public, MESSAGE, bytes(flipped))
    for offset in range(len(public)):
        flipped = bytearray(public)
        flipped[offset] ^= 1 << offset % 8
        with pytest.raises((SignatureMismatchError, MalformedImageError, KeyRejectedError)):
            core.verify(algorithm, bytes(flipped), MESSAGE, signature)


@pytest.mark.parametrize(("algorithm", "key"), PAIRS, ids=map(named, PAIRS))
def test_signatures_of_other_lengths(algorithm: SignatureAlgorithm, key: str) -> None:
    signature = sign(algorithm, KEYS[key])
    for wrong in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature * 2):
        with pytest.raises(MalformedImageError, match=f"{len(wrong)} bytes that are not") as caught:
            core.verify(algorithm, spki(KEYS[key]), MESSAGE, wrong)
        assert caught.value.code == "MalformedSignature"


# threats 1, 3
@pytest.mark.parametrize(
    "der",
    [
        "3006020100020101",  # r = 0
        "3006020101020100",  # s = 0
        "3006020181020101",  # r negative
        "300702020001020101",  # r over-long
        "308106020101020101",  # length over-long
        "30060201010201010000",  # trailing bytes
    ],
)
def test_encodings_that_ecdsa_refuses(der: str) -> None:
    with pytest.raises(MalformedImageError):
        core.verify(signature_algorithm("SHA256withECDSA"), spki(KEYS["p256"]), MESSAGE, bytes.fromhex(der))


def test_keys_that_are_refused() -> None:
    algorithm = signature_algorithm("SHA256withECDSA")
    signature = sign(algorithm, KEYS["p256"])
    public = spki(KEYS["p256"])
    off_curve = public[:-1] + bytes([public[-1] ^ 1])
    brainpool = spki(ec.generate_private_key(ec.BrainpoolP256R1()))
    unsupported = spki(dsa.generate_private_key(1024))
    small = spki(rsa.generate_private_key(65537, 1024))
    compressed = (
        KEYS["p256"].public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    )
    for key in (b"", public[:-1], public + b"\0", off_curve, brainpool, unsupported, small, compressed):
        with pytest.raises(KeyRejectedError) as caught:
            core.verify(algorithm, key, MESSAGE, signature)
        assert caught.value.code == "InvalidPublicKey"


def test_an_algorithm_that_the_core_does_not_know() -> None:
    made_up = replace(signature_algorithm("SHA256withECDSA"), name="SHA3-256withECDSA")
    for call in (core.verify, core.verify_digest):
        with pytest.raises(UnsupportedAlgorithmError, match="got SHA3-256withECDSA"):
            call(made_up, spki(KEYS["p256"]), bytes(32), b"")


@pytest.mark.parametrize("wrong", ["SHA256withECDSA", None, HashAlgorithm.SHA256])
def test_types(wrong: Any) -> None:
    algorithm, public = signature_algorithm("SHA256withECDSA"), spki(KEYS["p256"])
    for call in (core.verify, core.verify_digest):
        with pytest.raises(TypeError, match="expected a SignatureAlgorithm, got"):
            call(wrong, public, bytes(32), b"")
        for position in range(3):
            arguments: list[Any] = [public, bytes(32), b""]
            arguments[position] = wrong
            with pytest.raises(TypeError):
                call(algorithm, *arguments)
    with pytest.raises(TypeError):
        core.verify(replace(algorithm, name=7), public, b"", b"")  # type: ignore[arg-type]


def test_ctrl_c_while_a_large_message_is_hashed() -> None:
    program = """
import os, signal, threading
from iotsign import core
from iotsign.algorithms import HashAlgorithm, signature_algorithm
message = bytes(2**30)
for work in (
    lambda: core.digest(HashAlgorithm.SHA1, message),
    lambda: core.verify(signature_algorithm("SHA256withRSA"), b"", message, b""),
):
    threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        work()
    except KeyboardInterrupt:
        print("interrupted")
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "interrupted\ninterrupted\n"), ran.stderr
