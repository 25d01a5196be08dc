"""Compressed payloads: caps on memory and ratio, and no way to differ from the digests inside."""

import io
import lzma
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.errors import (
    DigestMismatchError,
    FormatError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats.mcuboot import Compression, ImageFlag, Tlv, TlvType, check_integrity, read_image, verify_image
from iotsign.formats.mcuboot._compression import MAX_DICTIONARY_SIZE, compress, compression_header, decompress
from iotsign.formats.mcuboot._content import check_decompressed, open_content
from iotsign.formats.mcuboot._stream import Source
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, PROTECTED_INFO_MAGIC, pack_area
from iotsign.keys import PublicKey, Signer

Make = Callable[..., bytes]
FIRMWARE = b"firmware" * 400


def packed(data: bytes, *, arm_thumb: bool = False) -> bytes:
    return b"".join(compress([data], arm_thumb=arm_thumb))


def unpacked(data: bytes, size: int, *, arm_thumb: bool = False) -> bytes:
    return b"".join(decompress([data], len(data), size, arm_thumb=arm_thumb))


@given(st.binary(max_size=2000), st.booleans())
def test_round_trip(data: bytes, arm_thumb: bool) -> None:
    assert unpacked(packed(data, arm_thumb=arm_thumb), len(data), arm_thumb=arm_thumb) == data


def test_header() -> None:
    # 128 KiB; lc 3, lp 1, pb 2
    assert compression_header() == bytes([10, (2 * 5 + 1) * 9 + 3])


def test_blocks_of_any_size() -> None:
    data = packed(FIRMWARE)
    for step in (2, 3, 7, 100):
        pieces = [data[start : start + step] for start in range(0, len(data), step)]
        assert b"".join(decompress(pieces, len(data), len(FIRMWARE), arm_thumb=False)) == FIRMWARE


@pytest.mark.parametrize(
    ("data", "size", "code"),
    [
        (b"", 0, "CompressedTruncated"),
        (b"\x0a", 0, "CompressedTruncated"),
        (packed(b"x")[:-1], 1, "CompressedTruncated"),
        (bytes([41, 0x66, 0]), 0, "DictionaryTooLarge"),
        (bytes([40, 0x66, 0]), 0, "DictionaryTooLarge"),
        (bytes([25, 0x66, 0]), 0, "DictionaryTooLarge"),
        (bytes([10, 0xFF, 0]), 0, "BadCompressionHeader"),
        (bytes([10, 4 * 9 + 3, 0]), 0, "BadCompressionHeader"),
        (bytes([10, 0x66, 0x7F]), 0, "NotLzma2"),
        (packed(b"firmware"), 7, "DecompressedSize"),
        (packed(b"firmware"), 9, "DecompressedSize"),
        (packed(b"firmware") + b"x", 8, "CompressedTail"),
        (packed(b"firmware") + bytes(16), 8, "CompressedTail"),
        (packed(b"firmware"), (64 << 20) + 1, "CompressionRatio"),
    ],
)
def test_bad_payloads(data: bytes, size: int, code: str) -> None:
    # threat 14
    with pytest.raises(MalformedImageError) as caught:
        unpacked(data, size)
    assert caught.value.code == code


def test_up_to_15_zeros_of_encryption_padding() -> None:
    assert unpacked(packed(b"firmware") + bytes(15), 8) == b"firmware"


def test_a_bomb_needs_little_memory() -> None:
    # threat 14: 60 MiB of zeros from some KB, stopped by the stated size, in blocks
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": MAX_DICTIONARY_SIZE}]
    bomb = bytes([24, 0x66]) + lzma.compress(bytes(60 << 20), lzma.FORMAT_RAW, filters=filters)
    tracemalloc.start()
    blocks = decompress([bomb], len(bomb), 50 << 20, arm_thumb=False)
    with pytest.raises(MalformedImageError, match="got more"):
        sum(len(block) for block in blocks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


def test_verified_to_the_inside(make: Make, keys: dict[str, PublicKey]) -> None:
    for compression in (Compression.LZMA2, Compression.LZMA2_ARM_THUMB):
        data = make(firmware=FIRMWARE, compression=compression, security_counter=1)
        verified = verify_image(io.BytesIO(data), [keys["ed25519"]])
        assert verified.decompressed_signer == keys["ed25519"]
        assert verified.decompressed_digest == verified.image.protected_value(TlvType.DECOMP_SHA)


def rebuilt(data: bytes, signer: Signer, change: Callable[[list[Tlv]], list[Tlv]], flags: int | None = None) -> bytes:
    """A compressed image with other protected TLVs and a signature that covers them."""
    import hashlib
    from dataclasses import replace

    from iotsign.algorithms import signature_algorithm

    image = read_image(io.BytesIO(data))
    protected = pack_area(change(list(image.protected)), PROTECTED_INFO_MAGIC)
    header = replace(
        image.header, protected_tlv_size=len(protected), flags=image.header.flags if flags is None else flags
    )
    region = header.to_bytes() + data[32 : image.tlv_offset] + protected
    digest = hashlib.sha256(region).digest()
    signature = signer.sign(digest, signature_algorithm("Ed25519"))
    records = [Tlv(TlvType.SHA256, digest), image.unprotected[1], Tlv(TlvType.ED25519, signature)]
    return region + pack_area(records, INFO_MAGIC)


def without(type_: TlvType) -> Callable[[list[Tlv]], list[Tlv]]:
    return lambda tlvs: [tlv for tlv in tlvs if tlv.type != type_]


def changed(type_: TlvType, value: bytes) -> Callable[[list[Tlv]], list[Tlv]]:
    return lambda tlvs: [Tlv(tlv.type, value if tlv.type == type_ else tlv.data) for tlv in tlvs]


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        (without(TlvType.DECOMP_SIZE), MalformedImageError, "DecompressedSizeMissing"),
        (without(TlvType.DECOMP_SHA), MalformedImageError, "DecompressedDigestMissing"),
        (without(TlvType.DECOMP_SIGNATURE), SignatureMismatchError, "DecompressedUnsigned"),
        (changed(TlvType.DECOMP_SHA, bytes(32)), DigestMismatchError, "DecompressedDigestMismatch"),
        (changed(TlvType.DECOMP_SHA, bytes(31)), MalformedImageError, "DecompressedDigestSize"),
        (changed(TlvType.DECOMP_SIGNATURE, bytes(64)), SignatureMismatchError, "DecompressedSignatureMismatch"),
        (changed(TlvType.DECOMP_SIZE, bytes(4)), MalformedImageError, "DecompressedSize"),
    ],
)
def test_a_signed_image_whose_inside_is_wrong(
    change: Callable[[list[Tlv]], list[Tlv]],
    error: type[Exception],
    code: str,
    make: Make,
    signers: dict[str, Signer],
) -> None:
    data = rebuilt(make(firmware=FIRMWARE, compression=Compression.LZMA2), signers["ed25519"], change)
    with pytest.raises(error) as caught:
        verify_image(io.BytesIO(data), [signers["ed25519"].public_key])
    assert getattr(caught.value, "code", "") == code


def test_the_inner_signature_is_by_a_key_that_signed_outside(
    make: Make, signers: dict[str, Signer], keys: dict[str, PublicKey]
) -> None:
    inside = read_image(io.BytesIO(make(["ed25519-other"], FIRMWARE, compression=Compression.LZMA2)))
    foreign = inside.protected_value(TlvType.DECOMP_SIGNATURE)
    assert foreign is not None
    data = make(firmware=FIRMWARE, compression=Compression.LZMA2)
    data = rebuilt(data, signers["ed25519"], changed(TlvType.DECOMP_SIGNATURE, foreign))
    with pytest.raises(SignatureMismatchError):
        verify_image(io.BytesIO(data), [keys["ed25519"], keys["ed25519-other"]])


@pytest.mark.parametrize("flags", [ImageFlag.COMPRESSED_LZMA1, ImageFlag.COMPRESSED_ARM_THUMB, 0x600])
def test_other_compressions_are_named(flags: int, make: Make, signers: dict[str, Signer]) -> None:
    data = rebuilt(make(firmware=FIRMWARE, compression=Compression.LZMA2), signers["ed25519"], list, flags)
    with pytest.raises(UnsupportedFormatError, match="COMPRESSED"):
        check_integrity(io.BytesIO(data))


def test_every_flip_of_the_payload_is_noticed_inside_too(make: Make) -> None:
    # threat 17: even where the outer digest were not looked at
    data = make(firmware=FIRMWARE, compression=Compression.LZMA2)
    image = read_image(io.BytesIO(data))
    content = open_content(image, Source(io.BytesIO(data)))
    for offset in range(34, image.tlv_offset):
        flipped = bytearray(data)
        flipped[offset] ^= 1
        payload = bytes(flipped[32 : image.tlv_offset])
        from dataclasses import replace

        region = replace(content.region, payload=lambda payload=payload: iter([payload]))  # type: ignore[misc]
        with pytest.raises((FormatError, DigestMismatchError)):
            check_decompressed(image, region)
