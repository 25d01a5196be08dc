"""Whether a file claims to be a signed object; alone, because files of all other formats are asked, too."""

from typing import Final

MAX_SMALL_SIZE: Final = 1 << 16  # bytes; a JSONDetached object with the longest key and version is under 8 KiB
_WHITE_SPACE: Final = b" \t\r\n"


def looks_like_json_image(head: bytes) -> bool:
    """Tell from the first bytes of a file whether it claims to be JSON."""
    return head.lstrip(_WHITE_SPACE)[:1] == b"{"
