"""Lambda and Notation: what the service signs with its own chain."""

import base64
import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from iotsign.algorithms import signature_algorithm
from iotsign.errors import AccessDeniedError, StoreError, ValidationError
from iotsign.keys import certificate_key, verify_chain
from iotsign.signer import Caller

LAMBDA = "AWSLambda-SHA384-ECDSA"
NOTATION = "Notation-OCI-SHA384-ECDSA"
PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
PAYLOAD = (
    b'{"targetArtifact":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:'
    + b"ab" * 32
    + b'","size":16724}}'
)
THEM = Caller("444455556666", "arn:aws:iam::444455556666:user/them")
SIGNATURE = "META_INF/aws_signer_signature_v1.0.SF"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, name * 100)
    return buffer.getvalue()


def put(world: Any, platform: str, name: str = "code", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = world.call("PutSigningProfile", profileName=name, platformId=platform, **more)
    return found


def sign_zip(world: Any, content: bytes | None = None, key: str = "function.zip", **more: Any) -> dict[str, Any]:
    source = world.objects.put("source", key, zipped("app.py", "lib/x.py") if content is None else content)
    job: dict[str, Any] = world.sign(source, profileName="code", **more)
    return job


def sign_payload(world: Any, caller: Caller | None = None, **more: Any) -> dict[str, Any]:
    request = {"profileName": "code", "payload": PAYLOAD, "payloadFormat": PAYLOAD_TYPE} | more
    answer: dict[str, Any] = world.call("SignPayload", *([caller] if caller else []), **request)
    return answer


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(envelope: bytes) -> tuple[dict[str, Any], list[x509.Certificate]]:
    """Check an envelope's signature, and give its signed header and its chain."""
    jws = json.loads(envelope)
    chain = [x509.load_der_x509_certificate(base64.b64decode(der)) for der in jws["header"]["x5c"]]
    message = f"{jws['protected']}.{jws['payload']}".encode()
    algorithm = signature_algorithm("SHA384withECDSAinP1363Format")
    certificate_key(chain[0]).verify(message, decoded(jws["signature"]), algorithm)
    header: dict[str, Any] = json.loads(decoded(jws["protected"]))
    return header, chain


def hashes(chain: list[x509.Certificate]) -> list[str]:
    tbs = [hashlib.sha384(certificate.tbs_certificate_bytes).hexdigest() for certificate in chain]
    return [own + parent for own, parent in zip(tbs, [*tbs[1:], tbs[-1]], strict=True)]


def status(world: Any, profile: dict[str, Any], job_id: str, chain: list[str], at: datetime) -> list[str]:
    job_arn = f"arn:aws:signer:eu-west-1:111122223333:/signing-jobs/{job_id}"
    found: list[str] = world.call(
        "GetRevocationStatus",
        platformId=NOTATION,
        profileVersionArn=profile["profileVersionArn"],
        jobArn=job_arn,
        certificateHashes=chain,
        signatureTimestamp=at,
    )["revokedEntities"]
    return found


def test_a_zip_is_signed_and_stays_a_zip(world: Any) -> None:
    put(world, LAMBDA, signatureValidityPeriod={"value": 3, "type": "MONTHS"})
    job = sign_zip(world)
    assert (job["status"], job["statusReason"]) == ("Succeeded", "Signing Succeeded")
    assert job["signedObject"]["s3"]["key"] == f"out/{job['jobId']}.zip"
    assert "signingMaterial" not in job
    assert job["signatureExpiresAt"] == datetime(2026, 4, 30, 12, tzinfo=world.clock.now().tzinfo)
    (listed,) = world.call("ListSigningJobs", signatureExpiresAfter=world.clock.now())["jobs"]
    assert listed["signatureExpiresAt"] == job["signatureExpiresAt"]
    with zipfile.ZipFile(io.BytesIO(world.signed(job))) as file:
        assert file.testzip() is None
        assert set(file.namelist()) == {"app.py", "lib/x.py", SIGNATURE}
        assert b"-----BEGIN" in file.read(SIGNATURE)
    assert world.audit.names() == [
        "ProfileCreated",
        "IssuerCreated",
        "CertificateIssued",
        "SigningIntended",
        "SigningSucceeded",
    ]
    intended = world.audit.events[-2].details
    assert intended["certificateSha256"] == world.audit.events[2].details["certificateSha256"]


def test_a_source_that_is_not_named_zip_gives_its_object_no_suffix(world: Any) -> None:
    put(world, LAMBDA)
    assert sign_zip(world, key="function")["signedObject"]["s3"]["key"].startswith("out/")
    job = sign_zip(world, key="x.zipped", token="another")
    assert job["signedObject"]["s3"]["key"] == f"out/{job['jobId']}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (zipped(), "empty"), (b"no zip at all" * 100, "zip"), (zipped("a", SIGNATURE), "signed")],
)
def test_a_zip_that_cannot_be_signed_fails_the_job(world: Any, content: bytes, reason: str) -> None:
    put(world, LAMBDA)
    job = sign_zip(world, content)
    assert job["status"] == "Failed"
    assert reason in job["statusReason"]
    assert "signedObject" not in job
    assert "SigningIntended" not in world.audit.names()
    assert world.audit.names()[-1] == "SigningFailed"


def test_a_zip_over_the_limit_is_refused(world: Any) -> None:
    put(world, LAMBDA)
    source = world.firmware(bytes(1))
    world.objects.size = lambda _: 250 * 1024 * 1024 + 1
    with pytest.raises(ValidationError, match="takes 262144000"):
        world.start(source, profileName="code")


def test_a_job_of_a_signature_that_would_have_expired_fails(world: Any) -> None:
    put(world, LAMBDA, signatureValidityPeriod={"value": 1, "type": "DAYS"})
    source = world.objects.put("source", "function.zip", zipped("a"))
    job_id = world.start(source, profileName="code")["jobId"]
    world.clock.move(timedelta(days=1))
    world.service.run_job(job_id)
    job = world.call("DescribeSigningJob", jobId=job_id)
    assert (job["status"], "expiry" in job["statusReason"]) == ("Failed", True)


def test_a_payload_comes_back_as_an_envelope(world: Any) -> None:
    profile = put(world, NOTATION, signatureValidityPeriod={"value": 2, "type": "DAYS"})
    answer = sign_payload(world)
    job_arn = f"arn:aws:signer:eu-west-1:111122223333:/signing-jobs/{answer['jobId']}"
    assert answer["jobOwner"] == "111122223333"
    assert answer["metadata"] == {
        "com.amazonaws.signer.signingProfileVersion": profile["profileVersionArn"],
        "com.amazonaws.signer.signingJob": job_arn,
    }
    header, chain = opened(answer["signature"])
    assert header["com.amazonaws.signer.signingJob"] == job_arn
    assert header["com.amazonaws.signer.signingProfileVersion"] == profile["profileVersionArn"]
    assert header["io.cncf.notary.authenticSigningTime"] == "2026-01-31T12:00:00Z"
    assert header["io.cncf.notary.expiry"] == "2026-02-02T12:00:00Z"
    assert decoded(json.loads(answer["signature"])["payload"]) == PAYLOAD
    verify_chain(chain[0], roots=chain[2:], intermediates=chain[1:2], at=world.clock.now())
    names = [attribute.value for attribute in chain[0].subject]
    assert sorted(names) == sorted(["code", profile["profileVersion"], "111122223333"])
    job = world.call("DescribeSigningJob", jobId=answer["jobId"])
    assert job == {
        "jobId": answer["jobId"],
        "status": "Succeeded",
        "statusReason": "Signing Succeeded",
        "createdAt": world.clock.now(),
        "completedAt": world.clock.now(),
        "profileName": "code",
        "profileVersion": profile["profileVersion"],
        "platformId": NOTATION,
        "platformDisplayName": "Notation for container registries",
        "requestedBy": "arn:aws:iam::111122223333:user/me",
        "jobOwner": "111122223333",
        "jobInvoker": "111122223333",
        "signatureExpiresAt": world.clock.now() + timedelta(days=2),
    }
    assert world.audit.names()[-2:] == ["SigningIntended", "SigningSucceeded"]
    digest = hashlib.sha256(answer["signature"]).hexdigest()
    assert world.audit.events[-1].details["signedObjectSha256"] == digest
    steps = ["accepted", "intended", "signed", "verified", "logged", "succeeded", "released"]
    assert world.steps == steps
    assert world.service.recover() == []


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b"{}"},
        {"payload": b"no JSON"},
        {"payload": PAYLOAD + b" " * 4096},
        {"payloadFormat": "application/octet-stream"},
    ],
)
def test_another_payload_is_refused_and_nothing_signed(world: Any, change: dict[str, Any]) -> None:
    put(world, NOTATION)
    with pytest.raises(ValidationError) as caught:
        sign_payload(world, **change)
    assert caught.value.code == "InvalidPayload"
    assert "SigningIntended" not in world.audit.names()
    assert world.call("ListSigningJobs")["jobs"] == []


def test_each_operation_is_for_its_own_platforms(world: Any) -> None:
    put(world, NOTATION)
    with pytest.raises(ValidationError, match="use SignPayload"):
        sign_zip(world)
    put(world, LAMBDA, name="function")
    with pytest.raises(ValidationError, match="use StartSigningJob"):
        sign_payload(world, profileName="function")


def test_another_account_signs_what_it_was_granted(world: Any) -> None:
    put(world, NOTATION)
    with pytest.raises(AccessDeniedError):
        sign_payload(world, THEM, profileOwner="111122223333")
    world.call(
        "AddProfilePermission",
        profileName="code",
        statementId="s",
        action="signer:SignPayload",
        principal=THEM.account,
    )
    answer = sign_payload(world, THEM, profileOwner="111122223333")
    assert answer["jobOwner"] == "111122223333"
    assert world.call("DescribeSigningJob", THEM, jobId=answer["jobId"])["jobInvoker"] == THEM.account


def test_a_canceled_profile_signs_no_payload(world: Any) -> None:
    put(world, NOTATION)
    world.call("CancelSigningProfile", profileName="code")
    with pytest.raises(ValidationError, match="is canceled"):
        sign_payload(world)


@pytest.mark.parametrize("step", ["intended", "signed", "verified"])
def test_without_a_log_no_payload_is_given_away(world: Any, step: str) -> None:  # threat 33
    put(world, NOTATION)
    sign_payload(world)

    def break_log(name: str, _: str) -> None:
        world.audit.broken = name == step or world.audit.broken

    world.on_step = break_log
    with pytest.raises(StoreError):
        sign_payload(world)
    assert len(world.call("ListSigningJobs")["jobs"]) == 1


def test_a_job_that_cannot_be_recorded_is_not_given_away(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, NOTATION)

    def refuse(_: object) -> bool:
        raise StoreError("DatabaseFailed", "no space")

    monkeypatch.setattr(world.records, "add_job", refuse)
    with pytest.raises(StoreError, match="no space"):
        sign_payload(world)
    assert world.audit.names()[-2:] == ["SigningSucceeded", "SigningFailed"]


def test_certificates_are_issued_once_for_each_profile_and_anew_before_they_end(world: Any) -> None:
    put(world, NOTATION)
    put(world, NOTATION, name="other")
    first = [opened(sign_payload(world)["signature"])[1] for _ in range(3)]
    other = opened(sign_payload(world, profileName="other")["signature"])[1]
    assert first[0] == first[1] == first[2]
    assert (first[0][0] != other[0], first[0][1:]) == (True, other[1:])
    world.service = world.another("worker-2")
    assert opened(sign_payload(world)["signature"])[1] == first[0]
    world.clock.move(timedelta(days=60))
    renewed = opened(sign_payload(world)["signature"])[1]
    assert (renewed[0] != first[0][0], renewed[1:]) == (True, first[0][1:])
    assert world.audit.names().count("CertificateIssued") == 3
    assert world.audit.names().count("IssuerCreated") == 1


def test_a_rotated_chain_signs_and_the_old_one_stays_known(world: Any) -> None:
    profile = put(world, NOTATION)
    before = sign_payload(world)
    world.service.rotate_issuer("local:me")
    after = sign_payload(world)
    old, new = opened(before["signature"])[1], opened(after["signature"])[1]
    assert not {*old} & {*new}
    assert world.issuer().roots() == [old[2], new[2]]
    for job, chain in ((before, old), (after, new)):
        assert status(world, profile, job["jobId"], hashes(chain), world.clock.now()) == []
    rotated = world.audit.events[world.audit.names().index("IssuerRotated")]
    assert (rotated.principal, rotated.subject) == ("local:me", "issuer")


def test_certificates_of_others_are_not_known(world: Any) -> None:  # threat 25
    profile = put(world, NOTATION)
    answer = sign_payload(world)
    known = hashes(opened(answer["signature"])[1])
    now = world.clock.now()
    assert status(world, profile, answer["jobId"], known, now) == []
    assert status(world, profile, answer["jobId"], [text.upper() for text in known], now) == []
    leaf, issuing, root = known
    for wrong in ("ab" * 96, leaf[:96] + root[:96], issuing[:96] * 2, root[:96] + issuing[:96]):
        with pytest.raises(ValidationError, match="no certificate that this service issued"):
            status(world, profile, answer["jobId"], [wrong], now)


def test_revocation_is_told_from_end_to_end(world: Any) -> None:
    profile = put(world, NOTATION)
    answer = sign_payload(world)
    chain, now = hashes(opened(answer["signature"])[1]), world.clock.now()
    world.call("RevokeSignature", jobId=answer["jobId"], reason="wrong image")
    job_arn = answer["metadata"]["com.amazonaws.signer.signingJob"]
    assert status(world, profile, answer["jobId"], chain, now) == [job_arn]
    version = {"profileName": "code", "profileVersion": profile["profileVersion"]}
    world.call("RevokeSigningProfile", **version, reason="leaked", effectiveTime=now)
    assert status(world, profile, answer["jobId"], chain, now) == [profile["profileVersionArn"], job_arn]
    exported = world.service.export_revocations(timedelta(days=1))
    assert [entry.arn for entry in exported.jobs] == [job_arn]
    assert [entry.arn for entry in exported.profile_versions] == [profile["profileVersionArn"]]


def test_without_a_log_no_chain_is_made(world: Any) -> None:  # threat 33
    put(world, NOTATION)
    world.audit.broken = True
    with pytest.raises(StoreError):
        world.service.establish_issuer()
    assert world.issuer().roots() == []
    world.audit.broken = False
    assert world.service.establish_issuer()
    assert not world.service.establish_issuer()
    world.audit.broken = True
    with pytest.raises(StoreError):
        sign_payload(world)
    world.audit.broken = False
    sign_payload(world)
    assert world.audit.names().count("CertificateIssued") == 1
