"""Objects in the S3 of others: moto's server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from iotsign.app.configuration import load_configuration
from iotsign.app.service import ServiceSettings, open_service
from iotsign.errors import ConfigError, ResourceNotFoundError, SignerError, StoreError
from iotsign.signer import Caller, ObjectStore, SourceObject, TargetObject
from iotsign.stores.objects import S3Objects, open_s3

TYPE = "application/octet-stream"
CONTENT = b"firmware" * 1000


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for bucket in ("firmware", "plain"):
        client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket="firmware", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def store(endpoint: str, client: Any) -> Iterator[S3Objects]:
    assert client
    yield open_s3(endpoint, region="us-east-1")
    resource = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1")
    for bucket in ("firmware", "plain"):
        resource.Bucket(bucket).object_versions.delete()
        resource.Bucket(bucket).delete()


def put(client: Any, content: bytes = CONTENT, key: str = "app.bin") -> SourceObject:
    answer = client.put_object(Bucket="firmware", Key=key, Body=content)
    return SourceObject("firmware", key, answer["VersionId"])


def test_the_named_version_is_read_and_no_other(store: S3Objects, client: Any) -> None:  # threat 23
    port: ObjectStore = store
    first = put(client)
    put(client, b"another")
    client.delete_object(Bucket="firmware", Key="app.bin")
    assert port.size(first) == len(CONTENT)
    with port.open_version(first) as file:
        assert file.read() == CONTENT
        assert file.fileno() > 0


@pytest.mark.parametrize("version", ["null", "nothing", ""])
def test_versions_that_are_not_there(store: S3Objects, client: Any, version: str) -> None:
    source = SourceObject("firmware", put(client).key, version)
    with pytest.raises((ResourceNotFoundError, StoreError)):
        store.size(source)
    with pytest.raises((ResourceNotFoundError, StoreError)), store.open_version(source):
        pass


def test_a_delete_marker_is_no_version(store: S3Objects, client: Any) -> None:  # threat 23
    put(client)
    marker = client.delete_object(Bucket="firmware", Key="app.bin")["VersionId"]
    with pytest.raises(ResourceNotFoundError):
        store.size(SourceObject("firmware", "app.bin", marker))


def test_keys_and_buckets_that_are_not_there(store: S3Objects) -> None:
    for source in (SourceObject("firmware", "nothing", "v"), SourceObject("nowhere", "app.bin", "v")):
        with pytest.raises(ResourceNotFoundError):
            store.size(source)
    with pytest.raises(ResourceNotFoundError):
        store.bucket("nowhere")
    assert store.digest(TargetObject("firmware", "nothing")) is None


def test_versioning_is_seen(store: S3Objects, client: Any) -> None:
    assert store.bucket("firmware").versioned
    assert store.bucket("firmware").owner is None
    assert not store.bucket("plain").versioned
    client.put_bucket_versioning(Bucket="firmware", VersioningConfiguration={"Status": "Suspended"})
    assert not store.bucket("firmware").versioned


def test_an_object_is_put_only_where_there_is_none(store: S3Objects, client: Any) -> None:  # threat 23
    target = TargetObject("plain", "signed/app")
    for content, expected in ((b"first", True), (b"second", False)):
        with store.stage() as staged:
            staged.write(content)
            assert store.put_if_absent(target, staged, content_type=TYPE) is expected
    answer = client.get_object(Bucket="plain", Key="signed/app")
    assert answer["Body"].read() == b"first"
    assert answer["ContentType"] == TYPE
    assert store.digest(target) == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"


def test_an_object_for_no_bucket_is_not_found(store: S3Objects) -> None:
    with store.stage() as staged, pytest.raises(ResourceNotFoundError):
        store.put_if_absent(TargetObject("nowhere", "x"), staged, content_type=TYPE)


def test_buckets_belong_to_accounts_where_that_is_known(endpoint: str, store: S3Objects) -> None:  # threat 32
    owned = open_s3(endpoint, region="us-east-1", owners={"firmware": "111122223333"})
    assert owned.bucket("firmware").owner == "111122223333"
    with pytest.raises(ResourceNotFoundError):
        owned.bucket("plain")
    assert store.bucket("plain").owner is None


def test_the_settings_say_whose_a_bucket_is(endpoint: str, client: Any, tmp_path: Path) -> None:  # threat 32
    owners = parse_owners({"IOTSIGN_SERVER_BUCKET_OWNERS": "firmware=111122223333, plain=444455556666"})
    settings = ServiceSettings(tmp_path, objects=f"s3:{endpoint}", bucket_owners=owners)
    with open_service(settings) as opened:
        assert [opened.objects.bucket(name).owner for name in ("firmware", "plain")] == ["111122223333", "444455556666"]
        me = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
        opened.service.call(
            me, "PutSigningProfile", {"profileName": "p1", "platformId": "AWSLambda-SHA384-ECDSA"}, request_id="r"
        )
        for bucket, code in (("plain", "NotAuthorized"), ("nowhere", "NoSuchBucket")):
            request = {
                "source": {"s3": {"bucketName": bucket, "key": "k", "version": "v"}},
                "destination": {"s3": {"bucketName": "firmware"}},
                "profileName": "p1",
                "clientRequestToken": bucket,
            }
            with pytest.raises(SignerError) as caught:
                opened.service.call(me, "StartSigningJob", request, request_id="r")
            assert caught.value.code == code


def parse_owners(environment: dict[str, str]) -> tuple[str, ...]:
    return load_configuration(environment, directory=Path("/nowhere"), system=Path("/nowhere")).server.bucket_owners


@pytest.mark.parametrize("owners", [("firmware",), ("firmware=1",), ("f=111122223333",), ("a.b=111122223333",) * 2])
def test_owners_that_are_none(tmp_path: Path, owners: tuple[str, ...]) -> None:
    with (
        pytest.raises(ConfigError, match="as BUCKET=ACCOUNT"),
        open_service(ServiceSettings(tmp_path, objects="s3:", bucket_owners=owners)),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="only where buckets are in S3"),
        open_service(ServiceSettings(tmp_path, bucket_owners=("firmware=111122223333",))),
    ):
        pass


def test_an_endpoint_that_does_not_answer_is_a_store_error(client: Any) -> None:
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    dead = boto3.client("s3", endpoint_url="http://127.0.0.1:9", region_name="us-east-1", config=config)
    with pytest.raises(StoreError, match="cannot look at the bucket firmware"):
        S3Objects(dead).bucket("firmware")
    assert client


def test_an_endpoint_without_address_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot use S3"):
        open_s3("nonsense", region="us-east-1")
