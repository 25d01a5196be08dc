"""The TOML in the guides is what the readers take."""

import re
from pathlib import Path

import pytest

from iotsign.app.configuration import load_configuration
from iotsign.platforms import Registry, parse_platform

DOCS = Path(__file__).parents[3] / "docs"


def toml_blocks(guide: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", (DOCS / guide).read_text(), re.DOTALL | re.MULTILINE)


def test_descriptor_of_the_guide(tmp_path: Path) -> None:
    shortest, more = toml_blocks("platforms.md")
    file = tmp_path / "my-board.toml"
    file.write_text(shortest)
    assert parse_platform(file).platform_id == "my-board"
    file.write_text(more.partition("[iotsign")[0] + shortest + "[iotsign" + more.partition("[iotsign")[2])
    assert parse_platform(file).display_name != "my-board"


def test_configuration_of_the_guide(tmp_path: Path) -> None:
    (block,) = toml_blocks("configuration.md")
    (tmp_path / "iotsign.toml").write_text(block)
    configuration = load_configuration({}, directory=tmp_path, system=tmp_path / "none")
    assert configuration.platforms.directories == (tmp_path / "platforms",)
    assert configuration.signing.platform == "AmazonFreeRTOS-Default"


@pytest.mark.parametrize("platform_id", Registry().platform_ids)
def test_every_platform_is_in_the_guide(platform_id: str) -> None:
    assert platform_id in (DOCS / "platforms.md").read_text() or "AWS" in platform_id or "Amazon" in platform_id


@pytest.mark.parametrize(
    "guide",
    [
        "platforms.md",
        "configuration.md",
        "formats/firmware.md",
        "formats/aws-lambda.md",
        "formats/notation.md",
        "server.md",
    ],
)
def test_links_lead_somewhere(guide: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / guide).read_text()):
        assert (DOCS / guide).parent.joinpath(target).exists(), target
