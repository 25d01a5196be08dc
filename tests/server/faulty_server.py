"""The command line in a process that goes wrong on purpose; everything but the fault is what is shipped.

Usage: faulty_server.py FAULT ARGUMENT serve …. Faults: ``kill STEP`` ends by SIGKILL when a job that was accepted here
has taken a step; ``clock FILE`` is wrong by as many seconds as the file says.
"""

import os
import signal
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from iotsign.app import service
from iotsign.cli import main
from iotsign.server import Metrics, _app, _serve


def kill_after(last: str) -> None:
    """End after a step of a job."""
    accepted: set[str] = set()
    count = Metrics.step

    def watched(self: Metrics, step: str, job_id: str) -> None:
        count(self, step, job_id)
        if step == "accepted":
            accepted.add(job_id)
        if step == last and job_id in accepted:
            os.kill(os.getpid(), signal.SIGKILL)

    Metrics.step = watched  # type: ignore[method-assign]


def set_clock(file: Path) -> None:
    """Be wrong about the time wherever the service looks at it."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=int(file.read_text()))

    for module in (service, _app, _serve):
        module.datetime = Wrong  # type: ignore[attr-defined]


if __name__ == "__main__":
    fault, argument, *sys.argv[1:] = sys.argv[1:]
    {"kill": lambda: kill_after(argument), "clock": lambda: set_clock(Path(argument))}[fault]()
    main()
