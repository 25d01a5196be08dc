"""The AWS CLI's s3 and s3api commands, as processes."""

import hashlib
import json
import random
import subprocess
import uuid
from pathlib import Path

from server_process import Server


def test_a_bucket_from_nothing_to_a_large_file_and_back(server: Server, tmp_path: Path) -> None:
    def aws(*arguments: str) -> str:
        command = ["aws", *arguments]
        done = subprocess.run(command, env=server.shell(), cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    bucket = f"cli-{uuid.uuid4().hex[:12]}"
    aws("s3", "mb", f"s3://{bucket}")
    aws("s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")
    content = random.Random(3).randbytes(20 << 20)
    (tmp_path / "large.bin").write_bytes(content)
    aws("s3", "cp", "large.bin", f"s3://{bucket}/a b/large.bin", "--no-progress")  # in parts of 8 MiB
    (tmp_path / "small.bin").write_bytes(b"small")
    aws("s3", "cp", "small.bin", f"s3://{bucket}/small.bin", "--metadata", "build=7")
    aws("s3", "cp", f"s3://{bucket}/a b/large.bin", "back.bin", "--no-progress")
    assert hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert aws("s3", "cp", f"s3://{bucket}/small.bin", "-") == "small"
    assert bucket in aws("s3", "ls")
    assert "PRE a b/" in aws("s3", "ls", f"s3://{bucket}/")
    versions = json.loads(aws("s3api", "list-object-versions", "--bucket", bucket))["Versions"]
    assert {version["Key"]: version["Size"] for version in versions} == {"a b/large.bin": 20 << 20, "small.bin": 5}
    head = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "small.bin"))
    assert head["Metadata"] == {"build": "7"}
