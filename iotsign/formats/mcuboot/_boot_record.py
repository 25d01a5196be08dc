"""The boot record: a small CBOR map that measured boot hands on to attestation.

The packer leaves the measurement zero; the boot loader writes the image's digest there, so it must come last.

Source: PSA Attestation API 1.0 §3.1.2 (software component claims); RFC 8949 §3 (CBOR heads).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from iotsign.errors import ConfigError, MalformedImageError

MAX_SW_TYPE_LENGTH: Final = 12

_BYTES, _TEXT, _MAP = 2, 3, 5  # CBOR major types
_ONE_BYTE_LENGTH: Final = 24


class _Claim(IntEnum):
    TYPE = 1
    MEASUREMENT_VALUE = 2
    VERSION = 4
    SIGNER_ID = 5
    MEASUREMENT_DESCRIPTION = 6


_ORDER: Final = (
    _Claim.TYPE,
    _Claim.VERSION,
    _Claim.SIGNER_ID,
    _Claim.MEASUREMENT_DESCRIPTION,
    _Claim.MEASUREMENT_VALUE,
)


@dataclass(frozen=True, slots=True)
class BootRecord:
    """The claims about one software component.

    Attributes:
        sw_type: Its role, at most 12 characters.
        version: ``major.minor.revision``.
        signer_id: Hash of the public key; zeros for an unsigned image.
        description: Name of the hash, such as SHA256.
        measurement: The image's digest; zeros in a file.

    Raises:
        ConfigError: The role is too long.
    """

    sw_type: str
    version: str
    signer_id: bytes
    description: str
    measurement: bytes

    def __post_init__(self) -> None:
        if len(self.sw_type.encode()) > MAX_SW_TYPE_LENGTH:
            message = f"expected a boot record role of at most {MAX_SW_TYPE_LENGTH} characters, got {self.sw_type!r}"
            raise ConfigError("BootRecordRole", message)

    def to_bytes(self) -> bytes:
        """Encode as CBOR."""
        values: tuple[str | bytes, ...] = (
            self.sw_type,
            self.version,
            self.signer_id,
            self.description,
            self.measurement,
        )
        encoded = _head(_MAP, len(_ORDER))
        for claim, value in zip(_ORDER, values, strict=True):
            encoded += bytes([claim]) + _encode(value)
        return encoded

    @classmethod
    def from_bytes(cls, data: bytes) -> "BootRecord":
        """Decode CBOR of exactly this form: five claims in this order, definite lengths, nothing behind.

        Raises:
            MalformedImageError: Anything else.
        """
        position = _expect(data, 0, _head(_MAP, len(_ORDER)))
        values: list[bytes] = []
        for claim in _ORDER:
            position = _expect(data, position, bytes([claim]))
            is_bytes = claim in (_Claim.SIGNER_ID, _Claim.MEASUREMENT_VALUE)
            value, position = _decode(data, position, _BYTES if is_bytes else _TEXT)
            values.append(value)
        if position != len(data):
            raise _malformed(f"expected the end of the boot record at its offset {position}, got {len(data)} bytes")
        try:
            return cls(values[0].decode(), values[1].decode(), values[2], values[3].decode(), values[4])
        except UnicodeDecodeError:
            raise _malformed("expected UTF-8 in the boot record's text") from None
        except ConfigError as error:
            raise _malformed(error.message) from None


def _head(major: int, length: int) -> bytes:
    if length < _ONE_BYTE_LENGTH:
        return bytes([major << 5 | length])
    return bytes([major << 5 | _ONE_BYTE_LENGTH, length])


def _encode(value: str | bytes) -> bytes:
    if isinstance(value, str):
        return _head(_TEXT, len(value.encode())) + value.encode()
    return _head(_BYTES, len(value)) + value


def _expect(data: bytes, position: int, expected: bytes) -> int:
    got = data[position : position + len(expected)]
    if got != expected:
        raise _malformed(
            f"expected {expected.hex()} at offset {position} of the boot record, got {got.hex() or 'its end'}"
        )
    return position + len(expected)


def _decode(data: bytes, position: int, major: int) -> tuple[bytes, int]:
    head = data[position : position + 2]
    for length in (head[0] & 0x1F, head[1] if len(head) > 1 else 0) if head else ():
        encoded = _head(major, length)
        start = position + len(encoded)
        if data[position:start] == encoded and start + length <= len(data):
            return data[start : start + length], start + length
    kind = "bytes" if major == _BYTES else "text"
    raise _malformed(f"expected {kind} of a definite length at offset {position} of the boot record, got {head.hex()}")


def _malformed(message: str) -> MalformedImageError:
    return MalformedImageError("BadBootRecord", message)
