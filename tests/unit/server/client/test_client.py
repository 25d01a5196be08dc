"""Pages, waiting, callers, endpoints, and errors of AWS's kind."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError

import iotsign.server.client as door
from iotsign import errors
from iotsign.server.access import add_key
from iotsign.server.client import Endpoint, call_pages, find_account, open_remote, wait_for_job
from iotsign.server.client._caller import local_caller
from iotsign.server.client._faults import aws_errors


class Pages:
    """Lists the numbers to 60; the token is where to go on."""

    buckets: ClassVar[Any] = None

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((operation, request.get("maxResults"), request.get("nextToken")))
        begin = int(request.get("nextToken", 0))
        end = min(60, begin + int(request.get("maxResults", 25)))
        return {"jobs": list(range(begin, end)), "whose": "mine"} | ({"nextToken": str(end)} if end < 60 else {})

    def finish(self, job_id: str) -> None:
        """Nothing is left behind."""


def test_all_pages() -> None:
    pages = Pages()
    assert call_pages(pages, "ListSigningJobs", {}) == {"jobs": list(range(60)), "whose": "mine"}
    assert [token for _, _, token in pages.asked] == [None, "25", "50"]


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (25, [25]), (30, [25, 5]), (59, [25, 25, 9])])
def test_as_many_as_wanted_and_where_to_go_on(most: int, sizes: list[int]) -> None:
    pages = Pages()
    found = call_pages(pages, "ListSigningJobs", {}, max_items=most)
    assert (found["jobs"], found["nextToken"]) == (list(range(most)), str(most))
    assert [size for _, size, _ in pages.asked] == sizes
    rest = call_pages(pages, "ListSigningJobs", {"nextToken": found["nextToken"]})
    assert rest == {"jobs": list(range(most, 60)), "whose": "mine"}
    assert "nextToken" not in call_pages(pages, "ListSigningJobs", {}, max_items=60)


class Slow(Pages):
    """A job that takes some looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        assert (operation, request) == ("DescribeSigningJob", {"jobId": "j"})
        self.looks -= 1
        return {"status": "InProgress" if self.looks else "Succeeded"}


def test_waiting_ends_with_the_job_or_the_time() -> None:
    assert wait_for_job(Slow(3), "j", timeout_s=60)["status"] == "Succeeded"
    with pytest.raises(errors.SignerError, match="job j is still in progress after") as caught:
        wait_for_job(Slow(-1), "j", timeout_s=0.05)
    assert caught.value.code == "JobInProgress"


def test_the_account_of_a_folder(tmp_path: Path) -> None:
    assert find_account(tmp_path, None) == "111122223333"
    add_key(tmp_path / "access.toml", account="444455556666", user="a")
    assert find_account(tmp_path, None) == "444455556666"
    assert find_account(tmp_path, "777788889999") == "777788889999"
    add_key(tmp_path / "access.toml", account="777788889999", user="b")
    with pytest.raises(errors.ConfigError, match="expected one account, got 2: 444455556666, 777788889999") as caught:
        find_account(tmp_path, None)
    assert "--account" in caught.value.data["hint"]
    with pytest.raises(errors.ConfigError, match="12 digits"):
        find_account(tmp_path, "12")


def test_callers_are_named_as_the_system_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "DOMAIN\\some one")
    assert local_caller("111122223333").arn == "arn:aws:iam::111122223333:user/DOMAIN_some_one"


def test_callers_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)  # of whom the system has not heard
    assert local_caller("111122223333").arn == "arn:aws:iam::111122223333:user/unknown"


@pytest.mark.parametrize(
    ("url", "prefix", "s3"),
    [
        ("http://127.0.0.1:8000", False, "http://127.0.0.1:8000"),
        ("https://signer.example.com", False, "https://signer.example.com"),
        ("https://signer.eu-west-1.amazonaws.com", None, "https://s3.eu-west-1.amazonaws.com"),
    ],
)
def test_endpoints(monkeypatch: pytest.MonkeyPatch, url: str, prefix: bool | None, s3: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x" * 20)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_DISABLE_HOST_PREFIX_INJECTION", raising=False)
    with open_remote(Endpoint(url)) as client:
        meta = client._signer.meta
        assert (meta.endpoint_url, meta.region_name) == (url, "eu-west-1")
        assert (meta.config.inject_host_prefix is False) is (prefix is False)
        assert client.buckets._client.meta.endpoint_url == s3  # type: ignore[attr-defined]


def refusal(name: str, status: int = 400, **members: Any) -> ClientError:
    about = {"Error": {"Code": name, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(about | members, "GetSigningProfile")


@pytest.mark.parametrize(
    ("raised", "kind", "code", "message"),
    [
        (ParamValidationError(report="short"), errors.ValidationError, "ValidationError", "short"),
        (NoCredentialsError(), errors.ConfigError, "NoCredentials", "asking: Unable to locate"),
        (refusal("ValidationException", code="Detail"), errors.ValidationError, "Detail", "words"),
        (refusal("NotFoundException"), errors.ResourceNotFoundError, "NotFoundException", "words"),
        (refusal("AccessDeniedException", 403), errors.AccessDeniedError, "AccessDeniedException", "words"),
        (refusal("ConflictException", 409), errors.ConflictError, "ConflictException", "words"),
        (
            refusal("ServiceLimitExceededException", 402),
            errors.LimitExceededError,
            "ServiceLimitExceededException",
            "words",
        ),
        (refusal("TooManyRequestsException", 429), errors.ThrottledError, "TooManyRequestsException", "words"),
        (refusal("SomethingNew"), errors.SignerError, "SomethingNew", "words"),
        (refusal("InternalServiceErrorException", 500), errors.StoreError, "InternalServiceErrorException", "asking"),
        (EndpointConnectionError(endpoint_url="u"), errors.StoreError, "EndpointFailed", "asking: Could not connect"),
    ],
)
def test_refusals_keep_their_words(raised: Exception, kind: type[errors.IotsignError], code: str, message: str) -> None:
    with pytest.raises(errors.IotsignError, match=message) as caught, aws_errors("asking"):
        raise raised
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_without_botocore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    with (
        pytest.raises(errors.MissingDependencyError, match=r"install iotsign\[aws\]"),
        open_remote(Endpoint("http://127.0.0.1:1")),
    ):
        pass


def test_the_door_has_what_it_names() -> None:
    for name in door.__all__:
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = door.nothing


@pytest.mark.parametrize(
    ("packages", "arguments"),
    [
        ("botocore", ["job", "list", "--endpoint-url", "http://127.0.0.1:9"]),
        ("botocore", ["profile", "list"]),
        ("sqlalchemy", ["tag", "list", "arn:aws:x"]),
    ],
)
def test_the_command_names_the_extra(tmp_path: Path, packages: str, arguments: list[str]) -> None:
    code = (
        "import sys, importlib.util as util\n"
        "missing, find = sys.argv[1], util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == missing else find(name, *more)\n"
        "sys.modules[missing] = None\n"
        "from iotsign.cli import run\n"
        "sys.exit(run(sys.argv[2:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, packages, *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "install iotsign[server]" in done.stderr
