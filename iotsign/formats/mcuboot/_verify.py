"""The verdict on an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.errors import (
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.formats.mcuboot._content import Content, PayloadState, check_decompressed, open_content
from iotsign.formats.mcuboot._encryption import DecryptionKey
from iotsign.formats.mcuboot._image import Image, SignatureEntry, read_image
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._signature import SIGNATURE_TLVS, hashes_of, names_key, verify
from iotsign.formats.mcuboot._stream import Region, Source
from iotsign.formats.mcuboot._tlv import ENCRYPTION_TYPES, SINGLE_TYPES, UNPROTECTED_TYPES, Tlv, TlvType

if TYPE_CHECKING:
    from iotsign.keys import PublicKey


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image whose integrity holds. Nobody vouches for it.

    Attributes:
        image: The image.
        digests: Its digests, computed.
        payload: How the payload lies in the file.
        decompressed_digest: Digest of the image as it will be in its slot; None for one that is not compressed.
    """

    image: Image
    digests: dict[HashAlgorithm, bytes]
    payload: PayloadState
    decompressed_digest: bytes | None


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """What became of one signature.

    Attributes:
        entry: The signature.
        signer: The given key that made it; None if it was made for a key that was not given.
    """

    entry: SignatureEntry
    signer: PublicKey | None


@dataclass(frozen=True, slots=True)
class VerifiedImage(CheckedImage):
    """An image that at least one of the given keys signed.

    Attributes:
        signatures: All signatures in file order.
        decompressed_signer: The given key that signed the decompressed image; None if there is no such signature.
    """

    signatures: tuple[CheckedSignature, ...]
    decompressed_signer: PublicKey | None

    @property
    def signers(self) -> tuple[PublicKey, ...]:
        """The given keys that signed, in file order."""
        return tuple(checked.signer for checked in self.signatures if checked.signer is not None)


def check_integrity(file: BinaryIO, *, decryption_key: DecryptionKey | None = None) -> CheckedImage:
    """Check all that an image says about itself. This is no verdict on who made it.

    Args:
        file: Seekable; the image starts at offset 0.
        decryption_key: Opens an encrypted payload.

    Raises:
        FormatError: The image contradicts itself.
        DigestMismatchError: Its content is not what its digest says.
        KeyMismatchError: It was encrypted for another key.
        VerificationIncompleteError: It is encrypted and there is no key to decrypt it.
        StoreError: The file cannot be read.
    """
    image, content, inner = open_image(file, decryption_key)
    return CheckedImage(image, content.digests, content.state, inner[1] if inner else None)


def verify_image(
    file: BinaryIO,
    keys: Sequence[PublicKey],
    *,
    decryption_key: DecryptionKey | None = None,
    floor: Floor | None = None,
    require_all: bool = False,
) -> VerifiedImage:
    """Verify that one of the given keys signed an image.

    What the caller still owes: whether the keys are trusted, and whether the dependencies are installed.

    Args:
        file: Seekable; the image starts at offset 0.
        keys: Public keys, at least one.
        decryption_key: Opens an encrypted payload.
        floor: Least version and security counter.
        require_all: Each of the keys must have signed, not just one.

    Raises:
        FormatError: The image contradicts itself.
        DigestMismatchError: Its content is not what its digest says.
        SignatureMismatchError: It has no signature, or a bad one that names a given key.
        KeyMismatchError: It was signed by, or encrypted for, other keys or key types.
        RollbackError: Its version or security counter is too low.
        VerificationIncompleteError: No key was given, or it is encrypted and there is no key to decrypt it.
        StoreError: The file cannot be read.
    """
    # 1. There is something to verify with.
    if not keys:
        raise VerificationIncompleteError("NoKey", "expected at least one public key to verify with, got none")
    # 2. Structure, 3. content and 4. digests.
    image, content, inner = open_image(file, decryption_key)
    # 5. Signatures over the image as transferred.
    signatures = _verify_signatures(image, content, keys)
    signed_by = {checked.signer for checked in signatures}
    missing = [key for key in keys if key not in signed_by]
    if require_all and missing:
        key = missing[0]
        message = f"expected signatures of all {len(keys)} keys, got none of {key.key_type.value} key {_id(key)}"
        raise KeyMismatchError("SignerMissing", message)
    # 6. The signature over the image as decompressed, by one of the keys that signed it as transferred.
    inner_signer = None
    if inner is not None:
        trusted = [key for key in keys if key in signed_by]
        inner_signer = _verify_decompressed(image, *inner, trusted)
    # 7. No rollback.
    if floor is not None:
        floor.check(image.version, image.security_counter)
    decompressed_digest = inner[1] if inner else None
    return VerifiedImage(image, content.digests, content.state, decompressed_digest, signatures, inner_signer)


def open_image(
    file: BinaryIO, decryption_key: DecryptionKey | None
) -> tuple[Image, Content, tuple[Region, bytes] | None]:
    # 2. Sizes, magics, and records that stand where the boot loader looks for them, once each.
    image = read_image(file)
    _check_records(image)
    # 3. The payload in plain. 4. Digests.
    content = open_content(image, Source(file), decryption_key)
    if not image.header.compressed:
        return image, content, None
    return image, content, check_decompressed(image, content.region)


def _check_records(image: Image) -> None:
    for tlv in image.unprotected:
        if tlv.type not in UNPROTECTED_TYPES:
            message = (
                f"expected {tlv.type_name} (type {tlv.type:#06x}) among the protected TLVs only, "
                f"got it at offset {tlv.offset:#x}, where nothing covers it"
            )
            raise _malformed("UnprotectedTlv", message, tlv)
        if tlv.type == TlvType.SIG_PURE and tlv.data != b"\x01":
            message = f"expected 01 in SIG_PURE at offset {tlv.offset:#x}, got {tlv.data.hex()}"
            raise _malformed("BadSigPure", message, tlv)
        if tlv.type in ENCRYPTION_TYPES and not image.header.encrypted:
            message = f"expected no {tlv.type_name} in an unencrypted image, got it at offset {tlv.offset:#x}"
            raise _malformed("UnexpectedContentKey", message, tlv)
    for area in (image.protected, image.unprotected):
        kinds = [_kind(tlv) for tlv in area]
        counts = Counter(kind for kind in kinds if kind is not None)
        for tlv, kind in zip(area, kinds, strict=True):
            if counts[kind] > 1:
                message = f"expected {tlv.type_name} once, got it {counts[kind]} times, first at offset {tlv.offset:#x}"
                raise _malformed("TlvTwice", message, tlv)
    for entry in image.signatures:
        if entry.key is None and len(image.signatures) > 1:
            message = (
                f"expected a key's name before each of several signatures, got none at offset {entry.tlv.offset:#x}"
            )
            raise _malformed("UnnamedSignature", message, entry.tlv)
    # the getters check the lengths of what the caller will use
    _ = image.security_counter, image.dependencies


def _kind(tlv: Tlv) -> object:
    """What there may be only one of; None for what may come often."""
    if tlv.type in ENCRYPTION_TYPES:
        return ENCRYPTION_TYPES
    return tlv.type if tlv.type in SINGLE_TYPES else None


def _malformed(code: str, message: str, tlv: Tlv) -> MalformedImageError:
    return MalformedImageError(code, message, offset=tlv.offset, type=tlv.type)


def _verify_signatures(image: Image, content: Content, keys: Sequence[PublicKey]) -> tuple[CheckedSignature, ...]:
    if not image.signatures:
        message = f"expected a signature in the TLVs at offset {image.tlv_offset:#x}, got an unsigned image"
        raise SignatureMismatchError("Unsigned", message)
    checked = tuple(CheckedSignature(entry, _signer_of(image, content, entry, keys)) for entry in image.signatures)
    if any(signature.signer is not None for signature in checked):
        return checked
    found = ", ".join(_describe(entry) for entry in image.signatures)
    wanted = ", ".join(f"{key.key_type.value} {_id(key)}" for key in keys)
    raise KeyMismatchError("SignedByOthers", f"expected a signature by {wanted}, got {found}")


def _signer_of(image: Image, content: Content, entry: SignatureEntry, keys: Sequence[PublicKey]) -> PublicKey | None:
    """The given key that made a signature; None if the signature is for another key."""
    problem: UntrustedImageError | None = None
    for key in keys:
        hash_ = _hash_for(image, content, entry.tlv, key)
        if hash_ is None or (entry.key is not None and not names_key(entry.key, key, hash_)):
            continue
        try:
            verify(key, content.region, content.digests[hash_], entry.tlv.data, pure=image.pure)
        except (SignatureMismatchError, MalformedImageError) as error:
            message = f"{entry.tlv.type_name} at offset {entry.tlv.offset:#x}: {error.message}"
            problem = SignatureMismatchError("SignatureMismatch", message, offset=entry.tlv.offset)
            problem.__cause__ = error
        else:
            return key
    # a signature that names a given key must be right whoever else signed, and so must the only signature
    if problem is not None:
        raise problem
    return None


def _hash_for(image: Image, content: Content, tlv: Tlv, key: PublicKey) -> HashAlgorithm | None:
    """The image's digest that a key's signature is over; None if the record is none of this key type."""
    if SIGNATURE_TLVS.get(key.key_type) != tlv.type or (image.pure and key.key_type is not KeyType.ED25519):
        return None
    return next((hash_ for hash_ in hashes_of(key, pure=image.pure) if hash_ in content.digests), None)


def _verify_decompressed(image: Image, region: Region, digest: bytes, keys: Sequence[PublicKey]) -> PublicKey | None:
    signature = image.protected_value(TlvType.DECOMP_SIGNATURE)
    if signature is None:
        raise SignatureMismatchError(
            "DecompressedUnsigned", "expected DECOMP_SIGNATURE in the protected TLVs, got none"
        )
    problem: UntrustedImageError | MalformedImageError | None = None
    for key in keys:
        try:
            verify(key, region, digest, signature, pure=image.pure)
        except (SignatureMismatchError, MalformedImageError) as error:
            problem = error
        else:
            return key
    message = "the signature over the decompressed image is by none of the keys that signed it compressed"
    raise SignatureMismatchError("DecompressedSignatureMismatch", message) from problem


def _describe(entry: SignatureEntry) -> str:
    if entry.key is None:
        return f"{entry.tlv.type_name} of an unnamed key"
    return f"{entry.tlv.type_name} of key {entry.key.data.hex()[:16]}…"


def _id(key: PublicKey) -> str:
    return f"{key.fingerprint.hex()[:16]}…"
