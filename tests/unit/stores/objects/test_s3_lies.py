"""An S3 that does not keep its word."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from iotsign.errors import MissingDependencyError, StoreError
from iotsign.signer import SourceObject, TargetObject
from iotsign.stores.objects import S3Objects, open_s3

SOURCE = SourceObject("firmware", "app.bin", "version-1")


class Liar(BaseHTTPRequestHandler):
    """Names a version of its own, gives less than it says, and is always too busy to take anything."""

    version = "version-1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("x-amz-version-id", self.version)
        self.send_header("Content-Length", "100")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"less")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        self.send_response(503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[S3Objects]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, request_checksum_calculation="when_required"),
    )
    yield S3Objects(client)
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_another_version_than_the_named_one_is_not_signed(  # threat 23
    store: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.size(SOURCE) == 100
    monkeypatch.setattr(Liar, "version", "version-2")
    with pytest.raises(StoreError, match="expected version version-1"):
        store.size(SOURCE)
    with pytest.raises(StoreError, match="expected version version-1"), store.open_version(SOURCE):
        pass


def test_an_object_cut_short_is_not_signed(store: S3Objects) -> None:
    with pytest.raises(StoreError, match=r"cannot read s3://firmware/app\.bin"), store.open_version(SOURCE):
        pass


def test_a_store_that_takes_nothing_is_an_error(store: S3Objects) -> None:
    with store.stage() as staged:
        staged.write(b"content")
        with pytest.raises(StoreError, match="SlowDown: Reduce your request rate"):
            store.put_if_absent(TargetObject("signed", "app"), staged, content_type="x")


def test_without_a_temporary_file_nothing_is_made(store: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(StoreError, match="cannot make a temporary file"), store.stage():
        pass


def test_a_missing_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingDependencyError) as caught:
        open_s3()
    assert caught.value.data["hint"] == "install iotsign[aws]"
