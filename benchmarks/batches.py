"""Verify many signed images at once, on two cores against one.

    python benchmarks/batches.py [--images 1000] [--size-kib 256] [--rounds 5] [--directory /dev/shm]

Each round verifies all images with one worker and with two, in turn: by the core, which works without Python's global
lock, and by OpenSSL, whose arithmetic Python's binding runs with it.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from measure import Row, report

from iotsign.algorithms import KeyType
from iotsign.app import SigningOptions, Trust, VerifyOptions, sign_images, verify_images
from iotsign.keys import generate_key, open_signer, write_key_file
from iotsign.platforms import Registry


def sign(directory: Path, images: int, size: int) -> tuple[list[Path], Trust]:
    """Make signed images of random bytes; returns them and the key that they verify with."""
    key, public = directory / "key.pem", directory / "public.pem"
    write_key_file(key, generate_key(KeyType.P256))
    signer = open_signer(f"pem:{key}")
    public.write_bytes(signer.public_key.to_pem())
    (directory / "signed").mkdir()
    firmware = [directory / f"{number}.bin" for number in range(images)]
    for path in firmware:
        path.write_bytes(os.urandom(size))
    options = SigningOptions(Registry().get("AmazonFreeRTOS-Default"))
    signed = []
    for outcome in sign_images(firmware, directory / "signed", options, signer):
        if outcome.error is not None:
            raise outcome.error
        outcome.source.unlink()
        signed.append(outcome.target)
    return signed, Trust.from_key(public)


def verify(images: Sequence[Path], options: VerifyOptions, workers: int) -> float:
    """Verify all; returns wall seconds."""
    start = time.perf_counter()
    for outcome in verify_images(images, options, threads=workers):
        if outcome.error is not None:
            raise outcome.error
    return time.perf_counter() - start


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size-kib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-") as directory:
        images, trust = sign(Path(directory), options.images, options.size_kib << 10)
        for verifier in ("core", "openssl"):
            how = VerifyOptions(trust, verifier=verifier)
            rounds = [(verify(images, how, 1), verify(images, how, 2)) for _ in range(1 + options.rounds)][1:]
            one, two = (median(times) for times in zip(*rounds, strict=True))
            name = f"{options.images} × {options.size_kib} KiB by {verifier}, two cores against one"
            detail = f"{one:.3f} s, {two:.3f} s"
            rows.append(Row(name, median(a / b for a, b in rounds), 1.8, at_least=True, detail=detail))
    report("batches", rows)


if __name__ == "__main__":
    main()
