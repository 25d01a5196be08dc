"""The native containers of platforms: whether there is one, and what it wants to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iotsign.errors import UnsupportedFormatError
from iotsign.formats.container import Container, Settings
from iotsign.formats.container_registry import CONTAINERS, container_named

if TYPE_CHECKING:
    from iotsign.platforms import Platform

__all__ = ["CC3220SF", "NATIVE", "native_container", "native_settings", "preferred_format"]

NATIVE: Final = "native"
CC3220SF: Final = "ti-cc3220sf"
"""Not a container: the chip takes the bare image, and the signature beside it."""
_AWS_CATEGORY: Final = "AWS"


def native_container(platform: Platform) -> Container:
    """Find what writes a platform's native container.

    Raises:
        UnsupportedFormatError: The platform has none, or iotsign does not write it.
    """
    if platform.native_container is None:
        message = (
            f"platform {platform.platform_id} has no native container; it takes {', '.join(platform.image_formats)}"
        )
        raise UnsupportedFormatError("NoNativeContainer", message, platform=platform.platform_id)
    if platform.native_container == CC3220SF:
        message = "a CC3220SF takes the bare image, with the signature beside it; there is no container to write"
        hint = f"choose {platform.default_image_format}, or take the signature from image inspect --json"
        raise UnsupportedFormatError("NoNativeContainer", message, platform=platform.platform_id, hint=hint)
    return container_named(platform.native_container)


def preferred_format(platform: Platform) -> str:
    """The image format that is written unless another is asked for.

    The platform's native container, except for AWS's own platforms: they write what AWS Signer would.
    """
    if platform.native_container in CONTAINERS and platform.category != _AWS_CATEGORY:
        return NATIVE
    return platform.default_image_format


def native_settings(platform: Platform, container: Container, settings: Settings) -> dict[str, Any]:
    """What the descriptor fixes about packing, overridden by what was asked for."""
    return container.defaults(platform.native_options) | dict(settings)
