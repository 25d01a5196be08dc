"""Secure Boot v2: a 4096-byte sector with up to three signature blocks behind the padded image.

The image is padded with 0xFF to a multiple of 4096 bytes; the sector follows, unused space 0xFF. Each block has 1216
bytes, little-endian, numbers byte-reversed:

RSA-3072: u8 0xE7, u8 0x02, 2 zeros; SHA-256 digest[32] at 4; n[384] at 36; u32 e at 420; R² mod n[384] at 424;
u32 m' = -n⁻¹ mod 2³² at 808; RSA-PSS signature[384] at 812 (MGF1-SHA-256, salt 32).

ECDSA: u8 0xE7, u8 0x03, u8 hash id (0 SHA-256, 1 SHA-384), zero; digest[32 or 48] at 4; u8 curve id (1 P-192, 2 P-256,
3 P-384) at 36 (P-384: 52); X‖Y at 37 (53); r‖s at 101 (149).

Both: u32 CRC-32 of bytes 0…1195 at 1196, 16 zeros at 1200. The digest covers everything before the sector. The key
digest in the eFuses is SHA-256 of [36:812] (RSA), [36:101] or [52:149] (ECDSA).

Source: ESP-IDF Programming Guide, Secure Boot v2, Signature Block Format.
"""

import itertools
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.errors import (
    DigestMismatchError,
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats.container import Judge, judge_by_openssl, raw_ecdsa_signature
from iotsign.keys import PublicKey, Signer

SECTOR_SIZE: Final = 4096
BLOCK_SIZE: Final = 1216
MAX_BLOCKS: Final = 3
_MAGIC: Final = 0xE7
_RSA_VERSION: Final = 2
_ECDSA_VERSION: Final = 3
_CRC_OFFSET: Final = 1196
_CRC: Final = struct.Struct("<I16x")
assert _CRC_OFFSET + _CRC.size == BLOCK_SIZE
_RSA: Final = struct.Struct("<BBxx32s384sI384sI384s")
assert _RSA.size == _CRC_OFFSET
_RSA_BITS: Final = 3072
_CHUNK: Final = 1 << 18


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
class _Curve:
    """Layout of an ECDSA block: curve id, bytes of a coordinate, room for one in the block."""

    curve_id: int
    size: int
    room: int

    @property
    def block(self) -> struct.Struct:
        digest = 48 if self.size == 48 else 32
        return struct.Struct(f"<BBBx{digest}sB{2 * self.room}s{2 * self.room}s")


_CURVES: Final = {
    BlockKind.P192: _Curve(1, 24, 32),
    BlockKind.P256: _Curve(2, 32, 32),
    BlockKind.P384: _Curve(3, 48, 48),
}
KEY_TYPES: Final = frozenset({KeyType.RSA3072, KeyType.P256, KeyType.P384})
_KINDS: Final = {
    KeyType.RSA3072: BlockKind.RSA3072,
    KeyType.P256: BlockKind.P256,
    KeyType.P384: BlockKind.P384,
}


@dataclass(frozen=True, slots=True)
class SignatureBlock:
    """One signature block.

    Attributes:
        kind: Kind of the embedded key.
        digest: Digest of everything before the sector, 32 or 48 bytes.
        key_digest: SHA-256 of the key as the chip hashes it, 32 bytes: what is burnt into the eFuses.
        spki_der: The embedded key as X.509 SubjectPublicKeyInfo, DER.
        signature: Big-endian; RSA-PSS, or r‖s.
        raw: The block's 1216 bytes.
    """

    kind: BlockKind
    digest: bytes
    key_digest: bytes
    spki_der: bytes
    signature: bytes
    raw: bytes


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


def key_digest(public_key: PublicKey) -> bytes:
    """SHA-256 of the key as the chip hashes it, 32 bytes: what is burnt into the eFuses.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
    """
    kind = block_kind(public_key)
    empty = bytes(_RSA_BITS // 8 if kind is BlockKind.RSA3072 else 2 * _CURVES[kind].size)
    return _digest_of_key(kind, _body(public_key, bytes(kind.hash.digest_size), empty))


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
        MalformedImageError: Wrong magic, version, CRC, padding or curve; RSA values that do not belong to n.
        KeyRejectedError: The embedded key is no valid public key.
    """
    magic, version = raw[0], raw[1]
    if magic != _MAGIC:
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


def read_sector(file: BinaryIO) -> tuple[int, tuple[SignatureBlock, ...]]:
    """Find the signature sector at the end of a seekable file.

    Returns:
        Bytes of the image before the sector, and one to three blocks.

    Raises:
        UnsupportedFormatError: The file carries no signature sector.
        MalformedImageError: The image is not padded to 4096 bytes, a block is malformed, or the rest is not 0xFF.
    """
    end = file.seek(0, os.SEEK_END)
    start = end - SECTOR_SIZE
    if start <= 0 or end % SECTOR_SIZE:
        message = f"expected whole sectors of {SECTOR_SIZE} bytes, a signature sector last; the file has {end} bytes"
        raise UnsupportedFormatError("NotSigned", message, size=end)
    file.seek(start)
    sector = file.read(SECTOR_SIZE)
    if sector[0] != _MAGIC:
        raise UnsupportedFormatError("NotSigned", f"no signature block at offset {start}", offset=start)
    blocks: list[SignatureBlock] = []
    position = 0
    while len(blocks) < MAX_BLOCKS and sector[position] == _MAGIC:
        blocks.append(read_block(sector[position : position + BLOCK_SIZE], start + position))
        position += BLOCK_SIZE
    if sector[position:] != b"\xff" * (SECTOR_SIZE - position):
        message = f"expected 0xff from offset {start + position} to the end of the sector"
        raise MalformedImageError("TrailingBytes", message, offset=start + position)
    return start, tuple(blocks)


def copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    """Copy the first `length` bytes.

    Raises:
        MalformedImageError: The source is shorter.
    """
    for chunk in _chunks(source, length):
        target.write(chunk)
    target.flush()


def copy_padded(source: BinaryIO, target: BinaryIO, length: int, hashers: Collection[core.Hasher] = ()) -> int:
    """Copy the first `length` bytes and pad with 0xFF to a multiple of 4096; returns the padded length.

    Args:
        source: Seekable.
        target: Where the image goes.
        length: Bytes to copy.
        hashers: Each gets all that is written.

    Raises:
        MalformedImageError: The source is shorter.
    """
    chunks: Iterator[bytes | memoryview] = itertools.chain(_chunks(source, length), (_padding(length),))
    for chunk in chunks:
        for hasher in hashers:
            hasher.update(chunk)
        target.write(chunk)
    target.flush()
    return length + len(_padding(length))


def padded_digest(source: BinaryIO, length: int, kind: BlockKind) -> bytes:
    """Digest of what `copy_padded` would write, by the hash of `kind`; 32 or 48 bytes.

    Raises:
        MalformedImageError: The source is shorter.
    """
    hasher = core.Hasher(kind.hash)
    for chunk in _chunks(source, length):
        hasher.update(chunk)
    hasher.update(_padding(length))
    return hasher.digest()


def raw_signature(key: PublicKey, signature: bytes) -> bytes:
    """A signature as blocks hold it: ECDSA in DER becomes r‖s, anything else stays.

    Raises:
        MalformedImageError: Neither DER nor r‖s.
    """
    kind = block_kind(key)
    return signature if kind is BlockKind.RSA3072 else raw_ecdsa_signature(signature, _CURVES[kind].size)


def _padding(length: int) -> bytes:
    return b"\xff" * (-length % SECTOR_SIZE)


def _chunks(source: BinaryIO, length: int) -> Iterator[memoryview]:
    """The first `length` bytes, each chunk in the place of the one before."""
    source.seek(0)
    buffer = memoryview(bytearray(min(length, _CHUNK)))
    left = length
    while left:
        got = source.readinto(buffer[:left])  # type: ignore[attr-defined]
        if not got:
            raise MalformedImageError("TruncatedImage", f"the input ended {left} bytes early", offset=length - left)
        yield buffer[:got]
        left -= got


def image_digest(file: BinaryIO, length: int, kind: BlockKind) -> bytes:
    """Digest of the first `length` bytes of a file on disk, by the hash of `kind`; 32 or 48 bytes."""
    return core.hash_file(file.fileno(), kind.hash, offset=0, length=length)[0]


def sign_digest(digest: bytes, signer: Signer) -> SignatureBlock:
    """Sign the digest of a padded image.

    Raises:
        KeyMismatchError: Secure Boot v2 does not sign with this type of key.
    """
    signature = signer.sign_digest(digest, algorithm_of(block_kind(signer.public_key)))
    return make_block(signer.public_key, digest, signature)


def write_sector(target: BinaryIO, blocks: Collection[SignatureBlock]) -> None:
    """Write the 4096-byte sector at the current position.

    Raises:
        UnsupportedFormatError: More than three blocks.
        KeyMismatchError: RSA and ECDSA blocks in one sector, or a key twice.
    """
    if len(blocks) > MAX_BLOCKS:
        message = f"a sector holds at most {MAX_BLOCKS} blocks, got {len(blocks)}"
        raise UnsupportedFormatError("TooManySignatures", message)
    if len({block.kind for block in blocks}) > 1:
        raise KeyMismatchError("MixedKeyTypes", "all blocks of a sector must have keys of one type")
    if len({block.key_digest for block in blocks}) < len(blocks):
        raise KeyMismatchError("KeyTwice", "this key has already signed the image")
    target.write(b"".join(block.raw for block in blocks).ljust(SECTOR_SIZE, b"\xff"))


def check_digests(file: BinaryIO, length: int, blocks: Collection[SignatureBlock]) -> None:
    """Check that all blocks were made for the first `length` bytes of a file on disk.

    Raises:
        DigestMismatchError: One was made for another image.
    """
    digests = {kind: image_digest(file, length, kind) for kind in {block.kind for block in blocks}}
    for number, block in enumerate(blocks):
        if block.digest != digests[block.kind]:
            found = digests[block.kind].hex()
            message = f"block {number} was made for an image with digest {block.digest.hex()}, this one has {found}"
            raise DigestMismatchError("ImageDigestMismatch", message, offset=length + number * BLOCK_SIZE + 4)


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
    key, algorithm = PublicKey(block.spki_der), algorithm_of(block.kind)
    judge(key, algorithm, block.signature, digest=block.digest, message=lambda: b"")


def verify_image(file: BinaryIO, trusted: Collection[bytes] = ()) -> tuple[SignatureBlock, ...]:
    """Verify a signed image as the chip does: 1. sector, 2. digest, 3. key, 4. signature.

    Args:
        file: A seekable file on disk.
        trusted: Key digests (`key_digest`), as burnt into the eFuses; with none, steps 1, 2 and 4 prove integrity only,
            and the caller still owes the verdict.

    Returns:
        The blocks that count: those with a trusted key, or all.

    Raises:
        UnsupportedFormatError, MalformedImageError, KeyRejectedError: Step 1.
        DigestMismatchError: Step 2.
        KeyMismatchError: Step 3: no block has a trusted key.
        SignatureMismatchError: Step 4.
    """
    length, blocks = read_sector(file)  # 1
    check_digests(file, length, blocks)  # 2
    counting = tuple(block for block in blocks if not trusted or block.key_digest in trusted)
    if not counting:  # 3
        found = ", ".join(block.key_digest.hex() for block in blocks)
        raise KeyMismatchError("UntrustedKey", f"signed by key {found}, which is not trusted")
    for block in counting:  # 4
        verify_block(block)
    return counting


def algorithm_of(kind: BlockKind) -> SignatureAlgorithm:
    """How a key of this kind signs: RSA-PSS, or ECDSA as r‖s."""
    if kind is BlockKind.RSA3072:
        return signature_algorithm("SHA256withRSAandMGF1")
    return signature_algorithm(f"{kind.hash.value}withECDSAinP1363Format")


def _body(public_key: PublicKey, digest: bytes, signature: bytes) -> bytes:
    """Bytes 0…1195 of a block."""
    kind = block_kind(public_key)
    numbers = public_key.modulus_and_exponent
    if numbers is not None:
        n, e = numbers
        return _RSA.pack(_MAGIC, _RSA_VERSION, digest, *_rsa_fields(n, e), signature[::-1])
    curve = _CURVES[kind]
    key = _swap(public_key.spki_der[-2 * curve.size :], curve)
    hash_id = 1 if kind is BlockKind.P384 else 0
    block = curve.block.pack(_MAGIC, _ECDSA_VERSION, hash_id, digest, curve.curve_id, key, _swap(signature, curve))
    return block.ljust(_CRC_OFFSET, b"\0")


def _rsa_fields(n: int, e: int) -> tuple[bytes, int, bytes, int]:
    """n, e, R² mod n and m', as they lie in the block."""
    size = _RSA_BITS // 8
    r_squared = pow(2, 2 * _RSA_BITS, n)
    return n.to_bytes(size, "little"), e, r_squared.to_bytes(size, "little"), -pow(n, -1, 1 << 32) & 0xFFFFFFFF


def _swap(pair: bytes, curve: _Curve) -> bytes:
    """Reverse both halves of X‖Y or r‖s; it undoes itself."""
    return pair[: curve.size][::-1] + pair[curve.size : 2 * curve.size][::-1]


def _digest_of_key(kind: BlockKind, raw: bytes) -> bytes:
    start, end = {BlockKind.RSA3072: (36, 812), BlockKind.P384: (52, 149)}.get(kind, (36, 101))
    return core.digest(HashAlgorithm.SHA256, raw[start:end])


def _read_rsa(raw: bytes, offset: int) -> SignatureBlock:
    _, _, digest, n, e, r_squared, m_prime, signature = _RSA.unpack_from(raw)
    modulus = int.from_bytes(n, "little")
    if modulus.bit_length() != _RSA_BITS or modulus % 2 == 0:
        message = f"expected an odd RSA modulus of {_RSA_BITS} bits at offset {offset + 36}"
        raise MalformedImageError("RsaModulus", message, offset=offset + 36)
    if (n, e, r_squared, m_prime) != _rsa_fields(modulus, e):
        message = f"the precomputed RSA values at offset {offset + 424} do not belong to the modulus"
        raise MalformedImageError("RsaPrecomputation", message, offset=offset + 424)
    spki_der = _rsa_spki(modulus, e, offset)
    key = _digest_of_key(BlockKind.RSA3072, raw)
    return SignatureBlock(BlockKind.RSA3072, digest, key, spki_der, signature[::-1], raw)


def _read_ecdsa(raw: bytes, offset: int) -> SignatureBlock:
    hash_id = raw[2]
    if hash_id not in (0, 1):
        message = f"expected hash id 0 (SHA-256) or 1 (SHA-384), got {hash_id} at offset {offset + 2}"
        raise MalformedImageError("UnknownHash", message, offset=offset + 2)
    kinds = [BlockKind.P384] if hash_id else [BlockKind.P192, BlockKind.P256]
    position = 52 if hash_id else 36
    for kind in kinds:
        curve = _CURVES[kind]
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
    spki_der = _ec_spki(kind, _swap(key, curve), offset + position + 1)
    return SignatureBlock(kind, digest, _digest_of_key(kind, raw), spki_der, _swap(signature, curve), raw)


def _rsa_spki(n: int, e: int, offset: int) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError:
        message = f"no valid RSA public key at offset {offset + 36}: exponent {e}"
        raise MalformedImageError("InvalidPublicKey", message, offset=offset + 36) from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _ec_spki(kind: BlockKind, point: bytes, offset: int) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[BlockKind, type[ec.EllipticCurve]] = {
        BlockKind.P192: ec.SECP192R1,
        BlockKind.P256: ec.SECP256R1,
        BlockKind.P384: ec.SECP384R1,
    }
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(curves[kind](), b"\x04" + point)
    except ValueError:
        message = f"the {kind.value} key at offset {offset} is no point of the curve"
        raise MalformedImageError("InvalidPublicKey", message, offset=offset) from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


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
