"""Which record holds which signature, over what, and how an image names a key."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, KeyType, SignatureAlgorithm, signature_algorithm
from iotsign.core import Ed25519Verifier, Hasher
from iotsign.errors import MalformedImageError, UnsupportedAlgorithmError
from iotsign.formats.background_hasher import BackgroundUpdates
from iotsign.formats.judge import Judge
from iotsign.formats.mcuboot._stream import Region
from iotsign.formats.mcuboot._tlv import PublicKeyFormat, Tlv, TlvType

if TYPE_CHECKING:
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


def choose_hash(keys: Sequence[PublicKey], wanted: HashAlgorithm | None, *, pure: bool) -> HashAlgorithm:
    """The image's hash: what the caller asks for, or the default of the keys.

    Args:
        keys: The keys that will sign; none makes an image with a digest only.
        wanted: What the caller asks for.
        pure: The signatures will be pure.

    Raises:
        UnsupportedAlgorithmError: A key does not go with it, or the keys have none in common.
    """
    if not keys:
        return HashAlgorithm.SHA512 if pure else wanted or HashAlgorithm.SHA256
    allowed = [hashes_of(key, pure=pure) for key in keys]
    common = [hash_ for hash_ in allowed[0] if all(hash_ in others for others in allowed)]
    if wanted is not None:
        common = [hash_ for hash_ in common if hash_ is wanted]
    if not common:
        names = " and ".join(key.key_type.value for key in keys)
        asked = wanted.value if wanted else "one hash for all keys"
        allowed_names = "; ".join("/".join(hash_.value for hash_ in hashes) for hashes in allowed)
        message = f"expected {asked} to go with {names}, which allow {allowed_names}"
        raise UnsupportedAlgorithmError("HashNotAllowed", message)
    return common[0]


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
    hasher = Hasher(hash_)
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


def signature_tlvs(
    signer: Signer, region: Region, digest: bytes, hash_: HashAlgorithm, format_: PublicKeyFormat, *, pure: bool
) -> list[Tlv]:
    """Sign an image: the two records that one signer adds.

    Raises:
        KeyFamilyError: The key cannot sign.
        StoreError: No room for a temporary file.
    """
    key = signer.public_key
    signature = sign(signer, region, digest, pure=pure)
    return [key_tlv(key, format_, hash_), Tlv(SIGNATURE_TLVS[key.key_type], signature)]


def verify(
    key: PublicKey,
    region: Region,
    digest: bytes,
    signature: bytes,
    judge: Judge,
    *,
    pure: bool,
    passed: Ed25519Verifier | None = None,
) -> None:
    """Verify an image's signature.

    Args:
        key: The key.
        region: What the image's hash covers.
        digest: Its digest, computed.
        signature: The record's data; an ECDSA signature may be followed by zeros, as old packers left it.
        judge: Who does the mathematics.
        pure: The signature is over the region, not the digest.
        passed: Has seen the whole region already.

    Raises:
        SignatureMismatchError: Another image or key.
        MalformedImageError: The signature's encoding is not canonical.
        StoreError: No room for a temporary file.
    """
    algorithm = algorithm_of(key)
    if pure:

        def streamed() -> None:
            (passed or _read_through(key, region, signature)).check()

        with contextlib.ExitStack() as stack:

            def message() -> memoryview:
                return stack.enter_context(region.mapped())

            judge(key, algorithm, signature, digest=digest, message=message, streamed=streamed)
    else:
        stripped = _without_padding(signature, key.key_type)
        judge(key, algorithm, stripped, digest=digest, message=lambda: digest)


def _read_through(key: PublicKey, region: Region, signature: bytes) -> Ed25519Verifier:
    verifier = Ed25519Verifier(key.spki_der, signature)
    with BackgroundUpdates([verifier]) as updates:
        for block in region.blocks():
            updates.update(block)
    return verifier


def _without_padding(signature: bytes, key_type: KeyType) -> bytes:
    padded = _PADDED_ECDSA_SIZES.get(key_type)
    if padded is None or len(signature) < 2:
        return signature
    der, padding = signature[: signature[1] + 2], signature[signature[1] + 2 :]
    if any(padding) or (padding and len(signature) > padded):
        message = (
            f"expected an ECDSA signature of {len(der)} bytes with at most zeros behind, got {len(signature)} bytes"
        )
        raise MalformedImageError("SignaturePadding", message)
    return der
