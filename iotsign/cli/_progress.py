"""Progress bars, on stderr, for what takes over a second."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from iotsign.cli._files import size_of
from iotsign.cli._output import json_wanted, printable

_Outcome = TypeVar("_Outcome")

_PATIENCE_S: Final = 1.0


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None] | None]:
    """Show a bar while the body runs, if it takes over a second and a person watches.

    Args:
        label: What is being done.
        total: Bytes to do; None if unknown.

    Yields:
        A function to call with the bytes done so far, or None where nobody watches.
    """
    if json_wanted() or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        start = time.monotonic()
        update: Callable[[int], None] | None = None

        def advance(done: int) -> None:
            nonlocal update
            if update is None and time.monotonic() - start > _PATIENCE_S:
                update = _open_bar(stack, label, total)
            if update is not None:
                update(done)

        yield advance


def _open_bar(stack: ExitStack, label: str, total: int | None) -> Callable[[int], None]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True))
    bar = Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    stack.enter_context(bar)
    task = bar.add_task(label, total=total)
    return lambda done: bar.update(task, completed=done)


def counted(
    outcomes: Iterable[_Outcome], names: Sequence[str], advance: Callable[[int], None] | None
) -> Iterator[_Outcome]:
    """Pass the outcomes of several files on, and tell how many bytes of them are done."""
    done = 0
    for name, outcome in zip(names, outcomes, strict=True):
        done += size_of(name) or 0
        if advance is not None and len(names) > 1:
            advance(done)
        yield outcome


@contextmanager
def elapsed(label: str) -> Iterator[None]:
    """Show that something goes on, and for how long, if it takes over a second and a person watches."""
    if json_wanted() or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from threading import Timer

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(printable(label), total=None)
    timer = Timer(_PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
