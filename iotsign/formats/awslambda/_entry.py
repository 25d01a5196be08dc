"""The signature as an entry of its zip file: stored, so that it depends on no compressor, and a file of mode 0644."""

import zlib
from datetime import datetime
from typing import Final

from iotsign.formats.awslambda._content import SIGNATURE_NAME
from iotsign.formats.awslambda._zip import CENTRAL, CENTRAL_MAGIC, LOCAL, LOCAL_MAGIC, STORED

__all__ = ["signature_records"]

_NEEDED: Final = 10  # version 1.0: stored
_MADE_BY: Final = 3 << 8 | 20  # Unix, version 2.0
_ATTRIBUTES: Final = 0o100644 << 16
_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = _FIRST_YEAR + 127


def signature_records(signature: bytes, offset: int, moment: datetime) -> tuple[bytes, bytes]:
    """Write the signature's local record and its record in the central directory.

    Args:
        signature: The body.
        offset: Where the local record goes.
        moment: Its time stamp, in UTC; from 1980 to 2107, by the nearest of them otherwise.
    """
    year = min(max(moment.year, _FIRST_YEAR), _LAST_YEAR)
    date = (year - _FIRST_YEAR) << 9 | moment.month << 5 | moment.day
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    shared = (_NEEDED, 0, STORED, time, date, zlib.crc32(signature), len(signature), len(signature))
    sizes = (len(SIGNATURE_NAME), 0)
    local = LOCAL.pack(LOCAL_MAGIC, *shared, *sizes) + SIGNATURE_NAME + signature
    central = CENTRAL.pack(CENTRAL_MAGIC, _MADE_BY, *shared, *sizes, 0, 0, 0, _ATTRIBUTES, offset) + SIGNATURE_NAME
    return local, central
