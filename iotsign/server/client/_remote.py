"""The client of whoever speaks AWS Signer's API over HTTP: iotsign's server, AWS itself, others."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
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
        open_client: Makes botocore's client, which takes its time, when it is first needed.
    """

    def __init__(self, open_client: Callable[[], Any]) -> None:
        self._open_client = open_client

    @cached_property
    def _client(self) -> Any:
        return self._open_client()

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
    prefix: dict[str, Any] = {} if in_amazon else {"inject_host_prefix": False}  # GetRevocationStatus has one
    s3_url = endpoint.s3_url or (None if in_amazon else endpoint.url)
    with ExitStack() as stack:
        signer = stack.enter_context(_open("signer", endpoint.url, endpoint, **prefix))
        yield RemoteClient(signer, S3Buckets(lambda: stack.enter_context(_open("s3", s3_url, endpoint))))


@contextmanager
def open_s3_buckets(url: str | None, *, region: str) -> Iterator[S3Buckets]:
    """Make a client of an S3, with the credentials that AWS's tools would use; of AWS's own without a URL."""
    with ExitStack() as stack:
        yield S3Buckets(lambda: stack.enter_context(_open("s3", url, Endpoint(url or "", region=region))))


@cache
def _loader() -> Any:
    """Keep AWS's models and endpoints, which take a quarter of a second to read, for the next client."""
    from botocore.loaders import create_loader

    return create_loader()


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
        session.register_component("data_loader", _loader())
        region = endpoint.region or session.get_config_variable("region") or endpoint.default_region
        client = session.create_client(service, region_name=region, endpoint_url=url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigError("EndpointUnusable", f"cannot use {url or service}: {error}") from error
    try:
        yield client
    finally:
        client.close()
