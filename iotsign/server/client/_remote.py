"""The client of whoever speaks AWS Signer's API over HTTP: iotsign's server, AWS itself, others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final
from urllib.parse import urlsplit

from iotsign.errors import ConfigError, MissingDependencyError, ValidationError
from iotsign.server.client._client import Buckets
from iotsign.server.client._faults import aws_errors

_CONNECT_S: Final = 10
_AMAZON: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is, and as whom it is called.

    Attributes:
        url: Its URL.
        s3_url: Where its buckets are; by default S3 in AWS for an endpoint in AWS, else the same URL.
        region: AWS region to sign for; by default what AWS's own configuration says.
        default_region: The region if that says nothing.
        aws_profile: The profile of AWS's configuration files whose credentials are used.
    """

    url: str
    s3_url: str | None = None
    region: str | None = None
    default_region: str = "us-east-1"
    aws_profile: str | None = None


class S3Buckets:
    """The buckets of an S3; see `Buckets`.

    Args:
        client: botocore's.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def upload(self, bucket: str, key: str, file: IO[bytes]) -> str:
        """Put an object and give its version; see `Buckets`."""
        with aws_errors(f"write s3://{bucket}/{key}"):
            version = self._client.put_object(Bucket=bucket, Key=key, Body=file).get("VersionId")
        if not version or version == "null":
            hint = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
            message = f"expected the bucket {bucket} to keep versions, as a signing job needs them; it keeps none"
            raise ValidationError("SourceNotVersioned", message, bucket=bucket, hint=hint)
        return str(version)

    @contextmanager
    def download(self, bucket: str, key: str) -> Iterator[IO[bytes]]:
        """Open an object for reading; see `Buckets`."""
        with aws_errors(f"read s3://{bucket}/{key}"):
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
            with body:
                yield body


class RemoteClient:
    """Calls an endpoint; see `SigningClient`.

    Args:
        signer: botocore's client of it.
        buckets: Where its jobs find and leave objects.
    """

    def __init__(self, signer: Any, buckets: Buckets) -> None:
        self._signer = signer
        self.buckets = buckets

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation; see `SigningClient`."""
        methods = {name: method for method, name in self._signer.meta.method_to_api_mapping.items()}
        with aws_errors(operation):
            answer: dict[str, Any] = getattr(self._signer, methods[operation])(**request)
        answer.pop("ResponseMetadata", None)
        return answer

    def finish(self, job_id: str) -> None:
        """Leave a job to the server."""


@contextmanager
def open_remote(endpoint: Endpoint) -> Iterator[RemoteClient]:
    """Make a client of an endpoint, with the credentials that AWS's tools would use.

    Raises:
        ConfigError: The endpoint's URL is malformed, or there are no credentials.
        MissingDependencyError: botocore is not installed.
    """
    host = urlsplit(endpoint.url).hostname or ""
    in_amazon = host.endswith(_AMAZON)
    with (
        _open("signer", endpoint.url, endpoint, inject_host_prefix=None if in_amazon else False) as signer,
        _open("s3", endpoint.s3_url or (None if in_amazon else endpoint.url), endpoint) as s3,
    ):
        yield RemoteClient(signer, S3Buckets(s3))


@contextmanager
def open_s3_client(url: str | None, *, region: str) -> Iterator[Any]:
    """Make botocore's client of an S3."""
    with _open("s3", url, Endpoint(url or "", region=region)) as client:
        yield client


@contextmanager
def _open(service: str, url: str | None, endpoint: Endpoint, **options: Any) -> Iterator[Any]:
    try:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError:
        message = "an endpoint is called with botocore; install iotsign[aws]"
        raise MissingDependencyError("MissingDependency", message, extra="aws") from None
    path_style = {"addressing_style": "path"} if service == "s3" and url else None
    config = Config(retries={"mode": "standard"}, connect_timeout=_CONNECT_S, s3=path_style, **options)
    try:
        session = Session(profile=endpoint.aws_profile)
        region = endpoint.region or session.get_config_variable("region") or endpoint.default_region
        client = session.create_client(service, region_name=region, endpoint_url=url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigError("EndpointUnusable", f"cannot use {url or service}: {error}") from error
    try:
        yield client
    finally:
        client.close()
