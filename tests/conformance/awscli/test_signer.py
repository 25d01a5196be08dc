"""The AWS CLI's commands for signer, as processes; start-signing-job with every option."""

import base64
import json
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server_process import ACCOUNT, WAIT_S, Server

Aws = Callable[..., Any]


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Aws:
    """Run ``aws`` in a shell where the printed lines were pasted; its JSON, or its complaint if it ends with a code."""

    def run(*arguments: str, code: int = 0) -> Any:
        command = ["aws", *arguments]
        done = subprocess.run(command, env=server.shell(), cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr
        if code:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[", '"')) else done.stdout

    return run


@pytest.fixture
def source(server: Server) -> dict[str, str]:
    key = f"cli/{uuid.uuid4()}.bin"
    version = server.client("s3").put_object(Bucket="firmware", Key=key, Body=b"firmware")["VersionId"]
    return {"bucketName": "firmware", "key": key, "version": version}


def shorthand(source: dict[str, str]) -> str:
    return "s3={" + ",".join(f"{name}={value}" for name, value in source.items()) + "}"


def finished(server: Server, job_id: str) -> Any:
    signer, deadline = server.client("signer"), time.monotonic() + WAIT_S
    while (job := signer.describe_signing_job(jobId=job_id))["status"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def test_profiles(aws: Aws, server: Server) -> None:
    name = f"cli_{uuid.uuid4().hex[:8]}"
    material = server.client("signer").get_signing_profile(profileName="local")["signingMaterial"]["certificateArn"]
    made = aws(
        "signer",
        "put-signing-profile",
        "--profile-name",
        name,
        "--signing-material",
        f"certificateArn={material}",
        "--platform-id",
        "AmazonFreeRTOS-Default",
    )
    assert made["arn"] == f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/{name}"
    assert aws("signer", "get-signing-profile", "--profile-name", name)["profileVersion"] == made["profileVersion"]
    assert name in [profile["profileName"] for profile in aws("signer", "list-signing-profiles")["profiles"]]
    assert aws("signer", "tag-resource", "--resource-arn", made["arn"], "--tags", "a=b,c:d=e") in ("", {})
    assert aws("signer", "list-tags-for-resource", "--resource-arn", made["arn"])["tags"] == {"a": "b", "c:d": "e"}
    assert aws("signer", "cancel-signing-profile", "--profile-name", name) == ""
    complaint = aws("signer", "get-signing-profile", "--profile-name", "nobody_has_this", code=255)
    assert "(ResourceNotFoundException) when calling the GetSigningProfile operation" in complaint


def test_platforms(aws: Aws) -> None:
    assert len(aws("signer", "list-signing-platforms")["platforms"]) >= 15
    platform = aws("signer", "get-signing-platform", "--platform-id", "AmazonFreeRTOS-TI-CC3220SF")
    assert platform["signingConfiguration"]["hashAlgorithmOptions"]["defaultValue"] == "SHA1"


def test_start_signing_job_with_each_option(aws: Aws, server: Server, source: dict[str, str]) -> None:
    token = str(uuid.uuid4())
    options = ["--source", shorthand(source), "--destination", "s3={bucketName=firmware,prefix=cli/signed-}"]
    options += ["--profile-name", "local", "--client-request-token", token, "--profile-owner", ACCOUNT]
    started = aws("signer", "start-signing-job", *options)
    assert started["jobOwner"] == ACCOUNT
    assert aws("signer", "start-signing-job", *options) == started
    job = finished(server, started["jobId"])
    assert job["signedObject"]["s3"]["key"] == f"cli/signed-{started['jobId']}"
    described = aws("signer", "describe-signing-job", "--job-id", started["jobId"])
    assert (described["status"], described["source"]["s3"]) == ("Succeeded", source)
    assert aws("signer", "wait", "successful-signing-job", "--job-id", started["jobId"]) == ""
    listed = aws("signer", "list-signing-jobs", "--status", "Succeeded", "--max-items", "200")["jobs"]
    assert started["jobId"] in [entry["jobId"] for entry in listed]


def test_cli_input_json(aws: Aws, server: Server, source: dict[str, str], tmp_path: Path) -> None:
    skeleton = aws("signer", "start-signing-job", "--generate-cli-skeleton")
    assert set(skeleton) == {"source", "destination", "profileName", "clientRequestToken", "profileOwner"}
    request = {
        "source": {"s3": source},
        "destination": {"s3": {"bucketName": "firmware", "prefix": "json/"}},
        "profileName": "local",
        "clientRequestToken": str(uuid.uuid4()),
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    started = aws("signer", "start-signing-job", "--cli-input-json", "file://request.json")
    assert finished(server, started["jobId"])["status"] == "Succeeded"


def test_permissions_and_revocation_status(aws: Aws, server: Server, source: dict[str, str]) -> None:
    name = f"cli_{uuid.uuid4().hex[:8]}"
    made = aws("signer", "put-signing-profile", "--profile-name", name, "--platform-id", "AWSLambda-SHA384-ECDSA")
    grant = ["--action", "signer:StartSigningJob", "--principal", "444455556666", "--statement-id", "s"]
    revision = aws("signer", "add-profile-permission", "--profile-name", name, *grant)["revisionId"]
    assert aws("signer", "list-profile-permissions", "--profile-name", name)["revisionId"] == revision
    which = ["--revision-id", revision, "--statement-id", "s"]
    aws("signer", "remove-profile-permission", "--profile-name", name, *which)
    destination = {"s3": {"bucketName": "firmware"}}
    job = server.client("signer").start_signing_job(source={"s3": source}, destination=destination, profileName="local")
    arguments = ["--signature-timestamp", "2026-01-01T00:00:00Z", "--platform-id", "AWSLambda-SHA384-ECDSA"]
    arguments += ["--profile-version-arn", made["profileVersionArn"], "--certificate-hashes", server.root_hash()]
    arguments += ["--job-arn", f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{job['jobId']}"]
    assert aws("signer", "get-revocation-status", *arguments) == {"revokedEntities": []}
    version = ["--profile-version", made["profileVersion"], "--effective-time", "2026-01-01T00:00:00Z"]
    assert aws("signer", "revoke-signing-profile", "--profile-name", name, *version, "--reason", "lost") == ""


def test_sign_payload(aws: Aws, tmp_path: Path) -> None:
    name = f"cli_{uuid.uuid4().hex[:8]}"
    made = aws("signer", "put-signing-profile", "--profile-name", name, "--platform-id", "Notation-OCI-SHA384-ECDSA")
    target = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}
    (tmp_path / "payload.json").write_text(json.dumps({"targetArtifact": target}))
    options = ["--payload", "fileb://payload.json", "--profile-name", name]
    options += ["--payload-format", "application/vnd.cncf.notary.payload.v1+json"]
    answer = aws("signer", "sign-payload", *options)
    job_arn = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{answer['jobId']}"
    assert answer["metadata"] == {
        "com.amazonaws.signer.signingJob": job_arn,
        "com.amazonaws.signer.signingProfileVersion": made["profileVersionArn"],
    }
    envelope = json.loads(base64.b64decode(answer["signature"]))
    assert set(envelope) == {"payload", "protected", "header", "signature"}
    assert aws("signer", "describe-signing-job", "--job-id", answer["jobId"])["status"] == "Succeeded"


def test_payloads_and_their_revocation(aws: Aws, tmp_path: Path) -> None:
    name = f"cli_{uuid.uuid4().hex[:8]}"
    arn = aws("signer", "put-signing-profile", "--profile-name", name, "--platform-id", "Notation-OCI-SHA384-ECDSA")[
        "arn"
    ]
    target = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}
    (tmp_path / "payload.json").write_text(json.dumps({"targetArtifact": target}))
    payload = ["--payload", "fileb://payload.json", "--payload-format", "application/vnd.cncf.notary.payload.v1+json"]
    signed = aws("signer", "sign-payload", "--profile-name", name, *payload)
    assert signed["jobOwner"] == ACCOUNT
    assert aws("signer", "revoke-signature", "--job-id", signed["jobId"], "--reason", "lost") == ""
    described = aws("signer", "describe-signing-job", "--job-id", signed["jobId"])
    assert described["revocationRecord"]["reason"] == "lost"
    aws("signer", "tag-resource", "--resource-arn", arn, "--tags", "a=b")
    aws("signer", "untag-resource", "--resource-arn", arn, "--tag-keys", "a")
    assert aws("signer", "list-tags-for-resource", "--resource-arn", arn)["tags"] == {}
