"""Descriptors of files, and the JSONEmbedded object that the standard library would write."""

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Opener = Callable[..., int]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    """Open a descriptor that is closed after the test; bytes are written to a new file first."""
    descriptors: list[int] = []

    def open_(source: Path | bytes | str, flags: int = os.O_RDONLY) -> int:
        path = Path(source) if not isinstance(source, bytes) else tmp_path / f"file{len(descriptors)}"
        if isinstance(source, bytes):
            path.write_bytes(source)
        descriptors.append(os.open(path, flags, 0o600))
        return descriptors[-1]

    yield open_
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.fixture
def embed() -> Callable[..., bytes]:
    """Write the object as AWS Signer does; keyword arguments replace the text of a value."""

    def write(payload: bytes, /, **replaced: str) -> bytes:
        members = {
            "rawPayloadSize": str(len(payload)),
            "signature": f'"{base64.b64encode(b"signature").decode()}"',
            "signatureAlgorithm": '"SHA256withECDSA"',
            "payload": f'"{base64.b64encode(payload).decode()}"',
        } | replaced
        return ("{" + ",".join(f'"{key}":{value}' for key, value in members.items()) + "}").encode()

    return write
