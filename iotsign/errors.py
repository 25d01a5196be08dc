"""The one exception hierarchy.

Every exception that leaves a public function of iotsign is an `IotsignError`. A message says what was expected,
what came and where: ``expected magic 0x96f3b83d, got 0x00000000 at offset 0``. `UntrustedImageError` is the verdict
"no"; catching it is enough to be safe, because a verification that could not be completed is one of its subclasses.
"""

from typing import Any


class IotsignError(Exception):
    """Root of all errors of this package.

    Attributes:
        code: A stable CamelCase word for scripts, for example ``PayloadSizeMismatch``.
        message: One sentence for people.
        data: Machine-readable details (offsets and sizes in bytes, names, paths).
    """

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class ConfigError(IotsignError):
    """A configuration file, platform descriptor or option is wrong."""


class MissingDependencyError(IotsignError):
    """An optional package or program is not installed; the message names what to install."""


class FormatError(IotsignError):
    """Bytes do not have the layout that they claim."""


class MalformedImageError(FormatError):
    """An image, signature or encoding contradicts its own format."""


class UnsupportedFormatError(FormatError):
    """The format is known to exist but iotsign does not read or write it."""


class ImageTooLargeError(FormatError):
    """The image exceeds the platform's or container's limit."""


class KeyFamilyError(IotsignError):
    """Parent of all errors about keys."""


class KeyUriError(KeyFamilyError):
    """A key URI is malformed or names an unknown scheme."""


class KeyUnavailableError(KeyFamilyError):
    """The key cannot be read: no such file or token, no passphrase, a wrong passphrase."""


class KeyRejectedError(KeyFamilyError):
    """The key was read and must not be used: weak, publicly known, off the curve, readable by others."""


class UnsupportedAlgorithmError(KeyFamilyError):
    """The key type and the requested algorithm do not go together."""


class UntrustedImageError(IotsignError):
    """The verdict is NO. Catching this one is enough to be safe."""


class SignatureMismatchError(UntrustedImageError):
    """The signature was not made over this image by this key."""


class DigestMismatchError(UntrustedImageError):
    """A digest stored in the image or given by the caller differs from the computed one."""


class KeyMismatchError(UntrustedImageError):
    """The image was signed by, or for, another key or key type."""


class CertificateError(UntrustedImageError):
    """The certificate or its chain does not permit code signing with this key."""


class RevokedError(UntrustedImageError):
    """The signature, certificate or profile has been revoked."""


class ExpiredError(UntrustedImageError):
    """The signature or a certificate is not valid at the given time."""


class RollbackError(UntrustedImageError):
    """The image's version or security counter is lower than what is required."""


class VerificationIncompleteError(UntrustedImageError):
    """There is no verdict; the reason is chained as ``__cause__``."""


class SignerError(IotsignError):
    """Parent of the signing service's domain errors."""


class ValidationError(SignerError):
    """A member of the request breaks a rule; the message names both."""


class ResourceNotFoundError(SignerError):
    """The named profile, job, platform or object does not exist."""


class AccessDeniedError(SignerError):
    """The caller may not do this."""


class ConflictError(SignerError):
    """The resource changed underneath the request."""


class LimitExceededError(SignerError):
    """A service quota would be exceeded."""


class ThrottledError(SignerError):
    """Too many requests."""


class StoreError(IotsignError):
    """Reading or writing a file, database or object store failed."""


class DeviceError(IotsignError):
    """Parent of errors that come from talking to a device."""


class TransportClosedError(DeviceError):
    """The line to the device is gone."""


class DeviceTimeoutError(DeviceError):
    """The device did not answer in time."""


class SmpError(DeviceError):
    """The device answered an SMP request with an error."""


class WrongBoardError(DeviceError):
    """The device is not the board that the image or the command is for."""


class OtaError(IotsignError):
    """An over-the-air update could not be created, published or applied."""
