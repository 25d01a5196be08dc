"""Encrypted images: imgtool makes them and cannot read them; we do both."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import KeyMismatchError, VerificationIncompleteError
from iotsign.formats.mcuboot import (
    Compression,
    DecryptionKey,
    Image,
    ImageOptions,
    ImageVersion,
    TlvType,
    decrypt_image,
    extract_payload,
    load_decryption_key,
    load_encryption_key,
    read_image,
    verify_image,
)
from iotsign.keys import PublicKey, Signer

FIRMWARE = bytes(range(256)) * 33 + b"not a multiple"
ARGUMENTS = ("-v", "1.2.3+4", "-H", "0x200", "--pad-header", "-S", "0x20000")
OPTIONS = ImageOptions(version=ImageVersion(1, 2, 3, 4), header_size=0x200, pad_header=True, slot_size=0x20000)
# key that signs, key that the content key is wrapped for, record
PAIRS = {
    "ECIES-P256": ("ecdsa-p256", "ecdsa-p256", TlvType.ENCEC256),
    "RSA-OAEP": ("rsa-2048", "rsa-2048", TlvType.ENCRSA2048),
    "X25519": ("ed25519", "x25519", TlvType.ENCX25519),
}


def decryption_key(key_files: dict[str, Path], name: str) -> DecryptionKey:
    return load_decryption_key(key_files[name].read_bytes())


def clear(image: bytes, key: DecryptionKey) -> bytes:
    output = io.BytesIO()
    decrypt_image(io.BytesIO(image), output, decryption_key=key)
    return output.getvalue()


def without_key_record(image: bytes) -> list[tuple[int, bytes]]:
    read = read_image(io.BytesIO(image))
    kept = [(tlv.type, tlv.data) for tlv in read.unprotected if tlv is not read.encrypted_key]
    return [(0, image[: read.tlv_offset + read.header.protected_tlv_size]), *kept]


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("pair", PAIRS)
def test_theirs_and_ours_agree_once_decrypted(
    pair: str,
    bits: int,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    signing, wrapping, type_ = PAIRS[pair]
    key = decryption_key(key_files, wrapping)
    theirs = imgtool.sign(
        FIRMWARE, *ARGUMENTS, "-k", key_files[signing], "-E", key_files[wrapping], "--encrypt-keylen", bits, "--pad"
    )
    options = replace(OPTIONS, content_key_size=bits // 8, pad=True)
    encryption_key = load_encryption_key(key_files[wrapping].read_bytes())
    ours, image = create(FIRMWARE, options, [signers[signing]], encryption_key)
    assert image.encrypted_key is not None
    assert image.encrypted_key.type == type_
    assert len(ours) == len(theirs)
    if signing == "ed25519":
        assert without_key_record(clear(ours, key)) == without_key_record(clear(theirs, key))
    for encrypted in (ours, theirs):
        assert FIRMWARE[:32] not in encrypted
        verified = verify_image(io.BytesIO(encrypted), [public_keys[signing]], decryption_key=key)
        assert verified.signers == (public_keys[signing],)
        assert verified.payload == "encrypted"
        # decrypted it is what the boot loader has in its primary slot, and imgtool can judge that
        assert "correctly validated" in imgtool.verify(clear(encrypted, key), key_files[signing])
        firmware = io.BytesIO()
        extract_payload(io.BytesIO(encrypted), firmware, decryption_key=key)
        assert firmware.getvalue().rstrip(b"\0") == FIRMWARE


def test_imgtool_finds_no_hash_in_what_we_verify(
    imgtool: Any, key_files: dict[str, Path], public_keys: dict[str, PublicKey]
) -> None:
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files["ecdsa-p256"], "-E", key_files["ecdsa-p256"])
    with pytest.raises(SystemExit):
        imgtool.verify(theirs, key_files["ecdsa-p256"])
    with pytest.raises(VerificationIncompleteError, match="no decryption key"):
        verify_image(io.BytesIO(theirs), [public_keys["ecdsa-p256"]])
    key = decryption_key(key_files, "ecdsa-p256")
    assert verify_image(io.BytesIO(theirs), [public_keys["ecdsa-p256"]], decryption_key=key).signers


@pytest.mark.parametrize("hash_", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
def test_x25519_with_either_derivation(
    hash_: HashAlgorithm,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    number = hash_.value.removeprefix("SHA")
    arguments = ("-k", key_files["ed25519"], "-E", key_files["x25519"], "--hmac-sha", number)
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, *arguments)
    encryption_key = load_encryption_key(key_files["x25519"].read_bytes())
    ours, _ = create(FIRMWARE, replace(OPTIONS, ecies_hash=hash_), [signers["ed25519"]], encryption_key)
    key = decryption_key(key_files, "x25519")
    wanted = TlvType.ENCX25519 if hash_ is HashAlgorithm.SHA256 else TlvType.ENCX25519_SHA512
    for encrypted in (ours, theirs):
        verified = verify_image(io.BytesIO(encrypted), [public_keys["ed25519"]], decryption_key=key)
        assert verified.image.encrypted_key is not None
        assert verified.image.encrypted_key.type == wanted


@pytest.mark.parametrize("pad", [(), ("--pad",), ("--pad", "--save-enctlv"), ("--confirm", "--align", "32")])
def test_clear_images(
    pad: tuple[str, ...],
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    arguments = ("-k", key_files["ed25519"], "-E", key_files["x25519"], "--clear", *pad)
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, *arguments)
    options = replace(
        OPTIONS,
        clear=True,
        pad="--pad" in pad,
        confirm="--confirm" in pad,
        save_encrypted_key="--save-enctlv" in pad,
        align=32 if "32" in pad else 1,
    )
    encryption_key = load_encryption_key(key_files["x25519"].read_bytes())
    ours, _ = create(FIRMWARE, options, [signers["ed25519"]], encryption_key)
    assert without_key_record(ours) == without_key_record(theirs)
    assert len(ours) == len(theirs)
    key = decryption_key(key_files, "x25519")
    for image in (ours, theirs):
        assert verify_image(io.BytesIO(image), [public_keys["ed25519"]]).payload == "clear"
        assert verify_image(io.BytesIO(image), [public_keys["ed25519"]], decryption_key=key).payload == "clear"
        assert "correctly validated" in imgtool.verify(image, key_files["ed25519"])
        assert clear(image, key) == image


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("compression", [Compression.LZMA2, Compression.LZMA2_ARM_THUMB])
def test_encrypted_and_compressed(
    compression: Compression,
    pure: bool,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    arguments = ("-k", key_files["ed25519"], "-E", key_files["x25519"], "--compression", compression.value)
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, *arguments, *(("--pure",) if pure else ()))
    encryption_key = load_encryption_key(key_files["x25519"].read_bytes())
    ours, _ = create(
        FIRMWARE, replace(OPTIONS, compression=compression, pure=pure), [signers["ed25519"]], encryption_key
    )
    key = decryption_key(key_files, "x25519")
    assert without_key_record(clear(ours, key)) == without_key_record(clear(theirs, key))
    for image in (ours, theirs):
        verified = verify_image(io.BytesIO(image), [public_keys["ed25519"]], decryption_key=key)
        assert verified.decompressed_signer == public_keys["ed25519"]
        firmware = io.BytesIO()
        assert extract_payload(io.BytesIO(image), firmware, decryption_key=key) == len(FIRMWARE)
        assert firmware.getvalue() == FIRMWARE


def test_rsa_3072_is_read_and_not_written(
    imgtool: Any, key_files: dict[str, Path], public_keys: dict[str, PublicKey]
) -> None:
    from iotsign.errors import KeyRejectedError

    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files["rsa-3072"], "-E", key_files["rsa-3072"])
    key = decryption_key(key_files, "rsa-3072")
    assert verify_image(io.BytesIO(theirs), [public_keys["rsa-3072"]], decryption_key=key).signers
    with pytest.raises(KeyRejectedError, match="RSA-3072"):
        load_encryption_key(key_files["rsa-3072"].read_bytes())


def test_the_wrong_decryption_key(
    imgtool: Any, key_files: dict[str, Path], public_keys: dict[str, PublicKey], tmp_path: Path
) -> None:
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files["ed25519"], "-E", key_files["x25519"])
    other = tmp_path / "other.pem"
    imgtool("keygen", "-t", "x25519", "-k", other)
    for file in (other, key_files["ecdsa-p256"]):
        key = load_decryption_key(file.read_bytes())
        with pytest.raises(KeyMismatchError):
            verify_image(io.BytesIO(theirs), [public_keys["ed25519"]], decryption_key=key)
