"""The numbered steps of a verification, and how far one came."""

from dataclasses import dataclass, field
from typing import Final, Literal, Self

from iotsign.errors import IotsignError

__all__ = ["STEPS", "Step", "Steps"]

STEPS: Final = {
    1: "signed object",  # the layout is exactly that of the format
    2: "payload",  # its size is the stated one, and the platform's limit is kept
    3: "algorithm",  # known, and allowed by the platform; SHA-1 only where a platform has nothing better
    4: "key",  # usable, of a type that the algorithm and the platform take
    5: "signature",  # made over exactly this payload by the key
    6: "certificate",  # permits code signing now, and leads to a trusted root
    7: "rollback",  # version and security counter are not lower than demanded; taken only where something is
    8: "validity",  # a signing service's signature is in force
    9: "revocation",  # and neither its job nor its profile has been revoked
}

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(slots=True)
class Step:
    """One step.

    Attributes:
        number: As in `STEPS`.
        outcome: ``passed``, ``failed`` or ``skipped``.
        detail: What was found.
        layer: What was looked at inside a signed object, for example ``mcuboot``; empty for the file itself.
    """

    number: int
    outcome: Outcome
    detail: str
    layer: str = ""

    @property
    def name(self) -> str:
        """What the step looks at."""
        return STEPS[self.number]

    def __enter__(self) -> Self:
        """Begin it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """End it: passed, or failed with an error that is recorded, gets ``step`` into its data, and goes on."""
        if error is None:
            self.outcome = "passed"
        elif isinstance(error, IotsignError):
            self.detail = error.message
            error.data.setdefault("step", self.number)
            if self.layer:
                error.data.setdefault("layer", self.layer)


@dataclass(slots=True)
class Steps:
    """A record of the steps that were taken; it survives the error that ends a verification.

    Attributes:
        taken: The steps so far, in order.
        warnings: What did not change the verdict and should be known.
        layer: What the next steps look at; empty for the file itself.
    """

    taken: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    layer: str = ""

    def step(self, number: int) -> Step:
        """Take one step: all that is done in its ``with`` block."""
        step = Step(number, "failed", "", self.layer)
        self.taken.append(step)
        return step

    def skip(self, number: int, detail: str) -> None:
        """Record a step that does not apply."""
        self.taken.append(Step(number, "skipped", detail, self.layer))
