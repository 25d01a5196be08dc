"""What can be installed on a board: an MCUboot image, bare or as the payload of a signed object."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.errors import DeviceError, UnsupportedFormatError, WrongBoardError
from iotsign.formats.jsonimage import EMBEDDED, looks_like_json_image, read_json_image
from iotsign.formats.mcuboot import Image, TlvType, is_image, read_image
from iotsign.platforms import Registry

if TYPE_CHECKING:
    from iotsign.device import Board
    from iotsign.formats.jsonimage import JsonImage

__all__ = ["BootImage", "check_board", "read_boot_image", "read_payload"]

_CONTAINER: Final = "mcuboot"
_HASHES: Final = {
    TlvType.SHA256: HashAlgorithm.SHA256,
    TlvType.SHA384: HashAlgorithm.SHA384,
    TlvType.SHA512: HashAlgorithm.SHA512,
}
_KEY_TYPES: Final = {
    TlvType.RSA2048: frozenset({KeyType.RSA2048}),
    TlvType.RSA3072: frozenset({KeyType.RSA3072}),
    TlvType.ECDSASIG: frozenset({KeyType.P256, KeyType.P384}),
    TlvType.ED25519: frozenset({KeyType.ED25519}),
}


@dataclass(frozen=True, slots=True)
class BootImage:
    """What goes into a slot, and how the device knows it.

    Attributes:
        data: The bytes to upload: a bare image without padding and trailer, or a signed object's whole payload.
        version: As the device reports it: ``1.2.3`` or ``1.2.3.4``.
        boot_version: As the boot loader announces it: ``1.2.3+4``.
        image_hash: The hash record by which the device names the image.
        key_types: Keys that its boot signature may be by.
        algorithm: How the signed object around it was signed; None for a bare image.
        signature: The signed object's signature; empty for a bare image.
    """

    data: bytes
    version: str
    boot_version: str
    image_hash: bytes
    key_types: frozenset[KeyType]
    algorithm: SignatureAlgorithm | None
    signature: bytes


def read_boot_image(data: bytes, name: str) -> BootImage:
    """Find the boot image in a file; nothing is verified.

    Args:
        data: The file's bytes.
        name: What to call it in messages.

    Raises:
        FormatError: It is neither an MCUboot image nor a JSONEmbedded object that is well-formed.
        WrongBoardError: It is a signed object whose payload is no MCUboot image, so that no boot loader starts it.
        UnsupportedFormatError: It has no hash or no signature that a boot loader looks at.
    """
    outer: JsonImage | None = None
    payload = data
    if looks_like_json_image(data):
        outer, payload = _open(data, name)
        if not is_image(payload):
            message = f"{name}: the payload is no MCUboot image; a boot loader does not start it"
            raise WrongBoardError("NotBootable", message, hint="sign it with -p MCUboot-… and --boot-key")
    elif not is_image(payload):
        got = data[:4].hex() or "an empty file"
        message = f"{name}: expected a signed object or an MCUboot image, got {got} at offset 0"
        raise UnsupportedFormatError("UnknownImageFormat", message, offset=0)
    image = read_image(io.BytesIO(payload))
    records = (*image.protected, *image.unprotected)
    found = next((tlv.data for tlv in records if tlv.type in _HASHES), None)
    if found is None:
        raise UnsupportedFormatError("NoImageHash", f"{name}: the MCUboot image has no hash record")
    version = image.version
    return BootImage(
        data=payload if outer else payload[: image.end],
        version=f"{version.major}.{version.minor}.{version.revision}" + (f".{version.build}" if version.build else ""),
        boot_version=f"{version.major}.{version.minor}.{version.revision}+{version.build}",
        image_hash=found,
        key_types=_key_types(image),
        algorithm=outer.algorithm if outer else None,
        signature=outer.signature if outer else b"",
    )


def read_payload(data: bytes, name: str) -> bytes:
    """Give the payload of a signed object, or the file itself if it is none; nothing is verified.

    Raises:
        FormatError: It is a signed object that is malformed, or that holds no payload.
    """
    return _open(data, name)[1] if looks_like_json_image(data) else data


def _open(data: bytes, name: str) -> "tuple[JsonImage, bytes]":
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file, tempfile.TemporaryFile(buffering=0) as decoded:
        file.write(data)
        file.seek(0)
        image = read_json_image(file.fileno(), len(data), fd_out=decoded.fileno())
        if image.image_format != EMBEDDED:
            raise UnsupportedFormatError("NoPayloadInside", f"{name}: {image.image_format} holds no payload")
        decoded.seek(0)
        return image, decoded.read()


def _key_types(image: Image) -> frozenset[KeyType]:
    types = {tlv.type for tlv in image.unprotected}
    hash_ = next((_HASHES[kind] for kind in _HASHES if kind in types), None)
    found: set[KeyType] = set()
    for kind in types & _KEY_TYPES.keys():
        if kind == TlvType.ECDSASIG:
            found.add(KeyType.P384 if hash_ is HashAlgorithm.SHA384 else KeyType.P256)
        else:
            found |= _KEY_TYPES[TlvType(kind)]
    return frozenset(found)


def check_board(image: BootImage, board: "Board", name: str) -> str:
    """Check that a board takes such an image.

    Returns:
        The platforms that it is for.

    Raises:
        WrongBoardError: None of the board's platforms signs like this.
        DeviceError: The image does not fit a slot.
        ConfigError: The board names a platform that does not exist.
    """
    registry = Registry()
    platforms = [registry.get(platform) for platform in board.platforms]
    boot = [one for one in platforms if one.native_container == _CONTAINER and image.key_types & set(one.key_types)]
    if not boot:
        kinds = ", ".join(sorted(kind.value for kind in image.key_types)) or "nothing"
        message = (
            f"{name} is signed with {kinds} for a boot loader; {board.board_id} takes {', '.join(board.platforms)}"
        )
        raise WrongBoardError("WrongPlatform", message, board=board.board_id)
    used = [boot[0].platform_id]
    if image.algorithm is not None:
        algorithm = image.algorithm
        outer = [
            one
            for one in platforms
            if EMBEDDED in one.image_formats
            and algorithm.encryption in one.encryption_algorithms
            and algorithm.hash in one.hash_algorithms
        ]
        if not outer:
            message = f"{name} is signed with {algorithm.name}; {board.board_id} takes {', '.join(board.platforms)}"
            raise WrongBoardError("WrongPlatform", message, board=board.board_id)
        used = list(dict.fromkeys([outer[-1].platform_id, *used]))
    if len(image.data) > board.capacity:
        message = f"{name} has {len(image.data)} bytes; a slot of {board.board_id} holds {board.capacity}"
        raise DeviceError("ImageTooLarge", message, limit=board.capacity, got=len(image.data))
    return " in ".join(reversed(used))
