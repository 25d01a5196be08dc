"""The one table where iotsign's errors and S3's error codes meet.

Source: Amazon S3 API Reference 2006-03-01, "Error responses".
"""

from dataclasses import dataclass
from typing import Any, Final

from iotsign import errors
from iotsign.server._exchange import Exchange
from iotsign.server.s3._xml import element, xml

_STATUS: Final = {
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}
# what the authenticating step says, in S3's words
_AUTHENTICATION: Final = {
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignature": "AccessDenied",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MalformedHttpRequestException": "InvalidRequest",
    "MissingAuthenticationTokenException": "AccessDenied",
    "RequestAbortedException": "IncompleteBody",
    "RequestEntityTooLargeException": "MalformedXML",
    "RequestExpired": "AccessDenied",
    "RequestTimeoutException": "RequestTimeout",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "InvalidObjectKey": "KeyTooLongError",
}
_BY_CLASS: Final = (
    (errors.ValidationError, "InvalidRequest"),
    (errors.AccessDeniedError, "AccessDenied"),
    (errors.ThrottledError, "SlowDown"),
)


@dataclass(frozen=True, slots=True)
class S3Fault:
    """An error as S3 answers it.

    Attributes:
        code: S3's code.
        message: One sentence for people.
        region: The region to sign for, where that was the mistake.
    """

    code: str
    message: str
    region: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS[self.code]


def s3_fault_of(error: BaseException) -> S3Fault:
    """Translate an error; what is not in the table is an opaque 500."""
    if isinstance(error, errors.SignerError):
        data: dict[str, Any] = error.data
        if "region" in data:
            return S3Fault("AuthorizationHeaderMalformed", error.message, data["region"])
        if "skewed" in data:
            return S3Fault("RequestTimeTooSkewed", error.message)
        code = _AUTHENTICATION.get(error.code, error.code)
        if code in _STATUS:
            return S3Fault(code, error.message)
        for kind, name in _BY_CLASS:
            if isinstance(error, kind):
                return S3Fault(name, error.message)
    return S3Fault("InternalError", "We encountered an internal error. Please try again.")


async def answer_s3_fault(exchange: Exchange, error: BaseException) -> None:
    """Answer with an error, as S3 does."""
    fault = s3_fault_of(error)
    exchange.error = fault.code
    body = xml(
        "Error",
        element("Code", fault.code),
        element("Message", fault.message),
        *([element("Region", fault.region)] if fault.region else []),
        element("RequestId", exchange.request_id),
        namespace=False,
    )
    headers = [("content-type", "application/xml"), ("x-amz-request-id", exchange.request_id)]
    await exchange.respond(fault.status, headers, body)
