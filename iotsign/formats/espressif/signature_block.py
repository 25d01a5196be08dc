"""One Secure Boot v2 signature block: made, read, verified.

A block has 1216 bytes, little-endian, numbers byte-reversed:

RSA-3072: u8 0xE7, u8 0x02, 2 zeros; SHA-256 digest[32] at 4; n[384] at 36; u32 e at 420; R² mod n[384] at 424;
u32 m' = -n⁻¹ mod 2³² at 808; RSA-PSS signature[384] at 812 (MGF1-SHA-256, salt 32).

ECDSA: u8 0xE7, u8 0x03, u8 hash id (0 SHA-256, 1 SHA-384), zero; digest[32 or 48] at 4; u8 curve id (1 P-192, 2 P-256,
3 P-384) at 36 (P-384: 52); X‖Y at 37 (53); r‖s at 101 (149).

Both: u32 CRC-32 of bytes 0…1195 at 1196, 16 zeros at 1200. The digest covers everything before the sector. The key
digest in the eFuses is SHA-256 of [36:812] (RSA), [36:101] or [52:149] (ECDSA).

Source: ESP-IDF Programming Guide, Secure Boot v2, Signature Block Format.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iotsign.errors import MalformedImageError, SignatureMismatchError
from iotsign.formats.espressif.block_key import (
    CURVES,
    RSA_BITS,
    BlockKind,
    algorithm_of,
    block_kind,
    check_exponent,
    check_point,
    digest_of_key,
    rsa_fields,
    spki_of,
    swap,
)
from iotsign.formats.judge import judge_by_openssl, raw_ecdsa_signature

if TYPE_CHECKING:
    from iotsign.formats.judge import Judge
    from iotsign.keys import PublicKey, Signer

BLOCK_SIZE: Final = 1216
BLOCK_MAGIC: Final = 0xE7
_RSA_VERSION: Final = 2
_ECDSA_VERSION: Final = 3
_CRC_OFFSET: Final = 1196
_CRC: Final = struct.Struct("<I16x")
assert _CRC_OFFSET + _CRC.size == BLOCK_SIZE
_RSA: Final = struct.Struct("<BBxx32s384sI384sI384s")
assert _RSA.size == _CRC_OFFSET


@dataclass(frozen=True, slots=True)
class SignatureBlock:
    """One signature block.

    Attributes:
        kind: Kind of the embedded key.
        digest: Digest of everything before the sector, 32 or 48 bytes.
        key_digest: SHA-256 of the key as the chip hashes it, 32 bytes: what is burnt into the eFuses.
        signature: Big-endian; RSA-PSS, or r‖s.
        raw: The block's 1216 bytes.
    """

    kind: BlockKind
    digest: bytes
    key_digest: bytes
    signature: bytes
    raw: bytes

    @property
    def spki_der(self) -> bytes:
        """The embedded key as X.509 SubjectPublicKeyInfo, DER."""
        return spki_of(self.kind, self.raw)


def key_digest(public_key: PublicKey) -> bytes:
    """SHA-256 of the key as the chip hashes it, 32 bytes: what is burnt into the eFuses.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
    """
    kind = block_kind(public_key)
    empty = bytes(RSA_BITS // 8 if kind is BlockKind.RSA3072 else 2 * CURVES[kind].size)
    return digest_of_key(kind, _body(public_key, bytes(kind.hash.digest_size), empty))


def make_block(public_key: PublicKey, digest: bytes, signature: bytes) -> SignatureBlock:
    """Make a block from a signature that was made over `digest`; refuses one that does not verify.

    Args:
        public_key: The signer's key.
        digest: Digest of the padded image, by the hash that belongs to the key.
        signature: Big-endian; RSA-PSS with a 32-byte salt, or r‖s.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
        SignatureMismatchError: The signature does not verify.
    """
    algorithm = algorithm_of(block_kind(public_key))
    public_key.verify_digest(digest, signature, algorithm)
    body = _body(public_key, digest, signature)
    return read_block(body + _CRC.pack(zlib.crc32(body)))


def read_block(raw: bytes, offset: int = 0) -> SignatureBlock:
    """Parse one block.

    Args:
        raw: 1216 bytes.
        offset: Where the block lies in its file, for messages.

    Raises:
        MalformedImageError: Wrong magic, version, CRC, padding or curve; RSA values that do not belong to n; a key
            that is none.
    """
    magic, version = raw[0], raw[1]
    if magic != BLOCK_MAGIC:
        raise MalformedImageError(
            "WrongMagic", f"expected magic 0xe7, got 0x{magic:02x} at offset {offset}", offset=offset
        )
    (stored,) = _CRC.unpack_from(raw, _CRC_OFFSET)
    if stored != (computed := zlib.crc32(raw[:_CRC_OFFSET])):
        message = f"block CRC-32 is 0x{stored:08x} at offset {offset + _CRC_OFFSET}, expected 0x{computed:08x}"
        raise MalformedImageError("CrcMismatch", message, offset=offset + _CRC_OFFSET)
    if any(raw[_CRC_OFFSET + 4 : BLOCK_SIZE]):
        message = f"expected 16 zeros at offset {offset + _CRC_OFFSET + 4}"
        raise MalformedImageError("UnusedBytes", message, offset=offset + _CRC_OFFSET + 4)
    if version == _RSA_VERSION:
        return _read_rsa(raw, offset)
    if version == _ECDSA_VERSION:
        return _read_ecdsa(raw, offset)
    message = f"expected block version 2 (RSA) or 3 (ECDSA), got {version} at offset {offset + 1}"
    raise MalformedImageError("UnknownVersion", message, offset=offset + 1)


def raw_signature(key: PublicKey, signature: bytes) -> bytes:
    """A signature as blocks hold it: ECDSA in DER becomes r‖s, anything else stays.

    Raises:
        MalformedImageError: Neither DER nor r‖s.
    """
    kind = block_kind(key)
    return signature if kind is BlockKind.RSA3072 else raw_ecdsa_signature(signature, CURVES[kind].size)


def sign_digest(digest: bytes, signer: Signer) -> SignatureBlock:
    """Sign the digest of a padded image.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
    """
    signature = signer.sign_digest(digest, algorithm_of(block_kind(signer.public_key)))
    return make_block(signer.public_key, digest, signature)


def verify_block(block: SignatureBlock, judge: Judge = judge_by_openssl) -> None:
    """Verify a block's signature over its digest with the key inside; whether that key is trusted is the caller's.

    P-192 is always judged by OpenSSL.

    Raises:
        SignatureMismatchError: The signature does not hold.
        MalformedImageError: r or s is out of range.
    """
    if block.kind is BlockKind.P192:
        _verify_p192(block)
        return
    from iotsign.keys import PublicKey

    key, algorithm = PublicKey(block.spki_der), algorithm_of(block.kind)
    judge(key, algorithm, block.signature, digest=block.digest, message=lambda: b"")


def _body(public_key: PublicKey, digest: bytes, signature: bytes) -> bytes:
    """Bytes 0…1195 of a block."""
    kind = block_kind(public_key)
    numbers = public_key.modulus_and_exponent
    if numbers is not None:
        n, e = numbers
        return _RSA.pack(BLOCK_MAGIC, _RSA_VERSION, digest, *rsa_fields(n, e), signature[::-1])
    curve = CURVES[kind]
    key = swap(public_key.spki_der[-2 * curve.size :], curve)
    hash_id = 1 if kind is BlockKind.P384 else 0
    block = curve.block.pack(BLOCK_MAGIC, _ECDSA_VERSION, hash_id, digest, curve.curve_id, key, swap(signature, curve))
    return block.ljust(_CRC_OFFSET, b"\0")


def _read_rsa(raw: bytes, offset: int) -> SignatureBlock:
    _, _, digest, n, e, r_squared, m_prime, signature = _RSA.unpack_from(raw)
    modulus = int.from_bytes(n, "little")
    if modulus.bit_length() != RSA_BITS or modulus % 2 == 0:
        message = f"expected an odd RSA modulus of {RSA_BITS} bits at offset {offset + 36}"
        raise MalformedImageError("RsaModulus", message, offset=offset + 36)
    if (n, e, r_squared, m_prime) != rsa_fields(modulus, e):
        message = f"the precomputed RSA values at offset {offset + 424} do not belong to the modulus"
        raise MalformedImageError("RsaPrecomputation", message, offset=offset + 424)
    check_exponent(e, offset)
    key = digest_of_key(BlockKind.RSA3072, raw)
    return SignatureBlock(BlockKind.RSA3072, digest, key, signature[::-1], raw)


def _read_ecdsa(raw: bytes, offset: int) -> SignatureBlock:
    hash_id = raw[2]
    if hash_id not in (0, 1):
        message = f"expected hash id 0 (SHA-256) or 1 (SHA-384), got {hash_id} at offset {offset + 2}"
        raise MalformedImageError("UnknownHash", message, offset=offset + 2)
    kinds = [BlockKind.P384] if hash_id else [BlockKind.P192, BlockKind.P256]
    position = 52 if hash_id else 36
    for kind in kinds:
        curve = CURVES[kind]
        _, _, _, digest, curve_id, key, signature = curve.block.unpack_from(raw)
        if curve_id == curve.curve_id:
            break
    else:
        message = f"curve id {curve_id} at offset {offset + position} does not go with hash id {hash_id}"
        raise MalformedImageError("UnknownCurve", message, offset=offset + position)
    used = 2 * curve.size
    if any(key[used:]) or any(signature[used:]) or any(raw[curve.block.size : _CRC_OFFSET]):
        message = f"expected zeros in the unused bytes of the block at offset {offset}"
        raise MalformedImageError("UnusedBytes", message, offset=offset)
    check_point(kind, swap(key, curve), offset + position + 1)
    return SignatureBlock(kind, digest, digest_of_key(kind, raw), swap(signature, curve), raw)


def _verify_p192(block: SignatureBlock) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    key = serialization.load_der_public_key(block.spki_der)
    r, s = (int.from_bytes(half, "big") for half in (block.signature[:24], block.signature[24:]))
    algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    try:
        key.verify(utils.encode_dss_signature(r, s), block.digest, algorithm)  # type: ignore[union-attr, call-arg, arg-type]
    except InvalidSignature:
        raise SignatureMismatchError("SignatureMismatch", "the P-192 signature was not made over this image") from None
