"""The door without HTTP: the same checks, the same domain."""

from collections.abc import Sequence
from typing import Any

import pytest

from iotsign.errors import ValidationError
from iotsign.server import call_in_process
from iotsign.signer import Caller

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")


class Domain:
    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.ran: list[str] = []

    def call(self, caller: Caller, operation: str, request: dict[str, Any], *, request_id: str) -> dict[str, Any]:
        assert caller == ME
        assert request_id
        self.calls.append((operation, request))
        return {"jobId": "job-1"}

    def run_job(self, job_id: str) -> None:
        self.ran.append(job_id)

    def recover(self) -> Sequence[str]:
        return ()


def test_a_started_job_is_done() -> None:
    domain = Domain()
    request = {
        "source": {"s3": {"bucketName": "b", "key": "k", "version": "v"}},
        "destination": {"s3": {"bucketName": "b"}},
        "profileName": "p1",
        "clientRequestToken": "t",
    }
    assert call_in_process(domain, ME, "StartSigningJob", request) == {"jobId": "job-1"}
    assert (domain.calls, domain.ran) == ([("StartSigningJob", request)], ["job-1"])
    call_in_process(domain, ME, "DescribeSigningJob", {"jobId": "x"})
    assert domain.ran == ["job-1"]


@pytest.mark.parametrize(
    ("operation", "request_", "problem"),
    [
        ("DeleteEverything", {}, "an operation of AWS Signer"),
        ("GetSigningProfile", {}, "Value null at 'profileName'"),
        ("GetSigningProfile", {"profileName": "-"}, "regular expression"),
    ],
)
def test_what_is_refused_before_the_domain(operation: str, request_: dict[str, Any], problem: str) -> None:
    domain = Domain()
    with pytest.raises(ValidationError, match=problem):
        call_in_process(domain, ME, operation, request_)
    assert domain.calls == []
