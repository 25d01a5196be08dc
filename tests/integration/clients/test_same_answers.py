"""Every verb gives the same JSON, whether it asks a folder or a server."""

import base64
import json
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cli_modes import Answer, Cli
from server_process import ACCOUNT, OTHER_ACCOUNT, Server, root_hash

from iotsign.server.client import LocalClient, RemoteClient
from iotsign.server.protocol import operation_names

IOT, LAMBDA, NOTATION = "AmazonFreeRTOS-Default", "AWSLambda-SHA384-ECDSA", "Notation-OCI-SHA384-ECDSA"
ARTIFACT = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'ab' * 32}", "size": 16724}

# what differs from run to run: ids, versions of profiles and of objects, times
VARYING = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\+00:00"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in which nobody else makes anything."""
    found = Server(tmp_path_factory.mktemp("service") / "data")
    yield found
    assert found.stop() == 0


def scenario(cli: Cli, name: str) -> list[tuple[int, Any, Any]]:
    """Use every operation, and be refused by some; what differs from run to run is numbered in order of appearance."""
    answers: list[Answer] = []

    def do(*arguments: str, code: int = 0) -> Any:
        answer = cli(*arguments)
        assert answer.code == code, (arguments, answer)
        answers.append(answer)
        return answer.out

    iot, code_name = f"iot_{name}", f"code_{name}"
    material = ["--signing-material", f"certificateArn={cli.material}"]
    made = do("profile", "put", iot, "--platform-id", IOT, *material, "--tags", "a=b,c:d=e", "--tags", "f=g")
    do("profile", "put", iot, "--platform-id", IOT, *material, code=5)
    do("profile", "get", iot)
    do("profile", "get", f"no_{name}", code=5)
    do("profile", "list", "--platform-id", f"none_{name}")
    validity = ["--signature-validity-period", "value=3,type=MONTHS"]
    code = do("profile", "put", code_name, "--platform-id", LAMBDA, *validity)
    do("profile", "get", code_name)

    grant = ["--action", "signer:StartSigningJob", "--principal", OTHER_ACCOUNT]
    do("permission", "list", iot, code=5)
    do("permission", "add", iot, *grant, "--statement-id", "first")
    revision = do("permission", "add", iot, *grant, "--statement-id", "second")["revisionId"]
    do("permission", "add", iot, *grant, "--statement-id", "third", "--revision-id", str(uuid.uuid4()), code=5)
    do("permission", "list", iot)
    do("permission", "remove", iot, "--statement-id", "first", "--revision-id", revision)
    do("permission", "remove", iot, "--statement-id", "second")

    do("tag", "set", iot, "h=i", "a=z")
    do("tag", "list", made["arn"])
    do("tag", "remove", iot, "h", "f")
    do("tag", "list", iot)

    Path("app.bin").write_bytes(b"firmware" * 100)
    started = do("job", "start", "app.bin", "--profile", iot, "--key", f"{name}/app.bin", "-o", f"{name}.signed")
    source = started["source"]["s3"]
    shorthand = "s3={" + ",".join(f"{member}={value}" for member, value in source.items()) + "}"
    to = ["--destination", f"s3={{bucketName={cli.bucket},prefix=out/}}"]
    job = do("job", "start", "--profile-name", iot, "--profile-owner", ACCOUNT, "--source", shorthand, *to)
    do("job", "wait", job["jobId"])
    do("job", "describe", job["jobId"])
    do("job", "describe", str(uuid.UUID(int=0)), code=5)
    do("job", "start", "--profile-name", iot, "--source", shorthand.replace(source["version"], "f" * 32), *to, code=5)
    do("job", "list", "--status", "Succeeded", "--platform-id", IOT, "--max-items", "2")
    do("job", "revoke", job["jobId"], "--reason", "a wrong build", code=5)
    do("job", "sign-payload", "app.bin", "--profile", iot, code=5)

    write_zip(Path("function.zip"))
    zipped = do("job", "start", "function.zip", "--profile", code_name, "-o", f"{name}-signed.zip")
    do("job", "revoke", zipped["jobId"], "--reason", "a wrong build")
    do("job", "describe", zipped["jobId"])
    oci = do("profile", "put", f"oci_{name}", "--platform-id", NOTATION)
    Path("payload.json").write_text(json.dumps({"targetArtifact": ARTIFACT}))
    envelope = do("job", "sign-payload", "payload.json", "--profile", f"oci_{name}", "-o", f"{name}.jws")
    signature = base64.b64decode(envelope["signature"])
    assert Path(f"{name}.jws").read_bytes() == signature
    envelope["signature"] = sorted(json.loads(signature))

    asked = ["--signature-timestamp", "2026-01-01T00:00:00Z", "--platform-id", LAMBDA]
    asked += ["--profile-version-arn", code["profileVersionArn"], "--certificate-hashes", root_hash(cli.data)]
    asked += ["--job-arn", f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{job['jobId']}"]
    assert do("job", "revocation-status", *asked) == {"revokedEntities": []}
    version = ["--profile-version", code["profileVersion"], "--effective-time", "2025-12-31T00:00:00Z"]
    do("profile", "revoke", code_name, *version, "--reason", "leaked")
    assert do("job", "revocation-status", *asked) == {"revokedEntities": [code["profileVersionArn"]]}
    do("profile", "get", code_name)
    do("profile", "cancel", iot)
    do("profile", "get", iot)
    do("profile", "list", "--statuses", "Canceled", "--statuses", "Revoked", "--max-items", "1000")

    names = {profile["profileVersion"]: f"VERSION-{number}" for number, profile in enumerate((made, code, oci))}
    names[cli.material] = "MATERIAL"
    return [plain(answer, names) for answer in answers]


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("app.py", "def handler(event, context): ...")


def plain(answer: Answer, names: dict[str, str]) -> tuple[int, Any, Any]:
    error = answer.error and {key: answer.error["error"][key] for key in ("type", "code", "message", "exitCode")}
    text = json.dumps([answer.code, answer.out, error])
    for varying, word in names.items():
        text = text.replace(varying, word)
    for varying in VARYING.findall(text):
        names.setdefault(varying, f"VARYING-{len(names)}")
        text = text.replace(varying, names[varying])
    code, out, error = json.loads(text)
    return code, out, error


def test_every_verb_against_both(local: Cli, remote: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    called = {client: observed(monkeypatch, client) for client in (LocalClient, RemoteClient)}
    name = uuid.uuid4().hex[:8]
    here, there = scenario(local, name), scenario(remote, name)
    for mine, theirs in zip(here, there, strict=True):
        assert mine == theirs
    platforms = {"GetSigningPlatform", "ListSigningPlatforms"}  # test_commands asks for those
    assert called[LocalClient] == called[RemoteClient] == set(operation_names()) - platforms


def observed(monkeypatch: pytest.MonkeyPatch, client: type[LocalClient | RemoteClient]) -> set[str]:
    """Collect the names of the operations that a client calls from now on."""
    operations, call = set[str](), client.call

    def observe(self: Any, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        operations.add(operation)
        return call(self, operation, request)

    monkeypatch.setattr(client, "call", observe)
    return operations
