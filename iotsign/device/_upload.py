"""Upload of an image: block by block, as the device says how far it is."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iotsign.errors import DeviceError, DeviceTimeoutError

if TYPE_CHECKING:
    from iotsign.device._client import SmpClient

__all__ = ["block_size", "upload_image"]

# header 8, map 1, "off" with an offset 9, "data" with a length 8
_BLOCK_OVERHEAD: Final = 26
# … and "len" with a length 9, "sha" with a digest 38
_FIRST_OVERHEAD: Final = _BLOCK_OVERHEAD + 47
_FRAME_OVERHEAD: Final = 4  # length and CRC around a frame
_PATIENCE: Final = 8  # answers in a row that do not move forward
_RECONNECTS: Final = 3


def block_size(buffer_size: int, *, first: bool = False) -> int:
    """Bytes of an image that fit into one frame of a device whose buffer holds `buffer_size` bytes."""
    return buffer_size - _FRAME_OVERHEAD - (_FIRST_OVERHEAD if first else _BLOCK_OVERHEAD)


def upload_image(client: "SmpClient", image: bytes, progress: Callable[[int], None] | None = None) -> int:
    """Write an image into the secondary slot; an upload of the same image that broke goes on where it ended.

    Args:
        client: The device.
        image: The bytes.
        progress: Called with the bytes that the device has.

    Returns:
        The offset at which it began: more than 0 if a broken upload was resumed.

    Raises:
        SmpError: The device refuses it.
        DeviceTimeoutError: The device fell silent.
        DeviceError: The device does not get forward, or says that what it has is not the image.
    """
    digest = hashlib.sha256(image).digest()
    size = client.buffer_size()
    offset, began, stuck, reconnects = 0, -1, 0, 0
    while offset < len(image):
        data = image[offset : offset + block_size(size, first=offset == 0)]
        try:
            reply = client.upload_block(image, offset, data, sha256=digest)
        except DeviceTimeoutError:
            reconnects += 1
            if reconnects > _RECONNECTS:
                raise
            client.connect()
            offset = 0  # the first block again: the device says how far it was
            continue
        if reply.off is None or not 0 <= reply.off <= len(image):
            raise DeviceError("BadOffset", f"expected an offset up to {len(image)}, the device says {reply.off}")
        if began < 0:
            began = reply.off if reply.off != len(data) else 0
        stuck = 0 if reply.off > offset else stuck + 1
        if stuck > _PATIENCE:
            message = f"the upload does not get beyond offset {offset} of {len(image)}"
            raise DeviceError("UploadStuck", message, offset=offset)
        offset = reply.off
        if progress is not None:
            progress(offset)
        if reply.match is False:
            raise DeviceError("UploadDamaged", "the device says that what it received is not the image")
    return max(began, 0)
