"""The native containers, keyed by `Platform.native_container`.

This is the one door for them: a container is a module of `iotsign.formats` that is named in the table below.
"""

from typing import NoReturn

from iotsign.errors import UnsupportedFormatError
from iotsign.platforms import Platform

__all__ = ["container_for"]


def container_for(platform: Platform) -> NoReturn:
    """Find what writes a platform's native container.

    Raises:
        UnsupportedFormatError: The platform has none, or iotsign does not write it yet.
    """
    if platform.native_container is None:
        message = (
            f"platform {platform.platform_id} has no native container; it takes {', '.join(platform.image_formats)}"
        )
        raise UnsupportedFormatError("NoNativeContainer", message, platform=platform.platform_id)
    message = f"the native container {platform.native_container} is not there yet"
    hint = f"choose one of {', '.join(platform.image_formats)} with -f"
    raise UnsupportedFormatError("NativeNotSupported", message, container=platform.native_container, hint=hint)
