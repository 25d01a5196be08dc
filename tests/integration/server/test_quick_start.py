"""The guide's quick start, executed as it stands."""

import re
import subprocess
from pathlib import Path

from server_process import Server

from iotsign.server.access import read_access

GUIDE = Path(__file__).parents[3] / "docs" / "server.md"


def commands(section: str) -> list[str]:
    text = GUIDE.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_quick_start(tmp_path: Path) -> None:
    serve, *rest = commands("Quick start")
    assert serve == "iotsign serve --local --data service"
    server = Server(tmp_path / "service")
    try:
        shell = {name: value for name, value in server.shell().items() if name not in server.environment}
        script = "set -e\n" + "\n".join(rest)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=shell, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert '"status": "Succeeded"' in done.stdout
        assert "JSONEmbedded" in done.stdout
    finally:
        assert server.stop() == 0
    assert "AKIA" in (tmp_path / "service" / "aws.env").read_text()


def test_the_access_file_of_the_guide(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    file = tmp_path / "access.toml"
    file.touch(0o600)
    file.write_text(block)
    found = read_access(file)
    assert found.accounts == {"111122223333": "Release team"}
    assert found.keys["ASIAIOSFODNN7EXAMPLE"].allow[-1] == "s3:*"
