"""Policies of profiles, and what they let other accounts do."""

import json
from typing import Any

import pytest

from iotsign.errors import (
    AccessDeniedError,
    ConflictError,
    LimitExceededError,
    ResourceNotFoundError,
    ValidationError,
)
from iotsign.signer import BucketHead, Caller

OTHER = "444455556666"
USER = Caller(OTHER, f"arn:aws:iam::{OTHER}:user/them")
START, GET = "signer:StartSigningJob", "signer:GetSigningProfile"


def add(world: Any, statement: str = "one", action: str = GET, principal: str = OTHER, **more: Any) -> str:
    request = {"profileName": "release", "action": action, "principal": principal, "statementId": statement}
    answer: dict[str, str] = world.call("AddProfilePermission", **(request | more))
    return answer["revisionId"]


def test_each_change_of_a_policy_needs_the_current_revision(world: Any) -> None:
    world.profile()
    first = add(world)
    for wrong in (None, "other", ""):
        with pytest.raises(ConflictError) as caught:
            add(world, "two", revisionId=wrong)
        assert caught.value.code == "PolicyRevisionIdMismatch"
    second = add(world, "two", START, revisionId=first)
    listed = world.call("ListProfilePermissions", profileName="release")
    assert listed["revisionId"] == second != first
    assert [permission["statementId"] for permission in listed["permissions"]] == ["one", "two"]
    assert listed["permissions"][0] == {"action": GET, "principal": OTHER, "statementId": "one"}
    with pytest.raises(ConflictError):
        world.call("RemoveProfilePermission", profileName="release", statementId="one", revisionId=first)
    third = world.call("RemoveProfilePermission", profileName="release", statementId="one", revisionId=second)
    world.call("RemoveProfilePermission", profileName="release", statementId="two", **third)
    with pytest.raises(ResourceNotFoundError) as missing:
        world.call("ListProfilePermissions", profileName="release")
    assert missing.value.code == "PolicyNotFound"
    assert add(world)


def test_a_first_statement_carries_no_revision(world: Any) -> None:
    world.profile()
    with pytest.raises(ConflictError):
        add(world, revisionId="00000000-0000-4000-8000-000000000000")


def test_the_same_statement_again_changes_nothing(world: Any) -> None:
    world.profile()
    first = add(world)
    assert add(world) == first
    with pytest.raises(ValidationError) as caught:
        add(world, action=START, revisionId=first)
    assert caught.value.code == "InvalidPermissionStatement"
    assert world.audit.names() == ["ProfileCreated", "PermissionAdded"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"statement": ""}, "InvalidStatementId"),
        ({"statement": "a" * 65}, "InvalidStatementId"),
        ({"statement": "a.b"}, "InvalidStatementId"),
        ({"principal": "*"}, "InvalidPrincipal"),
        ({"principal": "44445555666"}, "InvalidPrincipal"),
        ({"principal": f"arn:aws:iam::{OTHER}:user/them"}, "InvalidPrincipal"),
        ({"principal": f"arn:aws:iam::{OTHER}:root"}, "InvalidPrincipal"),
        ({"action": "signer:SignPayload"}, "ActionNotSupported"),
        ({"action": "StartSigningJob"}, "ActionNotSupported"),
        ({"action": "signer:*"}, "ActionNotSupported"),
    ],
)
def test_statements_that_mean_nothing_are_refused(world: Any, change: dict[str, str], code: str) -> None:
    world.profile()
    with pytest.raises(ValidationError) as caught:
        add(world, **change)
    assert caught.value.code == code


def test_a_notation_profile_grants_sign_payload_instead(world: Any) -> None:
    world.call("PutSigningProfile", profileName="release", platformId="Notation-OCI-SHA384-ECDSA")
    with pytest.raises(
        ValidationError, match="Action signer:StartSigningJob not supported for platform Notation-OCI-SHA384-ECDSA"
    ):
        add(world, action=START)
    assert add(world, action="signer:SignPayload")


def test_statements_about_what_is_not_there(world: Any) -> None:
    world.profile()
    with pytest.raises(ResourceNotFoundError, match="has no version"):
        add(world, profileVersion="0123456789")
    with pytest.raises(ResourceNotFoundError, match="no permissions"):
        world.call("RemoveProfilePermission", profileName="release", statementId="one", revisionId="x")
    revision = add(world)
    with pytest.raises(ResourceNotFoundError, match="no permission two"):
        world.call("RemoveProfilePermission", profileName="release", statementId="two", revisionId=revision)
    with pytest.raises(ValidationError, match="nextToken"):
        world.call("ListProfilePermissions", profileName="release", nextToken="x")


def test_a_policy_holds_2000_bytes(world: Any) -> None:
    world.profile()
    revision: dict[str, str] = {}
    number = 0
    while world.records.profile("111122223333", "release").policy is None or _size(world) < 1800:
        revision = {"revisionId": add(world, f"statement-{number}", **revision)}
        number += 1
    with pytest.raises(LimitExceededError) as caught:
        add(world, "x" * 64, **revision)
    assert caught.value.code == "PolicySizeExceeded"
    assert caught.value.data["size"] > 2000
    assert _size(world) <= 2000
    assert len(world.call("ListProfilePermissions", profileName="release")["permissions"]) == number


def _size(world: Any) -> int:
    size: int = world.call("ListProfilePermissions", profileName="release")["policySizeBytes"]
    return size


def test_without_a_grant_nothing_is_learned(world: Any) -> None:
    world.profile()
    messages = set()
    for name in ("release", "nothing"):
        with pytest.raises(AccessDeniedError) as caught:
            world.call("GetSigningProfile", USER, profileName=name, profileOwner="111122223333")
        messages.add(caught.value.message.replace(name, "X"))
    assert len(messages) == 1
    for job in (world.start(world.firmware())["jobId"], "11111111-1111-4111-8111-111111111111"):
        with pytest.raises(AccessDeniedError) as caught:
            world.call("RevokeSignature", USER, jobId=job, jobOwner="111122223333", reason="x")
        messages.add(caught.value.message.replace(job, "X"))
    assert len(messages) == 2


def test_a_job_on_anothers_profile_is_seen_by_both(world: Any) -> None:
    world.profile()
    add(world, action=START)
    world.objects.heads |= {"their-source": BucketHead(OTHER, True), "their-signed": BucketHead(OTHER, False)}
    firmware = world.objects.put("their-source", "app.bin", b"theirs")
    answer = world.start(
        firmware, caller=USER, profileOwner="111122223333", destination={"s3": {"bucketName": "their-signed"}}
    )
    assert answer["jobOwner"] == "111122223333"
    world.service.run_job(answer["jobId"])
    for caller in (USER, None):
        job = world.call("DescribeSigningJob", *([caller] if caller else []), jobId=answer["jobId"])
        assert (job["jobOwner"], job["jobInvoker"]) == ("111122223333", OTHER)
        assert json.loads(world.signed(job))["rawPayloadSize"] == 6
    assert len(world.call("ListSigningJobs")["jobs"]) == 1
    assert len(world.call("ListSigningJobs", jobInvoker=OTHER)["jobs"]) == 1
    assert world.call("ListSigningJobs", USER)["jobs"] == []
    assert len(world.call("ListSigningJobs", USER, jobInvoker=OTHER)["jobs"]) == 1
    with pytest.raises(AccessDeniedError, match="s3:GetObjectVersion"):
        world.start(world.firmware(), caller=USER, profileOwner="111122223333", token="ours")


def test_naming_oneself_as_owner_changes_nothing(world: Any) -> None:
    world.profile()
    assert world.call("GetSigningProfile", profileName="release", profileOwner="111122223333")
    with pytest.raises(ResourceNotFoundError):
        world.call("GetSigningProfile", profileName="nothing", profileOwner="111122223333")
