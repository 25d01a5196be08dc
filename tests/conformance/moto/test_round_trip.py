"""A signing round trip whose buckets are in the S3 of others, driven by the AWS CLI."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from server_process import ACCOUNT, IOTSIGN, Server


@pytest.fixture
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_from_upload_to_download(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "service"
    monkeypatch.setenv("IOTSIGN_SERVER_OBJECTS", f"s3:{moto}")
    monkeypatch.setenv("IOTSIGN_SERVER_BUCKET_OWNERS", f"firmware={ACCOUNT}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # the service's own, for moto
        monkeypatch.setenv(name, "testing")

    def run(*command: object, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [str(part) for part in command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    made = json.loads(run(IOTSIGN, "access", "add", ACCOUNT, "--user", "cli", "--data", data, "--json"))
    run(IOTSIGN, "key", "generate", "-t", "p256", "-o", "release.pem")
    certify = ["-k", "pem:release.pem", "-o", "release.crt", "--subject", "CN=Release", "--chain-dir", "trust"]
    run(IOTSIGN, "key", "certificate", *certify)
    arn = run(
        IOTSIGN, "key", "import", "-k", "pem:release.pem", "-c", "release.crt", "--account", ACCOUNT, "--data", data
    )
    server = Server(data, local=False)
    try:
        keys = {"AWS_ACCESS_KEY_ID": made["accessKeyId"], "AWS_SECRET_ACCESS_KEY": made["secretAccessKey"]}
        shell = os.environ | keys | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null"}

        def aws(*arguments: str) -> str:
            endpoint = server.url if arguments[0] == "signer" else moto
            aws_program = IOTSIGN.with_name("aws")
            return run(aws_program, "--endpoint-url", endpoint, *arguments, environment=shell)

        aws("s3", "mb", "s3://firmware")
        enabled = "Status=Enabled"
        aws("s3api", "put-bucket-versioning", "--bucket", "firmware", "--versioning-configuration", enabled)
        (tmp_path / "app.bin").write_bytes(os.urandom(65536))
        aws("s3", "cp", "app.bin", "s3://firmware/app.bin")
        newest = ["--prefix", "app.bin", "--query", "Versions[0].VersionId", "--output", "text"]
        version = aws("s3api", "list-object-versions", "--bucket", "firmware", *newest)
        profile = ["--profile-name", "release", "--platform-id", "AmazonFreeRTOS-Default"]
        aws("signer", "put-signing-profile", *profile, "--signing-material", f"certificateArn={arn}")
        where = ["--source", f"s3={{bucketName=firmware,key=app.bin,version={version}}}"]
        where += ["--destination", "s3={bucketName=firmware,prefix=signed/}", "--query", "jobId", "--output", "text"]
        job = aws("signer", "start-signing-job", "--profile-name", "release", *where)
        aws("signer", "wait", "successful-signing-job", "--job-id", job)
        aws("s3", "cp", f"s3://firmware/signed/{job}", "app.signed")
        assert "trusted" in run(IOTSIGN, "image", "verify", "app.signed", "--trust", "trust")
    finally:
        assert server.stop() == 0
