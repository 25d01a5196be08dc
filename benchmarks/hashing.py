"""Hash and encode in memory against OpenSSL's EVP and Python's base64.

    python benchmarks/hashing.py [--rounds 5]

Builds benchmarks/hashing.c with the C core and links it with libcrypto; the two take turns within each round. GB/s
count bytes before encoding, and the time that the process had a core.
"""

import argparse
import base64
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from measure import RESULTS, Row, report

HERE = Path(__file__).parent
CORE = HERE.parent / "iotsign" / "core"
CACHED = 12 << 10

# (seconds of ours, seconds of the peer, bytes) of each round
Rounds = list[tuple[float, float, int]]


def build() -> Path:
    """Build the driver; returns its path."""
    directory = RESULTS / "core"
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": tools}
    options = ["-DIOTSIGN_HOST=ON", "-DCMAKE_BUILD_TYPE=Release"]
    program = directory / "hashing"
    compiler = ["gcc", "-std=c99", "-O2", "-D_POSIX_C_SOURCE=200809L", f"-I{CORE / 'include'}", str(HERE / "hashing.c")]
    for command in (
        ["cmake", "-G", "Ninja", "-S", str(CORE), "-B", str(directory), *options],
        ["ninja", "-C", str(directory), "iotsign_host"],
        [*compiler, str(directory / "libiotsign_host.a"), "-lcrypto", "-lpthread", "-o", str(program)],
    ):
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, env=environment)
    return program


def run(program: Path, rounds: int) -> dict[str, Rounds]:
    """Run the driver."""
    output = subprocess.run([program, str(rounds)], check=True, capture_output=True, text=True).stdout
    measured: dict[str, Rounds] = defaultdict(list)
    for line in output.splitlines():
        name, _, ours, peer, size = line.split()
        measured[name].append((float(ours), float(peer), int(size)))
    return measured


def rate(rounds: Rounds) -> float:
    """Median of ours in GB/s."""
    return median(size / ours for ours, _, size in rounds) / 1e9


def faster(rounds: Rounds) -> float:
    """How many times faster than the peer; median of the ratios within each round."""
    return median(peer / ours for ours, peer, _ in rounds)


def python_rate(direction: str, rounds: int) -> float:
    """GB/s of Python's base64 on bytes in cache."""
    data = os.urandom(CACHED)
    text = base64.b64encode(data)
    rates = []
    for _ in range(rounds + 1):
        start = time.process_time()
        for _ in range(500):
            if direction == "decode":
                base64.b64decode(text, validate=True)
            else:
                base64.b64encode(data)
        rates.append(500 * CACHED / (time.process_time() - start) / 1e9)
    return median(rates[1:])


def hash_rows(measured: dict[str, Rounds]) -> list[Row]:
    """Each hash, in the time of OpenSSL."""
    return [
        Row(f"{name}, time of EVP", 1 / faster(measured[name]), 1.05, detail=f"{rate(measured[name]):.2f} GB/s, 1 MiB")
        for name in ("sha1", "sha256", "sha384", "sha512")
    ]


def base64_rows(measured: dict[str, Rounds], rounds: int) -> list[Row]:
    """Each path of base64 that this CPU has."""
    rows = []
    copy = rate(measured["memcpy-large"])
    for direction in ("encode", "decode"):
        peer = python_rate(direction, rounds)
        for path in ("portable", "avx2", "vbmi", "neon"):
            name = f"base64-{direction}-{path}"
            if name not in measured:
                continue
            value, large = rate(measured[name]), rate(measured[f"{name}-large"])
            detail = f"{value / peer:.1f} × Python's; {large:.2f} GB/s on 64 MiB, where memcpy does {copy:.2f}"
            bound = 0.5 if path == "portable" else 4.0
            rows.append(Row(f"base64 {direction}, {path}", value, bound, "GB/s", at_least=True, detail=detail))
    return rows


def many_rows(measured: dict[str, Rounds]) -> list[Row]:
    """sha256_many against EVP on one buffer after the other."""

    def row(name: str, label: str, bound: float) -> Row:
        detail = f"{rate(measured[name]):.2f} GB/s"
        return Row(f"sha256_many, {label}", faster(measured[name]), bound, at_least=True, detail=detail)

    paths = [
        f"{path} {faster(measured[f'many-{path}']):.2f} ×"
        for path in ("portable", "avx2", "x86-sha", "avx512")
        if f"many-{path}" in measured
    ]
    print(f"sha256_many of 64 × 1 MiB by path, speed of EVP: {', '.join(paths)}")
    return [
        row("many", "64 × 1 MiB on one core, speed of EVP", 1.5),
        row("many-of-8", "8 × 1 MiB on one core, speed of EVP", 1.0),
        row("many-of-2", "2 × 1 MiB on one core, speed of EVP", 1.0),
        row("many-threads", "1,000 × 256 KiB, two threads against one", 1.8),
    ]


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.strip())
    measured = run(build(), options.rounds)
    rows = [*hash_rows(measured), *base64_rows(measured, options.rounds), *many_rows(measured)]
    report("hashing", rows)


if __name__ == "__main__":
    main()
