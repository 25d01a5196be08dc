"""When signatures expire."""

from datetime import UTC, datetime

import pytest

from iotsign.signer import Validity
from iotsign.signer._validity import expiry


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1, "DAYS", (2024, 2, 1)),
        (1, "MONTHS", (2024, 2, 29)),
        (12, "MONTHS", (2025, 1, 31)),
        (135, "MONTHS", (2035, 4, 30)),
        (1, "YEARS", (2025, 1, 31)),
        (11, "YEARS", (2035, 1, 31)),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_last_of_the_month(
    value: int, unit: str, expected: tuple[int, int, int]
) -> None:
    start = datetime(2024, 1, 31, 13, 14, 15, tzinfo=UTC)
    assert expiry(Validity(value, unit), start) == datetime(*expected, 13, 14, 15, tzinfo=UTC)
