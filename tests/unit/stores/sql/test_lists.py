"""Lists cost the same whatever the size of the database: counted in SQLite's own steps, which no load disturbs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iotsign.signer import JobQuery, JobRevocation, JobStatus, SigningJob
from iotsign.stores.sql import SqlRecords, open_records, sqlite_url

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ME = "111122223333"
FEW, MANY = 600, 6_000


def jobs(count: int) -> list[SigningJob]:
    made = []
    for number in range(count):
        job = SigningJob(
            job_id=f"job-{number:06}",
            owner=ME,
            invoker=ME,
            requested_by=f"arn:{number % 2}",
            profile_name="release",
            profile_version="0123456789",
            platform_id="P" if number % 10 else "Q",
            platform_display_name="P",
            created_at=NOW - timedelta(seconds=count - number),
            status=JobStatus.SUCCEEDED if number % 5 else JobStatus.FAILED,
            signature_expires_at=None if number % 4 else NOW + timedelta(hours=number * 7919 % count),
            token=str(number),
        )
        made.append(job if number % 20 else replace(job, revocation=JobRevocation("r", NOW, "me")))
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Databases with few jobs and with many."""
    folder: Path = tmp_path_factory.mktemp("records")
    opened = []
    for count in (FEW, MANY):
        records = open_records(sqlite_url(folder / f"{count}.db"))
        with records.writing() as transaction:
            assert all(map(transaction.add_job, jobs(count)))
        opened.append(records)
    yield opened
    for records in opened:
        records.close()


def steps(records: SqlRecords, query: JobQuery) -> tuple[int, list[SigningJob]]:
    """Count the instructions of SQLite's machine that a list takes."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with records.reading() as transaction:
        connection: Any = transaction._cursor.connection
        connection.set_progress_handler(step, 1)
        found = list(transaction.jobs(query))
        connection.set_progress_handler(None, 0)
    return count, found


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"status": JobStatus.FAILED},
        {"platform_id": "Q"},
        {"requested_by": "arn:1"},
        {"owner": None, "invoker": ME},
        {"revoked": True},
        {"revoked": False},
        {"expires_after": NOW},
        {"expires_before": NOW + timedelta(hours=500)},
        {"status": JobStatus.FAILED, "platform_id": "Q"},
        {"status": JobStatus.FAILED, "requested_by": "arn:1"},
    ],
)
def test_a_page_out_of_many_costs_what_a_page_out_of_few_costs(
    stores: list[SqlRecords], wanted: dict[str, Any]
) -> None:
    names = ("invoker", "status", "platform_id", "requested_by", "revoked", "expires_after", "expires_before", "after")
    everything: dict[str, Any] = dict.fromkeys(names)
    everything |= {"owner": ME, "since": NOW - timedelta(days=731), "limit": 11}
    costs = []
    for records in stores:
        first, found = steps(records, JobQuery(**(everything | wanted)))
        last = found[-1]
        time = last.signature_expires_at if "expires_after" in wanted or "expires_before" in wanted else last.created_at
        second, rest = steps(records, JobQuery(**(everything | wanted | {"after": (time, last.job_id)})))
        assert len(found) == len(rest) == 11
        assert len({job.job_id for job in found + rest}) == 22
        costs.append((first, second))
    for few, many in zip(*costs, strict=True):
        assert many <= few * 1.2, costs
