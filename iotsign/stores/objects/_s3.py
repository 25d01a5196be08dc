"""Objects in S3, or in whatever speaks its protocol."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from iotsign.errors import MissingDependencyError, ResourceNotFoundError, StoreError
from iotsign.signer import BucketHead, SourceObject, TargetObject

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_CHUNK: Final = 1 << 20
_NOT_THERE: Final = ("404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "MethodNotAllowed", "405")
_MALFORMED: Final = ("400", "InvalidArgument", "InvalidBucketName")  # a version or bucket of impossible form
_EXISTS: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class S3Objects:
    """An object store in S3; see `iotsign.signer.ObjectStore`.

    What an endpoint does not know is refused, not worked around: conditional writes (``If-None-Match``) are needed.

    Args:
        client: A boto3 client for S3.
        owners: Account of each bucket that the service may use; None leaves that to the endpoint's own permissions.
    """

    def __init__(self, client: Any, *, owners: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._owners = owners

    def bucket(self, name: str) -> BucketHead:
        """Look at a bucket.

        Raises:
            ResourceNotFoundError: There is none, or it is not the service's to use.
            StoreError: S3 cannot be asked.
        """
        if self._owners is not None and name not in self._owners:
            raise ResourceNotFoundError("NoSuchBucket", f"The specified bucket does not exist: {name}", name=name)
        with _s3_errors(f"look at the bucket {name}"):
            status = self._client.get_bucket_versioning(Bucket=name).get("Status")
        return BucketHead(self._owners[name] if self._owners is not None else None, status == "Enabled")

    def size(self, source: SourceObject) -> int:
        """Size of one version of an object, in bytes.

        Raises:
            ResourceNotFoundError: There is no such bucket, object or version, or it is a delete marker.
            StoreError: S3 cannot be asked.
        """
        with _s3_errors(f"look at s3://{source.bucket}/{source.key}"):
            head = self._client.head_object(Bucket=source.bucket, Key=source.key, VersionId=source.version)
        self._check_version(head, source)
        return int(head["ContentLength"])

    @contextmanager
    def open_version(self, source: SourceObject) -> Iterator[IO[bytes]]:
        """Open one version of an object: it is brought here first, into a file without a name.

        Raises:
            ResourceNotFoundError: There is no such bucket, object or version, or it is a delete marker.
            StoreError: S3 cannot be asked, or gave less than it said.
        """
        with tempfile.TemporaryFile() as file:
            with _s3_errors(f"read s3://{source.bucket}/{source.key}"):
                answer = self._client.get_object(Bucket=source.bucket, Key=source.key, VersionId=source.version)
                self._check_version(answer, source)
                shutil.copyfileobj(answer["Body"], file, _CHUNK)  # which fails if less comes than was said
                file.flush()
            file.seek(0)
            yield file

    @contextmanager
    def stage(self) -> Iterator[IO[bytes]]:
        """Give an empty file for an object that may be put.

        Raises:
            StoreError: The system does not give one.
        """
        try:
            staged = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed below
        except OSError as error:
            raise StoreError("NoTemporaryFile", f"cannot make a temporary file: {error.strerror}") from error
        with staged as file:
            yield file

    def put_if_absent(self, target: TargetObject, staged: IO[bytes], *, content_type: str) -> bool:
        """Make an object of a staged file; False, and nothing happens, if there is one of that key (threat 23).

        Raises:
            ResourceNotFoundError: There is no such bucket.
            StoreError: S3 cannot be asked.
        """
        staged.seek(0)
        try:
            with _s3_errors(f"write s3://{target.bucket}/{target.key}"):
                self._client.put_object(
                    Bucket=target.bucket, Key=target.key, Body=staged, ContentType=content_type, IfNoneMatch="*"
                )
        except StoreError as error:
            if error.data.get("s3_code") in _EXISTS:
                return False
            raise
        return True

    def digest(self, target: TargetObject) -> str | None:
        """SHA-256, in hex, of an object as it is now; None if there is none.

        Raises:
            StoreError: S3 cannot be asked.
        """
        found = hashlib.sha256()
        try:
            with _s3_errors(f"read s3://{target.bucket}/{target.key}"):
                body = self._client.get_object(Bucket=target.bucket, Key=target.key)["Body"]
                while chunk := body.read(_CHUNK):
                    found.update(chunk)
        except ResourceNotFoundError:
            return None
        return found.hexdigest()

    @staticmethod
    def _check_version(answer: Mapping[str, Any], source: SourceObject) -> None:
        if answer.get("VersionId") != source.version:
            message = f"expected version {source.version} of s3://{source.bucket}/{source.key}, got another"
            raise StoreError("WrongVersion", message, got=answer.get("VersionId"))


def open_s3(
    endpoint_url: str | None = None, *, region: str | None = None, owners: Mapping[str, str] | None = None
) -> S3Objects:
    """Open S3 with the credentials that boto3 finds.

    Args:
        endpoint_url: Where; AWS itself if None.
        region: AWS region; by default what boto3 finds.
        owners: Account of each bucket that the service may use; None leaves that to the endpoint's own permissions.

    Raises:
        MissingDependencyError: boto3 is not installed.
        StoreError: The endpoint's address is malformed.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        raise MissingDependencyError("NoBoto3", "objects in S3 need boto3", hint="install iotsign[aws]") from None
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 4}, s3={"addressing_style": "path"} if endpoint_url else None
    )
    try:
        client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreError("S3Unusable", f"cannot use S3: {error}") from error
    return S3Objects(client, owners=owners)


@contextmanager
def _s3_errors(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translated(error, what) from error
    except (BotoCoreError, OSError) as error:
        raise StoreError("S3Failed", f"cannot {what}: {error}") from error


def _translated(error: "ClientError", what: str) -> ResourceNotFoundError | StoreError:
    about = error.response.get("Error", {})
    code, message = str(about.get("Code", "")), about.get("Message", "")
    if code in _NOT_THERE or code in _MALFORMED:
        return ResourceNotFoundError(code if code.startswith("NoSuch") else "NoSuchObject", f"cannot {what}: {message}")
    return StoreError("S3Failed", f"cannot {what}: {code}: {message}", s3_code=code)
