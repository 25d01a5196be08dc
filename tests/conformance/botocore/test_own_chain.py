"""Lambda and Notation through an unmodified boto3 client, judged by openssl and by joserfc."""

import base64
import hashlib
import io
import json
import subprocess
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.registry import HeaderParameter
from server_process import ACCOUNT, IOTSIGN, OTHER_ACCOUNT, Server

LAMBDA = "AWSLambda-SHA384-ECDSA"
NOTATION = "Notation-OCI-SHA384-ECDSA"
SIGNATURE = "META_INF/aws_signer_signature_v1.0.SF"
PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
TARGET = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}
PAYLOAD = json.dumps({"targetArtifact": TARGET}).encode()

CRITICAL = {
    "com.amazonaws.signer.signingJob",
    "com.amazonaws.signer.signingProfileVersion",
    "io.cncf.notary.authenticSigningTime",
    "io.cncf.notary.expiry",
    "io.cncf.notary.signingScheme",
    "io.cncf.notary.verificationPlugin",
}


class Registry(jws.JWSRegistry):
    """Takes the Notary Project's headers, which are long."""

    max_header_length = 4096


@pytest.fixture(scope="module")
def signer(server: Server) -> Any:
    return server.client("signer")


@pytest.fixture(scope="module")
def trust(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("chain") / "trust"
    subprocess.run([IOTSIGN, "key", "export-trust", "-o", found, "--data", server.data], check=True)
    return found


def put(signer: Any, platform: str, **more: Any) -> dict[str, Any]:
    name = f"chain_{uuid.uuid4().hex[:12]}"
    return {"profileName": name, **signer.put_signing_profile(profileName=name, platformId=platform, **more)}


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("app.py", "def handler(event, context):\n    return event\n" * 50)
        file.writestr("data.bin", bytes(range(256)))
    return buffer.getvalue()


def hashes(chain: list[x509.Certificate]) -> list[str]:
    tbs = [hashlib.sha384(certificate.tbs_certificate_bytes).hexdigest() for certificate in chain]
    return [own + parent for own, parent in zip(tbs, [*tbs[1:], tbs[-1]], strict=True)]


def envelope_of(answer: dict[str, Any]) -> tuple[dict[str, Any], list[x509.Certificate]]:
    """Have an envelope judged by joserfc, and give its signed header and its chain, leaf first."""
    envelope = json.loads(answer["signature"])
    chain = [x509.load_der_x509_certificate(base64.b64decode(der)) for der in envelope["header"]["x5c"]]
    key = chain[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    registry = Registry({name: HeaderParameter(name, "str") for name in CRITICAL}, algorithms=["ES384"])
    found: Any = jws.deserialize_json(envelope, ECKey.import_key(key), registry=registry)
    assert found.payload == PAYLOAD
    header: dict[str, Any] = found.members[0].protected
    assert set(header["crit"]) == CRITICAL
    return header, chain


def test_a_lambda_zip_from_upload_to_openssl(signer: Any, server: Server, trust: Path, tmp_path: Path) -> None:
    s3 = server.client("s3")
    profile = put(signer, LAMBDA, signatureValidityPeriod={"value": 1, "type": "YEARS"})
    version = s3.put_object(Bucket="firmware", Key="in/function.zip", Body=zipped())["VersionId"]
    source = {"s3": {"bucketName": "firmware", "key": "in/function.zip", "version": version}}
    destination = {"s3": {"bucketName": "firmware", "prefix": "lambda/"}}
    job_id = signer.start_signing_job(source=source, destination=destination, profileName=profile["profileName"])[
        "jobId"
    ]
    waiter = signer.get_waiter("successful_signing_job")
    waiter.wait(jobId=job_id, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    job = signer.describe_signing_job(jobId=job_id)
    assert job["signedObject"]["s3"]["key"] == f"lambda/{job_id}.zip"
    assert timedelta(days=364) < job["signatureExpiresAt"] - job["createdAt"] < timedelta(days=367)
    signed = s3.get_object(Bucket="firmware", Key=f"lambda/{job_id}.zip")["Body"].read()
    (tmp_path / "function.zip").write_bytes(signed)
    content = hashlib.sha384()
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        for entry in archive.infolist():
            if entry.filename != SIGNATURE:
                content.update(entry.filename.encode() + archive.read(entry))
        (tmp_path / "signature.pem").write_bytes(archive.read(SIGNATURE))
    (tmp_path / "content").write_bytes(content.digest())
    (root,) = trust.iterdir()
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "PEM", "-in", "signature.pem"]
    command += ["-content", "content", "-CAfile", str(root), "-purpose", "any", "-out", "/dev/null"]
    judged = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "CMS Verification successful" in judged.stderr, judged.stderr
    (tmp_path / "content").write_bytes(bytes(48))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0


def test_a_payload_from_request_to_envelope(signer: Any, trust: Path) -> None:
    profile = put(signer, NOTATION)
    answer = signer.sign_payload(profileName=profile["profileName"], payload=PAYLOAD, payloadFormat=PAYLOAD_TYPE)
    job_arn = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{answer['jobId']}"
    assert answer["jobOwner"] == ACCOUNT
    assert answer["metadata"] == {
        "com.amazonaws.signer.signingJob": job_arn,
        "com.amazonaws.signer.signingProfileVersion": profile["profileVersionArn"],
    }
    header, chain = envelope_of(answer)
    assert (header["alg"], header["cty"]) == ("ES384", PAYLOAD_TYPE)
    assert header["com.amazonaws.signer.signingJob"] == job_arn
    (root,) = trust.iterdir()
    assert chain[-1] == x509.load_pem_x509_certificate(root.read_bytes())
    for certificate, issuer in pairwise(chain):
        certificate.verify_directly_issued_by(issuer)
    job = signer.describe_signing_job(jobId=answer["jobId"])
    assert (job["status"], job["platformId"]) == ("Succeeded", NOTATION)
    assert not {"source", "signedObject", "signingMaterial"} & job.keys()


@pytest.mark.parametrize(
    ("payload", "payload_format"),
    [(b"{}", PAYLOAD_TYPE), (PAYLOAD, "text/plain"), (PAYLOAD + b" " * 4096, PAYLOAD_TYPE)],
)
def test_a_payload_of_another_kind(signer: Any, payload: bytes, payload_format: str) -> None:
    name = put(signer, NOTATION)["profileName"]
    with pytest.raises(signer.exceptions.ValidationException):
        signer.sign_payload(profileName=name, payload=payload, payloadFormat=payload_format)


def test_a_payload_for_another_account(signer: Any, server: Server) -> None:
    them = server.client("signer", server.add_key(OTHER_ACCOUNT, "--user", f"u{uuid.uuid4().hex[:8]}"))
    name = put(signer, NOTATION)["profileName"]
    request = {"profileName": name, "profileOwner": ACCOUNT, "payload": PAYLOAD, "payloadFormat": PAYLOAD_TYPE}
    with pytest.raises(ClientError) as caught:
        them.sign_payload(**request)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    signer.add_profile_permission(
        profileName=name, action="signer:SignPayload", principal=OTHER_ACCOUNT, statementId="them"
    )
    answer = them.sign_payload(**request)
    envelope_of(answer)
    job = them.describe_signing_job(jobId=answer["jobId"])
    assert (job["jobOwner"], job["jobInvoker"]) == (ACCOUNT, OTHER_ACCOUNT)


def test_revocation_of_what_the_chain_signed(signer: Any, server: Server) -> None:
    profile = put(signer, NOTATION)
    name = profile["profileName"]
    answer = signer.sign_payload(profileName=name, payload=PAYLOAD, payloadFormat=PAYLOAD_TYPE)
    _, chain = envelope_of(answer)
    job_arn = answer["metadata"]["com.amazonaws.signer.signingJob"]
    request = {
        "platformId": NOTATION,
        "jobArn": job_arn,
        "profileVersionArn": profile["profileVersionArn"],
        "signatureTimestamp": datetime.now(UTC),
        "certificateHashes": hashes(chain),
    }
    data = server.client("signer-data")
    assert data.get_revocation_status(**request)["revokedEntities"] == []
    foreign = request | {"certificateHashes": [*request["certificateHashes"], "ab" * 96]}
    with pytest.raises(signer.exceptions.ValidationException, match="no certificate that this service issued"):
        signer.get_revocation_status(**foreign)
    signer.revoke_signature(jobId=answer["jobId"], reason="wrong image")
    assert data.get_revocation_status(**request)["revokedEntities"] == [job_arn]
    version = {"profileName": name, "profileVersion": profile["profileVersion"]}
    signer.revoke_signing_profile(**version, reason="leaked", effectiveTime=datetime.now(UTC) - timedelta(hours=1))
    assert set(data.get_revocation_status(**request)["revokedEntities"]) == {job_arn, profile["profileVersionArn"]}
