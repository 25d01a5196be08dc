import io
import json
import os
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from iotsign.algorithms import KeyType
from iotsign.app import Outcome, SigningOptions, Source, Trust, VerifyOptions, sign_image, verify_images
from iotsign.app._verify_many import _Backlog
from iotsign.errors import MalformedImageError, SignatureMismatchError, StoreError
from iotsign.keys import Signer
from iotsign.platforms import Platform


@pytest.fixture
def images(platform: Callable[[str], Platform], signer: Callable[[KeyType], Signer], tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(8):
        source, image = tmp_path / f"{number}.bin", tmp_path / f"{number}.signed"
        source.write_bytes(bytes([number]) * 5000)
        sign_image(source, image, SigningOptions(platform("AmazonFreeRTOS-Default")), signer(KeyType.P256))
        paths.append(image)
    return paths


@pytest.fixture
def options(key_files: Callable[[KeyType], tuple[Path, Path]]) -> VerifyOptions:
    return VerifyOptions(Trust.from_key(key_files(KeyType.P256)[1]))


@pytest.mark.parametrize("verifier", ["openssl", "core", "both"])
@pytest.mark.parametrize("threads", [None, 1, 2, 3, 20])
def test_outcomes_come_in_order(images: list[Path], options: VerifyOptions, threads: int | None, verifier: str) -> None:
    options = replace(options, verifier=verifier)
    data = images[2].read_bytes()
    images[2].write_bytes(data.replace(b"AgIC", b"AwIC"))
    images[4].write_bytes(data[:-1])
    images[6].unlink()
    outcomes = list(verify_images(images, options, threads=threads))
    assert [outcome.name for outcome in outcomes] == list(map(str, images))
    errors = {2: SignatureMismatchError, 4: MalformedImageError, 6: StoreError}
    for number, outcome in enumerate(outcomes):
        if number in errors:
            assert isinstance(outcome.error, errors[number])
            assert outcome.verified is None
            assert outcome.steps.taken[-1].outcome == "failed"
        else:
            assert outcome.verified is not None
            assert outcome.verified.image is not None
            assert outcome.verified.image.raw_payload_size == 5000
            assert outcome.error is None


def test_workers_judge_what_the_caller_has_no_time_for() -> None:
    shared, alone = _Backlog(shared=True), _Backlog(shared=False)
    assert [shared.takes(), shared.takes(), alone.takes(), alone.takes()] == [True, False, True, True]
    shared.shorten()
    assert shared.takes()


def test_odd_files_among_small_ones(images: list[Path], options: VerifyOptions, tmp_path: Path, firmware: Path) -> None:
    (tmp_path / "fifo").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "fifo")
    feeder = threading.Thread(target=lambda: (tmp_path / "fifo").write_bytes(images[0].read_bytes()))
    feeder.start()
    spaced = tmp_path / "spaced"
    spaced.write_text(json.dumps(json.loads(images[1].read_text()), indent=1))
    large = tmp_path / "large"
    large.write_bytes(images[0].read_bytes() + b" " * (1 << 20))
    stream = io.BytesIO(images[2].read_bytes())
    sources: list[Source] = [
        images[0],
        tmp_path / "fifo",
        spaced,
        tmp_path,
        images[3],
        stream,
        large,
        firmware,
        Path("n" * 300),
    ]
    outcomes = list(verify_images(sources, options, threads=1))
    feeder.join(10)
    assert [outcome.name for outcome in outcomes] == [*map(str, sources[:5]), "-", *map(str, sources[6:])]
    kinds = [type(outcome.error).__name__ if outcome.error else "trusted" for outcome in outcomes]
    assert kinds == [
        *["trusted"] * 3,
        "StoreError",
        *["trusted"] * 2,
        "MalformedImageError",
        "UnsupportedFormatError",
        "StoreError",
    ]


def test_hashed_together_or_alone_the_outcome_is_the_same(images: list[Path], options: VerifyOptions) -> None:
    together = list(verify_images(images, options, threads=1))
    for image, outcome in zip(images, together, strict=True):
        (alone,) = verify_images([image], options)
        assert outcome == alone


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("verifier", ["openssl", "core"])
@pytest.mark.parametrize("taken", [0, 1, 200])
def test_no_file_stays_open(images: list[Path], options: VerifyOptions, verifier: str, taken: int) -> None:
    before = open_files()
    outcomes = verify_images(images * 25, replace(options, verifier=verifier), threads=2)
    assert all(outcome.verified for outcome in islice(outcomes, taken))
    cast("Generator[Outcome, None, None]", outcomes).close()
    assert open_files() == before


def test_only_so_many_files_are_open_at_once(images: list[Path], options: VerifyOptions) -> None:
    before, most = open_files(), 0
    for outcome in verify_images(images * 50, options, threads=2):
        assert outcome.verified
        most = max(most, open_files() - before)
    assert most <= 16 * 5  # two batches at work, two that wait, one that is judged


def test_one_image_reports_progress(images: list[Path], options: VerifyOptions) -> None:
    seen: list[int] = []
    (outcome,) = verify_images(images[:1], options, progress=seen.append)
    assert outcome.verified
    assert seen[-1] == 5000


def test_a_reader_who_stops_early_waits_for_nothing(tmp_path: Path, images: list[Path], options: VerifyOptions) -> None:
    large = tmp_path / "large.signed"
    head = b'{"rawPayloadSize":15000000,"signature":"MAEC","signatureAlgorithm":"SHA256withECDSA","payload":"'
    large.write_bytes(head + b"A" * 20_000_000 + b'"}')
    outcomes = verify_images([images[0], *[large] * 2000], options, threads=2)  # all of them would take minutes
    assert next(iter(outcomes)).verified
    start = time.monotonic()
    cast("Generator[Outcome, None, None]", outcomes).close()
    assert time.monotonic() - start < 5
