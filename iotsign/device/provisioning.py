"""The provisioning page: what a device is told once, before it leaves the factory.

Layout, little-endian: magic ``ISP1``, u16 bytes of all entries, u16 zero, the entries, SHA-256 of everything before. An
entry is u16 type, u16 length, data. At most 1024 bytes. Source: boards/bootloader/include/bootloader/provisioning.h.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from iotsign.device._board import Board
from iotsign.errors import ConfigError, DeviceError, MalformedImageError

__all__ = ["ATTEST_KEY_SIZE", "Provisioning", "intel_hex"]

MAGIC: Final = b"ISP1"
MAX_SIZE: Final = 1024
ATTEST_KEY_SIZE: Final = 32
"""Bytes of an attestation key."""
_MOST_KEYS: Final = 4  # anchors that the boot loader looks at
_LONGEST_ID: Final = 64
_HEADER: Final = struct.Struct("<4sHH")
_ENTRY: Final = struct.Struct("<HH")
_DIGEST_SIZE: Final = 32


class _Entry(IntEnum):
    BOOT_KEY = 1
    BOOT_KEY_HASH = 2
    CODE_SIGNER = 3
    DEVICE_ID = 4
    ATTEST_KEY = 5


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What a device is told.

    Attributes:
        boot_keys: Keys that may sign boot images (SubjectPublicKeyInfo, DER).
        boot_key_hashes: SHA-256 of such keys; an image must then carry its key.
        code_signer: The key that signs updates (SubjectPublicKeyInfo, DER); empty for none.
        device_id: The name of this one device, up to 64 bytes of UTF-8; empty for none.
        attest_key: The secret that keys attestations, 32 bytes; empty for none.
    """

    boot_keys: Sequence[bytes] = ()
    boot_key_hashes: Sequence[bytes] = ()
    code_signer: bytes = b""
    device_id: str = ""
    attest_key: bytes = b""

    def to_bytes(self) -> bytes:
        """Write the page.

        Raises:
            ConfigError: There is no boot key, there are more than four, a member has the wrong length, or the page
                would be longer than 1024 bytes.
        """
        anchors = len(self.boot_keys) + len(self.boot_key_hashes)
        if not 1 <= anchors <= _MOST_KEYS:
            raise ConfigError("BadBootKeys", f"expected 1 to {_MOST_KEYS} boot keys, got {anchors}")
        name = self.device_id.encode()
        if len(name) > _LONGEST_ID:
            raise ConfigError("BadDeviceId", f"expected a device id of at most {_LONGEST_ID} bytes, got {len(name)}")
        if self.attest_key and len(self.attest_key) != ATTEST_KEY_SIZE:
            got = len(self.attest_key)
            raise ConfigError("BadAttestKey", f"expected an attestation key of {ATTEST_KEY_SIZE} bytes, got {got}")
        for value in self.boot_key_hashes:
            if len(value) != _DIGEST_SIZE:
                raise ConfigError("BadKeyHash", f"expected a SHA-256 of {_DIGEST_SIZE} bytes, got {len(value)}")
        pairs = [
            *((_Entry.BOOT_KEY, key) for key in self.boot_keys),
            *((_Entry.BOOT_KEY_HASH, value) for value in self.boot_key_hashes),
            (_Entry.CODE_SIGNER, self.code_signer),
            (_Entry.DEVICE_ID, name),
            (_Entry.ATTEST_KEY, self.attest_key),
        ]
        entries = b"".join(_ENTRY.pack(kind, len(data)) + data for kind, data in pairs if data)
        body = _HEADER.pack(MAGIC, len(entries), 0) + entries
        page = body + hashlib.sha256(body).digest()
        if len(page) > MAX_SIZE:
            raise ConfigError("PageTooLong", f"expected a page of at most {MAX_SIZE} bytes, got {len(page)}")
        return page

    @classmethod
    def from_bytes(cls, page: bytes) -> "Provisioning":
        """Read a page; what follows it is ignored.

        Raises:
            MalformedImageError: It is not whole.
        """
        if len(page) < _HEADER.size or page[:4] != MAGIC:
            got = page[:4].hex() or "nothing"
            raise MalformedImageError("BadMagic", f"expected a page that begins with {MAGIC.hex()}, got {got}")
        end = _HEADER.size + _HEADER.unpack_from(page)[1]
        if end + _DIGEST_SIZE > min(len(page), MAX_SIZE):
            raise MalformedImageError("BadLength", f"the page's entries end at {end}, the page at {len(page)}")
        if hashlib.sha256(page[:end]).digest() != page[end : end + _DIGEST_SIZE]:
            raise MalformedImageError("BadDigest", "the page's digest is not that of its bytes")
        found: dict[int, list[bytes]] = {}
        at = _HEADER.size
        while at + _ENTRY.size <= end:
            kind, length = _ENTRY.unpack_from(page, at)
            at += _ENTRY.size + length
            found.setdefault(kind, []).append(page[at - length : at])
        if at != end:
            raise MalformedImageError("BadLength", f"expected the last entry to end at {end}, got {at}")
        single = {kind: found.get(kind, [b""])[0] for kind in _Entry}
        return cls(
            boot_keys=tuple(found.get(_Entry.BOOT_KEY, [])),
            boot_key_hashes=tuple(found.get(_Entry.BOOT_KEY_HASH, [])),
            code_signer=single[_Entry.CODE_SIGNER],
            device_id=single[_Entry.DEVICE_ID].decode(errors="replace"),
            attest_key=single[_Entry.ATTEST_KEY],
        )


def intel_hex(board: Board, page: bytes) -> str:
    """Write a page as Intel HEX at its address, for the programmer of the board's vendor.

    Raises:
        DeviceError: The board has no flash that is mapped.
    """
    if board.flash is None or board.flash.base is None:
        message = f"the flash of {board.board_id} has no address that a programmer could write to"
        raise DeviceError("FlashNotMapped", message, board=board.board_id)
    import io

    from intelhex import IntelHex

    image = IntelHex()
    image.puts(board.flash.base + board.flash.provisioning.offset, page)
    text = io.StringIO()
    image.write_hex_file(text)
    return text.getvalue()
