"""Which record holds which signature, over what, and how an image names a key."""

from typing import Final

from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.errors import MalformedImageError, UnsupportedAlgorithmError
from iotsign.formats.mcuboot._options import PublicKeyFormat
from iotsign.formats.mcuboot._stream import Region, new_hasher
from iotsign.formats.mcuboot._tlv import Tlv, TlvType
from iotsign.keys import PublicKey, Signer

SIGNATURE_TLVS: Final = {
    KeyType.RSA2048: TlvType.RSA2048,
    KeyType.RSA3072: TlvType.RSA3072,
    KeyType.P256: TlvType.ECDSASIG,
    KeyType.P384: TlvType.ECDSASIG,
    KeyType.ED25519: TlvType.ED25519,
}
# The first is the default. Source: MCUboot bootutil/crypto/sha.h and the hashes its boot loader is built with.
_HASHES: Final = {
    KeyType.RSA2048: (HashAlgorithm.SHA256,),
    KeyType.RSA3072: (HashAlgorithm.SHA256,),
    KeyType.P256: (HashAlgorithm.SHA256,),
    KeyType.P384: (HashAlgorithm.SHA384,),
    KeyType.ED25519: (HashAlgorithm.SHA256, HashAlgorithm.SHA512),
}
_ALGORITHM_NAMES: Final = {
    KeyType.RSA2048: "SHA256withRSAandMGF1",
    KeyType.RSA3072: "SHA256withRSAandMGF1",
    KeyType.P256: "SHA256withECDSA",
    KeyType.P384: "SHA384withECDSA",
    KeyType.ED25519: "Ed25519",
}
_PADDED_ECDSA_SIZES: Final = {KeyType.P256: 72, KeyType.P384: 104}


def algorithm_of(key: PublicKey) -> SignatureAlgorithm:
    """How a key signs images.

    Raises:
        UnsupportedAlgorithmError: MCUboot has no signature of this key type.
    """
    name = _ALGORITHM_NAMES.get(key.key_type)
    if name is None:
        known = ", ".join(key_type.value for key_type in _ALGORITHM_NAMES)
        message = f"expected a key for MCUboot ({known}), got {key.key_type.value}"
        raise UnsupportedAlgorithmError("KeyTypeNotInFormat", message)
    return signature_algorithm(name)


def hashes_of(key: PublicKey, *, pure: bool) -> tuple[HashAlgorithm, ...]:
    """Image hashes that go with a key, the default first.

    Raises:
        UnsupportedAlgorithmError: MCUboot has no signature of this key type, or no pure one.
    """
    algorithm_of(key)
    if not pure:
        return _HASHES[key.key_type]
    if key.key_type is not KeyType.ED25519:
        message = f"expected an ed25519 key for a pure signature, got {key.key_type.value}"
        raise UnsupportedAlgorithmError("PureNeedsEd25519", message)
    return (HashAlgorithm.SHA512,)


def key_bytes(key: PublicKey) -> bytes:
    """A key as images hold it: PKCS#1 RSAPublicKey for RSA, SubjectPublicKeyInfo for the others, both DER."""
    if key.key_type.encryption is not EncryptionAlgorithm.RSA:
        return key.spki_der
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

    return load_der_public_key(key.spki_der).public_bytes(Encoding.DER, PublicFormat.PKCS1)


def key_tlv(key: PublicKey, format_: PublicKeyFormat, hash_: HashAlgorithm) -> Tlv:
    """The record that names a key."""
    if format_ is PublicKeyFormat.FULL:
        return Tlv(TlvType.PUBKEY, key_bytes(key))
    return Tlv(TlvType.KEYHASH, key_hash(key, hash_))


def key_hash(key: PublicKey, hash_: HashAlgorithm) -> bytes:
    """A key's hash, by the image's hash function."""
    hasher = new_hasher(hash_)
    hasher.update(key_bytes(key))
    return hasher.digest()


def names_key(tlv: Tlv, key: PublicKey, hash_: HashAlgorithm) -> bool:
    """Whether a KEYHASH or PUBKEY record names a key."""
    wanted = key_bytes(key) if tlv.type == TlvType.PUBKEY else key_hash(key, hash_)
    return tlv.data == wanted


def sign(signer: Signer, region: Region, digest: bytes, *, pure: bool) -> bytes:
    """Sign an image.

    Args:
        signer: The key.
        region: What the image's hash covers.
        digest: Its digest.
        pure: Sign the region, not the digest.

    Raises:
        KeyFamilyError: The key cannot sign.
        StoreError: No room for a temporary file.
    """
    algorithm = algorithm_of(signer.public_key)
    if pure:
        with region.mapped() as message:
            return signer.sign(message, algorithm)
    if algorithm.hash is None:
        return signer.sign(digest, algorithm)
    return signer.sign_digest(digest, algorithm)


def verify(key: PublicKey, region: Region, digest: bytes, signature: bytes, *, pure: bool) -> None:
    """Verify an image's signature.

    Args:
        key: The key.
        region: What the image's hash covers.
        digest: Its digest, computed.
        signature: The record's data; an ECDSA signature may be followed by zeros, as old packers left it.
        pure: The signature is over the region, not the digest.

    Raises:
        SignatureMismatchError: Another image or key.
        MalformedImageError: The signature's encoding is not canonical.
        StoreError: No room for a temporary file.
    """
    algorithm = algorithm_of(key)
    if pure:
        with region.mapped() as message:
            key.verify(message, signature, algorithm)
    elif algorithm.hash is None:
        key.verify(digest, signature, algorithm)
    else:
        key.verify_digest(digest, _without_padding(signature, key.key_type), algorithm)


def _without_padding(signature: bytes, key_type: KeyType) -> bytes:
    padded = _PADDED_ECDSA_SIZES.get(key_type)
    if padded is None or len(signature) < 2:
        return signature
    der, padding = signature[: signature[1] + 2], signature[signature[1] + 2 :]
    if any(padding) or (padding and len(signature) > padded):
        message = f"expected an ECDSA signature of {len(der)} bytes with at most zeros behind, got {len(signature)} bytes"
        raise MalformedImageError("SignaturePadding", message)
    return der
