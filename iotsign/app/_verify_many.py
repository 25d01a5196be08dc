"""Verification of many images at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iotsign.app._batches import SMALL, CheckStop, Task, batches_of, work_on, worker_count
from iotsign.app._input_file import InputFile, Source, open_small, source_name
from iotsign.app._steps import Steps
from iotsign.app._verdict import VerifiedImage, VerifyOptions
from iotsign.app._verify import verify_image, verify_read_image
from iotsign.errors import IotsignError
from iotsign.formats import jsonimage

if TYPE_CHECKING:
    from iotsign.formats.jsonimage import JsonImage

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
        yield _verify_alone(sources[0], options, payload, progress)
        return

    # OpenSSL's binding holds Python's global lock: the caller, who needs it anyway, judges while workers read and hash.
    # The core does not, so that more workers than two are worth their quarrel about that lock.
    workers = worker_count(threads)
    apart = workers > 1 and (workers == 2 or options.verifier != "core")
    backlog = _Backlog(shared=options.verifier == "core")
    tasks = (_Verification(batch, options, backlog if apart else None) for batch in batches_of(sources, threads))
    yield from work_on(tasks, threads)


class _Backlog:
    """The batches that wait until the caller judges them.

    Args:
        shared: Where the caller has one already, a worker judges its next batch itself.
    """

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._waiting = 0

    def takes(self) -> bool:
        """Leave one more batch to the caller; False if the worker had better judge it."""
        with self._lock:
            if self._shared and self._waiting:
                return False
            self._waiting += 1
            return True

    def shorten(self) -> None:
        """Say that the caller has judged one."""
        with self._lock:
            self._waiting -= 1


class _Verification(Task[Outcome]):
    """One batch: small images as iotsign writes them are read and hashed in one go, all others are taken alone."""

    def __init__(self, sources: Sequence[Source], options: VerifyOptions, backlog: _Backlog | None) -> None:
        """Take a batch.

        Args:
            sources: The images.
            options: What each verdict has to respect.
            backlog: Where it waits, read and hashed, for the caller, who also opens the images; None leaves all to the
                worker.
        """
        self._sources = sources
        self._options = options
        self._backlog = backlog
        self._waits = False
        self._stack = contextlib.ExitStack()
        self._files: list[InputFile | None] = []
        self._small = jsonimage.SmallObjects([])
        self._outcomes: dict[int, Outcome] = {}
        if backlog is not None:
            self._open()

    def work(self, check_stop: CheckStop) -> None:
        if self._backlog is None:
            self._open()
        check_stop(0)
        self._small.read()
        for index, file in enumerate(self._files):
            if file is None:
                self._outcomes[index] = _verify_alone(self._sources[index], self._options, None, check_stop)
        self._waits = self._backlog is not None and self._backlog.takes()
        if not self._waits:
            self._judge(check_stop)

    def results(self) -> list[Outcome]:
        if self._waits and self._backlog is not None:
            self._judge(None)
            self._backlog.shorten()
        return [self._outcomes[index] for index in range(len(self._sources))]

    def close(self) -> None:
        self._stack.close()

    def _open(self) -> None:
        heads = []
        for source in self._sources:
            file = None
            # whatever is odd about a file is found and said when it is verified alone
            if len(self._sources) > 1 and isinstance(source, Path):
                with contextlib.suppress(IotsignError):
                    opened = open_small(source, SMALL, self._stack)
                    if opened is not None:
                        heads.append((opened.fd, opened.size, opened.head(jsonimage.MAX_PREFIX)))
                        file = opened
            self._files.append(file)
        self._small = jsonimage.SmallObjects(heads)

    def _judge(self, check_stop: CheckStop | None) -> None:
        images = iter(self._small.images())
        for index, (source, file) in enumerate(zip(self._sources, self._files, strict=True)):
            if check_stop is not None:
                check_stop(0)
            if file is None:
                continue
            image = next(images)
            if image is None:
                outcome = _verify_alone(source, self._options, None, check_stop)
            else:
                outcome = _verify_read(file, image, self._options)
            self._outcomes[index] = outcome


def _verify_alone(source: Source, options: VerifyOptions, payload: Source | None, progress: Progress | None) -> Outcome:
    steps = Steps()
    try:
        verified = verify_image(source, options, payload=payload, steps=steps, progress=progress)
    except IotsignError as error:
        return Outcome(source_name(source), steps, None, error)
    return Outcome(source_name(source), steps, verified, None)


def _verify_read(file: InputFile, image: JsonImage, options: VerifyOptions) -> Outcome:
    steps = Steps()
    try:
        verified = verify_read_image(file, image, options, steps=steps)
    except IotsignError as error:
        return Outcome(file.name, steps, None, error)
    return Outcome(file.name, steps, verified, None)
