"""The quick starts of the README and of the guide, executed as they stand."""

import re
import subprocess
from pathlib import Path

import pytest
from server_process import IOTSIGN, Server

from iotsign.server.access import read_access

ROOT = Path(__file__).parents[3]
GUIDE, README = ROOT / "docs" / "server.md", ROOT / "README.md"


def commands(file: Path, section: str) -> list[str]:
    text = file.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize(
    ("file", "section", "said"),
    [
        (README, "The signing service", ['"status": "Succeeded"', "trusted"]),
        (GUIDE, "Quick start", ["JSONEmbedded"]),
    ],
)
def test_quick_start(tmp_path: Path, file: Path, section: str, said: list[str]) -> None:
    serve, *rest = commands(file, section)
    assert serve == "iotsign serve --local --data service"
    server = Server(tmp_path / "service")
    try:
        shell = {name: value for name, value in server.shell().items() if name not in server.environment}
        script = "set -e\n" + "\n".join(rest)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=shell, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for words in said:
            assert words in done.stdout
    finally:
        assert server.stop() == 0


def test_without_a_server(tmp_path: Path) -> None:
    environment = {"PATH": f"{IOTSIGN.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    script = "set -e\n" + "\n".join(commands(ROOT / "docs" / "cli.md", "Without a server"))
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for words in ("app.signed: trusted", '"status": "Succeeded"', "tags.stage                      production"):
        assert words in done.stdout


def test_the_access_file_of_the_guide(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    file = tmp_path / "access.toml"
    file.touch(0o600)
    file.write_text(block)
    found = read_access(file)
    assert found.accounts == {"111122223333": "Release team"}
    assert found.keys["ASIAIOSFODNN7EXAMPLE"].allow[-1] == "s3:*"
