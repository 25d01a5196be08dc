"""The real server as a process, and clients of it."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config
from cryptography import x509

IOTSIGN = Path(sys.executable).with_name("iotsign")
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
WAIT_S = 60.0


def root_hash(data: Path) -> str:
    """The root of the own chain of the service in a folder, as GetRevocationStatus takes it."""
    tbs = x509.load_pem_x509_certificate((data / "issuer/0001/root.pem").read_bytes()).tbs_certificate_bytes
    return hashlib.sha384(tbs).hexdigest() * 2


class Server:
    """``iotsign serve`` on a free port.

    Attributes:
        data: The service's folder.
        url: Where it listens.
        environment: What ``--local`` printed.

    Args:
        data: The service's folder.
        arguments: More options of ``serve``.
        local: Whether ``--local`` is one of them.
        program: What runs in place of ``iotsign``.
    """

    def __init__(
        self, data: Path, *arguments: str, local: bool = True, program: Sequence[str] = (str(IOTSIGN),)
    ) -> None:
        self.data = data
        self._clients: list[Any] = []
        data.mkdir(parents=True, exist_ok=True)
        self.log = data.with_name(data.name + ".log")
        self._stderr: IO[bytes] = self.log.open("ab")
        begin = self.log.stat().st_size
        command = [
            *program,
            "serve",
            "--data",
            str(data),
            "--port",
            "0",
            *(["--local"] if local else []),
            *arguments,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._stderr, text=True)
        self.url = self._wait_for_url(begin)
        self.environment = self._read_environment() if local else {}

    def _wait_for_url(self, begin: int) -> str:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[begin:].decode()
            if found := re.search(r"serving on (\S+)", said):
                return found[1]
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {said}")
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def _read_environment(self) -> dict[str, str]:
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(5)]
        return dict(line.removeprefix("export ").strip().replace("'", "").split("=", 1) for line in lines)

    @property
    def logs(self) -> str:
        """What it logged."""
        return self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and give its exit code."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._stderr.close()
        return code

    def client(
        self,
        service: str,
        credentials: dict[str, str] | None = None,
        *,
        region: str = "us-east-1",
        verify: Path | None = None,
        **options: Any,
    ) -> Any:
        """An unmodified boto3 client; it is closed with the server."""
        keys = credentials or {
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }
        config = Config(inject_host_prefix=False, retries={"max_attempts": 0}, read_timeout=WAIT_S, **options)
        trusted = str(verify) if verify else None
        made = boto3.client(service, endpoint_url=self.url, region_name=region, config=config, verify=trusted, **keys)
        self._clients.append(made)
        return made

    def add_key(self, account: str, *arguments: str) -> dict[str, str]:
        """Make an access key while it runs, and give it as boto3 takes it."""
        command = [str(IOTSIGN), "access", "add", account, *arguments, "--data", str(self.data), "--json"]
        made = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        found = {
            "aws_access_key_id": made["accessKeyId"],
            "aws_secret_access_key": made["secretAccessKey"],
            "aws_session_token": made["sessionToken"],
        }
        return {name: value for name, value in found.items() if value}

    def root_hash(self) -> str:
        """The root of its own chain, as GetRevocationStatus takes it."""
        return root_hash(self.data)

    def shell(self) -> dict[str, str]:
        """The environment of a shell in which the printed lines were pasted."""
        path = f"{IOTSIGN.parent}:{os.environ['PATH']}"
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | self.environment | {"PATH": path, "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null"}
