"""SimpleLink over-the-air download (OAD) images of CC13x2 and CC26x2.

An OAD image starts with a 44-byte core header, followed by segments; the boot image manager (BIM) reads the signature
from a security segment that must come first, at offset 44. All integers are little-endian, r and s are big-endian.

====== ==== =====================================================================
offset size core header
====== ==== =====================================================================
0      8    imgID, ``CC13x2R1`` or ``CC26x2R1``
8      4    crc32 (zlib's) of everything from offset 12, status bytes as 0xFF
12     1    bimVer
13     1    metaVer
14     2    techType
16     1    imgCpStat, written by the device
17     1    crcStat, written by the device
18     1    imgType
19     1    imgNo
20     4    imgVld
24     4    len, bytes of the whole image
28     4    prgEntry
32     4    softVer
36     4    imgEndAddr
40     2    hdrLen
42     2    reserved
====== ==== =====================================================================

Security segment, 85 bytes: type 0x03, u16 wirelessTech, u8 verifStat (written by the device), u32 segLen = 85,
u8 secVer, u32 secTimestamp, secSignerInfo[8], r[32], s[32].

The signature is ECDSA P-256 over SHA-256 of [12:16], [18:65] and [129:len]: all but the CRC, the two status bytes and
the signature itself. verifStat, at offset 47, is covered, so the signer's value must be the one that the device sees.

Source: SimpleLink CC13xx/CC26xx SDK, oad_image_header.h, sign_util.c (computeSha2Hash, bimVerifyImage_ecc), signUtil.py
and computeCRC32.py.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.errors import DigestMismatchError, KeyMismatchError, MalformedImageError, SignatureMismatchError
from iotsign.formats.judge import judge_by_openssl

if TYPE_CHECKING:
    from iotsign.formats.judge import Judge
    from iotsign.keys import PublicKey, Signer

_CORE_HEADER: Final = struct.Struct("<8sIBBHBBBBIII4sIHH")
assert _CORE_HEADER.size == 44
_SECURITY_SEGMENT: Final = struct.Struct("<BHBIBI8s32s32s")
assert _SECURITY_SEGMENT.size == 85

IMAGE_IDS: Final = (b"CC13x2R1", b"CC26x2R1")
_SECURITY_SEGMENT_TYPE: Final = 0x03
_SECURITY_OFFSET: Final = _CORE_HEADER.size
_SIGNER_INFO_OFFSET: Final = 57
SIGNATURE_OFFSET: Final = 65
_SEGMENTS_END: Final = _SECURITY_OFFSET + _SECURITY_SEGMENT.size
_TIMESTAMP_OFFSET: Final = 53
OAD_ALGORITHM: Final[SignatureAlgorithm] = signature_algorithm("SHA256withECDSAinP1363Format")


@dataclass(frozen=True, slots=True)
class OadImage:
    """What the headers of an OAD image say.

    Attributes:
        image_id: ``CC13x2R1`` or ``CC26x2R1``.
        crc32: As stored.
        bim_version: Version of the boot image manager that the image is for.
        meta_version: Version of the header layout.
        technology: Wireless technology, a bit mask with cleared bits.
        image_type: 0 persistent application, 1 application, 2 stack, 3 both, 7 application with stack library.
        image_number: Which of several images this is.
        length: Bytes of the whole image.
        entry: Address of the entry point.
        software_version: Four bytes, as the vendor uses them.
        end_address: Address of the last byte.
        header_length: Bytes of the core header.
        security_version: Version of the signature scheme.
        timestamp: Seconds since 1970, as the signer stored them.
        signer: Last 8 bytes of SHA-256 over X‖Y of the signer's public key.
        signature: r‖s, 64 bytes, big-endian each.
    """

    image_id: str
    crc32: int
    bim_version: int
    meta_version: int
    technology: int
    image_type: int
    image_number: int
    length: int
    entry: int
    software_version: bytes
    end_address: int
    header_length: int
    security_version: int
    timestamp: int
    signer: bytes
    signature: bytes

    @property
    def is_signed(self) -> bool:
        """Whether the signature field holds anything but zeros or erased flash."""
        return self.signature not in (bytes(64), b"\xff" * 64)


def read_oad(data: bytes) -> OadImage:
    """Parse the headers; the CRC and signature are not checked here.

    Raises:
        MalformedImageError: Wrong image id, a length that contradicts the data, no security segment where BIM looks.
    """
    if len(data) < _SEGMENTS_END:
        raise MalformedImageError(
            "TruncatedImage",
            f"expected {_SEGMENTS_END} bytes of OAD header at offset 0, the file ends at {len(data)}",
            offset=len(data),
            size=len(data),
        )
    image_id, crc, bim, meta, technology, _, _, kind, number, _, length, entry, version, end, header_length, _ = (
        _CORE_HEADER.unpack_from(data)
    )
    if image_id not in IMAGE_IDS:
        expected = " or ".join(repr(known.decode()) for known in IMAGE_IDS)
        raise MalformedImageError("WrongMagic", f"expected image id {expected}, got {image_id!r} at offset 0", offset=0)
    if length != len(data):
        raise MalformedImageError(
            "LengthMismatch", f"header says {length} bytes at offset 24, the image has {len(data)}", offset=24
        )
    segment = _SECURITY_SEGMENT.unpack_from(data, _SECURITY_OFFSET)
    if segment[0] != _SECURITY_SEGMENT_TYPE or segment[3] != _SECURITY_SEGMENT.size:
        message = (
            f"expected a security segment (type 0x03, {_SECURITY_SEGMENT.size} bytes) at offset {_SECURITY_OFFSET}, "
            f"got type 0x{segment[0]:02x} of {segment[3]} bytes; build the application with SECURITY defined"
        )
        raise MalformedImageError("NoSecuritySegment", message, offset=_SECURITY_OFFSET)
    security_version, timestamp, signer, r, s = segment[4:]
    return OadImage(
        image_id.decode(), crc, bim, meta, technology, kind, number, length, entry, version, end, header_length,
        security_version, timestamp, signer, r + s,
    )  # fmt: skip


def looks_like_oad(head: bytes) -> bool:
    """Tell whether a file may be an OAD image, by its first 8 bytes."""
    return head[:8] in IMAGE_IDS


def signer_info(public_key: PublicKey) -> bytes:
    """The 8 bytes by which BIM finds its certificate: the end of SHA-256 over X‖Y.

    Raises:
        KeyMismatchError: The key is not P-256.
    """
    return core.digest(HashAlgorithm.SHA256, _point(public_key))[-8:]


def oad_digest(data: bytes, public_key: PublicKey) -> bytes:
    """The 32-byte SHA-256 digest that is signed, with the signer info of `public_key` in place.

    Raises:
        MalformedImageError: As `read_oad`.
        KeyMismatchError: The key is not P-256.
    """
    read_oad(data)
    return _digest(_with_signer(data, public_key))


def sign_oad(data: bytes, signer: Signer, *, timestamp: int | None = None) -> bytes:
    """Sign an image that was built with a security segment.

    Args:
        data: The image; what its signature and CRC fields hold does not matter.
        signer: A P-256 key.
        timestamp: Seconds since 1970 for the security segment; by default the image's own is kept, so that the same
            input gives the same output.

    Returns:
        The signed image, of the same length.

    Raises:
        MalformedImageError: As `read_oad`.
        KeyMismatchError: The key is not P-256.
    """
    read_oad(data)
    if timestamp is not None:
        stamp = timestamp.to_bytes(4, "little")
        data = data[:_TIMESTAMP_OFFSET] + stamp + data[_TIMESTAMP_OFFSET + 4 :]
    prepared = _with_signer(data, signer.public_key)
    return _finish(prepared, signer.sign_digest(_digest(prepared), OAD_ALGORITHM))


def attach_oad(data: bytes, signature: bytes, public_key: PublicKey) -> bytes:
    """Put a signature that was made elsewhere over `oad_digest` into the image.

    Args:
        data: The image that was given to `oad_digest`.
        signature: r‖s, 64 bytes, big-endian each.
        public_key: The signer's P-256 key.

    Raises:
        MalformedImageError: As `read_oad`.
        KeyMismatchError: The key is not P-256.
        SignatureMismatchError: The signature does not verify; nothing is attached.
    """
    read_oad(data)
    prepared = _with_signer(data, public_key)
    public_key.verify_digest(_digest(prepared), signature, OAD_ALGORITHM)
    return _finish(prepared, signature)


def verify_oad(data: bytes, public_key: PublicKey | None, judge: Judge = judge_by_openssl) -> OadImage:
    """Verify an OAD image as BIM does: 1. header, 2. CRC, 3. signer info, 4. signature.

    Args:
        data: The whole image.
        public_key: The trusted P-256 key; with None only steps 1 and 2 are done, and the caller still owes the verdict.
        judge: Who does the mathematics.

    Raises:
        MalformedImageError: Step 1.
        DigestMismatchError: Step 2.
        KeyMismatchError: Step 3, or the key is not P-256.
        SignatureMismatchError: Step 4, or there is no signature.
    """
    image = read_oad(data)  # 1
    if image.crc32 != (computed := _crc32(data)):  # 2
        message = f"header says CRC-32 0x{image.crc32:08x} at offset 8, the image has 0x{computed:08x}"
        raise DigestMismatchError("CrcMismatch", message, offset=8)
    if public_key is None:
        return image
    if not image.is_signed:
        raise SignatureMismatchError("NotSigned", "the security segment holds no signature", offset=SIGNATURE_OFFSET)
    if image.signer != (expected := signer_info(public_key)):  # 3
        message = f"signed by key {image.signer.hex()}, the trusted key is {expected.hex()}"
        raise KeyMismatchError("SignerInfoMismatch", message, offset=_SIGNER_INFO_OFFSET)
    judge(public_key, OAD_ALGORITHM, image.signature, digest=_digest(data), message=lambda: b"")  # 4
    return image


def _point(public_key: PublicKey) -> bytes:
    """X‖Y, 64 bytes."""
    if public_key.key_type is not KeyType.P256:
        message = f"OAD images are signed with P-256, the key is {public_key.key_type.value}"
        raise KeyMismatchError("KeyTypeMismatch", message)
    return public_key.spki_der[-64:]


def _with_signer(data: bytes, public_key: PublicKey) -> bytes:
    return data[:_SIGNER_INFO_OFFSET] + signer_info(public_key) + data[SIGNATURE_OFFSET:]


def _digest(data: bytes) -> bytes:
    return core.digest(HashAlgorithm.SHA256, data[12:16] + data[18:SIGNATURE_OFFSET] + data[_SEGMENTS_END:])


def _crc32(data: bytes) -> int:
    # the device rewrites the two status bytes; the CRC was made while they were erased
    return zlib.crc32(data[18:], zlib.crc32(data[12:16] + b"\xff\xff"))


def _finish(prepared: bytes, signature: bytes) -> bytes:
    signed = prepared[:SIGNATURE_OFFSET] + signature + prepared[_SEGMENTS_END:]
    return signed[:8] + _crc32(signed).to_bytes(4, "little") + signed[12:]
