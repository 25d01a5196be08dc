"""StartSigningJob, its work, DescribeSigningJob and ListSigningJobs."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest

from iotsign.algorithms import KeyType, signature_algorithm
from iotsign.core import base64_decode
from iotsign.errors import AccessDeniedError, ResourceNotFoundError, ValidationError
from iotsign.formats.container_registry import container_named
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import load_public_key
from iotsign.signer import Caller, JobStatus, SourceObject

ORDER = ["accepted", "pinned", "intended", "signed", "verified", "logged", "released", "succeeded"]


def test_a_job_signs_what_was_named(world: Any, key_files: Any) -> None:
    world.profile()
    job = world.sign(world.firmware(b"the firmware"))
    assert world.steps == ORDER
    assert world.audit.names() == ["ProfileCreated", "SigningIntended", "SigningSucceeded"]
    assert len({event.request_id for event in world.audit.events[1:]} - {""}) == 1
    image = json.loads(world.signed(job))
    payload, signature = base64_decode(image["payload"].encode()), base64_decode(image["signature"].encode())
    assert payload == b"the firmware"
    algorithm = signature_algorithm(image["signatureAlgorithm"])
    load_public_key(key_files(KeyType.P256)[1]).verify(payload, signature, algorithm)
    assert job["status"] == "Succeeded"
    assert job["statusReason"] == "Signing Succeeded"
    assert job["signedObject"] == {"s3": {"bucketName": "signed", "key": f"out/{job['jobId']}"}}
    assert job["source"] == {"s3": {"bucketName": "source", "key": "app.bin", "version": "v1"}}
    assert job["jobOwner"] == job["jobInvoker"] == "111122223333"
    assert job["requestedBy"] == "arn:aws:iam::111122223333:user/me"
    assert job["createdAt"] == job["completedAt"] == world.clock.now()
    assert "signatureExpiresAt" not in job
    assert "isRevoked" not in job


@pytest.mark.parametrize(
    ("platform", "key", "algorithm"),
    [
        ("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048, "SHA1withRSA"),
        ("AWSIoTDeviceManagement-SHA256-ECDSA", KeyType.P256, "SHA256withECDSA"),
    ],
)
def test_each_aws_platform_signs_in_its_own_way(
    world: Any, key_files: Any, platform: str, key: KeyType, algorithm: str
) -> None:
    world.profile(platform, key=key)
    members = json.loads(world.signed(world.sign(world.firmware(b"abc"))))
    assert members["signatureAlgorithm"] == algorithm
    assert members["rawPayloadSize"] == 3
    last = list(members)[-1]
    if last == "payloadLocation":
        assert members[last] == {"s3": {"bucketName": "source", "key": "app.bin", "version": "v1"}}
    else:
        assert members["payload"] == "YWJj"
    public = load_public_key(key_files(key)[1])
    public.verify(b"abc", base64_decode(members["signature"].encode()), signature_algorithm(algorithm))


@pytest.mark.parametrize(
    ("platform", "key", "parameters"),
    [
        ("MCUboot-ECDSA-P256", KeyType.P256, {"pad-header": "true", "version": "1.2.3+4", "security-counter": "7"}),
        ("MCUboot-RSA-3072", KeyType.RSA3072, {"pad-header": "true", "header-size": "0x200"}),
        ("MCUboot-Ed25519", KeyType.ED25519, {"pad-header": "true"}),
    ],
)
def test_mcuboot_platforms_write_the_container(
    world: Any, key_files: Any, platform: str, key: KeyType, parameters: dict[str, str]
) -> None:
    world.profile(platform, key=key, signingParameters=parameters)
    file = io.BytesIO(world.signed(world.sign()))
    opened = container_named("mcuboot").open(file, {})
    opened.check_integrity()
    assert opened.find_signers([load_public_key(key_files(key)[1])], judge_by_openssl)
    assert world.call("GetSigningProfile", profileName="release")["signingParameters"] == parameters


def test_a_json_format_instead_of_the_container_is_possible(world: Any) -> None:
    world.profile("MCUboot-Ed25519", key=KeyType.ED25519, overrides={"signingImageFormat": "JSONEmbedded"})
    assert json.loads(world.signed(world.sign()))["signatureAlgorithm"] == "Ed25519"


@pytest.mark.parametrize(
    "parameters", [{"header_size": "1"}, {"header-size": "big"}, {"pad-header": "yes"}, {"key": "x"}]
)
def test_parameters_that_the_container_does_not_know_are_refused(world: Any, parameters: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="signingParameters: ") as caught:
        world.profile("MCUboot-ECDSA-P256", signingParameters=parameters)
    assert caught.value.code == "InvalidSigningParameter"


def test_a_key_of_another_family_fails_the_job(world: Any) -> None:
    world.profile("AWSIoTDeviceManagement-SHA256-ECDSA", key=KeyType.RSA2048)
    job = world.sign()
    assert job["status"] == "Failed"
    assert job["statusReason"] == "expected a key of family ECDSA in the signing material, got RSA"
    assert "signedObject" not in job
    assert world.audit.names() == ["ProfileCreated", "SigningFailed"]
    assert world.steps == ["accepted", "pinned", "failed"]


def test_an_rsa_key_signs_where_the_profile_says_so(world: Any) -> None:
    overrides = {"signingConfiguration": {"encryptionAlgorithm": "RSA"}}
    world.profile(key=KeyType.RSA2048, overrides=overrides)
    job = world.sign()
    assert json.loads(world.signed(job))["signatureAlgorithm"] == "SHA256withRSA"
    assert job["overrides"] == overrides


def test_an_empty_object_fails_the_job(world: Any) -> None:
    world.profile()
    job = world.sign(world.firmware(b""))
    assert job["statusReason"] == "expected an image to sign, got an empty object"


def test_a_certificate_that_expired_meanwhile_fails_the_job(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.clock.move(timedelta(days=31))
    world.service.run_job(job_id)
    assert world.call("DescribeSigningJob", jobId=job_id)["status"] == "Failed"


def test_material_that_went_away_fails_the_job(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.materials.known.clear()
    world.service.run_job(job_id)
    assert "not found" in world.call("DescribeSigningJob", jobId=job_id)["statusReason"]


def test_the_same_token_gives_the_same_job_forever(world: Any) -> None:
    world.profile()
    source = world.firmware()
    first = world.start(source)
    world.service.run_job(first["jobId"])
    world.call("CancelSigningProfile", profileName="release")
    world.objects.contents.clear()
    assert world.start(source) == first
    with pytest.raises(ValidationError, match="used before") as caught:
        world.start(SourceObject("source", "app.bin", "v2"))
    assert caught.value.code == "IdempotencyTokenMismatch"


def test_a_token_that_another_request_used_meanwhile(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile()
    source = world.firmware()
    first = world.start(source)
    monkeypatch.setattr(type(world.records), "job_by_token", _once_blind(world.records))
    assert world.start(source) == first
    assert len(world.records.jobs_by_id) == 1


def _once_blind(records: Any) -> Any:
    real, calls = type(records).job_by_token, []

    def find(self: Any, invoker: str, token: str) -> Any:
        calls.append(token)
        return None if len(calls) == 1 else real(self, invoker, token)

    return find


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"source": {}}, ValidationError, r"source\.s3 cannot be null"),
        ({"destination": {}}, ValidationError, r"destination\.s3\.bucketName cannot be null"),
        ({"source": SourceObject("source", "app.bin", "null").to_aws()}, ValidationError, "must be version enabled"),
        ({"source": SourceObject("signed", "app.bin", "v1").to_aws()}, ValidationError, "must be version enabled"),
        ({"source": SourceObject("theirs", "app.bin", "v1").to_aws()}, AccessDeniedError, "s3:GetObjectVersion"),
        ({"destination": {"s3": {"bucketName": "theirs"}}}, AccessDeniedError, "s3:PutObject"),
        ({"source": SourceObject("nowhere", "app.bin", "v1").to_aws()}, ResourceNotFoundError, "bucket does not exist"),
        ({"source": SourceObject("source", "app.bin", "v9").to_aws()}, ResourceNotFoundError, "version does not exist"),
        ({"destination": {"s3": {"bucketName": "nowhere"}}}, ResourceNotFoundError, "bucket does not exist"),
        ({"profileName": "nothing"}, ResourceNotFoundError, "Signing profile nothing not found"),
    ],
)
def test_what_cannot_be_signed_is_refused_at_once(
    world: Any, request_: dict[str, Any], error: type[Exception], message: str
) -> None:
    world.profile()
    with pytest.raises(error, match=message):
        world.start(world.firmware(), **request_)
    assert not world.records.jobs_by_id


def test_an_object_beyond_the_platforms_limit_is_refused(world: Any) -> None:
    world.profile()
    limit = 16 * 1024 * 1024
    assert world.start(world.firmware(bytes(limit)))
    with pytest.raises(ValidationError, match=f"{limit + 1} bytes") as caught:
        world.start(world.firmware(bytes(limit + 1)), token="another")
    assert caught.value.code == "ObjectTooLarge"


def test_a_profile_that_is_not_active_signs_nothing(world: Any) -> None:
    world.profile()
    world.call("CancelSigningProfile", profileName="release")
    with pytest.raises(ValidationError, match="Signing profile release is canceled"):
        world.start(world.firmware())


def test_a_job_is_shown_to_nobody_else(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    for caller, wanted in ((Caller("444455556666", "arn"), job_id), (None, "no-such-job")):
        with pytest.raises(ResourceNotFoundError, match=f"Signing job {wanted} not found"):
            world.call("DescribeSigningJob", *([caller] if caller else []), jobId=wanted)


def test_an_object_at_the_destination_is_never_replaced(world: Any) -> None:  # threat 23
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.objects.put("signed", f"out/{job_id}", b"somebody else's")
    world.service.run_job(job_id)
    job = world.call("DescribeSigningJob", jobId=job_id)
    assert job["status"] == "Failed"
    assert "already exists" in job["statusReason"]
    assert world.objects.get("signed", f"out/{job_id}") == b"somebody else's"
    assert world.audit.names()[-2:] == ["SigningSucceeded", "SigningFailed"]


def test_jobs_are_listed_newest_first_page_by_page(world: Any) -> None:
    world.profile()
    world.profile(platform="AWSIoTDeviceManagement-SHA256-ECDSA", name="other")
    ids = []
    for number in range(5):
        world.clock.move(timedelta(seconds=number % 2))
        more = {"profileName": "other"} if number == 3 else {}
        ids.append(world.start(world.firmware(), token=str(number), **more)["jobId"])
    world.service.run_job(ids[0])

    def listed(**request: Any) -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = world.call("ListSigningJobs", maxResults=2, **request, **token)
            assert len(page["jobs"]) <= 2
            found += [job["jobId"] for job in page["jobs"]]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    assert sorted(listed()) == sorted(ids)
    assert set(listed()[-1:]) <= {ids[0], ids[1]}
    assert listed(status="Succeeded") == [ids[0]]
    assert listed(platformId="AWSIoTDeviceManagement-SHA256-ECDSA") == [ids[3]]
    assert listed(requestedBy="somebody") == []
    assert len(listed(jobInvoker="111122223333")) == 5
    assert listed(jobInvoker="444455556666") == []
    assert len(listed(isRevoked=False)) == 5
    assert listed(isRevoked=True) == []
    assert listed(signatureExpiresAfter=world.clock.now()) == []
    world.clock.move(timedelta(days=732))
    assert listed() == []


def test_the_work_of_a_job_is_done_once(world: Any) -> None:
    world.profile()
    job = world.sign()
    world.service.run_job(job["jobId"])
    assert world.audit.names().count("SigningIntended") == 1
    with pytest.raises(ResourceNotFoundError):
        world.service.run_job("no-such-job")
    assert world.records.jobs_by_id[job["jobId"]].status is JobStatus.SUCCEEDED
