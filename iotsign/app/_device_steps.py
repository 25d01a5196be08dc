"""What was done with a device, step by step, with times; it survives the error that ends it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from iotsign.errors import IotsignError

__all__ = ["DeviceStep", "DeviceSteps"]


@dataclass(slots=True)
class DeviceStep:
    """One step.

    Attributes:
        name: What is done.
        outcome: ``done``, ``failed`` or ``skipped``.
        seconds: How long it took.
        detail: What was found.
    """

    name: str
    outcome: str = "failed"
    seconds: float = 0.0
    detail: str = ""


@dataclass(slots=True)
class DeviceSteps:
    """A record of the steps so far.

    Attributes:
        taken: The steps, in order.
        warnings: What did not stop them and should be known.
    """

    taken: list[DeviceStep] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[DeviceStep]:
        """Take one step; an error of the body is recorded, gets the step's name into its data, and goes on."""
        step = DeviceStep(name)
        self.taken.append(step)
        start = time.monotonic()
        try:
            yield step
        except IotsignError as error:
            step.detail = error.message
            error.data.setdefault("step", name)
            raise
        else:
            step.outcome = "done"
        finally:
            step.seconds = time.monotonic() - start

    def skip(self, name: str, detail: str) -> None:
        """Record a step that does not apply."""
        self.taken.append(DeviceStep(name, "skipped", 0.0, detail))
