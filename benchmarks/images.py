"""Sign and verify large images against OpenSSL and plain Python; start-up time; memory whatever the size.

    python benchmarks/images.py [--size-mib 1024] [--large-mib 5120] [--directory /dev/shm]

The peers: `openssl dgst -sha256 -sign`, which only hashes and signs; `openssl dgst -sha256 -verify` of the raw file;
and a Python program made of hashlib, base64 and json. Inputs and outputs lie on a RAM file system.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measure import Row, ratio, report, run_once, side_by_side

IOTSIGN = str(Path(sys.executable).with_name("iotsign"))
MIB = 1 << 20

DESCRIPTOR = """\
platformId = "Benchmark"
maxSizeInMB = 8192
[signingConfiguration.encryptionAlgorithmOptions]
allowedValues = ["ECDSA"]
defaultValue = "ECDSA"
[signingConfiguration.hashAlgorithmOptions]
allowedValues = ["SHA256"]
defaultValue = "SHA256"
[signingImageFormat]
supportedFormats = ["JSONEmbedded", "JSONDetached"]
defaultFormat = "JSONEmbedded"
"""

PLAIN_PYTHON = """\
import base64, hashlib, json, sys
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives import hashes, serialization
source, key, target = sys.argv[1:]
payload = open(source, "rb").read()
private = serialization.load_pem_private_key(open(key, "rb").read(), None)
signature = private.sign(hashlib.sha256(payload).digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
document = {"rawPayloadSize": len(payload), "signature": base64.b64encode(signature).decode(),
            "signatureAlgorithm": "SHA256withECDSA", "payload": base64.b64encode(payload).decode()}
open(target, "w").write(json.dumps(document, separators=(",", ":")))
"""


def fill(path: Path, size: int) -> None:
    """Write `size` bytes that do not compress into holes."""
    block = bytes((i * 2654435761 >> 13) & 0xFF for i in range(MIB))
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)


class Bench:
    """The files and commands of one run."""

    def __init__(self, directory: Path, size: int) -> None:
        self.at = directory
        self.size = size
        self.platform = directory / "benchmark.toml"
        self.platform.write_text(DESCRIPTOR)
        self.key, self.public = directory / "key.pem", directory / "public.pem"
        run_once([IOTSIGN, "key", "generate", "-t", "p256", "-o", str(self.key)])
        run_once([IOTSIGN, "key", "show", f"pem:{self.key}", "--public", "-o", str(self.public)])
        self.image = directory / "image.bin"
        fill(self.image, size)

    def sign(self, image: Path, output: Path, image_format: str, *options: str) -> list[str]:
        """The command that signs `image`."""
        command = [IOTSIGN, "image", "sign", str(image), "-p", str(self.platform), "-k", f"pem:{self.key}"]
        return [*command, "-f", image_format, "-o", str(output), *options]

    def speed(self) -> list[Row]:
        """Ratios at the size of this run."""
        at, image = self.at, str(self.image)
        embedded, detached, signature = at / "embedded.json", at / "detached.json", at / "signature.der"
        plain = at / "plain.py"
        plain.write_text(PLAIN_PYTHON)
        digest = ["openssl", "dgst", "-sha256"]
        peer_sign = [*digest, "-sign", str(self.key), "-out", str(signature), image]
        pack = self.sign(self.image, embedded, "JSONEmbedded")
        packed = side_by_side({"ours": pack, "openssl": peer_sign})
        python = side_by_side(
            {"ours": pack, "python": [sys.executable, str(plain), image, str(self.key), str(at / "plain.json")]},
            rounds=3,
        )
        (at / "plain.json").unlink()
        verified = side_by_side(
            {
                "ours": [IOTSIGN, "image", "verify", str(embedded), "--key", str(self.public)],
                "openssl": [*digest, "-verify", str(self.public), "-signature", str(signature), image],
            }
        )
        embedded.unlink()
        alone = side_by_side(
            {
                "ours": self.sign(self.image, detached, "JSONDetached", "--s3", "bucket/image.bin@1"),
                "openssl": peer_sign,
            }
        )
        mib = self.size // MIB

        def row(name: str, figures: dict[str, object], value: float, bound: float) -> Row:
            detail = ", ".join(f"{who} {figure.median_s:.3f} s" for who, figure in figures.items())  # type: ignore[attr-defined]
            return Row(f"{name}, {mib} MiB", value, bound, detail=detail, at_least=bound > 10)

        return [
            row("pack JSONEmbedded / openssl dgst -sign", {**packed}, ratio(packed["ours"], packed["openssl"]), 1.30),
            row("plain Python / pack JSONEmbedded", {**python}, ratio(python["python"], python["ours"]), 15),
            row(
                "verify JSONEmbedded / openssl dgst -verify",
                {**verified},
                ratio(verified["ours"], verified["openssl"]),
                1.30,
            ),
            row("JSONDetached / openssl dgst -sign", {**alone}, ratio(alone["ours"], alone["openssl"]), 1.05),
        ]

    def memory(self, sizes: Sequence[int]) -> list[Row]:
        """Growth of anonymous memory over an image of 64 KiB, packing and verifying."""
        rows = []
        peaks: dict[tuple[str, int], int] = {}
        for size in (64 << 10, *sizes):
            image, output = self.at / "sparse.bin", self.at / "sparse.json"
            with image.open("wb") as file:
                file.truncate(size)
            verify = [IOTSIGN, "image", "verify", str(output), "--key", str(self.public)]
            for verb, command in (("pack", self.sign(image, output, "JSONEmbedded")), ("verify", verify)):
                peaks[verb, size] = run_once(command, watch_memory=True)[1]
            output.unlink()
            image.unlink()
        for verb in ("pack", "verify"):
            base = peaks[verb, 64 << 10]
            for size in sizes:
                detail = f"{peaks[verb, size] / MIB:.1f} MiB against {base / MIB:.1f} MiB at 64 KiB"
                growth = max(0, peaks[verb, size] - base) / MIB
                rows.append(Row(f"memory growth, {verb} {size // MIB} MiB", growth, 32, "MiB", detail=detail))
        return rows

    def start_up(self) -> list[Row]:
        """Wall time of small commands, warm."""
        small = self.at / "small.bin"
        fill(small, MIB)
        small.write_bytes(small.read_bytes()[: 256 << 10])
        figures = side_by_side(
            {
                "iotsign --version": [IOTSIGN, "--version"],
                "iotsign --help": [IOTSIGN, "--help"],
                "image sign, 256 KiB": self.sign(small, self.at / "small.json", "JSONEmbedded"),
            },
            rounds=9,
            warm_up=2,
        )
        bounds = {"iotsign --version": 150.0, "iotsign --help": 150.0, "image sign, 256 KiB": 300.0}
        return [Row(name, figure.median_s * 1000, bounds[name], "ms") for name, figure in figures.items()]


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=1024)
    parser.add_argument("--large-mib", type=int, default=5120)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    print(subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.strip())
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-") as directory:
        bench = Bench(Path(directory), options.size_mib * MIB)
        rows = [*bench.start_up(), *bench.speed()]
        bench.image.unlink()
        rows += bench.memory([16 * MIB, options.size_mib * MIB, options.large_mib * MIB])
    report("images", rows)


if __name__ == "__main__":
    main()
