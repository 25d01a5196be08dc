"""What ECDSA verification refuses, and by which name: encodings, numbers out of range, digests, keys."""

import runpy
from collections.abc import Callable, Sequence
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, utils, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

CORE = Path(__file__).parents[3] / "iotsign" / "core"
CONSTANTS = runpy.run_path(str(CORE / "src" / "make_curve_constants.py"))
SIZES = {"p256": 32, "p384": 48}
MESSAGE = b"firmware"
DIGEST = sha256(MESSAGE).digest()

Verdicts = Callable[[Sequence[Any]], list[str]]


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    length = b"" if size < 0x80 else size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length) if length else size]) + length + content


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


class Signed:
    """A key and its signature of `MESSAGE`."""

    def __init__(self, name: str) -> None:
        self.constants = CONSTANTS[name.upper()]
        self.size, self.n, self.p = SIZES[name], self.constants.n, self.constants.p
        self.key = ec.generate_private_key(ec.SECP256R1() if name == "p256" else ec.SECP384R1())
        self.signature = self.key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
        self.r, self.s = utils.decode_dss_signature(self.signature)
        public = self.key.public_key()
        self.point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def raw(self, r: int, s: int) -> bytes:
        return r.to_bytes(self.size) + s.to_bytes(self.size)


@pytest.fixture(scope="module", params=SIZES)
def signed(request: pytest.FixtureRequest) -> Signed:
    return Signed(request.param)


@pytest.fixture(scope="module", params=["gcc", "portable"])
def verdicts(request: pytest.FixtureRequest, judge_of: Any) -> Verdicts:
    judge: Verdicts = judge_of(request.param)
    return judge


@pytest.fixture(scope="module")
def ask(make_request: Any) -> Callable[..., Any]:
    """Make a request about `DIGEST` and, unless it is replaced, a good signature."""

    def request(signed: Signed, scheme: str = "D", /, **replaced: Any) -> Any:
        good = {
            "key": signed.point,
            "message": DIGEST,
            "signature": signed.signature if scheme == "D" else signed.raw(signed.r, signed.s),
            "hash_size": 32,
            "is_digest": True,
        }
        return make_request(scheme, **(good | replaced))

    return request


# threat 1
def test_numbers_out_of_range(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    limit = 1 << 8 * signed.size
    pairs = [(bad, signed.s) for bad in (0, signed.n, signed.n + 1, limit - 1)]
    pairs += [(signed.r, bad) for bad in (0, signed.n, signed.n + 1, limit - 1)] + [(0, 0), (signed.n, signed.n)]
    requests = [ask(signed, "R", signature=signed.raw(r, s)) for r, s in pairs]
    pairs += [(-1, signed.s), (signed.r, -signed.s), (-signed.r, -signed.s), (limit, signed.s), (signed.r, limit)]
    pairs += [(signed.r + signed.n, signed.s), (signed.r, 1 << 4096)]
    requests += [ask(signed, signature=der(0x30, integer(r), integer(s))) for r, s in pairs]
    assert set(verdicts(requests)) == {"MALFORMED"}


def test_numbers_at_the_edges_of_the_range(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    edges = (1, 2, signed.n - 1)
    requests = [ask(signed, "R", signature=signed.raw(r, s)) for r in edges for s in edges]
    assert set(verdicts(requests)) == {"SIGNATURE"}


# threat 2
def test_the_twin_of_a_signature(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    twin = utils.encode_dss_signature(signed.r, signed.n - signed.s)
    assert verdicts([ask(signed), ask(signed, signature=twin)]) == ["OK", "OK"]


# threat 3
def test_lax_encodings(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    r, s, good = integer(signed.r), integer(signed.s), signed.signature
    body, length = r + s, len(r + s)
    lax = {
        "a byte after it": good + b"\0",
        "a byte after s, inside": der(0x30, body, b"\0"),
        "a third number": der(0x30, body, integer(1)),
        "one number": der(0x30, r),
        "nothing": b"",
        "an empty sequence": der(0x30),
        "long form of a short length": b"\x30\x81" + bytes([length]) + body,
        "three bytes of length": b"\x30\x82\0" + bytes([length]) + body,
        "four bytes of length": b"\x30\x84\0\0\0" + bytes([length]) + body,
        "five bytes of length": b"\x30\x85\0\0\0\0" + bytes([length]) + body,
        "127 bytes of length": b"\x30\xff" + body,
        "length beyond the end": b"\x30" + bytes([length + 1]) + body,
        "a length of 2^32 - 1": b"\x30\x84\xff\xff\xff\xff" + body,
        "length bytes beyond the end": b"\x30\x82\x01",
        "no length": b"\x30",
        "length before the end": b"\x30" + bytes([length - 1]) + body,
        "indefinite length": b"\x30\x80" + body + b"\0\0",
        "a set": b"\x31" + good[1:],
        "an octet string": b"\x04" + good[1:],
        "a redundant zero before r": der(0x30, der(2, b"\0" + r[2:]), s),
        "a redundant zero before s": der(0x30, r, der(2, b"\0\0" + s[2:])),
        "an empty r": der(0x30, b"\2\0", s),
        "an empty s": der(0x30, r, b"\2\0"),
        "long form inside": der(0x30, b"\2\x81" + r[1:], s),
        "s as an octet string": der(0x30, r, b"\4" + s[1:]),
        "truncated": good[:-1],
        "the numbers as raw bytes": signed.raw(signed.r, signed.s),
    }
    judged = dict(zip(lax, verdicts([ask(signed, signature=encoding) for encoding in lax.values()]), strict=True))
    assert judged == dict.fromkeys(lax, "MALFORMED")


def test_raw_signatures_of_another_length(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    good = signed.raw(signed.r, signed.s)
    wrong = (b"", good[:-1], good + b"\0", b"\0" + good, signed.signature)
    requests = [ask(signed, "R", signature=signature) for signature in wrong if len(signature) != len(good)]
    assert set(verdicts(requests)) == {"MALFORMED"}
    assert verdicts([ask(signed, "R")]) == ["OK"]


numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**392), st.sampled_from([127, 128, 255, 256, 2**255, 2**383]))
pieces = st.one_of(
    numbers.map(integer),
    st.builds(lambda value, zeros: der(2, bytes(zeros) + integer(value)[2:]), numbers, st.integers(1, 3)),
    st.binary(max_size=4),
)
encodings = st.one_of(
    st.builds(lambda r, s: der(0x30, integer(r), integer(s)), numbers, numbers),
    st.builds(lambda parts, tail: der(0x30, *parts) + tail, st.lists(pieces, max_size=3), st.binary(max_size=2)),
    st.binary(max_size=12),
)


# threat 3
@settings(max_examples=30)
@given(batch=st.lists(encodings, min_size=20, max_size=40))
def test_only_what_encodes_to_itself_is_read(batch: list[bytes], verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    def canonical(encoding: bytes) -> bool:
        try:
            r, s = utils.decode_dss_signature(encoding)
        except ValueError:
            return False
        return der(0x30, integer(r), integer(s)) == encoding and 0 < min(r, s) <= max(r, s) < signed.n

    judged = verdicts([ask(signed, signature=encoding) for encoding in batch])
    for encoding, verdict in zip(batch, judged, strict=True):
        assert verdict == ("SIGNATURE" if canonical(encoding) else "MALFORMED"), encoding.hex()


# threat 5
def test_digests_of_another_length(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    lengths = (0, 1, 20, 28, 31, 33, 47, 49, 63, 65, 128)
    requests = [ask(signed, scheme, message=bytes(length)) for length in lengths for scheme in "DR"]
    assert set(verdicts(requests)) == {"ARGUMENT"}


def test_sha1(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    """OpenSSL's good signature of a SHA-1 digest, given as the message and as the digest."""
    signature = signed.key.sign(MESSAGE, ec.ECDSA(hashes.SHA1()))
    by_message = ask(signed, message=MESSAGE, signature=signature, hash_size=20, is_digest=False)
    by_digest = ask(signed, message=sha1(MESSAGE).digest(), signature=signature, hash_size=20)
    assert verdicts([by_message, by_digest]) == ["ARGUMENT", "ARGUMENT"]


def test_digests_are_cut_to_the_order(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    digest = DIGEST + bytes(range(32))
    longer = ask(signed, message=digest, hash_size=64)
    der48 = signed.key.sign(digest[:48], ec.ECDSA(utils.Prehashed(hashes.SHA384())))
    cut = ask(signed, message=digest[:48] + b"\xff" * 16, signature=der48, hash_size=64)
    assert verdicts([longer, cut]) == ["OK" if signed.size == 32 else "SIGNATURE", "OK"]


def test_points_that_are_none(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    size, p, point = signed.size, signed.p, signed.point
    x, y = int.from_bytes(point[1 : 1 + size]), int.from_bytes(point[1 + size :])
    spki = signed.spki[: -len(point)]
    compressed = signed.key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def moved(x: int, y: int) -> bytes:
        return spki + b"\4" + x.to_bytes(size) + y.to_bytes(size)

    wrong = {
        "y changed": moved(x, y ^ 1),
        "x changed": moved(x ^ 1, y),
        "swapped": moved(y, x),
        "(0, 0)": moved(0, 0),
        "x = p": moved(p, y),
        "y = p": moved(x, p),
        "all ones": moved(2 ** (8 * size) - 1, 2 ** (8 * size) - 1),
        "(x, 0)": moved(x, 0),
        "hybrid": spki + bytes([6 + y % 2]) + point[1:],
        "compressed, padded": spki + compressed + bytes(size),
        "infinity, padded": spki + bytes(len(point)),
    }
    judged = dict(zip(wrong, verdicts([ask(signed, key=key) for key in wrong.values()]), strict=True))
    assert judged == dict.fromkeys(wrong, "KEY")


def test_raw_points(verdicts: Verdicts, make_request: Any, signed: Signed) -> None:
    point, size = signed.point, signed.size
    points = [point, *(bytes([form]) + point[1:] for form in (0, 2, 3, 5, 6, 7, 0x84))]
    points += [
        bytes(len(point)),
        point[:-1] + bytes([point[-1] ^ 1]),
        b"\4" + signed.p.to_bytes(size) + point[1 + size :],
    ]
    expected = ["OK", *["KEY"] * (len(points) - 1)]
    assert verdicts([make_request("V", candidate, b"", b"") for candidate in points]) == expected


def curve_point(curve: Any, x: int) -> tuple[int, int] | None:
    """The point of an abscissa, if there is one; both primes are 3 modulo 4."""
    square = (x**3 - 3 * x + curve.b) % curve.p
    y = pow(square, (curve.p + 1) // 4, curve.p)
    return (x, y) if y * y % curve.p == square else None


def scalar_multiple(curve: Any, scalar: int, point: tuple[int, int]) -> tuple[int, int]:
    add, result = CONSTANTS["add"], None
    for bit in bin(scalar)[2:]:
        result = add(curve, result, result) if result else None
        if bit == "1":
            result = add(curve, result, point) if result else point
    assert result is not None
    return result


def test_coordinates_above_the_prime(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    """A point with x below 2^size - p has a second spelling, x + p, that is refused."""
    limit = 2 ** (8 * signed.size) - signed.p
    x, y = next(filter(None, (curve_point(signed.constants, x) for x in range(1, 100))))
    assert x < limit
    spki = signed.spki[: -2 * signed.size]
    keys = [spki + abscissa.to_bytes(signed.size) + y.to_bytes(signed.size) for abscissa in (x, x + signed.p)]
    assert verdicts([ask(signed, key=key) for key in keys]) == ["SIGNATURE", "KEY"]


def test_nonce_points_beyond_the_order(verdicts: Verdicts, ask: Any, signed: Signed) -> None:
    """The abscissa of R may lie between n and p: then r is smaller than it by n, and no other r will do."""
    curve, n = signed.constants, signed.n
    nonce_point = next(filter(None, (curve_point(curve, x) for x in range(n + 1, n + 1000))))
    r, s, e = nonce_point[0] - n, 12345, int.from_bytes(DIGEST) >> max(0, 256 - 8 * signed.size)
    # the key for which this is a signature: s/r times the nonce point, less e/r times the base point
    base = (curve.x, curve.y)
    inverse = pow(r, -1, n)
    key = CONSTANTS["add"](
        curve,
        scalar_multiple(curve, s * inverse % n, nonce_point),
        scalar_multiple(curve, -e * inverse % n, base),
    )
    point = b"\4" + key[0].to_bytes(signed.size) + key[1].to_bytes(signed.size)
    good, above = signed.raw(r, s), signed.raw(r + 1, s)
    requests = [ask(signed, "R", key=point, signature=signature) for signature in (good, above)]
    assert verdicts(requests) == ["OK", "SIGNATURE"]


def spki(algorithm: bytes, key: bytes, unused: bytes = b"\0") -> bytes:
    return der(0x30, der(0x30, algorithm), der(3, unused, key))


EC_OID = bytes.fromhex("06072a8648ce3d0201")
P256_OID = bytes.fromhex("06082a8648ce3d030107")
RSA_OID = bytes.fromhex("06092a864886f70d010101")
ED25519_OID = bytes.fromhex("06032b6570")


def explicit_parameters(curve: Any) -> bytes:
    """ECParameters (RFC 3279 §2.3.5) that spell P-256 out."""
    size = SIZES[curve.name]
    field = der(0x30, bytes.fromhex("06072a8648ce3d0101"), integer(curve.p))
    coefficients = der(0x30, der(4, (curve.p - 3).to_bytes(size)), der(4, curve.b.to_bytes(size)))
    base = der(4, b"\4" + curve.x.to_bytes(size) + curve.y.to_bytes(size))
    return der(0x30, integer(1), field, coefficients, base, integer(curve.n), integer(1))


def foreign_keys() -> dict[str, Any]:
    return {
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "P-521": ec.generate_private_key(ec.SECP521R1()),
        "brainpool": ec.generate_private_key(ec.BrainpoolP256R1()),
        "X25519": x25519.X25519PrivateKey.generate(),
        "DSA": dsa.generate_private_key(1024),
    }


def test_public_keys(verdicts: Verdicts, make_request: Any) -> None:
    signed = Signed("p256")
    point, algorithm, good = signed.point, EC_OID + P256_OID, signed.spki
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    rsa_key = der(0x30, integer(modulus), integer(65537))
    expected = {
        "MALFORMED": {
            "a byte after it": good + b"\0",
            "a byte inside, after the key": der(0x30, der(0x30, algorithm), der(3, b"\0", point), b"\0"),
            "truncated": good[:-1],
            "nothing": b"",
            "a set": b"\x31" + good[1:],
            "long form of the length": b"\x30\x81" + good[1:],
            "unused bits": spki(algorithm, point, b"\1"),
            "an empty bit string": der(0x30, der(0x30, algorithm), der(3)),
            "no bit string": der(0x30, der(0x30, algorithm)),
            "the key as an octet string": der(0x30, der(0x30, algorithm), der(4, b"\0", point)),
            "no algorithm": der(0x30, der(3, b"\0", point)),
            "an empty algorithm": spki(b"", point),
            "an algorithm that is no OID": spki(integer(1) + P256_OID, point),
            "a private key's version": der(0x30, integer(0), der(0x30, algorithm), der(3, b"\0", point)),
            "RSA without parameters": spki(RSA_OID, rsa_key),
            "RSA with other parameters": spki(RSA_OID + b"\5\1\0", rsa_key),
            "RSA with parameters and more": spki(RSA_OID + b"\5\0\5\0", rsa_key),
            "Ed25519 with NULL": spki(ED25519_OID + b"\5\0", bytes(32)),
        },
        "KEY": {
            "explicit parameters": spki(EC_OID + explicit_parameters(CONSTANTS["P256"]), point),
            "implicit parameters": spki(EC_OID + b"\5\0", point),
            "no parameters": spki(EC_OID, point),
            "a curve and more": spki(algorithm + b"\5\0", point),
            "compressed": spki(algorithm, b"\2" + point[1:33]),
            "infinity": spki(algorithm, b"\0"),
            "no point": spki(algorithm, b""),
            "a byte less": spki(algorithm, point[:-1]),
            "a byte more": spki(algorithm, point + b"\0"),
            "a P-384 point": spki(algorithm, Signed("p384").point),
            "Ed25519 of 31 bytes": spki(ED25519_OID, bytes(31)),
            "Ed25519 of 33 bytes": spki(ED25519_OID, bytes(33)),
            "Ed25519, to ECDSA": spki(ED25519_OID, bytes(32)),
            "RSA, to ECDSA": spki(RSA_OID + b"\5\0", rsa_key),
        },
        "UNSUPPORTED": {
            name: key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for name, key in foreign_keys().items()
        }
        | {"id-RSASSA-PSS": spki(bytes.fromhex("06092a864886f70d01010a"), rsa_key)},
    }
    for verdict, keys in expected.items():
        requests = [
            make_request("D", key, DIGEST, signed.signature, hash_size=32, is_digest=True, is_spki=True)
            for key in keys.values()
        ]
        assert dict(zip(keys, verdicts(requests), strict=True)) == dict.fromkeys(keys, verdict)
