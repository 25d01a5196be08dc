"""Every verb gives the same JSON, whether it asks a folder or a server."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

from cli_modes import Answer, Cli
from server_process import ACCOUNT, OTHER_ACCOUNT

IOT, LAMBDA = "AmazonFreeRTOS-Default", "AWSLambda-SHA384-ECDSA"

# what differs from run to run: ids, versions of profiles and of objects, times
VARYING = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\+00:00"
)


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

    asked = ["--signature-timestamp", "2026-01-01T00:00:00Z", "--platform-id", LAMBDA]
    asked += ["--profile-version-arn", code["profileVersionArn"], "--certificate-hashes", "0" * 192]
    asked += ["--job-arn", f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-jobs/{job['jobId']}"]
    assert do("job", "revocation-status", *asked) == {"revokedEntities": []}
    version = ["--profile-version", code["profileVersion"], "--effective-time", "2025-12-31T00:00:00Z"]
    do("profile", "revoke", code_name, *version, "--reason", "leaked")
    assert do("job", "revocation-status", *asked) == {"revokedEntities": [code["profileVersionArn"]]}
    do("profile", "get", code_name)
    do("profile", "cancel", iot)
    do("profile", "get", iot)
    do("profile", "list", "--statuses", "Canceled", "--statuses", "Revoked", "--max-items", "1000")

    names = {made["profileVersion"]: "VERSION-1", code["profileVersion"]: "VERSION-2", cli.material: "MATERIAL"}
    return [plain(answer, names) for answer in answers]


def plain(answer: Answer, names: dict[str, str]) -> tuple[int, Any, Any]:
    error = answer.error and {key: answer.error["error"][key] for key in ("type", "code", "message", "exitCode")}
    text = json.dumps([answer.code, answer.out, error])
    for varying, word in names.items():
        text = text.replace(varying, word)
    for varying in VARYING.findall(text):
        names.setdefault(varying, f"VARYING-{len(names)}")
        text = text.replace(varying, names[varying])
    code, out, error = json.loads(text)
    if out and "profiles" in out:  # the server is shared with other tests
        out["profiles"] = [profile for profile in out["profiles"] if profile["status"] == "Gone"]
    return code, out, error


def test_every_verb_against_both(local: Cli, remote: Cli) -> None:
    name = uuid.uuid4().hex[:8]
    here, there = scenario(local, name), scenario(remote, name)
    for mine, theirs in zip(here, there, strict=True):
        assert mine == theirs
    assert Path(f"{name}.signed").stat().st_size > 800
