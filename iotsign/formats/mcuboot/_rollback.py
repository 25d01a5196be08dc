"""Anti-rollback in the packer and in the verifier."""

from dataclasses import dataclass

from iotsign.errors import RollbackError
from iotsign.formats.mcuboot._image import Image
from iotsign.formats.mcuboot._version import ImageVersion


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that an image must have; equal passes.

    Attributes:
        version: Compared with all four numbers, the build included; None demands nothing.
        security_counter: Demands that the image has a counter; None demands nothing.
    """

    version: ImageVersion | None = None
    security_counter: int | None = None

    @classmethod
    def of_release(cls, release: Image) -> "Floor":
        """What a released image demands of its successors.

        Raises:
            MalformedImageError: Its security counter is malformed.
        """
        return cls(release.version, release.security_counter)

    def check(self, version: ImageVersion, security_counter: int | None) -> None:
        """Check an image's version and counter.

        Raises:
            RollbackError: One is lower, or the counter is missing.
        """
        if self.version is not None and version < self.version:
            message = f"expected version {self.version} or later, got {version}"
            raise RollbackError("VersionRollback", message, expected=str(self.version), got=str(version))
        if self.security_counter is None:
            return
        if security_counter is None:
            message = f"expected a security counter of at least {self.security_counter}, got none"
            raise RollbackError("SecurityCounterMissing", message, expected=self.security_counter)
        if security_counter < self.security_counter:
            message = f"expected a security counter of at least {self.security_counter}, got {security_counter}"
            raise RollbackError(
                "SecurityCounterRollback", message, expected=self.security_counter, got=security_counter
            )
