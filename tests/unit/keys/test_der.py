"""ECDSA signatures: one encoding, one range."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign.algorithms import KeyType
from iotsign.errors import MalformedImageError
from iotsign.keys._der import CURVE_ORDERS, check_ecdsa_range, decode_ecdsa_signature, encode_ecdsa_signature

CURVES = [KeyType.P256, KeyType.P384]
N = CURVE_ORDERS[KeyType.P256]


@settings(deadline=None)
@given(st.sampled_from(CURVES), st.data())
def test_round_trip_and_openssl_agrees(curve: KeyType, data: st.DataObject) -> None:
    scalars = st.integers(1, CURVE_ORDERS[curve] - 1) | st.integers(1, 1 << 16)
    r, s = data.draw(scalars), data.draw(scalars)
    signature = encode_ecdsa_signature(r, s)
    assert signature == encode_dss_signature(r, s)
    assert decode_ecdsa_signature(signature, curve) == (r, s)


@settings(deadline=None)
@given(
    st.sampled_from(CURVES),
    st.integers(1, N - 1),
    st.integers(1, N - 1),
    st.lists(
        st.tuples(st.sampled_from(["flip", "insert", "delete"]), st.integers(0, 127), st.integers(1, 255)), min_size=1
    ),
)
def test_what_is_accepted_is_what_its_numbers_encode_to(
    curve: KeyType, r: int, s: int, mutations: list[tuple[str, int, int]]
) -> None:
    # threat 3
    mutated = bytearray(encode_ecdsa_signature(r, s))
    for kind, position, value in mutations:
        at = position % max(len(mutated), 1)
        if kind == "insert":
            mutated.insert(at, value)
        elif mutated and kind == "flip":
            mutated[at] ^= value
        elif mutated:
            del mutated[at]
    signature = bytes(mutated)
    try:
        decoded = decode_ecdsa_signature(signature, curve)
    except MalformedImageError:
        return
    assert encode_dss_signature(*decoded) == signature
    assert decode_dss_signature(signature) == decoded


def integer(content: str) -> str:
    return f"02{len(content) // 2:02x}{content}"


def sequence(content: str) -> str:
    return f"30{len(content) // 2:02x}{content}"


ONE = integer("01")


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        # threat 3
        ("", "NonCanonicalSignature"),
        ("30", "NonCanonicalSignature"),
        ("3000", "NonCanonicalSignature"),
        ("31" + sequence(ONE + ONE)[2:], "NonCanonicalSignature"),
        (sequence(ONE), "NonCanonicalSignature"),
        (sequence(ONE + "0201"), "NonCanonicalSignature"),
        (sequence(ONE + "0200"), "NonCanonicalSignature"),
        (sequence(ONE + "030101"), "NonCanonicalSignature"),
        (sequence(ONE + "02028001")[:-2], "NonCanonicalSignature"),
        (sequence(ONE + ONE + ONE), "NonCanonicalSignature"),
        (sequence(ONE + ONE) + "00", "NonCanonicalSignature"),
        (sequence(ONE + ONE + "00"), "NonCanonicalSignature"),
        ("308106" + ONE + ONE, "NonCanonicalSignature"),
        ("3080" + ONE + ONE + "0000", "NonCanonicalSignature"),
        (sequence("02810101" + ONE), "NonCanonicalSignature"),
        (sequence(integer("0001") + ONE), "NonCanonicalSignature"),
        (sequence(ONE + integer("0001")), "NonCanonicalSignature"),
        (sequence(integer("ffff") + ONE), "NonCanonicalSignature"),
        # threat 1
        (sequence(integer("00") + ONE), "SignatureOutOfRange"),
        (sequence(ONE + integer("00")), "SignatureOutOfRange"),
        (sequence(integer("ff") + ONE), "SignatureOutOfRange"),
        (sequence(ONE + integer("80")), "SignatureOutOfRange"),
        (sequence(integer(f"00{N:064x}") + ONE), "SignatureOutOfRange"),
        (sequence(ONE + integer(f"00{N:064x}")), "SignatureOutOfRange"),
        (sequence(ONE + integer(f"00{N + 1:064x}")), "SignatureOutOfRange"),
    ],
)
def test_refused(signature: str, code: str) -> None:
    with pytest.raises(MalformedImageError) as caught:
        decode_ecdsa_signature(bytes.fromhex(signature), KeyType.P256)
    assert caught.value.code == code


def test_the_message_says_what_where() -> None:
    with pytest.raises(MalformedImageError, match=r"expected a SEQUENCE.*got 0x31 at offset 0"):
        decode_ecdsa_signature(b"\x31\x00", KeyType.P256)
    with pytest.raises(MalformedImageError, match="1 <= s < n of p256 in the signature, got a negative number"):
        decode_ecdsa_signature(bytes.fromhex(sequence(ONE + integer("80"))), KeyType.P256)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_edges_of_the_range(curve: KeyType, offset: int) -> None:
    # threat 1
    n = CURVE_ORDERS[curve]
    if offset < 0:
        check_ecdsa_range(1, n + offset, curve)
        return
    with pytest.raises(MalformedImageError, match=f"n of {curve.value}"):
        check_ecdsa_range(1, n + offset, curve)
    with pytest.raises(MalformedImageError, match=r"got 0$"):
        check_ecdsa_range(0, 1, curve)
