"""CC3220SF application images (``/sys/mcuflashimg.bin``) as AWS IoT OTA delivers them.

The signature is RSA-2048 PKCS#1 v1.5 with SHA-1 over the file; it travels beside the file, and the device's file system
checks it with a certificate named in the job. The copy in serial flash begins with a 32-byte SHA-256 of the body that
follows. Whether an OTA file must already carry that prefix is not settled by any primary source: it is an option, off
by default.

Source: SWRU543 (CC3x20 SimpleLink file system, secure boot); AWS Signer platform AmazonFreeRTOS-TI-CC3220SF.
"""

from typing import Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError, DigestMismatchError, ImageTooLargeError, MalformedImageError

MAX_CC3220SF_SIZE: Final = 512 * 1024
_MAX_NAME: Final = 180


def check_cc3220sf_size(size: int) -> None:
    """Refuse what does not fit the part's flash.

    Args:
        size: Bytes of the file.

    Raises:
        ImageTooLargeError: More than 512 KiB.
    """
    if size > MAX_CC3220SF_SIZE:
        message = f"a CC3220SF image has at most {MAX_CC3220SF_SIZE} bytes, this one has {size}"
        raise ImageTooLargeError("ImageTooLarge", message, size=size, limit=MAX_CC3220SF_SIZE)


def add_sha256_prefix(body: bytes) -> bytes:
    """SHA-256 of the body (32 bytes), then the body.

    Raises:
        ImageTooLargeError: The result would be over 512 KiB.
    """
    check_cc3220sf_size(len(body) + 32)
    return core.digest(HashAlgorithm.SHA256, body) + body


def split_sha256_prefix(image: bytes) -> bytes:
    """Check the prefix and return the body behind it.

    Raises:
        MalformedImageError: Nothing follows the prefix.
        DigestMismatchError: The prefix is not the SHA-256 of the body.
    """
    if len(image) <= 32:
        raise MalformedImageError("TruncatedImage", f"expected more than 32 bytes, got {len(image)}", size=len(image))
    stored, body = image[:32], image[32:]
    if stored != (computed := core.digest(HashAlgorithm.SHA256, body)):
        message = f"prefix says SHA-256 {stored.hex()} at offset 0, the body has {computed.hex()}"
        raise DigestMismatchError("PrefixMismatch", message, offset=0)
    return body


def check_certificate_name(name: str) -> str:
    """Check the name of the signer's certificate in the device's file system; returns it.

    Raises:
        ConfigError: Empty, longer than 180 characters, not printable ASCII, or with ``..`` or empty components.
    """
    components = name.removeprefix("/").split("/")
    good = 0 < len(name) <= _MAX_NAME and name.isascii() and name.isprintable()
    if not good or any(part in {"", ".", ".."} for part in components):
        message = f"a certificate name is a file name of 1 to {_MAX_NAME} printable characters, got {name!r}"
        raise ConfigError("InvalidCertificateName", message)
    return name
