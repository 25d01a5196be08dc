"""What people type: the simple case, documents, dry runs, refusals; in a folder and at a server."""

import json
import shlex
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_modes import Cli, import_certificate
from server_process import Server, root_hash

from iotsign.algorithms import KeyType
from iotsign.cli import run

IOT, LAMBDA = "AmazonFreeRTOS-Default", "AWSLambda-SHA384-ECDSA"
IOTSIGN = str(Path(sys.executable).with_name("iotsign"))


def make_profile(cli: Cli, platform: str = IOT) -> str:
    name = f"p_{uuid.uuid4().hex[:8]}"
    material = ["--signing-material", cli.material] if platform == IOT else []
    assert cli("profile", "put", name, "--platform-id", platform, *material).code == 0
    return name


def test_a_file_is_signed_in_one_go(cli: Cli) -> None:
    Path("app.bin").write_bytes(b"firmware" * 1000)
    profile = make_profile(cli)
    job = cli.text("job", "start", "app.bin", "--profile", profile, "-o", "app.signed").strip()
    assert run(["image", "verify", "app.signed", "--trust", "trust"]) == 0
    assert cli("job", "wait", job, "-o", "again.signed").out["jobId"] == job
    assert Path("again.signed").read_bytes() == Path("app.signed").read_bytes()
    assert f"signedObject.s3.key             signed/{job}\n" in cli.text("job", "wait", job)
    assert job in cli.text("job", "list", "--status", "Succeeded")
    assert f" {profile} " in cli.text("profile", "list")
    assert cli.text("tag", "list", profile).splitlines()[0] == " tag   value"


def test_streams(local: Cli, home: Path) -> None:
    profile = make_profile(local)
    Path("app.bin").write_bytes(b"firmware" * 1000)
    start = f"{IOTSIGN} job start - --key app.bin --profile {profile} -o - --data data < app.bin"
    document = shlex.quote(json.dumps({"profileName": profile}))
    script = f"{start} | {IOTSIGN} image verify - --trust trust && echo {document} | "
    script += f"{IOTSIGN} profile get --from-json - --data data"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, cwd=home)
    assert done.returncode == 0, done.stderr
    assert "trusted" in done.stdout
    assert f"profileName                     {profile}" in done.stdout


def test_documents(cli: Cli) -> None:
    Path("app.bin").write_bytes(b"firmware" * 1000)
    name = f"p_{uuid.uuid4().hex[:8]}"
    # as the skeletons of the AWS CLI, filled in
    put = {"profileName": name, "platformId": IOT, "signingMaterial": {"certificateArn": cli.material}}
    Path("put.json").write_text(json.dumps(put))
    assert cli("profile", "put", "--from-json", "put.json").code == 0
    source = cli("job", "start", "app.bin", "--profile", name, "--wait").out["source"]
    start = {
        "source": source,
        "destination": {"s3": {"bucketName": "firmware", "prefix": "json/"}},
        "profileName": "no_such_profile",
        "clientRequestToken": uuid.uuid4().hex,
    }
    Path("start.json").write_text(json.dumps(start))
    assert cli("job", "start", "--from-json", "start.json").error["error"]["code"] == "ProfileNotFound"
    started = cli("job", "start", "--from-json", "start.json", "--profile-name", name)  # the option counts more
    assert cli("job", "start", "--from-json", "start.json", "--profile-name", name).out == started.out
    assert cli("job", "wait", started.out["jobId"]).out["signedObject"]["s3"]["key"].startswith("json/")
    made = cli("profile", "put", "--from-json", "put.json", "--platform-id", LAMBDA).error["error"]
    assert made["type"] == "ValidationError"
    code = make_profile(cli, LAMBDA)
    version = cli("profile", "get", code).out["profileVersion"]
    revoke = {"profileName": code, "profileVersion": version, "reason": "lost", "effectiveTime": "2026-01-01T00:00:00"}
    Path("revoke.json").write_text(json.dumps(revoke))
    assert cli("profile", "revoke", "--from-json", "revoke.json").out == {}
    revoked = cli("profile", "get", code).out["revocationRecord"]
    assert revoked["revocationEffectiveFrom"] == "2026-01-01T00:00:00+00:00"
    Path("start.json").write_text('{"Source": {}}')
    assert cli("job", "start", "--from-json", "start.json").code == 3


def test_what_people_read(local: Cli) -> None:
    profile, code = make_profile(local), make_profile(local, LAMBDA)
    grant = ["--action", "signer:StartSigningJob", "--principal", "444455556666", "--statement-id", "build"]
    local("permission", "add", profile, *grant)
    head, _, row = local.text("permission", "list", profile).splitlines()
    assert head.split() == ["statement", "action", "principal", "version"]
    assert row.split() == ["build", "signer:StartSigningJob", "444455556666"]
    with zipfile.ZipFile("function.zip", "w") as file:
        file.writestr("app.py", "pass")
    job = local("job", "start", "function.zip", "--profile", code, "--wait").out["jobId"]
    arn = local("profile", "get", code).out["profileVersionArn"]
    asked = ["--signature-timestamp", "2030-01-01T00:00:00Z", "--platform-id", LAMBDA, "--profile-version-arn", arn]
    asked += ["--job-arn", f"arn:aws:signer:us-east-1:111122223333:/signing-jobs/{job}"]
    asked += ["--certificate-hashes", root_hash(local.data)]
    assert local.text("job", "revocation-status", *asked) == ""
    assert local.text("job", "revoke", job, "--reason", "wrong build") == ""
    assert local.text("job", "revocation-status", *asked) == f"{asked[7]}\n"


def test_a_payload_leaves_no_object_to_fetch(local: Cli) -> None:
    name = f"p_{uuid.uuid4().hex[:8]}"
    assert local("profile", "put", name, "--platform-id", "Notation-OCI-SHA384-ECDSA").code == 0
    artifact = {"mediaType": "text/plain", "digest": f"sha256:{'ab' * 32}", "size": 1}
    Path("payload.json").write_text(json.dumps({"targetArtifact": artifact}))
    assert "\nsignature" in local.text("job", "sign-payload", "payload.json", "--profile", name)
    (job,) = local("job", "list").out["jobs"]
    assert local("job", "wait", job["jobId"], "-o", "x").error["error"]["code"] == "NoSignedObject"


def test_a_dry_run_prints_a_document_and_changes_nothing(cli: Cli) -> None:
    name = f"p_{uuid.uuid4().hex[:8]}"
    asked = ["profile", "put", name, "--platform-id", IOT, "--signing-material", cli.material, "--tags", "a=b"]
    document = cli(*asked, "-n").out
    assert cli("profile", "get", name).code == 5
    Path("put.json").write_text(json.dumps(document))
    assert cli("profile", "put", "--from-json", "put.json").code == 0
    assert cli("profile", "get", name).out["tags"] == {"a": "b"}
    Path("app.bin").write_bytes(b"firmware")
    assert cli("job", "start", "app.bin", "--profile", name, "-n", "-o", "x").out["profileName"] == name
    assert not Path("x").exists()
    assert cli("profile", "put", "-", "--platform-id", IOT, "-n").error["error"]["code"] == "ValidationError"
    for verb in (["profile", "cancel", name], ["tag", "set", name, "c=d"], ["tag", "remove", name, "a"]):
        assert cli(*verb, "--dry-run").code == 0
    assert cli("profile", "get", name).out["status"] == "Active"
    assert cli("tag", "list", name).out == {"tags": {"a": "b"}}


def test_a_failed_job_is_an_error(cli: Cli, key_files: Callable[[KeyType], tuple[Path, Path]]) -> None:
    private, _ = key_files(KeyType.RSA2048)
    assert run(["key", "certificate", "-k", f"pem:{private}", "-o", "rsa.crt"]) == 0
    material = import_certificate(private, "rsa.crt", cli.data, cli.capfd)
    name = f"p_{uuid.uuid4().hex[:8]}"
    assert cli("profile", "put", name, "--platform-id", IOT, "--signing-material", material).code == 0
    Path("app.bin").write_bytes(b"firmware")
    answer = cli("job", "start", "app.bin", "--profile", name, "-o", "app.signed")
    assert (answer.code, answer.out["status"]) == (5, "Failed")
    assert answer.error["error"]["code"] == "JobFailed"
    assert answer.out["statusReason"] in answer.error["error"]["message"]
    assert not Path("app.signed").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("profile put x", 2, "missing '--platform-id'; or platformId in --from-json"),
        ("profile get", 2, "PROFILE_NAME"),
        ("job start app.bin", 2, "missing '--profile-name'"),
        ("job start app.bin --profile p1 --source s3={}", 2, "either FILE or --source"),
        ("job start --bucket b --profile p1", 2, "--bucket and --key go with FILE"),
        ("job start - --profile p1", 2, "say with --key"),
        ("job start - --key k --profile p1 --from-json -", 2, "both FILE and --from-json"),
        ("job start nothing.bin --profile p1", 5, "nothing.bin: No such file"),
        ("job start app.bin --profile p1 -o - --json", 2, "cannot take both"),
        ("job wait x -o - --json", 2, "cannot take both"),
        ("job sign-payload app.bin -o - --json --profile p1", 2, "cannot take both"),
        ("job sign-payload large.bin --profile p1", 3, "at most 4096 bytes"),
        ("job list --status Done", 2, "'Done' is not one of"),
        ("job list --max-items 0", 2, "0 is not in the range"),
        ("job list --starting-token x", 5, "nextToken is not valid"),
        ("job list --data nowhere", 5, "nowhere: expected the folder of a signing service"),
        ("job list --account 12", 2, "12 digits"),
        ("job list --aws-profile x", 2, "go with --endpoint-url"),
        ("job list --endpoint-url http://127.0.0.1:1 --account 111122223333", 2, "--data and --account"),
        ("job list --endpoint-url nonsense", 2, "Invalid endpoint"),
        ("profile get x --from-json nothing.json", 5, "nothing.json"),
        ("profile get x --from-json app.bin", 3, "expected the JSON of a GetSigningProfile request"),
        ("tag set arn:aws:x a", 2, "tags: expected '='"),
    ],
)
def test_what_is_refused(
    local: Cli, capfd: pytest.CaptureFixture[str], home: Path, arguments: str, code: int, words: str
) -> None:
    Path("app.bin").write_bytes(b"\xfffirmware")
    Path("large.bin").write_bytes(bytes(4097))
    (home / "iotsign.toml").write_text('[server]\ndata = "data"\n')
    assert local.material
    assert run(shlex.split(arguments)) == code
    said = capfd.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, 5, "The request signature we calculated does not match"),
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, 5, "security token included in the request is invalid"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_EC2_METADATA_DISABLED": "true"}, 2, "Unable to locate credentials"),
        ({"AWS_PROFILE": "nobody"}, 2, "nobody"),
    ],
)
def test_credentials_that_do_not_do(
    remote: Cli, monkeypatch: pytest.MonkeyPatch, environment: dict[str, Any], code: int, words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    answer = remote("profile", "list")
    assert (answer.code, answer.out) == (code, None)
    assert words in answer.error["error"]["message"]


def test_a_server_that_is_not_there(remote: Cli) -> None:
    answer = Cli(("--endpoint-url", "http://127.0.0.1:9"), "", "", remote.capfd)("profile", "list")
    assert answer.code == 5
    assert "Could not connect to the endpoint" in answer.error["error"]["message"]


def test_a_bucket_that_is_not_there_or_somebody_elses(remote: Cli, server: Server) -> None:
    Path("app.bin").write_bytes(b"firmware")
    start = ["job", "start", "app.bin", "--profile", "local", "--bucket", f"b-{uuid.uuid4().hex}"]
    answer = remote(*start)
    assert (answer.code, answer.error["error"]["code"]) == (5, "NoSuchBucket")
    server.client("s3").create_bucket(Bucket=start[-1])
    answer = remote(*start)
    assert (answer.code, answer.error["error"]["code"]) == (5, "SourceNotVersioned")
    assert "put-bucket-versioning" in answer.error["error"]["hint"]


def test_the_configuration_chooses_the_service(
    local: Cli, remote: Cli, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = make_profile(remote)
    (home / "iotsign.toml").write_text(f'[client]\nendpoint_url = "{remote.options[1]}"\nbucket = "firmware"\n')
    assert run(["profile", "get", name]) == 0
    assert run(["profile", "get", name, "--data", "data"]) == 5
    capfd.readouterr()
    assert run(["platform", "list", "--endpoint-url", remote.options[1], "--partner", "AmazonFreeRTOS", "--json"]) == 0
    there = json.loads(capfd.readouterr().out)
    assert run(["platform", "list", "--partner", "AmazonFreeRTOS", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == there
    assert run(["platform", "show", IOT, "--endpoint-url", remote.options[1], "--json"]) == 0
    assert json.loads(capfd.readouterr().out) in there["platforms"]
    assert run(["platform", "list", "--endpoint-url", remote.options[1]]) == 0
    assert " AmazonFreeRTOS-TI-CC3220SF " in capfd.readouterr().out


def test_a_job_that_a_killed_process_left_is_finished(local: Cli, home: Path) -> None:
    Path("app.bin").write_bytes(b"firmware")
    profile = make_profile(local)
    source = local("job", "start", "app.bin", "--profile", profile, "--wait").out["source"]
    request = {"source": source, "destination": {"s3": {"bucketName": "firmware"}}, "profileName": profile}
    Path("data/request.json").write_text(json.dumps(request))
    program = Path(__file__).parents[2] / "fakes" / "service_process.py"
    assert subprocess.run([sys.executable, program, "data", "kill", "signed"], cwd=home).returncode == -9
    (left,) = local("job", "list", "--status", "InProgress").out["jobs"]
    assert local("job", "wait", left["jobId"], "-o", "left.signed").out["status"] == "Succeeded"
    assert run(["image", "verify", "left.signed", "--trust", "trust"]) == 0


def test_each_account_of_a_folder_has_its_own(local: Cli, home: Path) -> None:
    name = make_profile(local)
    for account in ("111122223333", "444455556666"):
        assert run(["access", "add", account, "--user", "a", "--data", "data"]) == 0
    assert local("profile", "get", name).error["error"]["code"] == "WhichAccount"
    assert local("profile", "get", name, "--account", "111122223333").code == 0
    assert local("profile", "get", name, "--account", "444455556666").code == 5
    Path("app.bin").write_bytes(b"firmware")
    mine = local("job", "start", "app.bin", "--profile", name, "--account", "111122223333", "--wait")
    assert mine.code == 0
    grant = ["--action", "signer:StartSigningJob", "--principal", "444455556666", "--statement-id", "s"]
    assert local("permission", "add", name, *grant, "--account", "111122223333").code == 0
    theirs = ["job", "start", "app.bin", "--profile", name, "--profile-owner", "111122223333", "--account"]
    answer = local(*theirs, "444455556666")
    assert (answer.code, answer.error["error"]["code"]) == (5, "AccessDenied")  # the bucket is the first account's
    assert local(*theirs, "444455556666", "--bucket", "another", "-o", "theirs.signed").code == 0
