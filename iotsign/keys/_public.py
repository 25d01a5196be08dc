"""Public keys, and what they accept as a signature."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from iotsign import core
from iotsign.algorithms import (
    SIGNATURE_ALGORITHMS,
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureAlgorithm,
    SignatureEncoding,
)
from iotsign.errors import (
    KeyMismatchError,
    KeyRejectedError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
)
from iotsign.keys._der import check_ecdsa_range, decode_ecdsa_signature, encode_ecdsa_signature
from iotsign.keys._edwards import has_prime_order

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    OpensslKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

OPENSSL_HASHES: Final[dict[HashAlgorithm, hashes.HashAlgorithm]] = {
    HashAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303 - the TI platform asks for it
    HashAlgorithm.SHA256: hashes.SHA256(),
    HashAlgorithm.SHA384: hashes.SHA384(),
    HashAlgorithm.SHA512: hashes.SHA512(),
}

_PREHASHED: Final = {name: utils.Prehashed(known) for name, known in OPENSSL_HASHES.items()}
_ECDSA: Final = {name: ec.ECDSA(known) for name, known in _PREHASHED.items()}

_CURVES: Final = {"secp256r1": KeyType.P256, "secp384r1": KeyType.P384}
_RSA_SIZES: Final = {2048: KeyType.RSA2048, 3072: KeyType.RSA3072, 4096: KeyType.RSA4096}
_LEAST_RSA_BITS: Final = 2048
_SCALAR_SIZES: Final = {KeyType.P256: 32, KeyType.P384: 48}
_ED25519_SIGNATURE_SIZE: Final = 64
_OID_PRIME_FIELD: Final = bytes.fromhex("06072a8648ce3d0101")  # 1.2.840.10045.1.1, found only in explicit parameters


class _Once(threading.local):
    active = False
    verified: tuple[bytes, str, bytes, bytes] | None = None


_once: Final = _Once()


@contextmanager
def verifying_once() -> Iterator[None]:
    """Within, on this thread, the signature over a digest that was verified last is not verified again.

    For signing: the signer, its caller and the format ask one after the other about the signature on its way out.
    """
    _once.active = True
    try:
        yield
    finally:
        _once.active, _once.verified = False, None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that iotsign verifies with. Making one checks it.

    Attributes:
        spki_der: X.509 SubjectPublicKeyInfo, DER. A compressed EC point is stored uncompressed.
        key_type: What kind of key it is.
        fingerprint: SHA-256 of `spki_der`, 32 bytes.

    Raises:
        KeyRejectedError: No public key, an RSA key under 2048 bits, explicit curve parameters, an Ed25519 key that is
            not of prime order, an encoding that is not DER.
        UnsupportedAlgorithmError: A key of a type, curve or size outside `KeyType`.

    Source: RFC 5280 §4.1.2.7, RFC 5480 §2, RFC 8410 §4.
    """

    spki_der: bytes
    key_type: KeyType = field(init=False)
    fingerprint: bytes = field(init=False, repr=False, compare=False)
    _openssl: "OpensslKey" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        loaded = _load_spki(self.spki_der)
        key_type, key = _classify(loaded)
        canonical = spki(loaded)
        if canonical != self.spki_der and _compressed_spki(key, canonical) != self.spki_der:
            message = (
                "expected the DER SubjectPublicKeyInfo of a plain rsaEncryption, EC or Ed25519 key, got another form"
            )
            raise KeyRejectedError("NonCanonicalKey", message)
        object.__setattr__(self, "spki_der", canonical)
        object.__setattr__(self, "key_type", key_type)
        object.__setattr__(self, "fingerprint", core.digest(HashAlgorithm.SHA256, canonical))
        object.__setattr__(self, "_openssl", key)

    @property
    def pkcs1_der(self) -> bytes | None:
        """PKCS#1 RSAPublicKey, DER; None for other keys. Source: RFC 8017 §A.1.1."""
        if not isinstance(self._openssl, rsa.RSAPublicKey):
            return None
        return self._openssl.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)

    @property
    def modulus_and_exponent(self) -> tuple[int, int] | None:
        """RSA's (n, e); None for other keys."""
        if not isinstance(self._openssl, rsa.RSAPublicKey):
            return None
        numbers = self._openssl.public_numbers()
        return numbers.n, numbers.e

    def to_pem(self) -> bytes:
        """The key as PEM, label PUBLIC KEY."""
        return self._openssl.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, message: bytes | bytearray | memoryview, signature: bytes, algorithm: SignatureAlgorithm) -> None:
        """Verify a signature over a whole message.

        Args:
            message: What was signed.
            signature: In the encoding that `algorithm` states.
            algorithm: The algorithm the signature is claimed to have.

        Raises:
            SignatureMismatchError: The signature is not this key's over this message.
            KeyMismatchError: The algorithm needs a key of another family.
            MalformedImageError: The signature is not canonical or out of range.
            UnsupportedAlgorithmError: The algorithm is none of iotsign's.
        """
        self._check_family(algorithm)
        if not isinstance(self._openssl, ed25519.Ed25519PublicKey):
            self.verify_digest(hash_message(message, algorithm), signature, algorithm)
            return
        if len(signature) != _ED25519_SIGNATURE_SIZE:
            expected = f"expected {_ED25519_SIGNATURE_SIZE} bytes of Ed25519 signature, got {len(signature)}"
            raise MalformedImageError("SignatureLength", expected)
        try:
            self._openssl.verify(signature, message)
        except InvalidSignature:
            raise _mismatch(self, algorithm) from None

    def verify_digest(self, digest: bytes, signature: bytes, algorithm: SignatureAlgorithm) -> None:
        """Verify a signature over a digest.

        Args:
            digest: Exactly ``algorithm.hash.digest_size`` bytes.
            signature: In the encoding that `algorithm` states.
            algorithm: The algorithm the signature is claimed to have; not Ed25519, which signs whole messages.

        Raises:
            SignatureMismatchError: The signature is not this key's over this digest.
            KeyMismatchError: The algorithm needs a key of another family.
            MalformedImageError: The signature is not canonical or out of range, or the digest has a wrong length.
            UnsupportedAlgorithmError: Ed25519, or an algorithm that is none of iotsign's.
        """
        # 1. The algorithm is a known one and this key's family is the one it needs.
        self._check_family(algorithm)
        # 2. The digest is as long as the hash makes it.
        hash_ = check_digest(digest, algorithm)
        claim = (self.spki_der, algorithm.name, bytes(digest), bytes(signature))
        if claim == _once.verified:
            return
        # 3. The signature is the only encoding of its value, and the value is in range.
        # 4. The mathematics.
        try:
            if isinstance(self._openssl, ec.EllipticCurvePublicKey):
                der = self._canonical_ecdsa(signature, algorithm)
                self._openssl.verify(der, digest, _ECDSA[hash_])
            elif isinstance(self._openssl, rsa.RSAPublicKey):
                self._check_rsa_length(signature)
                self._openssl.verify(signature, digest, rsa_padding(algorithm), _PREHASHED[hash_])
        except InvalidSignature:
            raise _mismatch(self, algorithm) from None
        if _once.active:
            _once.verified = claim

    def verify_own(self, digest: bytes, signature: bytes, algorithm: SignatureAlgorithm) -> None:
        """Verify a signature over a digest that OpenSSL made just now with this key.

        The core verifies P-384 in less than half of OpenSSL's time, and lets other threads run meanwhile; for the
        other keys it is OpenSSL.

        Args:
            digest: Exactly ``algorithm.hash.digest_size`` bytes.
            signature: In the encoding that `algorithm` states.
            algorithm: How it was made.

        Raises:
            SignatureMismatchError: The signature is not this key's over this digest.
        """
        if self.key_type is not KeyType.P384:
            self.verify_digest(digest, signature, algorithm)
            return
        core.verify_digest(algorithm, self.spki_der, digest, signature)
        if _once.active:
            _once.verified = (self.spki_der, algorithm.name, bytes(digest), bytes(signature))

    def _check_family(self, algorithm: SignatureAlgorithm) -> None:
        check_algorithm(algorithm)
        if algorithm.encryption is not self.key_type.encryption:
            message = (
                f"{algorithm.name} needs {_with_article(algorithm.encryption)} key, this one is {self.key_type.value}"
            )
            raise KeyMismatchError("KeyFamilyMismatch", message, key_type=self.key_type.value)

    def _canonical_ecdsa(self, signature: bytes, algorithm: SignatureAlgorithm) -> bytes:
        if algorithm.encoding is SignatureEncoding.DER:
            decode_ecdsa_signature(signature, self.key_type)
            return signature
        size = _SCALAR_SIZES[self.key_type]
        if len(signature) != 2 * size:
            message = f"expected {2 * size} bytes of r‖s for {self.key_type.value}, got {len(signature)}"
            raise MalformedImageError("SignatureLength", message)
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        check_ecdsa_range(r, s, self.key_type)
        return encode_ecdsa_signature(r, s)

    def _check_rsa_length(self, signature: bytes) -> None:
        size = int(self.key_type.value.removeprefix("rsa")) // 8
        if len(signature) != size:
            message = f"expected {size} bytes of signature for {self.key_type.value}, got {len(signature)}"
            raise SignatureMismatchError("SignatureLength", message)


def spki(key: "PublicKeyTypes") -> bytes:
    """DER SubjectPublicKeyInfo of an OpenSSL key."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_algorithm(algorithm: SignatureAlgorithm) -> None:
    """Refuse an algorithm object that is not one of the table's.

    Raises:
        UnsupportedAlgorithmError: A combination made up by the caller.
    """
    if algorithm not in SIGNATURE_ALGORITHMS:
        raise UnsupportedAlgorithmError("UnknownSignatureAlgorithm", f"{algorithm.name!r} is not a known algorithm")


def hash_message(message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
    """Hash a message as the algorithm does before it signs.

    Raises:
        UnsupportedAlgorithmError: Ed25519, which signs whole messages.
    """
    import hashlib

    return hashlib.new(_hash_of(algorithm).value, message).digest()


def check_digest(digest: bytes, algorithm: SignatureAlgorithm) -> HashAlgorithm:
    """Check a digest's length and return the hash that made it.

    Raises:
        MalformedImageError: Too short or too long; a truncated digest is never accepted (CVE-2026-5194).
        UnsupportedAlgorithmError: Ed25519, which signs whole messages.
    """
    hash_ = _hash_of(algorithm)
    if len(digest) != hash_.digest_size:
        message = f"expected {hash_.digest_size} bytes of {hash_.value} digest, got {len(digest)}"
        raise MalformedImageError("DigestLength", message, expected=hash_.digest_size, got=len(digest))
    return hash_


def rsa_padding(algorithm: SignatureAlgorithm) -> padding.AsymmetricPadding:
    """OpenSSL's padding for an RSA algorithm: PKCS#1 v1.5, or PSS with MGF1 and a salt of exactly the stated size."""
    if algorithm.hash is None or algorithm.salt_size is None:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(OPENSSL_HASHES[algorithm.hash]), algorithm.salt_size)


def has_explicit_parameters(der: bytes) -> bool:
    """Whether a DER key spells out its curve instead of naming it (CVE-2020-0601)."""
    return _OID_PRIME_FIELD in der


def _hash_of(algorithm: SignatureAlgorithm) -> HashAlgorithm:
    if algorithm.hash is None:
        message = f"{algorithm.name} signs whole messages; expected an algorithm that signs digests"
        raise UnsupportedAlgorithmError("NoDigestToSign", message)
    return algorithm.hash


def _load_spki(der: bytes) -> "PublicKeyTypes":
    if has_explicit_parameters(der):
        message = "expected a named curve in the public key, got explicit curve parameters"
        raise KeyRejectedError("ExplicitCurveParameters", message)
    try:
        return serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        message = f"expected a DER SubjectPublicKeyInfo with a valid key, got {len(der)} bytes that are none"
        raise KeyRejectedError("InvalidPublicKey", message) from None


def _classify(key: "PublicKeyTypes") -> tuple[KeyType, "OpensslKey"]:
    if isinstance(key, ed25519.Ed25519PublicKey):
        if not has_prime_order(key.public_bytes_raw()):
            message = "expected an Ed25519 key of prime order, got another point: it verifies what others do not"
            raise KeyRejectedError("SmallOrderKey", message)
        return KeyType.ED25519, key
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size in _RSA_SIZES:
            return _RSA_SIZES[key.key_size], key
        if key.key_size < _LEAST_RSA_BITS:
            message = f"expected an RSA modulus of at least {_LEAST_RSA_BITS} bits, got {key.key_size}"
            raise KeyRejectedError("WeakRsaKey", message)
        got = f"RSA with {key.key_size} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _CURVES:
            return _CURVES[key.curve.name], key
        got = f"curve {key.curve.name}"
    else:
        got = type(key).__name__
    known = ", ".join(key_type.value for key_type in KeyType)
    raise UnsupportedAlgorithmError("UnsupportedKeyType", f"expected one of {known}; got {got}")


def _compressed_spki(key: "OpensslKey", canonical: bytes) -> bytes | None:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    saved = len(point) - 1  # an uncompressed point is 04 X Y, a compressed one 02/03 X
    head = bytearray(canonical[: -2 * saved - 1])
    bit_string = len(head) - 2  # BIT STRING length, before the count of unused bits
    head[1] -= saved
    head[bit_string] -= saved
    return bytes(head) + point


def _mismatch(key: PublicKey, algorithm: SignatureAlgorithm) -> SignatureMismatchError:
    message = f"the {algorithm.name} signature was not made over these bytes by key {key.fingerprint.hex()[:16]}…"
    return SignatureMismatchError("SignatureMismatch", message, key=key.fingerprint.hex(), algorithm=algorithm.name)


def _with_article(encryption: EncryptionAlgorithm) -> str:
    return ("a " if encryption is EncryptionAlgorithm.RSA else "an ") + encryption.value
