"""imgtool as judge: keys that it made, images that it made, and what it says about ours."""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from iotsign.formats.mcuboot import EncryptionKey, Image, ImageOptions, create_image
from iotsign.keys import PublicKey, Signer, open_signer

KEY_TYPES = ("rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519", "x25519")


@dataclass(frozen=True)
class Imgtool:
    """imgtool 2.5, run in this process where many runs are needed."""

    directory: Path

    def __call__(self, *arguments: object) -> str:
        from imgtool.main import imgtool

        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            imgtool.main([str(argument) for argument in arguments], standalone_mode=False)
        return output.getvalue()

    def process(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("imgtool")), *(str(argument) for argument in arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    def sign(self, firmware: bytes, *arguments: object, suffix: str = ".bin") -> bytes:
        source, target = self.directory / "app.bin", self.directory / f"theirs{suffix}"
        source.write_bytes(firmware)
        self("sign", *arguments, source, target)
        return target.read_bytes()

    def verify(self, image: bytes, key: Path | None) -> str:
        target = self.directory / "ours.bin"
        target.write_bytes(image)
        return self("verify", *(("-k", key) if key else ()), target)

    def dumpinfo(self, image: bytes) -> dict[str, Any]:
        target = self.directory / "dumped.bin"
        target.write_bytes(image)
        output = self("dumpinfo", "-f", "json", target)
        described = json.loads(output[output.index("{") :])
        assert isinstance(described, dict)
        return described


@pytest.fixture
def imgtool(tmp_path: Path) -> Imgtool:
    return Imgtool(tmp_path)


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("keys")
    tool = Imgtool(directory)
    files = {}
    for key_type in KEY_TYPES:
        file = files[key_type] = directory / f"{key_type}.pem"
        tool("keygen", "-t", key_type, "-k", file)
        file.chmod(0o600)
    return files


@pytest.fixture(scope="session")
def signers(key_files: dict[str, Path]) -> dict[str, Signer]:
    return {key_type: open_signer(f"pem:{file}") for key_type, file in key_files.items() if key_type != "x25519"}


@pytest.fixture(scope="session")
def public_keys(signers: dict[str, Signer]) -> dict[str, PublicKey]:
    return {key_type: signer.public_key for key_type, signer in signers.items()}


Create = Callable[..., tuple[bytes, Image]]


@pytest.fixture
def create(tmp_path: Path) -> Create:
    def make(
        firmware: bytes,
        options: ImageOptions,
        signers: Sequence[Signer] = (),
        encryption_key: EncryptionKey | None = None,
    ) -> tuple[bytes, Image]:
        with (tmp_path / "created.bin").open("w+b") as output:
            image = create_image(io.BytesIO(firmware), output, options, signers, encryption_key=encryption_key)
        return (tmp_path / "created.bin").read_bytes(), image

    return make
