"""The members of requests and answers that the round trips of `test_operations` have no use for."""

import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from server_process import ACCOUNT, OTHER_ACCOUNT, WAIT_S, Server

OVERRIDES = {
    "signingConfiguration": {"encryptionAlgorithm": "ECDSA", "hashAlgorithm": "SHA256"},
    "signingImageFormat": "JSONDetached",
}


TARGET = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}
PAYLOAD = {
    "payload": json.dumps({"targetArtifact": TARGET}).encode(),
    "payloadFormat": "application/vnd.cncf.notary.payload.v1+json",
}


@pytest.fixture
def name() -> str:
    return f"members_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def signer(server: Server) -> Any:
    return server.client("signer")


def put(signer: Any, name: str, platform: str, **more: Any) -> Any:
    if not platform.startswith(("AWSLambda", "Notation")):
        more["signingMaterial"] = signer.get_signing_profile(profileName="local")["signingMaterial"]
    return signer.put_signing_profile(profileName=name, platformId=platform, **more)


def finished(signer: Any, job_id: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while (job := signer.describe_signing_job(jobId=job_id))["status"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job["status"] == "Succeeded", job
    return job


def start(server: Server, profile: str, **more: Any) -> Any:
    """Upload a firmware and have it signed; of another account's profile with buckets of one's own."""
    keys, bucket, key = more.pop("keys", None), more.pop("bucket", "firmware"), more.pop("key", profile)
    signer, s3 = server.client("signer", keys), server.client("s3", keys)
    version = s3.put_object(Bucket=bucket, Key=key, Body=more.pop("content", b"firmware"))["VersionId"]
    source = {"s3": {"bucketName": bucket, "key": key, "version": version}}
    destination = {"s3": {"bucketName": bucket, "prefix": "members/"}}
    return signer.start_signing_job(source=source, destination=destination, profileName=profile, **more)


def test_overrides(server: Server, signer: Any, name: str) -> None:
    platform = "AWSIoTDeviceManagement-SHA256-ECDSA"
    put(signer, name, platform, overrides=OVERRIDES)
    assert signer.get_signing_profile(profileName=name)["overrides"] == OVERRIDES
    job = finished(signer, start(server, name)["jobId"])
    assert job["overrides"] == OVERRIDES


def test_validity(signer: Any, name: str) -> None:
    wanted = {"value": 12, "type": "MONTHS"}
    put(signer, name, "AWSLambda-SHA384-ECDSA", signatureValidityPeriod=wanted)
    listed = [
        profile
        for page in signer.get_paginator("list_signing_profiles").paginate(platformId="AWSLambda-SHA384-ECDSA")
        for profile in page["profiles"]
    ]
    assert [found["signatureValidityPeriod"] for found in listed if found["profileName"] == name] == [wanted]


def test_filters_of_platforms(signer: Any) -> None:
    asked = {"category": "AWS", "partner": "AmazonFreeRTOS", "target": "SHA256-ECDSA"}
    listed = signer.list_signing_platforms(**asked)["platforms"]
    assert [platform["platformId"] for platform in listed] == ["AmazonFreeRTOS-Default"]


def test_jobs_that_expire_later(signer: Any) -> None:
    assert signer.list_signing_jobs(signatureExpiresAfter=datetime(2200, 1, 1, tzinfo=UTC))["jobs"] == []


def test_another_accounts_profile(server: Server, signer: Any, name: str) -> None:
    version = put(signer, name, "AmazonFreeRTOS-Default")["profileVersion"]
    grant = {"principal": OTHER_ACCOUNT, "profileVersion": version, "profileName": name}
    revision = signer.add_profile_permission(action="signer:GetSigningProfile", statementId="a", **grant)["revisionId"]
    signer.add_profile_permission(action="signer:StartSigningJob", statementId="b", revisionId=revision, **grant)
    permissions = signer.list_profile_permissions(profileName=name)["permissions"]
    assert [permission["profileVersion"] for permission in permissions] == [version, version]
    keys = server.add_key(OTHER_ACCOUNT, "--user", name)
    bucket = f"theirs-{uuid.uuid4().hex[:12]}"
    s3 = server.client("s3", keys)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    theirs = server.client("signer", keys)
    assert theirs.get_signing_profile(profileName=name, profileOwner=ACCOUNT)["profileVersion"] == version
    started = start(server, name, keys=keys, bucket=bucket, profileOwner=ACCOUNT)
    assert started["jobOwner"] == ACCOUNT
    job = finished(theirs, started["jobId"])
    assert (job["jobOwner"], job["jobInvoker"]) == (ACCOUNT, OTHER_ACCOUNT)


def lambda_zip() -> bytes:
    """The smallest Lambda function there is."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("handler.py", "def handler(event, context): ...\n")
    return made.getvalue()


def test_a_signature_that_expires_and_is_revoked(server: Server, signer: Any, name: str) -> None:
    put(signer, name, "AWSLambda-SHA384-ECDSA", signatureValidityPeriod={"value": 30, "type": "DAYS"})
    job_id = start(server, name, content=lambda_zip(), key=f"{name}.zip")["jobId"]
    job = finished(signer, job_id)
    assert job["signatureExpiresAt"] == job["createdAt"] + timedelta(days=30)
    until = {"signatureExpiresBefore": datetime.now(UTC) + timedelta(days=31)}
    (listed,) = signer.list_signing_jobs(requestedBy=job["requestedBy"], **until)["jobs"]
    assert (listed["jobId"], listed["signatureExpiresAt"]) == (job_id, job["signatureExpiresAt"])
    signer.revoke_signature(jobId=job_id, jobOwner=ACCOUNT, reason="wrong build")
    record = signer.describe_signing_job(jobId=job_id)["revocationRecord"]
    assert (record["reason"], record["revokedBy"]) == ("wrong build", job["requestedBy"])
    assert job["createdAt"] <= record["revokedAt"]


def test_sign_payload_with_another_accounts_profile(server: Server, signer: Any, name: str) -> None:
    put(signer, name, "Notation-OCI-SHA384-ECDSA")
    grant = {"action": "signer:SignPayload", "principal": OTHER_ACCOUNT, "statementId": "s"}
    signer.add_profile_permission(profileName=name, **grant)
    theirs = server.client("signer", server.add_key(OTHER_ACCOUNT, "--user", name))
    answer = theirs.sign_payload(profileName=name, profileOwner=ACCOUNT, **PAYLOAD)
    assert (answer["jobOwner"], signer.describe_signing_job(jobId=answer["jobId"])["status"]) == (ACCOUNT, "Succeeded")
    assert answer["signature"]
    assert answer["metadata"]
