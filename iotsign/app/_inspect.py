"""Looking into an image without judging it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iotsign.app._input_file import Source, input_file
from iotsign.app._layers import image_limit, inner_container, inner_file
from iotsign.app._native_files import reader
from iotsign.app._service_image import open_service_image
from iotsign.errors import FormatError
from iotsign.formats import jsonimage
from iotsign.formats.container_registry import HEAD_SIZE, recognise_container

if TYPE_CHECKING:
    from iotsign.formats.jsonimage import JsonImage

__all__ = ["InspectedImage", "inspect_image"]


@dataclass(frozen=True, slots=True)
class InspectedImage:
    """What an image says about itself; nothing of it has been verified.

    Attributes:
        name: The file's name.
        size: Its length in bytes.
        image: The signed object; None for a native container and what a signing service signed.
        container: What the native container says, which the file or the signed object's payload is, or what a signing
            service signed; None if it is neither.
    """

    name: str
    size: int
    image: JsonImage | None
    container: dict[str, Any] | None = None


def inspect_image(source: Source, *, progress: Callable[[int], None] | None = None) -> InspectedImage:
    """Read an image strictly and show what is in it.

    Raises:
        FormatError: It is malformed, or nothing that iotsign knows.
        StoreError: It cannot be read.
    """
    with input_file(source, limit=image_limit) as file:
        container = recognise_container(file.head(HEAD_SIZE))
        if container is not None:
            return InspectedImage(file.name, file.size, None, container.inspect(reader(file)))
        service_image = open_service_image(file)
        if service_image is not None:
            return InspectedImage(file.name, file.size, None, service_image.describe())
        image = jsonimage.read_json_image(file.fd, file.size, progress=progress)
        inner = inner_container(file, image)
        if inner is None:
            return InspectedImage(file.name, file.size, image)
        with inner_file(file, image) as payload:
            try:
                described = inner.inspect(reader(payload))
            except FormatError as error:
                described = {"container": inner.name, "error": error.message}
        return InspectedImage(file.name, file.size, image, described)
