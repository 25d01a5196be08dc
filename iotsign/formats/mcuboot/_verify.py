"""The verdict on an image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.core import Ed25519Verifier
from iotsign.errors import (
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UntrustedImageError,
    VerificationIncompleteError,
)
from iotsign.formats.judge import Judge, judge_by_openssl
from iotsign.formats.mcuboot._content import Content, PayloadState, check_decompressed, open_content
from iotsign.formats.mcuboot._image import Image, SignatureEntry, read_image
from iotsign.formats.mcuboot._records import check_records
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._signature import SIGNATURE_TLVS, hashes_of, names_key, verify
from iotsign.formats.mcuboot._stream import Region, Source
from iotsign.formats.mcuboot._tlv import Tlv, TlvType

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._encryption import DecryptionKey
    from iotsign.keys import PublicKey

_MOST_IN_PASSING: Final = 2  # signatures; each costs a hash of everything


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


class OpenImage:
    """An image whose structure holds.

    Attributes:
        image: The structure.
        expected: Whose pure signatures the pass over the content looks for, too.

    Raises:
        MalformedImageError: The structure contradicts itself.
        StoreError: The file cannot be read.
    """

    def __init__(self, file: BinaryIO, decryption_key: DecryptionKey | None = None) -> None:
        self.image = read_image(file)
        check_records(self.image)
        self.expected: Sequence[PublicKey] = ()
        self._source = Source(file)
        self._decryption_key = decryption_key
        self._passing: dict[tuple[bytes, bytes], Ed25519Verifier] = {}

    @cached_property
    def content(self) -> Content:
        """The content, once its digests have been checked.

        Raises:
            IotsignError: As `open_content` raises.
        """
        self._passing = dict(self._verifiers())
        return open_content(self.image, self._source, self._decryption_key, self._passing.values())

    @cached_property
    def decompressed(self) -> tuple[Region, bytes] | None:
        """The image that a compressed one becomes and its digest, checked; None for others.

        Raises:
            IotsignError: As `check_decompressed` raises.
        """
        return check_decompressed(self.image, self.content.region) if self.image.header.compressed else None

    def check(self) -> CheckedImage:
        """Check the digests, outside and inside.

        Raises:
            IotsignError: As `check_integrity` raises.
        """
        content, inner = self.content, self.decompressed
        return CheckedImage(self.image, content.digests, content.state, inner[1] if inner else None)

    def checked_content(self) -> Content:
        """The content, once all digests have been checked.

        Raises:
            IotsignError: As `check_integrity` raises.
        """
        self.check()
        return self.content

    def verify(self, keys: Sequence[PublicKey], judge: Judge, *, require_all: bool = False) -> VerifiedImage:
        """Check the digests and find out who signed.

        Raises:
            IotsignError: As `verify_image` raises.
        """
        checked = self.check()
        # the signatures over the image as transferred
        signatures = self._signatures(keys, judge)
        signed_by = {signature.signer for signature in signatures}
        missing = [key for key in keys if key not in signed_by]
        if require_all and missing:
            key = missing[0]
            message = f"expected signatures of all {len(keys)} keys, got none of {key.key_type.value} key {_id(key)}"
            raise KeyMismatchError("SignerMissing", message)
        # the signature over the image as decompressed, by one of the keys that signed it as transferred
        inner_signer = None
        if self.decompressed is not None:
            trusted = [key for key in keys if key in signed_by]
            inner_signer = self._decompressed_signer(*self.decompressed, trusted, judge)
        return VerifiedImage(
            self.image, checked.digests, checked.payload, checked.decompressed_digest, signatures, inner_signer
        )

    def _signatures(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[CheckedSignature, ...]:
        image = self.image
        if not image.signatures:
            message = f"expected a signature in the TLVs at offset {image.tlv_offset:#x}, got an unsigned image"
            raise SignatureMismatchError("Unsigned", message)
        checked = tuple(CheckedSignature(entry, self._signer_of(entry, keys, judge)) for entry in image.signatures)
        if any(signature.signer is not None for signature in checked):
            return checked
        found = ", ".join(_describe(entry) for entry in image.signatures)
        wanted = ", ".join(f"{key.key_type.value} {_id(key)}" for key in keys)
        raise KeyMismatchError("SignedByOthers", f"expected a signature by {wanted}, got {found}")

    def _signer_of(self, entry: SignatureEntry, keys: Sequence[PublicKey], judge: Judge) -> PublicKey | None:
        """The given key that made a signature; None if the signature is for another key."""
        content = self.content
        problem: UntrustedImageError | None = None
        for key in keys:
            hash_ = self._hash_for(entry.tlv, key)
            if hash_ is None or (entry.key is not None and not names_key(entry.key, key, hash_)):
                continue
            try:
                passed = self._passing.get((key.spki_der, entry.tlv.data))
                verify(
                    key, content.region, content.digests[hash_], entry.tlv.data, judge,
                    pure=self.image.pure, passed=passed,
                )  # fmt: skip
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

    def _verifiers(self) -> Iterator[tuple[tuple[bytes, bytes], Ed25519Verifier]]:
        """Verifiers that the pass over the content serves, by key and signature; the payload must be in plain."""
        if not self.image.pure or self.image.header.encrypted:
            return
        for entry in self.image.signatures[:_MOST_IN_PASSING]:
            for key in self.expected:
                if entry.tlv.type != SIGNATURE_TLVS.get(key.key_type) or key.key_type is not KeyType.ED25519:
                    continue
                if entry.key is not None and names_key(entry.key, key, HashAlgorithm.SHA512):
                    with contextlib.suppress(MalformedImageError):  # said when its turn comes
                        yield (key.spki_der, entry.tlv.data), Ed25519Verifier(key.spki_der, entry.tlv.data)

    def _hash_for(self, tlv: Tlv, key: PublicKey) -> HashAlgorithm | None:
        """The image's digest that a key's signature is over; None if the record is none of this key type."""
        if SIGNATURE_TLVS.get(key.key_type) != tlv.type or (self.image.pure and key.key_type is not KeyType.ED25519):
            return None
        return next((hash_ for hash_ in hashes_of(key, pure=self.image.pure) if hash_ in self.content.digests), None)

    def _decompressed_signer(self, region: Region, digest: bytes, keys: Sequence[PublicKey], judge: Judge) -> PublicKey:
        signature = self.image.protected_value(TlvType.DECOMP_SIGNATURE)
        if signature is None:
            raise SignatureMismatchError(
                "DecompressedUnsigned", "expected DECOMP_SIGNATURE in the protected TLVs, got none"
            )
        problem: UntrustedImageError | MalformedImageError | None = None
        for key in keys:
            try:
                verify(key, region, digest, signature, judge, pure=self.image.pure)
            except (SignatureMismatchError, MalformedImageError) as error:
                problem = error
            else:
                return key
        message = "the signature over the decompressed image is by none of the keys that signed it compressed"
        raise SignatureMismatchError("DecompressedSignatureMismatch", message) from problem


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
    return OpenImage(file, decryption_key).check()


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
    # 2. Sizes, magics, and records that stand where the boot loader looks for them, once each.
    opened = OpenImage(file, decryption_key)
    # 3. The payload in plain, and the digests over it. 4. The signatures.
    verified = opened.verify(keys, judge_by_openssl, require_all=require_all)
    # 5. No rollback.
    if floor is not None:
        floor.check(opened.image.version, opened.image.security_counter)
    return verified


def _describe(entry: SignatureEntry) -> str:
    if entry.key is None:
        return f"{entry.tlv.type_name} of an unnamed key"
    return f"{entry.tlv.type_name} of key {entry.key.data.hex()[:16]}…"


def _id(key: PublicKey) -> str:
    return f"{key.fingerprint.hex()[:16]}…"
