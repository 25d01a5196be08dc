"""The offline ceremony: what to sign goes out, a signature made elsewhere comes in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from iotsign.errors import ConfigError, UnsupportedFormatError
from iotsign.formats.mcuboot._create import Builder, create_image
from iotsign.formats.mcuboot._image import Image
from iotsign.formats.mcuboot._options import Compression, ImageOptions
from iotsign.formats.mcuboot._resign import ResignOptions, resign_image
from iotsign.formats.mcuboot._signature import choose_hash
from iotsign.formats.mcuboot._stream import Source, write_all
from iotsign.formats.mcuboot._verify import OpenImage

if TYPE_CHECKING:
    from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
    from iotsign.formats.mcuboot._encryption import DecryptionKey, EncryptionKey
    from iotsign.keys import PublicKey


@dataclass(frozen=True, slots=True)
class AttachedSignature:
    """A signer whose one signature was made elsewhere; it is given out only for what it verifies over.

    Attributes:
        public_key: The key that made it.
        signature: ECDSA: DER; RSA: PSS, big-endian; Ed25519: 64 bytes.
    """

    public_key: PublicKey
    signature: bytes

    @property
    def uri(self) -> str:
        """A name for messages."""
        return "attached:"

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        """Give the signature out if it is over this message.

        Raises:
            SignatureMismatchError: It is not.
            MalformedImageError: It is not encoded as the algorithm states.
        """
        self.public_key.verify(message, self.signature, algorithm)
        return self.signature

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Give the signature out if it is over this digest.

        Raises:
            SignatureMismatchError: It is not.
            MalformedImageError: It is not encoded as the algorithm states.
        """
        self.public_key.verify_digest(digest, self.signature, algorithm)
        return self.signature


def write_message(
    source: BinaryIO,
    output: BinaryIO,
    options: ImageOptions,
    key: PublicKey | None,
    *,
    encryption_key: EncryptionKey | None = None,
) -> HashAlgorithm | None:
    """Write what a key shall sign of a firmware: the image's digest, or for a pure signature all that it covers.

    Args:
        source: The firmware, seekable.
        output: Where the message goes.
        options: Everything else about the image; the same must be given when the signature is attached.
        key: The key that will sign; None if it is not at hand, and then the options say which hash goes with it.
        encryption_key: The image will be encrypted; that shows in what is signed.

    Returns:
        The hash that made the digest; None if what was written is a message that covers the image itself.

    Raises:
        ConfigError: A boot record is wanted, which names the key.
        UnsupportedFormatError: A compressed image, which needs two signatures, the one inside the other.
        IotsignError: As `create_image` raises.
    """
    _refuse_compression(options)
    if options.boot_record is not None and key is None:
        raise ConfigError("KeyMissing", "expected the public key, because the boot record names it")
    signers = [AttachedSignature(key, b"")] if key is not None else []
    hash_ = choose_hash([signer.public_key for signer in signers], options.hash, pure=options.pure)
    with contextlib.ExitStack() as stack:
        region = Builder(Source(source), options, signers, hash_, encryption_key, stack).region()
        write_all(output, region.blocks() if options.pure else [region.digest(hash_)])
    return None if options.pure else hash_


def write_image_message(
    source: BinaryIO, output: BinaryIO, *, decryption_key: DecryptionKey | None = None
) -> HashAlgorithm | None:
    """Write what a key shall sign of an image that exists already, to add a signature to it.

    Returns:
        The hash that made the digest; None if what was written is a message that covers the image itself.

    Raises:
        IotsignError: As `check_integrity` raises.
    """
    opened = OpenImage(source, decryption_key)
    image, content = opened.image, opened.checked_content()
    write_all(output, content.region.blocks() if image.pure else [content.digest])
    return None if image.pure else next(iter(content.digests))


def attach_signature(
    source: BinaryIO,
    output: BinaryIO,
    options: ImageOptions,
    attached: AttachedSignature,
    *,
    encryption_key: EncryptionKey | None = None,
) -> Image:
    """Make an image from a firmware with a signature that was made elsewhere.

    Args:
        source: The firmware, seekable.
        output: Where the image goes, seekable and readable, empty.
        options: The same as when the message was written.
        attached: The signature and its key.
        encryption_key: Encrypts the payload for this key.

    Raises:
        SignatureMismatchError: The signature does not verify; nothing useful was written.
        UnsupportedFormatError: A compressed image.
        IotsignError: As `create_image` raises.
    """
    _refuse_compression(options)
    return create_image(source, output, options, [attached], encryption_key=encryption_key)


def attach_to_image(
    source: BinaryIO,
    output: BinaryIO,
    attached: AttachedSignature,
    *,
    decryption_key: DecryptionKey | None = None,
    options: ResignOptions | None = None,
) -> Image:
    """Add a signature that was made elsewhere to an image.

    Raises:
        SignatureMismatchError: The signature does not verify; nothing useful was written.
        IotsignError: As `resign_image` raises.
    """
    options = options or ResignOptions(append=True)
    return resign_image(source, output, [attached], options, decryption_key=decryption_key)


def _refuse_compression(options: ImageOptions) -> None:
    if options.compression is not Compression.NONE:
        message = (
            "a compressed image carries a signature inside what its outer one covers: sign it with the key at hand"
        )
        raise UnsupportedFormatError("CompressedOffline", message)
