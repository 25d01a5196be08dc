"""Random keys, digests, signatures and mutations, and crafted ones: the core and OpenSSL agree on each."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CASES = 100_000 if os.environ.get("IOTSIGN_ALL_VECTORS") else 3_000
SEED = int.from_bytes(os.urandom(8))
HASHES = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}


@dataclass(frozen=True)
class Curve:
    """What the tests need to know of a curve; sizes are in bytes."""

    openssl: ec.EllipticCurve
    size: int
    n: int


CURVES = [
    Curve(ec.SECP256R1(), 32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    Curve(
        ec.SECP384R1(),
        48,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
]


@dataclass(frozen=True)
class Case:
    """A claim: these numbers sign this digest under this point."""

    curve: Curve
    point: bytes
    digest: bytes
    der: bytes

    def openssl_accepts(self) -> bool:
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(self.curve.openssl, self.point)
            key.verify(self.der, self.digest, ec.ECDSA(utils.Prehashed(HASHES[len(self.digest)])))
        except (InvalidSignature, ValueError):  # ValueError: no point of the curve
            return False
        return True


@cache
def multiple(curve: Curve, scalar: int) -> bytes:
    """The base point times a scalar that is not a multiple of the order."""
    key = ec.derive_private_key(scalar, curve.openssl).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode(r: int, s: int) -> bytes:
    """DER, for numbers beyond the order too."""
    return utils.encode_dss_signature(r, s)


def signed(random_: random.Random, curve: Curve) -> tuple[int, bytes, int, int]:
    """A private key, a digest and its signature by OpenSSL."""
    secret = random_.choice([random_.randrange(1, curve.n), 1, 2, curve.n - 1])
    size = random_.choice(list(HASHES))
    digest = random_.choice([random_.randbytes(size), random_.randbytes(size), bytes(size), b"\xff" * size])
    key = ec.derive_private_key(secret, curve.openssl)
    r, s = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(HASHES[size]))))
    return secret, digest, r, s


def crafted(random_: random.Random, curve: Curve) -> tuple[int, bytes, int, int]:
    """A private key, and a digest with the signature whose scalars u1 = e/s and u2 = r/s are of a rare form.

    With small keys the sum of the two multiples meets every exception of the addition, infinity included.
    """
    n = curve.n

    def scalar() -> int:
        power = 1 << random_.randrange(8 * curve.size)
        return random_.choice([0, 1, 2, 3, n - 1, n - 2, power, power - 1, n - power, random_.randrange(n)]) % n

    secret = random_.choice([1, 2, 3, 5, n - 1, n - 2, n - 3, (n + 1) // 2, scalar() or 1])
    u1, u2 = scalar(), scalar() or 1
    if random_.random() < 0.1:
        u1 = -u2 * secret % n
    nonce = (u1 + u2 * secret) % n
    r = int.from_bytes(multiple(curve, nonce)[1 : 1 + curve.size]) % n if nonce else random_.randrange(1, n)
    s = r * pow(u2, -1, n) % n
    return secret, (u1 * s % n).to_bytes(curve.size), r, s


def mutate(random_: random.Random, curve: Curve, point: bytes, digest: bytes, r: int, s: int) -> tuple[str, Case]:
    """Change one thing, or nothing."""
    n, der, mutation = curve.n, encode(r, s), random_.choice(MUTATIONS)
    bit = 1 << random_.randrange(8 * curve.size)
    position = random_.randrange(len(der))
    if mutation == "twin":
        der = encode(r, n - s)
    elif mutation == "number":
        numbers = {"r": r, "s": s}
        name = random_.choice("rs")
        numbers[name] = random_.choice([0, 1, n - 1, n, n + 1, numbers[name] + n, numbers[name] ^ bit])
        der = encode(numbers["r"], numbers["s"])
    elif mutation == "swapped":
        der = encode(s, r)
    elif mutation == "byte":
        der = der[:position] + bytes([der[position] ^ 1 << random_.randrange(8)]) + der[position + 1 :]
    elif mutation == "length":
        der = random_.choice([der[:-1], der + b"\0", der[:position], b"", der[:1] + b"\x81" + der[1:]])
    elif mutation == "digest":
        position = random_.randrange(min(len(digest), curve.size))
        digest = digest[:position] + bytes([digest[position] ^ 1 << random_.randrange(8)]) + digest[position + 1 :]
    elif mutation == "tail":
        digest = digest[: curve.size] + random_.randbytes(max(0, len(digest) - curve.size))
    elif mutation == "point":
        position = random_.randrange(len(point))
        point = point[:position] + bytes([point[position] ^ 1 << random_.randrange(8)]) + point[position + 1 :]
    elif mutation == "key":
        point = multiple(curve, random_.randrange(1, 100))
    return mutation, Case(curve, point, digest, der)


MUTATIONS = ["none", "none", "twin", "number", "swapped", "byte", "length", "digest", "tail", "point", "key"]


def cases(random_: random.Random) -> Iterator[tuple[str, Case]]:
    for _ in range(CASES):
        curve = random_.choice(CURVES)
        secret, digest, r, s = random_.choice([signed, crafted])(random_, curve)
        if not r or not s or not 1 <= s < curve.n:
            continue
        yield mutate(random_, curve, multiple(curve, secret), digest, r, s)


@pytest.fixture(scope="module")
def judged() -> list[tuple[str, Case, bool]]:
    return [(mutation, case, case.openssl_accepts()) for mutation, case in cases(random.Random(SEED))]


# threats 1, 2 and 3
@pytest.mark.parametrize("build", ["gcc", "portable", "small"])
def test_agreement(judge_of: Any, make_request: Callable[..., Any], judged: Any, build: str) -> None:
    verdicts = judge_of(build)(
        [
            make_request("D", case.point, case.digest, case.der, hash_size=len(case.digest), is_digest=True)
            for _, case, _ in judged
        ]
    )
    disagreements = [
        (mutation, case, good, verdict)
        for (mutation, case, good), verdict in zip(judged, verdicts, strict=True)
        if (verdict == "OK") != good
    ]
    assert disagreements == [], f"seed {SEED}"
    accepted = Counter(mutation for mutation, _, good in judged if good)
    assert min(accepted["none"], accepted["twin"], accepted["tail"]) > CASES // 50
    assert set(accepted) <= {"none", "twin", "tail", "key", "swapped", "number"}, accepted
