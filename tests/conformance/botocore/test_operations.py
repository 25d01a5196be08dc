"""Each operation through an unmodified boto3 client, against the real server."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from server_process import ACCOUNT, OTHER_ACCOUNT, WAIT_S, Server

from iotsign.platforms import Registry

IMAGE = bytes(range(256)) * 16


@pytest.fixture(scope="module")
def signer(server: Server) -> Any:
    return server.client("signer")


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client("s3")


@pytest.fixture(scope="module")
def material(signer: Any) -> dict[str, str]:
    found: dict[str, str] = signer.get_signing_profile(profileName="local")["signingMaterial"]
    return found


@pytest.fixture
def name() -> str:
    return f"profile_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def profile(signer: Any, material: dict[str, str], name: str) -> dict[str, Any]:
    made = signer.put_signing_profile(
        profileName=name,
        platformId="AmazonFreeRTOS-Default",
        signingMaterial=material,
        signingParameters={"certname": "cert.pem"},
        tags={"team": "firmware"},
    )
    return {"profileName": name, **made}


@pytest.fixture
def source(s3: Any) -> dict[str, Any]:
    key = f"in/{uuid.uuid4()}.bin"
    version = s3.put_object(Bucket="firmware", Key=key, Body=IMAGE)["VersionId"]
    return {"s3": {"bucketName": "firmware", "key": key, "version": version}}


Start = Callable[..., Any]


@pytest.fixture
def start(signer: Any, source: dict[str, Any]) -> Start:
    def start(profile: str, client: Any = signer, **more: Any) -> Any:
        destination = {"s3": {"bucketName": "firmware", "prefix": "out/"}}
        return client.start_signing_job(source=source, destination=destination, profileName=profile, **more)

    return start


def finished(signer: Any, job_id: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        job = signer.describe_signing_job(jobId=job_id)
        if job["status"] != "InProgress":
            return job
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def refused(call: Callable[..., Any], exception: str, code: str | None = None, **request: Any) -> str:
    """What a call is refused with: the typed exception, its code and message."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    assert type(caught.value).__name__ == exception, response
    assert response["Error"]["Code"] == exception
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == exception
    if code is not None:
        assert response["code"] == code
    return str(response["Error"]["Message"])


def without_metadata(response: dict[str, Any]) -> dict[str, Any]:
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    uuid.UUID(response["ResponseMetadata"]["RequestId"])
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


# platforms


def test_get_and_list_signing_platforms(signer: Any) -> None:
    listed = [
        platform
        for page in signer.get_paginator("list_signing_platforms").paginate(maxResults=3)
        for platform in page["platforms"]
    ]
    assert sorted(platform["platformId"] for platform in listed) == sorted(Registry().platform_ids)
    for platform in listed[:5]:
        assert without_metadata(signer.get_signing_platform(platformId=platform["platformId"])) == platform
    refused(signer.get_signing_platform, "ResourceNotFoundException", platformId="Unknown")


# profiles


def test_put_and_get_signing_profile(signer: Any, profile: dict[str, Any], material: dict[str, str]) -> None:
    name, version = profile["profileName"], profile["profileVersion"]
    arn = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/{name}"
    assert (profile["arn"], profile["profileVersionArn"]) == (arn, f"{arn}/{version}")
    got = without_metadata(signer.get_signing_profile(profileName=name))
    assert got["signingMaterial"] == material
    assert got["signingParameters"] == {"certname": "cert.pem"}
    assert got["tags"] == {"team": "firmware"}
    assert (got["status"], got["profileVersion"], got["arn"]) == ("Active", version, arn)
    assert got["platformDisplayName"] == "Amazon FreeRTOS SHA256-ECDSA"
    message = refused(
        signer.put_signing_profile,
        "ValidationException",
        "ProfileAlreadyExists",
        profileName=name,
        platformId="AmazonFreeRTOS-Default",
        signingMaterial=material,
    )
    assert message == f"Profile with name {name} already exists"


def test_cancel_signing_profile_and_list_it(signer: Any, profile: dict[str, Any], start: Start) -> None:
    name = profile["profileName"]

    def listed(**filters: Any) -> set[str]:
        pages = signer.get_paginator("list_signing_profiles").paginate(**filters)
        return {found["profileName"] for page in pages for found in page["profiles"]}

    assert name in listed(maxResults=2)
    assert name in listed(platformId="AmazonFreeRTOS-Default", statuses=["Active"])
    assert name not in listed(platformId="AWSLambda-SHA384-ECDSA")
    assert without_metadata(signer.cancel_signing_profile(profileName=name)) == {}
    assert name not in listed()
    assert name in listed(includeCanceled=True)
    assert name in listed(statuses=["Canceled"])
    refused(start, "ValidationException", profile=name)
    refused(signer.cancel_signing_profile, "ResourceNotFoundException", profileName="nobody_has_this")


def test_revoke_signing_profile(signer: Any, profile: dict[str, Any], name: str) -> None:
    effective = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    common: dict[str, Any] = {"reason": "lost", "effectiveTime": effective}
    version = {"profileName": name, "profileVersion": profile["profileVersion"]}
    refused(signer.revoke_signing_profile, "ValidationException", **common, **version)  # FreeRTOS knows no revocation
    made = signer.put_signing_profile(profileName=f"{name}_l", platformId="AWSLambda-SHA384-ECDSA")
    version = {"profileName": f"{name}_l", "profileVersion": made["profileVersion"]}
    assert without_metadata(signer.revoke_signing_profile(**common, **version)) == {}
    got = signer.get_signing_profile(profileName=f"{name}_l")
    assert (got["status"], got["revocationRecord"]["revocationEffectiveFrom"]) == ("Revoked", effective)
    assert got["signatureValidityPeriod"] == {"value": 135, "type": "MONTHS"}
    unknown = version | {"profileVersion": "0000000000"}
    refused(signer.revoke_signing_profile, "ResourceNotFoundException", **common, **unknown)


# jobs


def test_a_job_from_upload_to_signature(
    signer: Any, s3: Any, profile: dict[str, Any], start: Start, source: Any
) -> None:
    started = without_metadata(start(profile["profileName"]))
    assert started["jobOwner"] == ACCOUNT
    job = without_metadata(finished(signer, started["jobId"]))
    assert (job["status"], job["statusReason"]) == ("Succeeded", "Signing Succeeded")
    assert job["source"] == source
    assert job["requestedBy"] == f"arn:aws:iam::{ACCOUNT}:user/local"
    assert (job["jobOwner"], job["jobInvoker"]) == (ACCOUNT, ACCOUNT)
    assert job["signingParameters"] == {"certname": "cert.pem"}
    assert job["createdAt"] <= job["completedAt"]
    where = job["signedObject"]["s3"]
    assert where == {"bucketName": "firmware", "key": f"out/{started['jobId']}"}
    signed = json.loads(s3.get_object(Bucket=where["bucketName"], Key=where["key"])["Body"].read())
    assert list(signed) == ["rawPayloadSize", "signature", "signatureAlgorithm", "payload"]
    assert signed["rawPayloadSize"] == len(IMAGE)


def test_the_waiter(signer: Any, profile: dict[str, Any], start: Start) -> None:
    job_id = start(profile["profileName"])["jobId"]
    finished(signer, job_id)
    signer.get_waiter("successful_signing_job").wait(jobId=job_id)


def test_a_request_token(signer: Any, profile: dict[str, Any], start: Start) -> None:
    token = str(uuid.uuid4())
    first = start(profile["profileName"], clientRequestToken=token)["jobId"]
    assert start(profile["profileName"], clientRequestToken=token)["jobId"] == first
    refused(start, "ValidationException", "IdempotencyTokenMismatch", profile="local", clientRequestToken=token)


def test_list_signing_jobs(signer: Any, profile: dict[str, Any], start: Start) -> None:
    made = [start(profile["profileName"])["jobId"] for _ in range(3)]
    for job_id in made:
        finished(signer, job_id)

    def listed(**filters: Any) -> set[str]:
        pages = signer.get_paginator("list_signing_jobs").paginate(**filters)
        return {
            job["jobId"] for page in pages for job in page["jobs"] if job.get("profileName") == profile["profileName"]
        }

    assert listed(maxResults=2) == set(made)
    assert listed(status="Succeeded", platformId="AmazonFreeRTOS-Default", jobInvoker=ACCOUNT) == set(made)
    assert listed(requestedBy=f"arn:aws:iam::{ACCOUNT}:user/local", isRevoked=False) == set(made)
    assert listed(status="Failed") == set()
    assert listed(signatureExpiresBefore=datetime(2100, 1, 1, tzinfo=UTC)) == set()  # no validity on this platform


def test_unknown_jobs(signer: Any) -> None:
    for job_id in (str(uuid.uuid4()), "x", "../../etc/passwd", "a b"):
        refused(signer.describe_signing_job, "ResourceNotFoundException", jobId=job_id)
    refused(signer.revoke_signature, "ResourceNotFoundException", jobId=str(uuid.uuid4()), reason="r")


def test_revoke_signature_where_the_platform_has_none(signer: Any, profile: dict[str, Any], start: Start) -> None:
    job_id = start(profile["profileName"])["jobId"]
    finished(signer, job_id)
    refused(signer.revoke_signature, "ValidationException", jobId=job_id, reason="lost")


def test_get_revocation_status(signer: Any, server: Server, profile: dict[str, Any], start: Start) -> None:
    name = f"{profile['profileName']}_l"
    made = signer.put_signing_profile(profileName=name, platformId="AWSLambda-SHA384-ECDSA")
    job_id = start(profile["profileName"])["jobId"]
    now = datetime.now(UTC)
    request = {
        "signatureTimestamp": now,
        "platformId": "AWSLambda-SHA384-ECDSA",
        "profileVersionArn": made["profileVersionArn"],
        "jobArn": f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{job_id}",
        "certificateHashes": [server.root_hash()],
    }
    data = server.client("signer-data")
    for client in (signer, data):
        assert without_metadata(client.get_revocation_status(**request)) == {"revokedEntities": []}
    signer.revoke_signing_profile(
        profileName=name, profileVersion=made["profileVersion"], reason="lost", effectiveTime=now - timedelta(hours=1)
    )
    for client in (signer, data):
        assert client.get_revocation_status(**request)["revokedEntities"] == [made["profileVersionArn"]]
    refused(signer.get_revocation_status, "ValidationException", **request | {"platformId": "Unknown"})


# permissions


def test_permissions(signer: Any, profile: dict[str, Any]) -> None:
    name = profile["profileName"]
    refused(signer.list_profile_permissions, "ResourceNotFoundException", "PolicyNotFound", profileName=name)
    grant = {
        "profileName": name,
        "action": "signer:StartSigningJob",
        "principal": OTHER_ACCOUNT,
        "statementId": "first",
    }
    revision = signer.add_profile_permission(**grant)["revisionId"]
    second = grant | {"statementId": "second", "action": "signer:GetSigningProfile"}
    refused(
        signer.add_profile_permission, "ConflictException", "PolicyRevisionIdMismatch", **second, revisionId="wrong"
    )
    revision = signer.add_profile_permission(**second, revisionId=revision)["revisionId"]
    listed = without_metadata(signer.list_profile_permissions(profileName=name))
    assert listed["revisionId"] == revision
    assert {permission["statementId"] for permission in listed["permissions"]} == {"first", "second"}
    assert listed["policySizeBytes"] > 0
    many = {"action": "signer:StartSigningJob", "profileName": name}
    for number in range(100):
        another = {"principal": OTHER_ACCOUNT, "statementId": f"s{number}", "revisionId": revision}
        try:
            revision = signer.add_profile_permission(**many, **another)["revisionId"]
        except signer.exceptions.ServiceLimitExceededException:
            break
    refused(signer.add_profile_permission, "ServiceLimitExceededException", **many, **another)
    removed = signer.remove_profile_permission(profileName=name, statementId="first", revisionId=revision)
    assert removed["revisionId"] != revision
    refused(
        signer.remove_profile_permission,
        "ConflictException",
        profileName=name,
        statementId="second",
        revisionId="wrong",
    )


def test_another_account_needs_a_grant(
    server: Server, signer: Any, s3: Any, profile: dict[str, Any]
) -> None:  # threat 32
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/ci/build"
    theirs = server.add_key(OTHER_ACCOUNT, "--role", "ci/build")
    client = server.client("signer", theirs)
    name = profile["profileName"]
    get = {"profileName": name, "profileOwner": ACCOUNT}
    missing = refused(client.get_signing_profile, "AccessDeniedException", profileName="none", profileOwner=ACCOUNT)
    assert refused(client.get_signing_profile, "AccessDeniedException", **get) == missing.replace("none", name)
    refused(client.get_signing_profile, "ResourceNotFoundException", profileName=name)
    signer.add_profile_permission(
        profileName=name, action="signer:GetSigningProfile", principal=role, statementId="get"
    )
    assert client.get_signing_profile(**get)["profileName"] == name
    other_role = server.client("signer", server.add_key(OTHER_ACCOUNT, "--role", "ci/other"))
    refused(other_role.get_signing_profile, "AccessDeniedException", **get)
    # and no bucket of the first account opens to the second
    with pytest.raises(ClientError, match="Access Denied"):
        server.client("s3", theirs).list_object_versions(Bucket="firmware")


def test_a_role_calls_what_it_is_allowed(server: Server) -> None:
    allowed = server.add_key(ACCOUNT, "--role", "reader", "--allow", "signer:Get*", "--expires-in", "1h")
    client = server.client("signer", allowed)
    assert client.get_signing_profile(profileName="local")["status"] == "Active"
    message = refused(client.cancel_signing_profile, "AccessDeniedException", profileName="local")
    assert "is not authorized to perform: signer:CancelSigningProfile" in message
    with pytest.raises(ClientError, match="not authorized to perform: s3:ListBuckets"):
        server.client("s3", allowed).list_buckets()


# tags


def test_tags(signer: Any, profile: dict[str, Any]) -> None:
    arn = profile["arn"]
    assert without_metadata(signer.tag_resource(resourceArn=arn, tags={"a:1": "x", "b": ""})) == {}
    assert signer.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "firmware", "a:1": "x", "b": ""}
    assert without_metadata(signer.untag_resource(resourceArn=arn, tagKeys=["a:1", "team"])) == {}
    assert signer.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": ""}
    refused(signer.list_tags_for_resource, "NotFoundException", resourceArn=arn + "x")
    refused(signer.tag_resource, "BadRequestException", resourceArn=arn, tags={"aws:x": "y"})
    refused(signer.untag_resource, "BadRequestException", resourceArn="not an arn", tagKeys=["a"])


# payloads


def test_sign_payload_needs_a_platform_for_it(signer: Any, profile: dict[str, Any]) -> None:
    request: dict[str, Any] = {"payload": b"{}", "payloadFormat": "application/vnd.cncf.notary.payload.v1+json"}
    refused(signer.sign_payload, "ValidationException", profileName=profile["profileName"], **request)
    refused(signer.sign_payload, "ResourceNotFoundException", profileName="nobody_has_this", **request)


# what the model forbids and botocore's client lets through


def test_validation_messages(signer: Any) -> None:
    message = refused(signer.get_signing_profile, "ValidationException", profileName="x" * 65)
    assert message == (
        f"1 validation error detected: Value '{'x' * 65}' at 'profileName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )
    assert "enum value set: [InProgress, Failed, Succeeded]" in refused(
        signer.list_signing_jobs, "ValidationException", status="Done"
    )
