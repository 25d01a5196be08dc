"""Our command line at moto's server, for the operations that it has; and over a folder with buckets in moto's S3."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from cli_modes import Cli
from moto.server import ThreadedMotoServer

from iotsign.algorithms import KeyType
from iotsign.cli import run


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_profiles_tags_and_platforms(endpoint: str, capfd: pytest.CaptureFixture[str]) -> None:
    cli = Cli(("--endpoint-url", endpoint), "", "", capfd)
    platform = "AWSLambda-SHA384-ECDSA"
    validity = ["--signature-validity-period", "value=12,type=MONTHS"]
    made = cli("profile", "put", "code", "--platform-id", platform, *validity, "--tags", "a=b").out
    assert set(made) == {"arn", "profileVersion", "profileVersionArn"}
    found = cli("profile", "get", "code").out
    assert (found["platformId"], found["signatureValidityPeriod"]) == (platform, {"value": 12, "type": "MONTHS"})
    assert cli("tag", "set", "code", "c=d").out == {}
    assert cli("tag", "list", "code").out == {"tags": {"a": "b", "c": "d"}}
    assert cli("tag", "remove", made["arn"], "a").out == {}
    assert cli("tag", "list", made["arn"]).out == {"tags": {"c": "d"}}
    assert cli("profile", "cancel", "code").out == {}
    assert cli("profile", "get", "code").out["status"] == "Canceled"
    assert platform in cli.text("platform", "list")


def test_what_moto_does_not_have_is_an_error_of_the_network(endpoint: str, capfd: pytest.CaptureFixture[str]) -> None:
    answer = Cli(("--endpoint-url", endpoint), "", "", capfd)("job", "list")
    assert (answer.code, answer.out) == (5, None)


def test_a_folder_whose_buckets_are_in_s3(
    endpoint: str, capfd: pytest.CaptureFixture[str], key_files: Callable[[KeyType], tuple[Path, Path]]
) -> None:
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for bucket in ("firmware", "plain"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="firmware", VersioningConfiguration={"Status": "Enabled"})
    Path("iotsign.toml").write_text(f'[server]\ndata = "data"\nobjects = "s3:{endpoint}"\n')
    private, _ = key_files(KeyType.P256)
    Path("app.bin").write_bytes(b"firmware" * 1000)
    assert run(["key", "certificate", "-k", f"pem:{private}", "-o", "signing.crt", "--chain-dir", "trust"]) == 0
    capfd.readouterr()
    assert run(["key", "import", "-k", f"pem:{private}", "-c", "signing.crt"]) == 0
    cli = Cli((), capfd.readouterr().out.strip(), "", capfd)
    platform = ["--platform-id", "AmazonFreeRTOS-Default", "--signing-material", cli.material]
    assert cli("profile", "put", "release", *platform).code == 0
    job = cli("job", "start", "app.bin", "--profile", "release", "-o", "app.signed").out
    assert run(["image", "verify", "app.signed", "--trust", "trust"]) == 0
    signed = s3.get_object(Bucket="firmware", Key=job["signedObject"]["s3"]["key"])["Body"].read()
    assert signed == Path("app.signed").read_bytes()
    assert json.loads(signed)
    refused = cli("job", "start", "app.bin", "--profile", "release", "--bucket", "plain")
    assert refused.error["error"]["code"] == "SourceNotVersioned"
    s3.close()
