"""The key in a Secure Boot v2 signature block: its kinds, and how it lies in the block's bytes.

RSA-3072: n[384] at 36; u32 e at 420; R² mod n[384] at 424; u32 m' = -n⁻¹ mod 2³² at 808. ECDSA: u8 curve id (1 P-192,
2 P-256, 3 P-384) at 36 (P-384: 52); X‖Y at 37 (53). Numbers are byte-reversed.

Source: ESP-IDF Programming Guide, Secure Boot v2, Signature Block Format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.errors import KeyMismatchError, MalformedImageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from iotsign.keys import PublicKey

RSA_BITS: Final = 3072


class BlockKind(Enum):
    """The kind of key in a block; the value is its usual name."""

    RSA3072 = "RSA-3072"
    P192 = "P-192"
    P256 = "P-256"
    P384 = "P-384"

    @property
    def hash(self) -> HashAlgorithm:
        """The hash over the image."""
        return HashAlgorithm.SHA384 if self is BlockKind.P384 else HashAlgorithm.SHA256


@dataclass(frozen=True, slots=True)
class Curve:
    """Layout of an ECDSA block: curve id, bytes of a coordinate, room for one in the block."""

    curve_id: int
    size: int
    room: int

    @property
    def block(self) -> struct.Struct:
        """The block up to the end of the signature: magic, version, hash id, digest, curve id, X‖Y, r‖s."""
        digest = 48 if self.size == 48 else 32
        return struct.Struct(f"<BBBx{digest}sB{2 * self.room}s{2 * self.room}s")


CURVES: Final = {
    BlockKind.P192: Curve(1, 24, 32),
    BlockKind.P256: Curve(2, 32, 32),
    BlockKind.P384: Curve(3, 48, 48),
}
KEY_TYPES: Final = frozenset({KeyType.RSA3072, KeyType.P256, KeyType.P384})
_KINDS: Final = {
    KeyType.RSA3072: BlockKind.RSA3072,
    KeyType.P256: BlockKind.P256,
    KeyType.P384: BlockKind.P384,
}


def block_kind(public_key: PublicKey) -> BlockKind:
    """The kind of block that a key makes.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
    """
    try:
        return _KINDS[public_key.key_type]
    except KeyError:
        known = ", ".join(key_type.value for key_type in _KINDS)
        message = f"Secure Boot v2 signs with {known}; the key is {public_key.key_type.value}"
        raise KeyMismatchError("KeyTypeMismatch", message) from None


def algorithm_of(kind: BlockKind) -> SignatureAlgorithm:
    """How a key of this kind signs: RSA-PSS, or ECDSA as r‖s."""
    if kind is BlockKind.RSA3072:
        return signature_algorithm("SHA256withRSAandMGF1")
    return signature_algorithm(f"{kind.hash.value}withECDSAinP1363Format")


def rsa_fields(n: int, e: int) -> tuple[bytes, int, bytes, int]:
    """n, e, R² mod n and m', as they lie in the block."""
    size = RSA_BITS // 8
    r_squared = pow(2, 2 * RSA_BITS, n)
    return n.to_bytes(size, "little"), e, r_squared.to_bytes(size, "little"), -pow(n, -1, 1 << 32) & 0xFFFFFFFF


def swap(pair: bytes, curve: Curve) -> bytes:
    """Reverse both halves of X‖Y or r‖s; it undoes itself."""
    return pair[: curve.size][::-1] + pair[curve.size : 2 * curve.size][::-1]


def digest_of_key(kind: BlockKind, raw: bytes) -> bytes:
    """SHA-256 of the key in a block, 32 bytes, as the chip hashes it."""
    start, end = {BlockKind.RSA3072: (36, 812), BlockKind.P384: (52, 149)}.get(kind, (36, 101))
    return core.digest(HashAlgorithm.SHA256, raw[start:end])


def check_exponent(e: int, offset: int) -> None:
    """Refuse an exponent that no RSA key has, in a block that begins at `offset`.

    Raises:
        MalformedImageError: It is even, or 1.
    """
    if e < 3 or e % 2 == 0:
        message = f"no valid RSA public key at offset {offset + 36}: exponent {e}"
        raise MalformedImageError("InvalidPublicKey", message, offset=offset + 36)


def check_point(kind: BlockKind, point: bytes, offset: int) -> None:
    """Refuse X‖Y, big-endian each, that lies at `offset` and is no point of the curve.

    Raises:
        MalformedImageError: It is none.
    """
    try:
        _point_key(kind, point)
    except ValueError:
        message = f"the {kind.value} key at offset {offset} is no point of the curve"
        raise MalformedImageError("InvalidPublicKey", message, offset=offset) from None


def spki_of(kind: BlockKind, raw: bytes) -> bytes:
    """The key of a block that was checked, as SubjectPublicKeyInfo, DER."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    if kind is BlockKind.RSA3072:
        n, e = (int.from_bytes(raw[start:end], "little") for start, end in ((36, 420), (420, 424)))
        key = rsa.RSAPublicNumbers(e, n).public_key()
    else:
        start = 53 if kind is BlockKind.P384 else 37
        key = _point_key(kind, swap(raw[start:], CURVES[kind]))
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _point_key(kind: BlockKind, point: bytes) -> ec.EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[BlockKind, type[ec.EllipticCurve]] = {
        BlockKind.P192: ec.SECP192R1,
        BlockKind.P256: ec.SECP256R1,
        BlockKind.P384: ec.SECP384R1,
    }
    return ec.EllipticCurvePublicKey.from_encoded_point(curves[kind](), b"\x04" + point)
