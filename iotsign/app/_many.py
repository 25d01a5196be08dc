"""Verification of many images at once."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from iotsign.app._input_file import Source, source_name
from iotsign.app._steps import Steps
from iotsign.app._verdict import VerifiedImage, VerifyOptions
from iotsign.app._verify import verify_image
from iotsign.errors import IotsignError

__all__ = ["Outcome", "verify_images"]

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the verification of one image ended.

    Attributes:
        name: The image's file name.
        steps: What was looked at, up to the end or the failure.
        verified: What was verified; None after an error.
        error: Why it cannot be trusted; None if it can.
    """

    name: str
    steps: Steps
    verified: VerifiedImage | None
    error: IotsignError | None


class _Stopped(BaseException):
    """Ends a worker whose result nobody waits for any more."""


def verify_images(
    sources: Sequence[Source],
    options: VerifyOptions,
    *,
    payload: Source | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Verify images, several at a time, and give their outcomes in the order of `sources`.

    Args:
        sources: The images.
        options: What each verdict has to respect.
        payload: The payload of a JSONDetached object, if there is one image only.
        threads: How many images at a time; by default one for each processor.
        progress: Called with the bytes of payload done so far, if there is one image only.

    Yields:
        One outcome for each image; an `IotsignError` is an outcome, not an exception.
    """
    if len(sources) == 1:
        yield _verify_one(sources[0], options, payload, progress)
        return
    stop = threading.Event()

    def check_stop(_: int) -> None:
        if stop.is_set():
            raise _Stopped

    workers = threads or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(max_workers=min(workers, max(1, len(sources)))) as pool:
        outcomes = [pool.submit(_verify_one, source, options, None, check_stop) for source in sources]
        try:
            for outcome in outcomes:
                yield outcome.result()
        finally:
            stop.set()
            for outcome in outcomes:
                outcome.cancel()


def _verify_one(source: Source, options: VerifyOptions, payload: Source | None, progress: Progress | None) -> Outcome:
    steps = Steps()
    try:
        verified = verify_image(source, options, payload=payload, steps=steps, progress=progress)
    except IotsignError as error:
        return Outcome(source_name(source), steps, None, error)
    return Outcome(source_name(source), steps, verified, None)
