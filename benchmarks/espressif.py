"""Sign and verify a large Espressif image against espsecure.

python benchmarks/espressif.py [--size-mib 100] [--rounds 5] [--directory /dev/shm]
"""

import argparse
import struct
import sys
import tempfile
from pathlib import Path

from measure import Row, compile_package, ratio, report, run_once, side_by_side

IOTSIGN = str(Path(sys.executable).with_name("iotsign"))
ESPSECURE = [sys.executable, "-m", "espsecure"]
MIB = 1 << 20

DESCRIPTOR = """\
platformId = "Benchmark"
displayName = "Benchmark"
target = "SHA256-RSA"
category = "AWSIoT"
maxSizeInMB = 1024
revocationSupported = false
[signingConfiguration.encryptionAlgorithmOptions]
allowedValues = ["RSA"]
defaultValue = "RSA"
[signingConfiguration.hashAlgorithmOptions]
allowedValues = ["SHA256"]
defaultValue = "SHA256"
[signingImageFormat]
supportedFormats = ["JSONEmbedded"]
defaultFormat = "JSONEmbedded"
[iotsign]
keyTypes = ["rsa3072"]
nativeContainer = "espressif-secure-boot-v2"
[iotsign.nativeOptions]
chipId = 5
[iotsign.certificate]
signingMaterial = "optional"
keyUsage = []
extendedKeyUsage = []
"""


def write_image(path: Path, size: int) -> None:
    """An image of one large segment, of zeros, so that its checksum is the seed."""
    header = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0, 0, b"", 5, 0, 0, 99, b"", 0)
    image = header + struct.pack("<II", 0x3C000020, size)
    with path.open("wb") as file:
        file.write(image)
        file.write(bytes(size))
        end = len(image) + size
        file.write(bytes(15 - end % 16) + b"\xef")


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-") as name:
        at = Path(name)
        platform, key, public, image = at / "b.toml", at / "key.pem", at / "public.pem", at / "app.bin"
        platform.write_text(DESCRIPTOR)
        run_once([IOTSIGN, "key", "generate", "-t", "rsa3072", "-o", str(key)])
        run_once([IOTSIGN, "key", "show", f"pem:{key}", "--public", "-o", str(public)])
        write_image(image, options.size_mib * MIB)
        ours, theirs = str(at / "ours.bin"), str(at / "theirs.bin")
        sign = [IOTSIGN, "image", "sign", str(image), "-p", str(platform), "-k", f"pem:{key}", "-o", ours]
        verify = [IOTSIGN, "image", "verify", ours, "--key", str(public)]
        peer_sign = [*ESPSECURE, "sign-data", "--version", "2", "--keyfile", str(key), "--output", theirs, str(image)]
        peer_verify = [*ESPSECURE, "verify-signature", "--version", "2", "--keyfile", str(key), theirs]
        signed = side_by_side({"ours": sign, "espsecure": peer_sign}, rounds=options.rounds)
        verified = side_by_side({"ours": verify, "espsecure": peer_verify}, rounds=options.rounds)
        peaks = {
            verb: run_once(command, watch_memory=True)[1] for verb, command in (("sign", sign), ("verify", verify))
        }
    rows = []
    for verb, figures in (("sign", signed), ("verify", verified)):
        detail = ", ".join(f"{who} {figure.median_s:.3f} s" for who, figure in figures.items())
        value = ratio(figures["ours"], figures["espsecure"])
        rows.append(Row(f"{verb} / espsecure, {options.size_mib} MiB", value, 0.5, detail=detail))
    rows += [Row(f"memory, {verb}", peak / MIB, 64, "MiB") for verb, peak in peaks.items()]
    report("espressif", rows)


if __name__ == "__main__":
    main()
