"""Encrypted images: AES-CTR over the payload, and the content key wrapped for the device.

Source: MCUboot docs/encrypted_images.md; bootutil/src/encrypted.c for sizes and the derivation.
"""

import base64
import binascii
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import (
    KeyMismatchError,
    KeyRejectedError,
    KeyUnavailableError,
    MalformedImageError,
    UnsupportedAlgorithmError,
)
from iotsign.formats.mcuboot._header import AES_BLOCK
from iotsign.formats.mcuboot._stream import Blocks
from iotsign.formats.mcuboot._tlv import Tlv, TlvType

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519

    PublicWrapKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | x25519.X25519PublicKey
    PrivateWrapKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey

_HKDF_INFO: Final = b"MCUBoot_ECIES_v1"
_KEK_SIZES: Final = (16, 32)
_KEYWRAP_OVERHEAD: Final = 8
_RSA_BITS: Final = 2048
_RSA_READ_BITS: Final = (2048, 3072)  # imgtool also writes RSA-3072, which no boot loader opens
_EC_POINT_SIZE: Final = 65
_X25519_SIZE: Final = 32
_X25519_UNUSED_BIT: Final = 0x80  # in the last byte; RFC 7748 §5 ignores it, so it would not change the result


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """What a packer encrypts images for: a device's public key, or a shared key-encryption key.

    Attributes:
        scheme: The record type it makes.
    """

    scheme: TlvType
    _key: "PublicWrapKey | bytes" = field(repr=False)

    def wrap(self, content_key: bytes, ecies_hash: HashAlgorithm) -> Tlv:
        """Wrap a content key of 16 or 32 bytes.

        Args:
            content_key: The AES key of the payload.
            ecies_hash: Hash of the key derivation for X25519; P-256 goes with SHA-256 only.

        Raises:
            UnsupportedAlgorithmError: A combination that MCUboot does not know.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

        key = self._key
        if ecies_hash is not HashAlgorithm.SHA256 and not isinstance(key, x25519.X25519PublicKey):
            message = f"expected SHA256 as the key derivation's hash, got {ecies_hash.value}: others need an X25519 key"
            raise UnsupportedAlgorithmError("EciesHash", message)
        if isinstance(key, bytes):
            return Tlv(TlvType.ENCKW, _keywrap(key, content_key))
        if isinstance(key, rsa.RSAPublicKey):
            return Tlv(TlvType.ENCRSA2048, key.encrypt(content_key, _oaep()))
        if isinstance(key, ec.EllipticCurvePublicKey):
            shared, ephemeral = _p256_ephemeral(key)
            return Tlv(TlvType.ENCEC256, ephemeral + _seal(shared, content_key, ecies_hash))
        shared, ephemeral = _x25519_ephemeral(key)
        type_ = TlvType.ENCX25519 if ecies_hash is HashAlgorithm.SHA256 else TlvType.ENCX25519_SHA512
        return Tlv(type_, ephemeral + _seal(shared, content_key, ecies_hash))


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """What a device decrypts images with: its private key, or a shared key-encryption key.

    Attributes:
        schemes: The record types it opens.
    """

    schemes: frozenset[TlvType]
    _key: "PrivateWrapKey | bytes" = field(repr=False)

    def unwrap(self, tlv: Tlv, size: int) -> bytes:
        """Recover a content key.

        Args:
            tlv: One of `ENCRYPTION_TYPES`.
            size: Bytes of AES key that the image's flags ask for.

        Raises:
            KeyMismatchError: The key was wrapped for another key or by another scheme.
            MalformedImageError: The record's length does not fit its scheme.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if tlv.type not in self.schemes:
            names = " or ".join(sorted(scheme.name for scheme in self.schemes))
            message = f"expected a content key wrapped as {names} for this decryption key, got {tlv.type_name}"
            raise KeyMismatchError("DecryptionKeyType", message, offset=tlv.offset)
        if isinstance(self._key, bytes):
            _check_size(tlv, size + _KEYWRAP_OVERHEAD)
            return _keyunwrap(self._key, tlv)
        if isinstance(self._key, rsa.RSAPrivateKey):
            _check_size(tlv, self._key.key_size // 8)
            return _rsa_open(self._key, tlv, size)
        hash_ = HashAlgorithm.SHA512 if tlv.type == TlvType.ENCX25519_SHA512 else HashAlgorithm.SHA256
        point = _EC_POINT_SIZE if isinstance(self._key, ec.EllipticCurvePrivateKey) else _X25519_SIZE
        _check_size(tlv, point + hash_.digest_size + size)
        shared = _shared_secret(self._key, tlv.data[:point], tlv)
        return _open(shared, tlv, point, hash_)


def load_encryption_key(data: bytes) -> EncryptionKey:
    """Read what to encrypt for.

    Args:
        data: PEM or DER of a public (or private) RSA-2048, P-256 or X25519 key; or 16 or 32 bytes of AES
            key-encryption key, raw or base64.

    Raises:
        KeyRejectedError: Anything else.
        KeyUnavailableError: A private key that is encrypted; its public half is wanted.
    """
    kek = _as_kek(data)
    if kek is not None:
        return EncryptionKey(TlvType.ENCKW, kek)
    key = _load_public(data)
    if getattr(key, "key_size", _RSA_BITS) in _RSA_READ_BITS[1:]:
        raise KeyRejectedError("NotAnEncryptionKey", "expected RSA-2048 to encrypt images with, got RSA-3072")
    return EncryptionKey(_scheme(key), key)


def load_decryption_key(data: bytes, passphrase: bytes | None = None) -> DecryptionKey:
    """Read what to decrypt with.

    Args:
        data: PEM or DER of a private RSA-2048, P-256 or X25519 key; or 16 or 32 bytes of AES key-encryption key,
            raw or base64.
        passphrase: Opens an encrypted private key.

    Raises:
        KeyRejectedError: Anything else.
        KeyUnavailableError: The key is encrypted and the passphrase is missing or wrong.
    """
    kek = _as_kek(data)
    if kek is not None:
        return DecryptionKey(frozenset({TlvType.ENCKW}), kek)
    key = _load_private(data, passphrase)
    scheme = _scheme(key.public_key())
    schemes = {scheme, TlvType.ENCX25519_SHA512} if scheme == TlvType.ENCX25519 else {scheme}
    return DecryptionKey(frozenset(schemes), key)


def new_content_key(size: int) -> bytes:
    """A fresh AES key; it must never encrypt two payloads, because the counter starts at 0."""
    return os.urandom(size)


def payload_cipher(content_key: bytes) -> Callable[[bytes | memoryview], bytes]:
    """AES-CTR from counter 0 over a payload given in blocks; encrypting and decrypting are the same."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(content_key), modes.CTR(bytes(AES_BLOCK))).encryptor().update


def apply_cipher(content_key: bytes, blocks: Iterable[bytes | memoryview]) -> Blocks:
    """Encrypt or decrypt a payload."""
    return map(payload_cipher(content_key), blocks)


def _as_kek(data: bytes) -> bytes | None:
    if len(data) in _KEK_SIZES:
        return data
    try:
        decoded = base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        return None
    return decoded if len(decoded) in _KEK_SIZES else None


def _load_public(data: bytes) -> "PublicWrapKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    loader = serialization.load_pem_public_key if _is_pem(data) else serialization.load_der_public_key
    try:
        return _accepted_public(loader(data))
    except (ValueError, UnsupportedAlgorithm):
        return _load_private(data, None).public_key()


def _load_private(data: bytes, passphrase: bytes | None) -> "PrivateWrapKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    loader = serialization.load_pem_private_key if _is_pem(data) else serialization.load_der_private_key
    try:
        key = loader(data, passphrase)
    except TypeError:
        wanted = "a passphrase for the encrypted" if passphrase is None else "no passphrase for the unencrypted"
        raise KeyUnavailableError("Passphrase", f"expected {wanted} decryption key") from None
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is not None:
            raise KeyUnavailableError("Passphrase", "cannot open the decryption key with this passphrase") from None
        message = "expected an RSA-2048, P-256 or X25519 key, or an AES key of 16 or 32 bytes, got something else"
        raise KeyRejectedError("NotAnEncryptionKey", message) from None
    _accepted_public(key.public_key())
    return key  # type: ignore[return-value]


def _accepted_public(key: object) -> "PublicWrapKey":
    from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

    if isinstance(key, x25519.X25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_READ_BITS:
        return key
    message = f"expected an RSA-2048, P-256 or X25519 key to encrypt images with, got {type(key).__name__}"
    raise KeyRejectedError("NotAnEncryptionKey", message)


def _is_pem(data: bytes) -> bool:
    return b"-----BEGIN" in data


def _scheme(key: "PublicWrapKey") -> TlvType:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return TlvType.ENCRSA2048
    return TlvType.ENCEC256 if isinstance(key, ec.EllipticCurvePublicKey) else TlvType.ENCX25519


def _oaep() -> "padding.OAEP":
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def _rsa_open(key: "rsa.RSAPrivateKey", tlv: Tlv, size: int) -> bytes:
    try:
        content_key = key.decrypt(tlv.data, _oaep())
    except ValueError:
        raise _not_ours(tlv) from None
    if len(content_key) != size:
        message = f"expected a content key of {size} bytes, got {len(content_key)} at offset {tlv.offset:#x}"
        raise MalformedImageError("ContentKeySize", message, offset=tlv.offset)
    return content_key


def _keywrap(kek: bytes, content_key: bytes) -> bytes:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    if len(kek) != len(content_key):
        message = f"expected a content key as long as the {len(kek)}-byte key-encryption key, got {len(content_key)}"
        raise UnsupportedAlgorithmError("ContentKeySize", message)
    return aes_key_wrap(kek, content_key)


def _keyunwrap(kek: bytes, tlv: Tlv) -> bytes:
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    try:
        return aes_key_unwrap(kek, tlv.data)
    except InvalidUnwrap:
        raise _not_ours(tlv) from None


def _p256_ephemeral(key: "ec.EllipticCurvePublicKey") -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    ephemeral = ec.generate_private_key(ec.SECP256R1())
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return ephemeral.exchange(ec.ECDH(), key), point


def _x25519_ephemeral(key: "x25519.X25519PublicKey") -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric import x25519

    ephemeral = x25519.X25519PrivateKey.generate()
    return ephemeral.exchange(key), ephemeral.public_key().public_bytes_raw()


def _shared_secret(key: "PrivateWrapKey", point: bytes, tlv: Tlv) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, x25519

    message = f"expected a point on the curve in {tlv.type_name} at offset {tlv.offset + 4:#x}, got another"
    bad_point = MalformedImageError("BadEphemeralKey", message, offset=tlv.offset + 4)
    try:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        if point[-1] & _X25519_UNUSED_BIT:
            raise bad_point
        assert isinstance(key, x25519.X25519PrivateKey)  # RSA never gets here
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(point))
    except ValueError:
        raise bad_point from None


def _derive(shared: bytes, key_size: int, hash_: HashAlgorithm) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    algorithm = hashes.SHA256() if hash_ is HashAlgorithm.SHA256 else hashes.SHA512()
    derived = HKDF(algorithm, key_size + hash_.digest_size, salt=None, info=_HKDF_INFO).derive(shared)
    return derived[:key_size], derived[key_size:]


def _seal(shared: bytes, content_key: bytes, hash_: HashAlgorithm) -> bytes:
    import hmac

    key, mac_key = _derive(shared, len(content_key), hash_)
    wrapped = payload_cipher(key)(content_key)
    return hmac.digest(mac_key, wrapped, hash_.value) + wrapped


def _open(shared: bytes, tlv: Tlv, point: int, hash_: HashAlgorithm) -> bytes:
    import hmac

    mac, wrapped = tlv.data[point : point + hash_.digest_size], tlv.data[point + hash_.digest_size :]
    key, mac_key = _derive(shared, len(wrapped), hash_)
    if not hmac.compare_digest(hmac.digest(mac_key, wrapped, hash_.value), mac):
        raise _not_ours(tlv)
    return payload_cipher(key)(wrapped)


def _check_size(tlv: Tlv, size: int) -> None:
    if len(tlv.data) != size:
        message = f"expected {size} bytes of {tlv.type_name}, got {len(tlv.data)} at offset {tlv.offset:#x}"
        raise MalformedImageError("BadTlvLength", message, offset=tlv.offset)


def _not_ours(tlv: Tlv) -> KeyMismatchError:
    message = f"the content key at offset {tlv.offset:#x} was not wrapped for this decryption key"
    return KeyMismatchError("DecryptionKeyMismatch", message, offset=tlv.offset)
