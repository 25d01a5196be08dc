"""Signing a Lambda zip: the same bytes, and one entry more."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.errors import MalformedImageError, UnsupportedFormatError
from iotsign.formats.awslambda._cms_write import write_signature
from iotsign.formats.awslambda._content import SIGNATURE_NAME, digest_content
from iotsign.formats.awslambda._entry import signature_records
from iotsign.formats.awslambda._zip import END, END_MAGIC, read_zip
from iotsign.formats.claims import SignatureClaims

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import Signer

__all__ = ["SignedZip", "sign_zip"]

_CHUNK: Final = 1 << 20
_MOST_ENTRIES: Final = 0xFFFE
_LARGEST: Final = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class SignedZip:
    """What was written.

    Attributes:
        digest: SHA-384 of the content, 48 bytes: names and bodies, the CMS's detached content.
        payload_size: Bytes of the source.
        size: Bytes of the signed zip.
        signature: The signature's entry: PEM.
    """

    digest: bytes
    payload_size: int
    size: int
    signature: bytes


def sign_zip(
    source: BinaryIO,
    output: BinaryIO,
    signer: "Signer",
    *,
    certificates: Sequence["x509.Certificate"],
    claims: SignatureClaims,
) -> SignedZip:
    """Sign a zip file; the signature is checked before this returns.

    The source is read once, and what is signed is what was written. The same source, key, certificates and claims give
    the same bytes wherever the signer is deterministic. On an error the output holds half a file.

    Args:
        source: The zip file, from its first byte on; it need not be seekable.
        output: Empty, seekable, readable and writable.
        signer: A P-384 key.
        certificates: The signer's own first, the root last, or without the root; all go into the signature.
        claims: Signed attributes.

    Raises:
        MalformedImageError: The zip is empty, already signed or malformed, or readers might see different things in it.
        UnsupportedFormatError: It is encrypted, or has zip64 end records or an unusual compression.
        ImageTooLargeError: Its content is larger than AWS Lambda takes.
        KeyMismatchError: The first certificate is about another key.
        UnsupportedAlgorithmError: The key is not a P-384 one.
        SignatureMismatchError: The signer's own signature does not verify.
        KeyFamilyError: The key cannot be used.
    """
    # threat 22
    shutil.copyfileobj(source, output, _CHUNK)
    size = output.tell()
    layout = read_zip(output, size)
    if not layout.entries:
        raise MalformedImageError("EmptyZip", "expected a zip file with something in it, got an empty one", offset=0)
    if any(entry.name == SIGNATURE_NAME for entry in layout.entries):
        message = f"expected a zip file without {SIGNATURE_NAME.decode()}, got a signed one"
        raise MalformedImageError("AlreadySigned", message, hint="sign the zip as it was before")
    digest = digest_content(output, layout.entries)
    signature = write_signature(digest, signer, certificates, claims)

    output.seek(layout.directory_offset)
    directory = output.read(layout.end_offset - layout.directory_offset)
    local, central = signature_records(signature, layout.directory_offset, claims.signing_time)
    count, start = len(layout.entries) + 1, layout.directory_offset + len(local)
    if count > _MOST_ENTRIES or start > _LARGEST:
        message = f"expected a zip that has room for one entry more, got {count - 1} entries and {size} bytes"
        raise UnsupportedFormatError("Zip64", message)
    end = END.pack(END_MAGIC, 0, 0, count, count, len(directory) + len(central), start, len(layout.comment))
    output.seek(layout.directory_offset)
    output.writelines([local, directory, central, end, layout.comment])
    return SignedZip(digest, size, output.tell(), signature)
