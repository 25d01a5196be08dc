"""ECDSA signatures: the one canonical DER encoding, and the range of r and s.

Source: X.690 §10.1 and §8.3 (DER, INTEGER); RFC 3279 §2.2.3 (Ecdsa-Sig-Value); SEC 2 v2 §2.4.2 and §2.5.1 (the
orders of P-256 and P-384).
"""

from typing import Final, NoReturn

from iotsign.algorithms import KeyType
from iotsign.errors import MalformedImageError

CURVE_ORDERS: Final = {
    KeyType.P256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    KeyType.P384: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_LONG_FORM: Final = 0x80
_SIGN_BYTES: Final = (0x00, 0xFF)


def encode_ecdsa_signature(r: int, s: int) -> bytes:
    """Encode r and s, each below 2^384, as DER SEQUENCE { INTEGER, INTEGER }.

    Returns:
        At most 104 bytes.
    """
    body = _encode_integer(r) + _encode_integer(s)
    return bytes((_SEQUENCE, len(body))) + body


def decode_ecdsa_signature(signature: bytes, curve: KeyType) -> tuple[int, int]:
    """Decode a DER signature that re-encodes to itself, with 1 <= r, s < n.

    Args:
        signature: DER SEQUENCE { INTEGER r, INTEGER s } and nothing else.
        curve: P-256 or P-384, which states n.

    Raises:
        MalformedImageError: Another encoding of the same numbers, no encoding at all, or r or s out of range.
    """
    if len(signature) < 2 or signature[0] != _SEQUENCE:
        _refuse("a SEQUENCE (0x30)", signature[:1], 0)
    if signature[1] >= _LONG_FORM or signature[1] != len(signature) - 2:
        _refuse(f"a length of {len(signature) - 2} bytes in one byte", signature[1:2], 1)
    r, offset = _decode_integer(signature, 2)
    s, offset = _decode_integer(signature, offset)
    if offset != len(signature):
        _refuse_other_encoding()
    check_ecdsa_range(r, s, curve)
    return r, s


def check_ecdsa_range(r: int, s: int, curve: KeyType) -> None:
    """Refuse r or s outside 1 … n-1.

    Raises:
        MalformedImageError: Out of range; such a signature must never reach the arithmetic (CVE-2022-21449).
    """
    for name, value in (("r", r), ("s", s)):
        if not 1 <= value < CURVE_ORDERS[curve]:
            got = "0" if value == 0 else "a negative number" if value < 0 else f"{value.bit_length()} bits, n or more"
            message = f"expected 1 <= {name} < n of {curve.value} in the signature, got {got}"
            raise MalformedImageError("SignatureOutOfRange", message, member=name)


def _encode_integer(value: int) -> bytes:
    bits = (~value if value < 0 else value).bit_length()
    content = value.to_bytes(bits // 8 + 1, "big", signed=True)
    return bytes((_INTEGER, len(content))) + content


def _decode_integer(data: bytes, offset: int) -> tuple[int, int]:
    header = data[offset : offset + 2]
    if len(header) < 2 or header[0] != _INTEGER:
        _refuse("an INTEGER (0x02) and its length", header, offset)
    end = offset + 2 + header[1]
    if not 1 <= header[1] < _LONG_FORM or end > len(data):
        _refuse("a length from 1 to the end of the signature", header[1:], offset + 1)
    content = data[offset + 2 : end]
    if len(content) > 1 and content[0] in _SIGN_BYTES and (content[0] ^ content[1]) < 0x80:
        _refuse_other_encoding()  # its first nine bits are alike: one byte less says the same
    return int.from_bytes(content, "big", signed=True), end


def _refuse_other_encoding() -> NoReturn:
    message = "expected the canonical DER encoding of r and s, got another one of the same numbers"
    raise MalformedImageError("NonCanonicalSignature", message)


def _refuse(expected: str, got: bytes, offset: int) -> NoReturn:
    message = f"expected {expected}, got {'0x' + got.hex() if got else 'nothing'} at offset {offset} of the signature"
    raise MalformedImageError("NonCanonicalSignature", message, offset=offset)
