"""The power-cut simulator, its images and its provisioning page."""

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from simulated_board import BOOT_KEY, FLAGS, boot_sources, include_flags, provisioning_page, sign_image, spki


@pytest.fixture(scope="session")
def powercut(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """The simulator's command with its three input files; images are signed by imgtool."""
    directory = tmp_path_factory.mktemp("powercut")
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / "page.bin").write_bytes(provisioning_page([(BOOT_KEY, spki(key))]))
    source = random.Random(0)
    for name, size, version, counter in (("old", 40_000, "1.0.0", 1), ("new", 60_000, "1.1.0", 2)):
        image = sign_image(source.randbytes(size), key, directory, version, counter)
        (directory / f"{name}.img").write_bytes(image)
    program = directory / "powercut"
    sources = [str(path) for path in (Path(__file__).with_name("powercut.c"), *boot_sources(smp=False))]
    subprocess.run(["gcc", *FLAGS, "-O2", *include_flags(), "-o", str(program), *sources], check=True)
    return [str(program), *(str(directory / name) for name in ("old.img", "new.img", "page.bin"))]
