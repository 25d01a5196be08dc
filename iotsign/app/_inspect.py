"""Looking into a signed image without judging it."""

from collections.abc import Callable
from dataclasses import dataclass

from iotsign.app._input_file import Source, input_file
from iotsign.app._verify import image_limit
from iotsign.formats.jsonimage import JsonImage, read_json_image

__all__ = ["InspectedImage", "inspect_image"]


@dataclass(frozen=True, slots=True)
class InspectedImage:
    """What an image says about itself; nothing of it has been verified.

    Attributes:
        name: The file's name.
        size: Its length in bytes.
        image: The signed object.
    """

    name: str
    size: int
    image: JsonImage


def inspect_image(source: Source, *, progress: Callable[[int], None] | None = None) -> InspectedImage:
    """Read an image strictly and show what is in it.

    Raises:
        FormatError: It is not a well-formed signed object.
        StoreError: It cannot be read.
    """
    with input_file(source, limit=image_limit) as file:
        return InspectedImage(file.name, file.size, read_json_image(file.fd, file.size, progress=progress))
