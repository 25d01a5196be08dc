"""Validity periods of signatures."""

import calendar
from datetime import datetime, timedelta

from iotsign.signer._profile import Validity


def expiry(validity: Validity, start: datetime) -> datetime:
    """When a signature that is made at `start` expires; the last day of a month stands for days it does not have."""
    if validity.unit == "DAYS":
        return start + timedelta(days=validity.value)
    months = validity.value * (12 if validity.unit == "YEARS" else 1)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
