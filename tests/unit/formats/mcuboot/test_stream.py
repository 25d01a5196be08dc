"""Regions that are read more than once, and in one piece."""

import hashlib
import io
import time
from collections.abc import Callable

import pytest

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import DigestMismatchError
from iotsign.formats.mcuboot._stream import Region, Source

HEAD, TAIL = b"header".ljust(32), b"protected"


@pytest.fixture
def region() -> Callable[[io.BytesIO], Region]:
    def made(file: io.BytesIO) -> Region:
        source = Source(file)
        return Region(HEAD, lambda: source.blocks(0, source.size), source.size, TAIL)

    return made


@pytest.mark.parametrize("size", [0, 1, (1 << 19) + 1, 17 << 20])
def test_a_kept_region_is_read_once(size: int, region: Callable[[io.BytesIO], Region]) -> None:
    # threat 22
    file = io.BytesIO(bytes(range(256)) * (size // 256) + bytes(size % 256))
    expected = HEAD + file.getvalue() + TAIL
    with region(file).kept() as kept:
        file.seek(0)
        file.write(b"changed" * (size > 7))
        for _ in range(2):
            assert b"".join(kept.blocks()) == expected
            with kept.mapped() as whole:
                time.sleep(0.03)  # pages are given back meanwhile
                assert hashlib.sha256(whole).digest() == hashlib.sha256(expected).digest()
        assert kept.digest(HashAlgorithm.SHA512) == hashlib.sha512(expected).digest()


def test_an_error_while_it_is_mapped_is_not_covered_up(region: Callable[[io.BytesIO], Region]) -> None:
    def fail(whole: memoryview) -> None:
        part = whole[:10]
        raise RuntimeError(f"{len(part)} bytes")

    with pytest.raises(RuntimeError, match="10 bytes"), region(io.BytesIO(b"payload")).mapped() as whole:
        fail(whole)


def test_a_region_that_changes_between_two_passes_is_refused(region: Callable[[io.BytesIO], Region]) -> None:
    # threat 22
    file = io.BytesIO(bytes(1 << 20))
    seen = region(file)
    held = seen.held_to(HashAlgorithm.SHA256, seen.digest(HashAlgorithm.SHA256))
    assert sum(map(len, held.blocks())) == held.size
    file.seek(1000)
    file.write(b"x")
    with pytest.raises(DigestMismatchError, match="changed while it was read"):
        list(held.blocks())
