"""Fuzz the readers of MCUboot images.

    python tests/fuzz/fuzz_mcuboot.py -max_total_time=60 tests/fuzz/corpus/mcuboot

The first byte of an input chooses whether digests are put right before and whether there is a key to decrypt with; the
rest is the file. Whatever the file, there is a result or an IotsignError; what was read writes itself back; and an
image that nobody signed is never verified.
"""

import hashlib
import io
import sys
from dataclasses import replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from iotsign.errors import FormatError, IotsignError, UntrustedImageError
from iotsign.formats import mcuboot
from iotsign.formats.mcuboot import (
    _boot_record,
    _compression,
    _content,
    _encryption,
    _header,
    _image,
    _inspect,
    _records,
    _tlv,
    _trailer,
    _verify,
)
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, PROTECTED_INFO_MAGIC, pack_area
from iotsign.keys import PublicKey

LIMIT: Final = 1 << 20
KEK: Final = bytes(range(16))
# the public key of RFC 8032's first test, with which no fuzzer signs
KEY: Final = PublicKey(
    bytes.fromhex("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
)
OPTIONS: Final = mcuboot.ImageOptions(version=mcuboot.ImageVersion(1, 2, 3, 4), pad_header=True)


def one_input(data: bytes) -> None:
    """Read one image in every way; raise what the readers must not raise."""
    if not data:
        return
    content = _with_digest(data[1:]) if data[0] & 1 else data[1:]
    key = mcuboot.load_decryption_key(KEK) if data[0] & 2 else None
    file = io.BytesIO(content)
    try:
        image = mcuboot.read_image(file)
    except FormatError as error:
        if "offset" not in error.data:
            raise
        return
    assert _written(image, content) == content[: image.end]
    for use in (
        lambda: mcuboot.inspect_image(file),
        lambda: mcuboot.check_integrity(file, decryption_key=key),
        lambda: mcuboot.extract_payload(file, _Limited(), decryption_key=key),
        lambda: mcuboot.decrypt_image(file, io.BytesIO(), decryption_key=key),
    ):
        try:
            use()
        except IotsignError:
            continue
    try:
        mcuboot.verify_image(file, [KEY], decryption_key=key)
    except (UntrustedImageError, FormatError):
        return
    raise AssertionError("an image that nobody signed was verified")


class _Limited(io.BytesIO):
    """A file that notices a decompression bomb."""

    def write(self, data: Any, /) -> int:
        assert self.tell() + len(data) <= max(LIMIT, _compression.RATIO_FLOOR)
        return super().write(data)


def _written(image: mcuboot.Image, content: bytes) -> bytes:
    """The image from its parts, with the bytes between header and TLVs as they are."""
    protected = pack_area(image.protected, PROTECTED_INFO_MAGIC) if image.header.protected_tlv_size else b""
    return (
        image.header.to_bytes() + content[32 : image.tlv_offset] + protected + pack_area(image.unprotected, INFO_MAGIC)
    )


def _with_digest(content: bytes) -> bytes:
    """Put a SHA-256 digest right, without which few inputs would come any further."""
    try:
        image = mcuboot.read_image(io.BytesIO(content))
    except FormatError:
        return content
    covered = image.tlv_offset + image.header.protected_tlv_size
    for hash_, tlv in image.hashes:
        if len(tlv.data) == hash_.digest_size:
            digest = hashlib.new(hash_.value, content[:covered]).digest()
            content = content[: tlv.offset + 4] + digest + content[tlv.offset + 4 + len(digest) :]
    return content


def seeds() -> dict[str, bytes]:
    """Give images of every kind to begin with."""

    def made(firmware: bytes = b"firmware" * 9, encrypt: bool = False, **options: Any) -> bytes:
        output = io.BytesIO()
        key = mcuboot.load_encryption_key(KEK) if encrypt else None
        mcuboot.create_image(io.BytesIO(firmware), output, replace(OPTIONS, **options), encryption_key=key)
        return output.getvalue()

    dependency = mcuboot.Dependency(1, mcuboot.ImageVersion(2))
    images = {
        "plain": made(),
        "protected": made(
            security_counter=7, dependencies=(dependency,), custom_tlvs=((0xA0, b"x"),), boot_record="SPE"
        ),
        "padded": made(slot_size=1024, confirm=True, align=16, max_sectors=2),
        "compressed": made(b"firmware" * 99, compression=mcuboot.Compression.LZMA2),
        "filtered": made(b"firmware" * 99, compression=mcuboot.Compression.LZMA2_ARM_THUMB),
        "clear": made(encrypt=True, clear=True),
    }
    encrypted = {
        "encrypted": made(encrypt=True),
        "encrypted-compressed": made(b"firmware" * 99, encrypt=True, compression=mcuboot.Compression.LZMA2),
    }
    return {name: b"\1" + image for name, image in images.items()} | {
        name: b"\2" + image for name, image in encrypted.items()
    }


def _instrument(engine: ModuleType, module: ModuleType) -> None:
    """Make the coverage of a module's functions visible; the import hook does not see editable installs."""
    for item in vars(module).values():
        functions = vars(item).values() if isinstance(item, type) else (item,)
        for function in functions:
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                engine.instrument_func(function)


def main(engine: ModuleType, arguments: list[str]) -> None:
    """Fuzz until told to stop; seeds go into the first corpus directory that is named."""
    directories = [Path(argument) for argument in arguments[1:] if not argument.startswith("-")]
    for directory in directories[:1]:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in seeds().items():
            (directory / name).write_bytes(content)
    for module in (
        _boot_record, _compression, _content, _encryption, _header, _image, _inspect, _records, _tlv, _trailer, _verify
    ):  # fmt: skip
        _instrument(engine, module)
    engine.Setup(arguments, one_input)
    engine.Fuzz()


if __name__ == "__main__":
    import atheris

    main(atheris, sys.argv)
