"""Who asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated identity.

    Attributes:
        account: Twelve digits.
        arn: The principal as the audit log and ``requestedBy`` name it.
        role: ARN of the IAM role, its path included, that the identity has taken; None for a user.
    """

    account: str
    arn: str
    role: str | None = None
