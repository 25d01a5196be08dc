"""From method, path and query to an S3 operation; path style only."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from iotsign.errors import ValidationError
from iotsign.server.sigv4 import QueryPairs

# (what the path names, method, the parameters that choose the operation): the operation
_OPERATIONS: Final = {
    ("service", "GET", frozenset[str]()): "ListBuckets",
    ("bucket", "PUT", frozenset[str]()): "CreateBucket",
    ("bucket", "HEAD", frozenset[str]()): "HeadBucket",
    ("bucket", "PUT", frozenset({"versioning"})): "PutBucketVersioning",
    ("bucket", "GET", frozenset({"versioning"})): "GetBucketVersioning",
    ("bucket", "GET", frozenset({"location"})): "GetBucketLocation",
    ("bucket", "GET", frozenset({"versions"})): "ListObjectVersions",
    ("bucket", "GET", frozenset({"list-type"})): "ListObjectsV2",
    ("object", "PUT", frozenset[str]()): "PutObject",
    ("object", "GET", frozenset[str]()): "GetObject",
    ("object", "HEAD", frozenset[str]()): "HeadObject",
    ("object", "POST", frozenset({"uploads"})): "CreateMultipartUpload",
    ("object", "PUT", frozenset({"partNumber", "uploadId"})): "UploadPart",
    ("object", "POST", frozenset({"uploadId"})): "CompleteMultipartUpload",
    ("object", "DELETE", frozenset({"uploadId"})): "AbortMultipartUpload",
}
_CHOOSING: Final = frozenset().union(*(parameters for _, _, parameters in _OPERATIONS))
# parameters that say more about an operation and choose none; response-… changes nothing but headers and is left out
_SAYING: Final = frozenset(
    {
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "key-marker",
        "max-buckets",
        "max-keys",
        "prefix",
        "start-after",
        "version-id-marker",
        "versionId",
        "x-id",
    }
)


@dataclass(frozen=True, slots=True)
class S3Call:
    """What a request asks for.

    Attributes:
        operation: The operation's name.
        bucket: Its bucket; empty for the service.
        key: Its key; empty for a bucket.
        query: The parameters, each at most once.
    """

    operation: str
    bucket: str
    key: str
    query: dict[str, str]

    def integer(self, name: str, default: int, maximum: int) -> int:
        """A parameter's number, not above ``maximum``.

        Raises:
            ValidationError: It is no number.
        """
        value = self.query.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ValidationError("InvalidArgument", f"expected a number in {name}, got {value[:32]!r}")
        return min(int(value), maximum)


def find_call(method: str, path: bytes, query: QueryPairs) -> S3Call:
    """Find what is asked for.

    Raises:
        ValidationError: It is nothing that this server does, or malformed; ``code`` is S3's.
    """
    bucket, _, key = path.removeprefix(b"/").partition(b"/")
    parameters: dict[str, str] = {}
    for name, value in query:
        text = _text(name)
        if text in parameters:
            raise ValidationError("InvalidArgument", f"expected {text[:64]!r} once in the query, got it twice")
        parameters[text] = _text(value)
    call_bucket, call_key = _text(unquote_to_bytes(bucket)), _text(unquote_to_bytes(key))
    what = "object" if call_key else "bucket" if call_bucket else "service"
    operation = _OPERATIONS.get((what, method, frozenset(parameters) & _CHOOSING))
    if operation is None or not set(parameters) <= _CHOOSING | _SAYING:
        asked = " ".join([method, what, *sorted(parameters)])[:256]
        message = f"A header or parameter you provided implies functionality that is not implemented: {asked}"
        raise ValidationError("NotImplemented", message)
    return S3Call(operation, call_bucket, call_key, parameters)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValidationError("InvalidURI", f"Couldn't parse the specified URI: {value[:64]!r} is not UTF-8") from None
