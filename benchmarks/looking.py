"""`iotsign image inspect` of large images of each format: wall time, and processor time, which load disturbs less.

python benchmarks/looking.py [--size-mib 100] [--rounds 9] [--directory /dev/shm]
"""

import argparse
import resource
import tempfile
from pathlib import Path
from statistics import median

from espressif import DESCRIPTOR, IOTSIGN, MIB, write_image
from images import fill
from mcuboot import descriptor
from measure import Row, compile_package, report, run_once

GOAL_MS = 200


def make_images(at: Path, size: int) -> dict[str, Path]:
    """One signed image of each large format, by what to call it; the payload of an Espressif image is zeros."""
    firmware, segments, platform = at / "app.bin", at / "segments.bin", at / "b.toml"
    fill(firmware, size)
    write_image(segments, size)
    platform.write_text(DESCRIPTOR)
    for key in ("rsa3072", "p256"):
        run_once([IOTSIGN, "key", "generate", "-t", key, "-o", str(at / f"{key}.pem")])
    curve = at / "curve.toml"
    curve.write_text(DESCRIPTOR.replace("RSA", "ECDSA").replace("rsa3072", "p256"))
    kinds = {
        "JSONEmbedded": (firmware, platform, "rsa3072", ["-f", "JSONEmbedded"]),
        "MCUboot": (firmware, descriptor("MCUboot-ECDSA-P256", at), "p256", []),
        "Secure Boot v2, RSA-3072": (segments, platform, "rsa3072", []),
        "Secure Boot v2, P-256": (segments, curve, "p256", []),
    }
    images = {name: at / f"{number}.signed" for number, name in enumerate(kinds)}
    for name, (source, target, key, more) in kinds.items():
        sign = [IOTSIGN, "image", "sign", str(source), "-p", str(target), "-k", f"pem:{at / f'{key}.pem'}", *more]
        run_once([*sign, "-o", str(images[name])])
    return images


def processor_time() -> float:
    """User and system seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mib", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--directory", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.directory, prefix="iotsign-bench-") as name:
        images = make_images(Path(name), options.size_mib * MIB)
        wall: dict[str, list[float]] = {kind: [] for kind in images}
        busy: dict[str, list[float]] = {kind: [] for kind in images}
        for number in range(options.rounds + 1):
            for kind, image in images.items():
                before = processor_time()
                elapsed, _ = run_once([IOTSIGN, "image", "inspect", str(image)])
                if number:
                    wall[kind].append(elapsed)
                    busy[kind].append(processor_time() - before)
    rows = []
    for kind in images:
        detail = f"processor {median(busy[kind]) * 1000:.0f} ms; least {min(wall[kind]) * 1000:.0f} ms, "
        detail += f"processor {min(busy[kind]) * 1000:.0f} ms"
        title = f"inspect {options.size_mib} MiB, {kind}"
        rows.append(Row(title, median(wall[kind]) * 1000, GOAL_MS, "ms", detail=detail))
    report("looking", rows)


if __name__ == "__main__":
    main()
