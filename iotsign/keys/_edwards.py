"""Which encodings are Ed25519 public keys of prime order.

OpenSSL takes a key with a component of small order too. Signatures verify under such a key that other verifiers refuse,
and under a key of small order anybody can sign; the C core refuses both, and so does this.

Source: RFC 8032 §5.1 (parameters), §5.1.3 (decoding), §5.1.4 (addition in extended homogeneous coordinates).
"""

from typing import Final

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, x·y = T/Z
_IDENTITY: Final[_Point] = (0, 1, 1, 0)


def has_prime_order(encoded: bytes) -> bool:
    """Whether 32 bytes are the canonical encoding of a point of the prime order, as an honest key's is."""
    point = _decode(int.from_bytes(encoded, "little"))
    return point is not None and not _is_identity(point) and _is_identity(_multiply(_ORDER, point))


def _decode(number: int) -> _Point | None:
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_MINUS_ONE % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def _multiply(scalar: int, point: _Point) -> _Point:
    result = _IDENTITY
    for bit in f"{scalar:b}":
        result = _add(result, result)
        if bit == "1":
            result = _add(result, point)
    return result


def _add(left: _Point, right: _Point) -> _Point:
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _is_identity(point: _Point) -> bool:
    x, y, z, _ = point
    return x % _P == 0 and (y - z) % _P == 0
