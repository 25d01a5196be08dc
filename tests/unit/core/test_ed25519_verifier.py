"""`iotsign.core.Ed25519Verifier`: a message that comes in parts gets the verdict that it gets in one piece."""

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from iotsign.core import Ed25519Verifier
from iotsign.errors import KeyRejectedError, MalformedImageError, SignatureMismatchError

PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SPKI = PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_openssls_signatures_in_any_parts(parts: list[bytes]) -> None:
    verifier = Ed25519Verifier(SPKI, PRIVATE.sign(b"".join(parts)))
    for part in parts:
        verifier.update(memoryview(part))
    verifier.check()
    verifier.check()
    verifier.update(b"one more")
    with pytest.raises(SignatureMismatchError, match="Ed25519 signature was not made over these bytes"):
        verifier.check()


def test_every_flipped_bit_of_the_signature() -> None:
    # threat 17
    signature = bytearray(PRIVATE.sign(b"firmware"))
    for position in range(8 * len(signature)):
        signature[position // 8] ^= 1 << position % 8
        verifier = Ed25519Verifier(SPKI, signature)
        verifier.update(b"firmware")
        with pytest.raises((SignatureMismatchError, MalformedImageError)):
            verifier.check()
        signature[position // 8] ^= 1 << position % 8


@pytest.mark.parametrize("length", [0, 1, 63, 65])
def test_signatures_of_another_length(length: int) -> None:
    # threat 5
    with pytest.raises(MalformedImageError, match=f"got {length} bytes"):
        Ed25519Verifier(SPKI, bytes(length))


def test_keys_that_are_none() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for key, words in ((spki, "another family"), (b"", "SubjectPublicKeyInfo"), (SPKI[:-1], "SubjectPublicKeyInfo")):
        with pytest.raises(KeyRejectedError, match=words):
            Ed25519Verifier(key, bytes(64))
    neutral = Ed25519Verifier(SPKI[:-32] + b"\x01".ljust(32, b"\0"), bytes(64))
    with pytest.raises(KeyRejectedError, match="small order"):
        neutral.check()


def test_what_is_no_buffer() -> None:
    with pytest.raises(TypeError):
        Ed25519Verifier(SPKI, PRIVATE.sign(b"")).update("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Ed25519Verifier(SPKI)  # type: ignore[call-arg]


def test_several_threads_at_once() -> None:
    block, count = b"x" * 100_000, 8
    verifier = Ed25519Verifier(SPKI, PRIVATE.sign(block * count))
    threads = [threading.Thread(target=verifier.update, args=(block,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verifier.check()
