"""List signing jobs out of few and out of many.

    python benchmarks/job_lists.py [--few 1000] [--many 100000] [--rounds 200] [--directory DIR]

Each round asks ListSigningJobs for a first page and for the next, unfiltered and by each filter, over a
database with few jobs and over one with many, in turn. A goal of 1.2 means that a list does not grow with the database.
"""

import argparse
import random
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from measure import Row, report

from iotsign.app.service import ServiceSettings, open_service
from iotsign.signer import Caller, JobRevocation, JobStatus, SigningJob, SourceObject, TargetObject

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
OTHER = "arn:aws:iam::111122223333:user/other"
NOW = datetime.now(UTC)
FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "status": {"status": "Failed"},
    "platformId": {"platformId": "AWSLambda-SHA384-ECDSA"},
    "requestedBy": {"requestedBy": OTHER},
    "jobInvoker": {"jobInvoker": ME.account},
    "isRevoked": {"isRevoked": True},
    "signatureExpiresAfter": {"signatureExpiresAfter": NOW},
}


def jobs(count: int) -> list[SigningJob]:
    """Make jobs over half a year: one in ten expires, one in twenty failed, one in thirty was revoked.

    Of a thousand jobs each filter then finds more than two pages of ten, as it does of a million.
    """
    rng = random.Random(count)
    made = []
    for number in range(count):
        job_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        job = SigningJob(
            job_id=job_id,
            owner=ME.account,
            invoker=ME.account,
            requested_by=OTHER if number % 2 else ME.arn,
            profile_name="release",
            profile_version="0123456789",
            platform_id="AmazonFreeRTOS-Default",
            platform_display_name="Amazon FreeRTOS SHA256-ECDSA",
            created_at=NOW - timedelta(days=180) * (1 - number / count),
            source=SourceObject("source", "app.bin", "1" * 32),
            target=TargetObject("signed", job_id),
            status=JobStatus.FAILED if number % 20 == 1 else JobStatus.SUCCEEDED,
            token=job_id,
        )
        if number % 10 == 0:
            expiry = NOW + timedelta(days=rng.randrange(1, 4000))
            job = replace(job, platform_id="AWSLambda-SHA384-ECDSA", signature_expires_at=expiry)
        if number % 30 == 0:
            job = replace(job, revocation=JobRevocation("wrong build", NOW, ME.arn))
        made.append(job)
    return made


def lister(folder: Path, count: int, stack: ExitStack) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Fill a database and give what lists its jobs."""
    opened = stack.enter_context(open_service(ServiceSettings(folder)))
    with opened.records.writing() as transaction:
        for job in jobs(count):
            transaction.add_job(job)
    return lambda request: opened.service.call(ME, "ListSigningJobs", request, request_id="bench")


def timed(ask: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> float:
    start = time.perf_counter()
    ask(request)
    return time.perf_counter() - start


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    rows = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-")))
        few, many = (lister(home / str(count), count, stack) for count in (options.few, options.many))
        for name, wanted in FILTERS.items():
            request = wanted | {"maxResults": 10}
            pages = [(few, request), (many, request)]
            deep = [(ask, request | {"nextToken": ask(request)["nextToken"]}) for ask in (few, many)]
            for words, (small, large) in (("first page", pages), ("next page", deep)):
                rounds = [(timed(*small), timed(*large)) for _ in range(options.rounds + 10)][10:]
                times = [median(column) * 1e3 for column in zip(*rounds, strict=True)]
                detail = f"{times[0]:.2f} ms, {times[1]:.2f} ms"
                rows.append(
                    Row(f"{name}, {words}: {options.many} / {options.few}", times[1] / times[0], 1.2, detail=detail)
                )
    report("job_lists", rows)


if __name__ == "__main__":
    main()
