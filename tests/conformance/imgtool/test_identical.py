"""The same input gives imgtool's bytes: wholly with Ed25519 or without a key, else all but the signature's value."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm
from iotsign.formats.mcuboot import (
    Auto,
    Compression,
    Dependency,
    Image,
    ImageOptions,
    ImageVersion,
    PublicKeyFormat,
    parse_uuid,
    read_image,
    verify_image,
)
from iotsign.keys import PublicKey, Signer

VERSION = ImageVersion(1, 2, 3, 4)
BASE = ImageOptions(version=VERSION, header_size=0x200, pad_header=True, slot_size=0x20000)
BASE_ARGUMENTS = ("-v", "1.2.3+4", "-H", "0x200", "--pad-header", "-S", "0x20000")
FIRMWARE = bytes(range(256)) * 61 + b"odd"
SIGNED = {
    "ed25519": HashAlgorithm.SHA256,
    "ecdsa-p256": HashAlgorithm.SHA256,
    "ecdsa-p384": HashAlgorithm.SHA384,
    "rsa-2048": HashAlgorithm.SHA256,
    "rsa-3072": HashAlgorithm.SHA256,
}
VENDOR = parse_uuid("example.com")

OPTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "plain": ({}, ()),
    "pad": ({"pad": True}, ("--pad",)),
    "confirm": ({"confirm": True}, ("--confirm",)),
    "test": ({"test": True}, ("--test",)),
    "overwrite-only": ({"pad": True, "overwrite_only": True}, ("--pad", "--overwrite-only")),
    "max-sectors": ({"pad": True, "max_sectors": 16, "slot_size": 0x5000}, ("--pad", "-M", "16", "-S", "0x5000")),
    "no slot check": ({"slot_size": 0}, ("-S", "0")),
    "erased 0": ({"confirm": True, "erased_value": 0}, ("--confirm", "-R", "0")),
    "load address": ({"load_addr": 0x20000000}, ("-L", "0x20000000")),
    "rom fixed": ({"rom_fixed": 0x8000}, ("-F", "0x8000")),
    "non-bootable": ({"non_bootable": True}, ("--non-bootable",)),
    "security counter": ({"security_counter": 0xFFFFFFFF}, ("-s", "0xffffffff")),
    "security counter auto": ({"security_counter": Auto.AUTO}, ("-s", "auto")),
    "dependencies": (
        {"dependencies": (Dependency(1, ImageVersion(1, 2, 3, 4)), Dependency(2, ImageVersion(7)))},
        ("-d", "(1, 1.2.3+4), (2, 7)"),
    ),
    "custom TLVs": (
        {"custom_tlvs": ((0xA0, b"text"), (0x01A0, bytes.fromhex("00ff")), (0xFFFE, b""))},
        ("--custom-tlv", "0xa0", "text", "--custom-tlv", "0x01a0", "0x00ff", "--custom-tlv", "0xfffe", ""),
    ),
    "boot record": ({"boot_record": "CoFM"}, ("--boot-record", "CoFM")),
    "full key": ({"public_key_format": PublicKeyFormat.FULL}, ("--public-key-format", "full")),
    "vendor and class": (
        {"vendor_id": VENDOR, "class_id": parse_uuid("gateway", VENDOR)},
        ("--vid", "example.com", "--cid", "gateway"),
    ),
    "raw UUIDs": (
        {"vendor_id": bytes(range(16)), "class_id": bytes(range(16, 32))},
        ("--vid", bytes(range(16)).hex(), "--cid", "10111213-1415-1617-1819-1a1b1c1d1e1f"),
    ),
    "lzma2": ({"compression": Compression.LZMA2}, ("--compression", "lzma2")),
    "lzma2 with ARM Thumb filter": (
        {"compression": Compression.LZMA2_ARM_THUMB, "pad": True},
        ("--compression", "lzma2armthumb", "--pad"),
    ),
    "everything": (
        {
            "confirm": True,
            "align": 16,
            "security_counter": 7,
            "boot_record": "SPE",
            "dependencies": (Dependency(0, ImageVersion(0, 1)),),
            "custom_tlvs": ((0xBEEF & 0xFFA0 | 0xA0, b"x" * 300),),
            "vendor_id": VENDOR,
        },
        (
            *("--confirm", "--align", "16", "-s", "7", "--boot-record", "SPE", "-d", "(0,0.1)"),
            *("--custom-tlv", hex(0xBEEF & 0xFFA0 | 0xA0), "x" * 300, "--vid", "example.com"),
        ),
    ),
}


def without_signatures(image: bytes) -> tuple[bytes, bytes, bytes]:
    """An image in pieces: up to its first signature or wrapped key, the rest of the TLVs' heads, the trailer."""
    read = read_image(io.BytesIO(image))
    values = b""
    for tlv in read.unprotected:
        values += tlv.type.to_bytes(2, "little") + (
            b"" if tlv in [entry.tlv for entry in read.signatures] else tlv.data
        )
    start = read.end if not read.signatures else read.unprotected[0].offset - 4
    return image[:start], values, image[read.end :].lstrip(image[-17:-16])


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa-p256"])
def test_options(
    key_type: str,
    name: str,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    changes, arguments = OPTIONS[name]
    theirs = imgtool.sign(FIRMWARE, *BASE_ARGUMENTS, *arguments, "-k", key_files[key_type])
    ours, _ = create(FIRMWARE, replace(BASE, **changes), [signers[key_type]])
    if key_type == "ed25519":
        assert ours == theirs
    elif "compression" not in changes:
        assert without_signatures(ours) == without_signatures(theirs)
    else:
        assert len(ours) - len(theirs) in range(-8, 9)
    assert "correctly validated" in imgtool.verify(ours, key_files[key_type])
    for image in (ours, theirs):
        assert verify_image(io.BytesIO(image), [public_keys[key_type]]).signers == (public_keys[key_type],)


@pytest.mark.parametrize("align", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("key_type", [*SIGNED, None])
def test_alignments(
    key_type: str | None,
    align: int,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
) -> None:
    key = ("-k", key_files[key_type]) if key_type else ()
    theirs = imgtool.sign(FIRMWARE, *BASE_ARGUMENTS, "--align", align, "--confirm", *key)
    options = replace(BASE, align=align, confirm=True)
    ours, _ = create(FIRMWARE, options, [signers[key_type]] if key_type else [])
    if key_type in {None, "ed25519"}:
        assert ours == theirs
    assert without_signatures(ours) == without_signatures(theirs)


@pytest.mark.parametrize("max_align", [8, 16, 32])
def test_max_align(
    max_align: int, imgtool: Any, create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: Any
) -> None:
    arguments = ("--align", 4, "--max-align", max_align, "--pad", "-k", key_files["ed25519"])
    theirs = imgtool.sign(FIRMWARE, *BASE_ARGUMENTS, *arguments)
    options = replace(BASE, align=4, max_align=max_align, pad=True)
    assert create(FIRMWARE, options, [signers["ed25519"]])[0] == theirs


@pytest.mark.parametrize(
    ("key_type", "hash_", "arguments"),
    [
        (None, HashAlgorithm.SHA256, ("--sha", "256")),
        (None, HashAlgorithm.SHA384, ("--sha", "384")),
        (None, HashAlgorithm.SHA512, ("--sha", "512")),
        ("ed25519", HashAlgorithm.SHA256, ("--sha", "256")),
        ("ed25519", HashAlgorithm.SHA512, ("--sha", "512")),
        ("ecdsa-p256", HashAlgorithm.SHA256, ("--sha", "256")),
        ("ecdsa-p384", HashAlgorithm.SHA384, ("--sha", "384")),
        ("rsa-2048", HashAlgorithm.SHA256, ("--sha", "256")),
        ("rsa-3072", HashAlgorithm.SHA256, ("--sha", "256")),
    ],
)
@pytest.mark.parametrize("boot_record", [False, True])
def test_hashes(
    key_type: str | None,
    hash_: HashAlgorithm,
    arguments: tuple[str, ...],
    boot_record: bool,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
) -> None:
    key = ("-k", key_files[key_type]) if key_type else ()
    record = ("--boot-record", "NSPE") if boot_record else ()
    theirs = imgtool.sign(FIRMWARE, *BASE_ARGUMENTS, *arguments, *key, *record)
    options = replace(BASE, hash=hash_, boot_record="NSPE" if boot_record else None)
    ours, image = create(FIRMWARE, options, [signers[key_type]] if key_type else [])
    assert without_signatures(ours) == without_signatures(theirs)
    assert [found for found, _ in image.hashes] == [hash_]
    if key_type in {None, "ed25519"}:
        assert ours == theirs
    if hash_ is HashAlgorithm.SHA256 or key_type:
        assert "correctly validated" in imgtool.verify(ours, key_files[key_type] if key_type else None)


@pytest.mark.parametrize("compressed", [False, True])
def test_pure_ed25519(
    compressed: bool,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    extra = ("--compression", "lzma2") if compressed else ()
    theirs = imgtool.sign(FIRMWARE, *BASE_ARGUMENTS, "--pure", "-k", key_files["ed25519"], *extra)
    compression = Compression.LZMA2 if compressed else Compression.NONE
    ours, image = create(FIRMWARE, replace(BASE, pure=True, compression=compression), [signers["ed25519"]])
    assert ours == theirs
    assert image.pure
    assert "correctly validated" in imgtool.verify(ours, key_files["ed25519"])
    assert verify_image(io.BytesIO(ours), [public_keys["ed25519"]]).signers == (public_keys["ed25519"],)


def test_room_for_the_header_in_the_input(
    imgtool: Any, create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: dict[str, Path]
) -> None:
    firmware = bytes(0x200) + FIRMWARE
    arguments = ("-v", "1.2.3+4", "-H", "0x200", "-S", "0x20000", "-k", key_files["ed25519"])
    options = replace(BASE, pad_header=False)
    assert create(firmware, options, [signers["ed25519"]])[0] == imgtool.sign(firmware, *arguments)
    options = replace(options, compression=Compression.LZMA2)
    theirs = imgtool.sign(firmware, *arguments, "--compression", "lzma2")
    assert create(firmware, options, [signers["ed25519"]])[0] == theirs


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 4095, 4096, 1 << 18, (1 << 18) + 1])
def test_sizes(
    size: int, imgtool: Any, create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: Any
) -> None:
    firmware = bytes([size & 0xFF]) * size
    arguments = ("-v", "1.2.3+4", "-H", "32", "--pad-header", "-S", "0x100000", "-k", key_files["ed25519"])
    options = ImageOptions(version=VERSION, pad_header=True, slot_size=0x100000)
    assert create(firmware, options, [signers["ed25519"]])[0] == imgtool.sign(firmware, *arguments)


def test_incompressible_falls_back(
    imgtool: Any, create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: dict[str, Path]
) -> None:
    import hashlib

    firmware = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(64))
    theirs = imgtool.sign(firmware, *BASE_ARGUMENTS, "--compression", "lzma2", "-k", key_files["ed25519"])
    ours, image = create(firmware, replace(BASE, compression=Compression.LZMA2), [signers["ed25519"]])
    assert ours == theirs
    assert not image.header.compressed


def test_compressed_size_counts_against_the_slot(
    imgtool: Any, create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: dict[str, Path]
) -> None:
    import click

    firmware = b"compressible " * 20000
    options = ImageOptions(
        version=VERSION, header_size=0x200, pad_header=True, slot_size=0x8000, compression=Compression.LZMA2, pad=True
    )
    ours, image = create(firmware, options, [signers["ed25519"]])
    assert len(ours) == 0x8000
    assert image.decompressed_size == len(firmware)
    assert "correctly validated" in imgtool.verify(ours, key_files["ed25519"])
    # imgtool measures the firmware instead, which is why this one is not compared with it
    with pytest.raises(click.UsageError, match="exceeds"):
        imgtool.sign(firmware, *BASE_ARGUMENTS[:-1], "0x8000", "--compression", "lzma2", "-k", key_files["ed25519"])


def test_rsa_pss_salt_is_32_bytes(
    create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer], key_files: dict[str, Path]
) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    for key_type, bits in (("rsa-2048", 2048), ("rsa-3072", 3072)):
        _, image = create(FIRMWARE, BASE, [signers[key_type]])
        numbers = load_pem_private_key(key_files[key_type].read_bytes(), None).public_key().public_numbers()  # type: ignore[union-attr]
        (entry,) = image.signatures
        encoded = pow(int.from_bytes(entry.tlv.data), numbers.e, numbers.n).to_bytes(bits // 8)  # type: ignore[union-attr]
        assert encoded[-1] == 0xBC
        block = pss_data_block(encoded)
        # PS is zeros, then 01, then the salt
        assert block.lstrip(b"\0")[:1] == b"\x01"
        assert len(block.lstrip(b"\0")) == 1 + 32


def pss_data_block(encoded: bytes) -> bytes:
    """Unmask DB of EMSA-PSS. Source: RFC 8017 §9.1.2."""
    import hashlib

    masked, digest = encoded[:-33], encoded[-33:-1]
    mask = b"".join(hashlib.sha256(digest + count.to_bytes(4)).digest() for count in range(len(masked) // 32 + 1))
    block = bytearray(a ^ b for a, b in zip(masked, mask, strict=False))
    block[0] &= 0x7F
    return bytes(block)
