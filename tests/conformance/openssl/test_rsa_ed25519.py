"""Random keys, messages, signatures and mutations: the core and OpenSSL agree on each."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

HASHES: tuple[hashes.HashAlgorithm, ...] = (hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
SALTS = (0, 20, 32, 48, 64)
CASES = 100_000 if os.environ.get("IOTSIGN_ALL_VECTORS") else 3_000
SEED = int.from_bytes(os.urandom(8))


@dataclass(frozen=True)
class Signed:
    """A signature that is good for its key, message, scheme, hashes and salt."""

    scheme: str
    key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey
    message: bytes
    signature: bytes
    hash: hashes.HashAlgorithm
    mgf: hashes.HashAlgorithm
    salt: int

    def openssl_accepts(self, key: Any, message: bytes, signature: bytes) -> bool:
        try:
            if self.scheme == "E":
                key.verify(signature, message)
            elif self.scheme == "P":
                key.verify(signature, message, padding.PKCS1v15(), self.hash)
            else:
                key.verify(signature, message, padding.PSS(padding.MGF1(self.mgf), self.salt), self.hash)
        except InvalidSignature:
            return False
        return True


def spki_of(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def signatures(random_: random.Random) -> list[Signed]:
    keys = [rsa.generate_private_key(e, bits) for e, bits in [(65537, 2048), (3, 2048), (65537, 3072), (65537, 4096)]]
    signed = []
    for key in keys:
        for hash_ in HASHES:
            message = random_.randbytes(random_.randrange(200))
            signature = key.sign(message, padding.PKCS1v15(), hash_)
            signed.append(Signed("P", key.public_key(), message, signature, hash_, hash_, 0))
            odd = (random_.choice(HASHES), random_.choice(SALTS))
            for mgf, salt in ((hash_, hash_.digest_size), odd):
                signature = key.sign(message, padding.PSS(padding.MGF1(mgf), salt), hash_)
                signed.append(Signed("S", key.public_key(), message, signature, hash_, mgf, salt))
    for _ in range(20):
        key25519 = ed25519.Ed25519PrivateKey.generate()
        message = random_.randbytes(random_.randrange(200))
        signed.append(Signed("E", key25519.public_key(), message, key25519.sign(message), HASHES[0], HASHES[0], 0))
    return signed


def flip(random_: random.Random, data: bytes) -> bytes:
    position = random_.randrange(len(data))
    return data[:position] + bytes([data[position] ^ 1 << random_.randrange(8)]) + data[position + 1 :]


def cases(random_: random.Random, make_request: Callable[..., Any]) -> Iterator[tuple[Any, bool, str]]:
    signed = signatures(random_)
    for _ in range(CASES):
        case, other = random_.choice(signed), random_.choice(signed)
        spki, message, signature = spki_of(case.key), case.message, case.signature
        mutation = random_.choice(["none", "signature", "message", "key", "other", "length", "above"])
        key: Any = case.key
        if mutation == "signature":
            signature = flip(random_, signature)
        elif mutation == "message":
            message = flip(random_, message or b"\0")
        elif mutation == "key" and case.scheme == "E":
            spki = spki[:12] + flip(random_, spki[12:])
            key = ed25519.Ed25519PublicKey.from_public_bytes(spki[12:])
        elif mutation == "key" and isinstance(case.key, rsa.RSAPublicKey):
            numbers = case.key.public_numbers()
            modulus = numbers.n ^ 1 << random_.randrange(1, case.key.key_size - 1)
            key = rsa.RSAPublicNumbers(numbers.e, modulus).public_key()
            spki = spki_of(key)
        elif mutation == "other" and other.scheme == case.scheme:
            signature = other.signature
        elif mutation == "length":
            signature = signature + b"\0" if random_.random() < 0.5 else signature[:-1]
        elif mutation == "above" and isinstance(case.key, rsa.RSAPublicKey):
            value = int.from_bytes(signature) + case.key.public_numbers().n
            signature = value.to_bytes(len(signature) + 1)[-len(signature) :]
        good = case.openssl_accepts(key, message, signature)
        digests = {"hash_size": case.hash.digest_size, "mgf_size": case.mgf.digest_size, "salt_size": case.salt}
        extra = {} if case.scheme == "E" else digests
        yield make_request(case.scheme, spki, message, signature, is_spki=True, **extra), good, mutation


def test_agreement(judge_of: Any, make_request: Callable[..., Any]) -> None:
    random_ = random.Random(SEED)
    requests, expected, mutations = zip(*cases(random_, make_request), strict=True)
    verdicts = judge_of("gcc")(requests)
    disagreements = [
        (mutation, good, verdict)
        for good, verdict, mutation in zip(expected, verdicts, mutations, strict=True)
        if (verdict == "OK") != good
    ]
    assert disagreements == [], f"seed {SEED}"
    accepted = Counter(mutation for good, mutation in zip(expected, mutations, strict=True) if good)
    assert accepted["none"] > CASES // 10
    # nothing that was changed is accepted, but what the dice have left as it was
    assert set(accepted) <= {"none", "other", "above"}


@pytest.mark.parametrize("exponent", [1, 2, 4, 65536, 2**32 + 1, 2**64, 2**64 + 1])
def test_exponents_that_are_refused(judge_of: Any, make_request: Callable[..., Any], exponent: int) -> None:
    """With e = 1 the signature is the encoded message itself."""
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    digest_info = bytes.fromhex("3031300d060960864801650304020105000420")
    state = hashes.Hash(hashes.SHA256())
    state.update(b"message")
    tail = b"\0" + digest_info + state.finalize()
    encoded = b"\0\1" + b"\xff" * (254 - len(tail)) + tail
    assert judge_of("gcc")([make_request("P", (modulus, exponent), b"message", encoded, hash_size=32)]) == ["KEY"]


def probable_prime_below(limit: int, span: int, random_: random.Random) -> int:
    """A prime within `span` bits below a power of two, less 1 no multiple of 65537."""
    while True:
        candidate = limit - random_.getrandbits(span) | 1
        if candidate % 65537 != 1 and all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7)):
            return candidate


def test_a_modulus_that_begins_with_ones(judge: Any, make_request: Callable[..., Any]) -> None:
    """One more than its top limb is 0 in a limb; the reduction divides by that."""
    random_ = random.Random(SEED)
    p, q = (probable_prime_below(1 << 1024, 900, random_) for _ in range(2))
    assert (p * q) >> (2048 - 64) == (1 << 64) - 1
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    key = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()
    messages = [bytes([number]) for number in range(8)]
    good = [key.sign(message, padding.PKCS1v15(), hashes.SHA256()) for message in messages]
    requests = [
        make_request("P", (public.n, public.e), message, changed, hash_size=32)
        for message, signature in zip(messages, good, strict=True)
        for changed in (signature, flip(random_, signature))
    ]
    verdicts = judge(requests)
    assert verdicts[::2] == ["OK"] * 8
    assert set(verdicts[1::2]) <= {"SIGNATURE", "MALFORMED"}  # the latter if it is not below the modulus


def test_moduli_that_are_refused(judge_of: Any, make_request: Callable[..., Any]) -> None:
    even = (1 << 2047) + 2
    sizes = [1024, 2040, 2047, 2049, 2056, 3071, 3080, 4088, 4104, 8192]
    moduli = [even, 0, 1, *((1 << size - 1) + 1 for size in sizes)]
    requests = [make_request("P", (modulus, 65537), b"", bytes(256), hash_size=32) for modulus in moduli]
    assert set(judge_of("gcc")(requests)) == {"KEY"}


# threat 3
def test_public_keys_that_do_not_reencode_to_themselves(judge: Any, make_request: Callable[..., Any]) -> None:
    modulus = b"\x02\x82\x01\x01\x00" + b"\xc5" * 256
    exponent = b"\x02\x03\x01\x00\x01"
    sequence = b"\x30\x82\x01\x0a"
    good = sequence + modulus + exponent
    bad = [
        b"",
        good[:-1],
        good + b"\0",
        b"\x31" + good[1:],
        b"\x30\x82\x01\x0b" + modulus + exponent + b"\0",
        b"\x30\x82\x01\x0d" + modulus + exponent + b"\x02\x01\x01",
        b"\x30\x82\x01\x0b" + b"\x02\x82\x01\x02\x00\x00" + b"\xc5" * 256 + exponent,  # a redundant zero
        b"\x30\x82\x01\x09" + b"\x02\x82\x01\x00" + b"\xc5" * 256 + exponent,  # a negative modulus
        b"\x30\x82\x01\x0b" + modulus + b"\x02\x04\x00\x01\x00\x01",
        b"\x30\x82\x01\x0b" + modulus + b"\x02\x81\x03\x01\x00\x01",
        sequence + modulus + b"\x03" + exponent[1:],
        sequence + b"\x04" + modulus[1:] + exponent,
        b"\x30\x83\x00\x01\x0a" + modulus + exponent,
    ]
    verdicts = judge([make_request("P", key, b"", bytes(256), hash_size=32) for key in [good, *bad]])
    assert verdicts == ["SIGNATURE"] + ["MALFORMED"] * len(bad)


def test_ed25519_keys_that_are_refused(judge: Any, make_request: Callable[..., Any]) -> None:
    """A y that is not below p, points of small order, and numbers that are no point."""
    prefix, prime = bytes.fromhex("302a300506032b6570032100"), 2**255 - 19
    above = [y | sign << 255 for y in range(prime, 2**255) for sign in (0, 1)]
    order_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
    small = [0, 1, prime - 1, order_8, prime - order_8]
    no_point = [2, 7, prime - 2]
    keys = [*above, *small, *(y | 1 << 255 for y in small), *no_point]
    verdicts = judge([make_request("E", prefix + key.to_bytes(32, "little"), b"", bytes(64)) for key in keys])
    assert set(verdicts) == {"KEY"}


def test_ed25519_scalars_that_are_refused(judge: Any, make_request: Callable[..., Any]) -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    key = ed25519.Ed25519PrivateKey.generate()
    signature = key.sign(b"message")
    s = int.from_bytes(signature[32:], "little")
    scalars = [s + order, s + 2 * order, order, 2**253, 2**255, 2**256 - 1]
    forged = [signature[:32] + scalar.to_bytes(32, "little") for scalar in scalars]
    verdicts = judge([make_request("E", spki_of(key.public_key()), b"message", each) for each in [signature, *forged]])
    assert verdicts == ["OK"] + ["MALFORMED"] * len(forged)


# threat 5
def test_digests_of_another_length(judge_of: Any, make_request: Callable[..., Any]) -> None:
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    requests = [
        make_request(
            scheme, (numbers.n, numbers.e), bytes(length), bytes(256), hash_size=32, mgf_size=32, is_digest=True
        )
        for scheme in "PS"
        for length in (0, 1, 20, 31, 33, 64)
    ]
    assert set(judge_of("gcc")(requests)) == {"ARGUMENT"}


# threat 4
def test_forged_padding_under_exponent_3(judge_of: Any, make_request: Callable[..., Any]) -> None:
    """Bleichenbacher's forgeries: a cube root that gets the front, or the tail, of the encoded message right."""
    key = rsa.generate_private_key(3, 3072).public_key().public_numbers()
    size = 384
    state = hashes.Hash(hashes.SHA1())
    state.update(b"message")
    info = bytes.fromhex("3021300906052b0e03021a05000414") + state.finalize()
    requests = []
    for padding_length in (0, 1, 8, 100):
        front = b"\0\1" + b"\xff" * padding_length + b"\0" + info
        target = int.from_bytes(front.ljust(size, b"\0"))
        requests.append((cube_root(target) + 1).to_bytes(size))
    requests.append(bytes(size - 1) + b"\1")
    requests.append(bytes(size))
    judged = judge_of("gcc")([make_request("P", (key.n, 3), b"message", forged, hash_size=20) for forged in requests])
    assert set(judged) == {"SIGNATURE"}


def cube_root(value: int) -> int:
    low, high = 0, 1 << (value.bit_length() // 3 + 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= value else (low, middle)
    return low
