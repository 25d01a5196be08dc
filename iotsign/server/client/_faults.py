"""What AWS's services and botocore raise, in iotsign's hierarchy; the messages stay the service's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from iotsign import errors

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# AWS's exception or S3's code: our class; another one is a plain refusal
_CLASSES: Final[dict[str, type[errors.SignerError]]] = {
    "ValidationException": errors.ValidationError,
    "BadRequestException": errors.ValidationError,
    "ResourceNotFoundException": errors.ResourceNotFoundError,
    "NotFoundException": errors.ResourceNotFoundError,
    "NoSuchBucket": errors.ResourceNotFoundError,
    "NoSuchKey": errors.ResourceNotFoundError,
    "NoSuchVersion": errors.ResourceNotFoundError,
    "ConflictException": errors.ConflictError,
    "ServiceLimitExceededException": errors.LimitExceededError,
    "TooManyRequestsException": errors.ThrottledError,
    "ThrottlingException": errors.ThrottledError,
    "SlowDown": errors.ThrottledError,
    "AccessDeniedException": errors.AccessDeniedError,
    "AccessDenied": errors.AccessDeniedError,
    "ExpiredTokenException": errors.AccessDeniedError,
    "IncompleteSignature": errors.AccessDeniedError,
    "InvalidAccessKeyId": errors.AccessDeniedError,
    "InvalidClientTokenId": errors.AccessDeniedError,
    "InvalidSignatureException": errors.AccessDeniedError,
    "MissingAuthenticationTokenException": errors.AccessDeniedError,
    "SignatureDoesNotMatch": errors.AccessDeniedError,
    "UnrecognizedClientException": errors.AccessDeniedError,
}


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Raise iotsign's errors where botocore raises its own.

    Args:
        what: What is being done, for errors that the service did not word.

    Raises:
        SignerError: The service refuses.
        ConfigError: There are no credentials.
        StoreError: The service cannot be reached, or failed.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _refusal(error, what) from error
    except exceptions.ParamValidationError as error:
        raise errors.ValidationError("ValidationError", str(error)) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --aws-profile"
        raise errors.ConfigError("NoCredentials", f"{what}: {error}", hint=hint) from error
    except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
        raise errors.StoreError("EndpointFailed", f"{what}: {error}") from error


def _refusal(error: "ClientError", what: str) -> errors.SignerError | errors.StoreError:
    response: dict[str, Any] = error.response
    about = response.get("Error", {})
    name = str(about.get("Code", ""))
    message = str(about.get("Message") or response.get("message") or name)
    # the services of AWS name the detail in the body's `code`, beside the exception
    code = str(response.get("code") or name)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    data = {"operation": what, "exception": name, "status": status}
    if status >= 500 and name not in _CLASSES:
        return errors.StoreError(code, f"{what}: {message}", **data)
    return _CLASSES.get(name, errors.SignerError)(code, message, **data)
