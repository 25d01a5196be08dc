"""The simulators, their images and their provisioning page."""

import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from simulated_board import BOOT_KEY, CORE, FLAGS, boot_sources, include_flags, provisioning_page, sign_image, spki

HOST = CORE / "host"


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sequence[str]]:
    """Give a simulator's command with its three input files; images are signed by imgtool."""
    directory = tmp_path_factory.mktemp("powercut")
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / "page.bin").write_bytes(provisioning_page([(BOOT_KEY, spki(key))]))
    source = random.Random(0)
    for name, size, version, counter in (("old", 40_000, "1.0.0", 1), ("new", 60_000, "1.1.0", 2)):
        image = sign_image(source.randbytes(size), key, directory, version, counter)
        (directory / f"{name}.img").write_bytes(image)

    def command(name: str) -> Sequence[str]:
        program = directory / name
        sources = [Path(__file__).with_name(f"{file}.c") for file in (name, "scenario")]
        sources += boot_sources(smp=False)
        flags = ["-O2"]
        if "sha_ni" in Path("/proc/cpuinfo").read_text():
            # a third of the time is hashing, and which code does it does not matter here
            sources = [path for path in sources if path.name != "sha256_compress.c"]
            sources += [HOST / "x86_sha256.c", HOST / "sha256_twice.c"]
            flags += ["-msha", "-mssse3", "-msse4.1", "-Diotsign_sha256_compress_x86=iotsign_sha256_compress"]
        files = [str(path) for path in sources]
        subprocess.run(["gcc", *FLAGS, *flags, *include_flags(), "-o", str(program), *files], check=True)
        return [str(program), *(str(directory / file) for file in ("old.img", "new.img", "page.bin"))]

    return command


@pytest.fixture(scope="session")
def powercut(build: Callable[[str], Sequence[str]]) -> Sequence[str]:
    """The simulator that cuts the power."""
    return build("powercut")


@pytest.fixture(scope="session")
def unsteady(build: Callable[[str], Sequence[str]]) -> Sequence[str]:
    """The simulator whose flash misbehaves."""
    return build("unsteady")
