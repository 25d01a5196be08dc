"""Sign and verify large MCUboot images against imgtool; peak memory.

    python benchmarks/mcuboot.py [--size-mib 100] [--rounds 5] [--keys ecdsa-p256 …] [--directory /dev/shm]

Both tools get the same firmware, the same keys and the same options, and lie on a RAM file system. Peak memory is the
largest resident set that the kernel saw, mapped files included. For pure Ed25519 the output says, too, how long those
passes of SHA-512 take that cannot run side by side, with nothing around them: OpenSSL signs with two, one after the
other, and what it signed is verified with a third; to verify, digest and signature take one each, at the same time.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from images import fill
from measure import Figure, Row, compile_package, ratio, report, run_once, side_by_side

IOTSIGN = str(Path(sys.executable).with_name("iotsign"))
IMGTOOL = str(Path(sys.executable).with_name("imgtool"))
MIB = 1 << 20
HEADER = 512
PURE_PASSES = {"sign": 3, "verify": 1}  # of SHA-512, one after the other
KEYS = {"ecdsa-p256": "MCUboot-ECDSA-P256", "rsa-3072": "MCUboot-RSA-3072", "ed25519": "MCUboot-Ed25519"}


def peak_memory(command: Sequence[str]) -> int:
    """Run a command; give the largest resident set in bytes."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_maxrss * 1024


def descriptor(platform_id: str, directory: Path) -> Path:
    """Copy a platform's descriptor with a limit that the image of this benchmark keeps."""
    source = Path(__file__).parents[1] / "iotsign" / "platforms" / "data" / f"{platform_id}.toml"
    path = directory / f"{platform_id}.toml"
    path.write_text(source.read_text().replace("maxSizeInMB = 16", "maxSizeInMB = 8192").replace(platform_id, "Large"))
    return path


class Bench:
    """The files and commands of one run."""

    def __init__(self, directory: Path, size: int, rounds: int) -> None:
        self.at, self.size, self.rounds = directory, size, rounds
        self.firmware = directory / "app.bin"
        fill(self.firmware, size)
        self.platforms = {name: descriptor(platform_id, directory) for name, platform_id in KEYS.items()}
        for name in KEYS:
            run_once([IMGTOOL, "keygen", "-t", name, "-k", str(self.private(name))])
            self.private(name).chmod(0o600)
            run_once([IMGTOOL, "getpub", "-e", "pem", "-k", str(self.private(name)), "-o", str(self.public(name))])

    def private(self, name: str) -> Path:
        return self.at / f"{name}.pem"

    def public(self, name: str) -> Path:
        return self.at / f"{name}.pub.pem"

    def sign(self, name: str, *more: str) -> dict[str, list[str]]:
        """How each tool signs."""
        ours = [
            IOTSIGN,
            "image",
            "sign",
            str(self.firmware),
            "-p",
            str(self.platforms[name]),
            "-o",
            str(self.at / "ours"),
        ]
        theirs = [IMGTOOL, "sign", "-k", str(self.private(name)), "-v", "1.2.3", "-H", str(HEADER), "--pad-header"]
        return {
            "ours": [
                *ours, "-k", f"pem:{self.private(name)}", "--version", "1.2.3", "--header-size", str(HEADER),
                "--pad-header", *more,
            ],
            "imgtool": [*theirs, "-S", "0", *more, str(self.firmware), str(self.at / "theirs")],
        }  # fmt: skip

    def verify(self, name: str) -> dict[str, list[str]]:
        """How each tool verifies what imgtool made."""
        image = str(self.at / "theirs")
        return {
            "ours": [IOTSIGN, "image", "verify", image, "--key", str(self.public(name))],
            "imgtool": [IMGTOOL, "verify", "-k", str(self.public(name)), image],
        }

    def rows(self, name: str, *more: str) -> list[Row]:
        """Time and memory for one kind of key."""
        rows = []
        title = " ".join([name, *more]).replace("--", "")
        for verb, commands in (("sign", self.sign(name, *more)), ("verify", self.verify(name))):
            figures = side_by_side(commands, rounds=self.rounds)
            row = self._ratio(f"{verb} {title} / imgtool", figures)
            rows.append(replace(row, detail=row.detail + self._floor(verb, figures)) if "--pure" in more else row)
            peaks = {tool: peak_memory(command) / MIB for tool, command in commands.items()}
            detail = f"imgtool {peaks['imgtool']:.0f} MiB"
            rows.append(Row(f"{verb} {title}, peak memory", peaks["ours"], 64, "MiB", detail=detail))
        for file in ("ours", "theirs"):
            (self.at / file).unlink()
        return rows

    def _floor(self, verb: str, figures: dict[str, Figure]) -> str:
        """What the passes of SHA-512 alone would leave of the ratio."""
        piece, passes = bytes(MIB), PURE_PASSES[verb]
        taken = []
        for _ in range(self.rounds):
            begin = time.perf_counter()
            hasher = hashlib.sha512()
            for _ in range(self.size // MIB):
                hasher.update(piece)
            taken.append(time.perf_counter() - begin)
        alone = passes * median(taken)
        return f", SHA-512 × {passes} alone {alone:.3f} s = {alone / figures['imgtool'].median_s:.2f} ×"

    def _ratio(self, name: str, figures: dict[str, Figure]) -> Row:
        detail = ", ".join(f"{who} {figure.median_s:.3f} s" for who, figure in figures.items())
        return Row(f"{name}, {self.size // MIB} MiB", ratio(figures["ours"], figures["imgtool"]), 0.5, detail=detail)


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", nargs="*", choices=KEYS, default=list(KEYS))
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    compile_package()
    print(subprocess.run([IMGTOOL, "version"], capture_output=True, text=True, check=True).stdout.strip())
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-") as directory:
        bench = Bench(Path(directory), options.size_mib * MIB, options.rounds)
        rows = [row for name in options.keys for row in bench.rows(name)]
        if "ed25519" in options.keys:
            rows += bench.rows("ed25519", "--pure")
    report("mcuboot", rows)


if __name__ == "__main__":
    main()
