"""Verification of many images at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotsign.app._batches import SMALL, CheckStop, batches_of, work_on
from iotsign.app._input_file import InputFile, Source, input_file, source_name
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

    def work(batch: Sequence[Source], check_stop: CheckStop) -> list[Outcome]:
        return _verify_batch(batch, options, check_stop)

    yield from work_on(batches_of(sources, threads), work, threads)


def _verify_batch(sources: Sequence[Source], options: VerifyOptions, check_stop: CheckStop) -> list[Outcome]:
    outcomes = []
    with contextlib.ExitStack() as stack:
        read = _read_batch(sources, stack, check_stop) if len(sources) > 1 else {}
        for source in sources:
            check_stop(0)
            known = read.get(source)
            outcomes.append(
                _verify_read(*known, options) if known else _verify_alone(source, options, None, check_stop)
            )
    return outcomes


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


def _read_batch(
    sources: Sequence[Source], stack: contextlib.ExitStack, check_stop: CheckStop
) -> dict[Source, tuple[InputFile, JsonImage]]:
    """Read what is small and written as iotsign writes it; the payloads are decoded and hashed in one go."""
    files: list[tuple[Source, InputFile, bytes]] = []
    for source in sources:
        check_stop(0)
        # whatever is odd about a file is found and said when it is verified alone
        with contextlib.suppress(IotsignError):
            file = stack.enter_context(input_file(source))
            if file.size <= SMALL:
                files.append((source, file, file.head(jsonimage.MAX_PREFIX)))
    images = jsonimage.read_small([(file.fd, file.size, head) for _, file, head in files])
    return {source: (file, image) for (source, file, _), image in zip(files, images, strict=True) if image is not None}
