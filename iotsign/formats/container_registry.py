"""Native containers by name, and by the bytes of a file; a container's own code loads when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from iotsign.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from iotsign.formats.container import Container

__all__ = ["CONTAINERS", "HEAD_SIZE", "container_named", "recognise_container"]

HEAD_SIZE: Final = 4096
"""Bytes of a file that recognising a container may take."""

CONTAINERS: Final[Mapping[str, str]] = {
    "mcuboot": "iotsign.formats.mcuboot.CONTAINER",
    "espressif-secure-boot-v2": "iotsign.formats.espressif.CONTAINER",
    "ti-cc13x2-oad": "iotsign.formats.ti.CONTAINER",
    "freertos-descriptor": "iotsign.formats.ti.DESCRIPTOR_CONTAINER",
}
"""Containers by name, and where each is."""

# how files of each begin: loading a format to ask whether a file is of it takes longer than looking
_BEGINNINGS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "mcuboot": (b"\x3d\xb8\xf3\x96",),
    "espressif-secure-boot-v2": (b"\xe9",),
    "ti-cc13x2-oad": (b"CC13x2R1", b"CC26x2R1"),
    "freertos-descriptor": (b"@AFRTOS",),
}


@cache
def container_named(name: str) -> Container:
    """Find a container.

    Raises:
        UnsupportedFormatError: There is none of that name.
    """
    place = CONTAINERS.get(name)
    if place is None:
        message = f"expected a native container among {', '.join(CONTAINERS)}, got {name!r}"
        raise UnsupportedFormatError("NativeNotSupported", message, container=name)
    module, _, attribute = place.rpartition(".")
    return cast("Container", getattr(import_module(module), attribute))


def recognise_container(head: bytes) -> Container | None:
    """Find the container that a file is, by its first bytes (up to `HEAD_SIZE`)."""
    for name, beginnings in _BEGINNINGS.items():
        if head.startswith(beginnings) and (found := container_named(name)).recognises(head):
            return found
    return None
