"""Ed25519 keys of small and mixed order."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iotsign.errors import KeyRejectedError
from iotsign.keys import PublicKey
from iotsign.keys._edwards import _ORDER, _P, _SQRT_MINUS_ONE, _add, _decode, has_prime_order

HEAD = bytes.fromhex("302a300506032b6570032100")
EIGHTH = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def encoded(y: int, sign: int = 0) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def test_honest_keys_have_prime_order() -> None:
    for _ in range(20):
        assert has_prime_order(Ed25519PrivateKey.generate().public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "key",
    [
        # threat 8: the eight points of small order, and other spellings of theirs
        encoded(1),
        encoded(_P - 1),
        encoded(0),
        encoded(0, 1),
        EIGHTH,
        EIGHTH[:31] + bytes((EIGHTH[31] | 0x80,)),
        encoded(_P - int.from_bytes(EIGHTH, "little")),
        encoded(_P - int.from_bytes(EIGHTH, "little"), 1),
        encoded(1, 1),
        encoded(_P - 1, 1),
        encoded(_P),
        encoded(_P + 1),
        encoded(2**255 - 1),
        encoded(2),
    ],
)
def test_other_points_are_refused(key: bytes) -> None:
    assert not has_prime_order(key)
    with pytest.raises(KeyRejectedError):
        PublicKey(HEAD + key)


def test_mixed_order_is_refused() -> None:
    for eighth in (EIGHTH, encoded(_P - 1), encoded(0)):
        honest = _decode(int.from_bytes(Ed25519PrivateKey.generate().public_key().public_bytes_raw(), "little"))
        torsion = _decode(int.from_bytes(eighth, "little"))
        assert honest is not None
        assert torsion is not None
        x, y, z, _ = _add(honest, torsion)
        inverse = pow(z, -1, _P)
        with pytest.raises(KeyRejectedError, match="prime order") as caught:
            PublicKey(HEAD + encoded(y * inverse % _P, x * inverse % _P & 1))
        assert caught.value.code == "SmallOrderKey"


def test_the_parameters() -> None:
    assert _SQRT_MINUS_ONE**2 % _P == _P - 1
    assert pow(2, _ORDER - 1, _ORDER) == 1
    base = encoded(4 * pow(5, -1, _P) % _P)
    assert has_prime_order(base)
