"""Wrapped content keys."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import KeyFamilyError, KeyMismatchError, KeyRejectedError, KeyUnavailableError, MalformedImageError
from iotsign.formats.mcuboot import (
    DecryptionKey,
    EncryptionKey,
    Tlv,
    TlvType,
    load_decryption_key,
    load_encryption_key,
)
from iotsign.formats.mcuboot._encryption import apply_cipher

SHA256, SHA512 = HashAlgorithm.SHA256, HashAlgorithm.SHA512
SIZES = {TlvType.ENCRSA2048: 256, TlvType.ENCEC256: 65 + 32, TlvType.ENCX25519: 64, TlvType.ENCX25519_SHA512: 96}


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize(
    ("name", "hash_"), [("p256", SHA256), ("rsa2048", SHA256), ("x25519", SHA256), ("x25519", SHA512)]
)
def test_wrapped_and_unwrapped(
    name: str,
    hash_: HashAlgorithm,
    size: int,
    encryption_keys: dict[str, EncryptionKey],
    decryption_keys: dict[str, DecryptionKey],
) -> None:
    content_key = bytes(range(size))
    tlv = encryption_keys[name].wrap(content_key, hash_)
    assert len(tlv.data) == SIZES[TlvType(tlv.type)] + (0 if name == "rsa2048" else size)
    assert decryption_keys[name].unwrap(tlv, size) == content_key
    assert encryption_keys[name].wrap(content_key, hash_) != tlv
    with pytest.raises(MalformedImageError):
        decryption_keys[name].unwrap(tlv, 48 - size)


@pytest.mark.parametrize("size", [16, 32])
def test_aes_key_wrap(
    size: int, encryption_keys: dict[str, EncryptionKey], decryption_keys: dict[str, DecryptionKey]
) -> None:
    name = f"kw{size * 8}"
    tlv = encryption_keys[name].wrap(bytes(size), SHA256)
    assert (tlv.type, len(tlv.data)) == (TlvType.ENCKW, size + 8)
    assert decryption_keys[name].unwrap(tlv, size) == bytes(size)
    with pytest.raises(KeyMismatchError):
        load_decryption_key(bytes(size)).unwrap(tlv, size)


def test_key_wrap_vector() -> None:
    # Source: RFC 3394 §4.1
    kek = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
    wrapped = bytes.fromhex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
    tlv = load_encryption_key(kek).wrap(bytes.fromhex("00112233445566778899AABBCCDDEEFF"), SHA256)
    assert tlv.data == wrapped


def test_ecies_by_hand() -> None:
    """HKDF with plain hmac. Source: RFC 5869 §2; MCUboot docs/encrypted_images.md."""
    private = x25519.X25519PrivateKey.generate()
    content_key = bytes(range(16))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    data = load_encryption_key(public).wrap(content_key, SHA256).data
    ephemeral, mac, wrapped = data[:32], data[32:64], data[64:]
    shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(ephemeral))
    extracted = hmac.digest(bytes(32), shared, "sha256")
    first = hmac.digest(extracted, b"MCUBoot_ECIES_v1\x01", "sha256")
    derived = first + hmac.digest(extracted, first + b"MCUBoot_ECIES_v1\x02", "sha256")
    assert hmac.digest(derived[16:48], wrapped, hashlib.sha256) == mac
    assert b"".join(apply_cipher(derived[:16], [wrapped])) == content_key


@pytest.mark.parametrize("name", ["p256", "rsa2048", "x25519"])
def test_every_flip_of_a_wrapped_key_is_noticed(
    name: str, encryption_keys: dict[str, EncryptionKey], decryption_keys: dict[str, DecryptionKey]
) -> None:
    # threat 17
    tlv = encryption_keys[name].wrap(bytes(16), SHA256)
    for offset in range(len(tlv.data)):
        for mask in (0x01, 0x80):
            flipped = bytearray(tlv.data)
            flipped[offset] ^= mask
            with pytest.raises((KeyMismatchError, MalformedImageError)):
                decryption_keys[name].unwrap(Tlv(tlv.type, bytes(flipped)), 16)


def test_points_off_the_curve(decryption_keys: dict[str, DecryptionKey]) -> None:
    for name, point in (("p256", b"\x04" + bytes(64)), ("x25519", bytes(32)), ("x25519", bytes(31) + b"\x80")):
        type_ = TlvType.ENCEC256 if name == "p256" else TlvType.ENCX25519
        with pytest.raises(MalformedImageError) as caught:
            decryption_keys[name].unwrap(Tlv(type_, point + bytes(48), 1000), 16)
        assert caught.value.data["offset"] == 1004


def test_an_rsa_content_key_of_another_size(
    encryption_keys: dict[str, EncryptionKey], decryption_keys: dict[str, DecryptionKey]
) -> None:
    tlv = encryption_keys["rsa2048"].wrap(bytes(32), SHA256)
    with pytest.raises(MalformedImageError, match="16 bytes"):
        decryption_keys["rsa2048"].unwrap(tlv, 16)


def private_bytes(key: object, encoding: Encoding, passphrase: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(encoding, PrivateFormat.PKCS8, encryption)  # type: ignore[attr-defined, no-any-return]


def test_keys_come_as_pem_der_raw_or_base64() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    for encoding in (Encoding.PEM, Encoding.DER):
        public = private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        for data in (public, private_bytes(private, encoding)):
            assert load_encryption_key(data).scheme == TlvType.ENCEC256
        assert load_decryption_key(private_bytes(private, encoding)).schemes == {TlvType.ENCEC256}
    for kek in (bytes(16), bytes(range(32))):
        for data in (kek, base64.b64encode(kek), base64.b64encode(kek) + b"\n"):
            assert load_encryption_key(data).scheme == TlvType.ENCKW
            assert load_decryption_key(data).schemes == {TlvType.ENCKW}


def test_encrypted_private_keys() -> None:
    data = private_bytes(x25519.X25519PrivateKey.generate(), Encoding.PEM, b"secret")
    assert load_decryption_key(data, b"secret").schemes == {TlvType.ENCX25519, TlvType.ENCX25519_SHA512}
    for passphrase in (None, b"wrong"):
        with pytest.raises(KeyUnavailableError):
            load_decryption_key(data, passphrase)
    with pytest.raises(KeyUnavailableError):
        load_encryption_key(data)
    plain = private_bytes(x25519.X25519PrivateKey.generate(), Encoding.PEM)
    with pytest.raises(KeyUnavailableError, match="no passphrase"):
        load_decryption_key(plain, b"secret")


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 1024),
    ],
)
def test_keys_that_encrypt_no_images(key: object) -> None:
    data = private_bytes(key, Encoding.PEM)
    for load in (load_encryption_key, load_decryption_key):
        with pytest.raises(KeyRejectedError):
            load(data)


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(15), bytes(24), b"-----BEGIN PUBLIC KEY-----\n", b"\x30\x03\x02\x01\x01"]
)
def test_what_is_no_key(data: bytes) -> None:
    for load in (load_encryption_key, load_decryption_key):
        with pytest.raises(KeyFamilyError):
            load(data)


def test_keys_are_not_shown(encryption_keys: dict[str, EncryptionKey], tmp_path: Path) -> None:
    # threat 31
    assert str(tmp_path) not in repr(encryption_keys)
    assert repr(bytes(range(16))) not in repr(load_decryption_key(bytes(range(16)))) + repr(encryption_keys["kw128"])
