"""The one table where iotsign's errors and AWS's exceptions meet; what is not in it is an opaque 500.

Source: AWS Signer API Reference 2017-08-25, each operation's errors, and "Common Errors".
"""

import json
from dataclasses import dataclass
from typing import Final

from iotsign import errors
from iotsign.server.protocol._model import declared_errors, error_status

COMMON_ERRORS: Final = {
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "InvalidSignatureException": 403,
    "MalformedHttpRequestException": 400,
    "MissingAuthenticationTokenException": 403,
    "RequestAbortedException": 400,
    "RequestEntityTooLargeException": 413,
    "RequestExpired": 400,
    "RequestTimeoutException": 408,
    "SerializationException": 400,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
}
"""Exceptions that any operation may answer with, and their status; an error whose `code` is one of them becomes it.

``InvalidSignatureException``, ``MissingAuthenticationTokenException`` and ``SerializationException`` are what the
service answers with although its reference does not list them.
"""

_INTERNAL: Final = "InternalServiceErrorException"

# the first exception that the operation declares is the answer; else the first one
_EXCEPTIONS: Final[tuple[tuple[type[errors.SignerError], tuple[str, ...]], ...]] = (
    (errors.ValidationError, ("ValidationException", "BadRequestException")),
    (errors.ResourceNotFoundError, ("ResourceNotFoundException", "NotFoundException")),
    (errors.AccessDeniedError, ("AccessDeniedException",)),
    (errors.ConflictError, ("ConflictException", "ValidationException", "BadRequestException")),
    (errors.LimitExceededError, ("ServiceLimitExceededException", "BadRequestException")),
    (errors.ThrottledError, ("TooManyRequestsException",)),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as it goes over the wire.

    Attributes:
        exception: The name of AWS's exception, for the header ``x-amzn-ErrorType``.
        status: The HTTP status.
        code: The detail, such as ``ProfileAlreadyExists``.
        message: One sentence for people.
    """

    exception: str
    status: int
    code: str
    message: str

    @property
    def body(self) -> bytes:
        """The JSON body."""
        return json.dumps({"message": self.message, "code": self.code}, separators=(",", ":")).encode()


def fault_of(error: BaseException, operation: str | None = None) -> Fault:
    """Translate an error.

    Args:
        error: What was raised.
        operation: The operation's name, if it got so far.

    Returns:
        What to answer; an error that the service does not declare becomes a 500 that says nothing of its cause.
    """
    if not isinstance(error, errors.SignerError):
        return Fault(_INTERNAL, 500, "InternalError", "The service encountered an internal error.")
    if error.code in COMMON_ERRORS:
        return Fault(error.code, COMMON_ERRORS[error.code], error.code, error.message)
    declared = declared_errors(operation) if operation else frozenset[str]()
    for kind, names in _EXCEPTIONS:
        if isinstance(error, kind):
            name = next((name for name in names if name in declared), names[0])
            return Fault(name, error_status()[name], error.code, error.message)
    return Fault(_INTERNAL, 500, "InternalError", "The service encountered an internal error.")
