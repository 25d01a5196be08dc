"""Build the C core's libFuzzer targets and run each for a time, or for a number of inputs.

    python tests/fuzz/run_libfuzzer.py --seconds 60            all targets; prints inputs per second of processor time
    python tests/fuzz/run_libfuzzer.py --runs 2000 fuzz_rsa    one target, a fixed number of inputs

Findings and grown corpora are kept in build/fuzz.
"""

import argparse
import hashlib
import os
import re
import resource
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cbor2
from core_images import area, embedded_of, make_keys, spki_of, tlv
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from simulated_board import BOOTLOADER, SIMULATED, include_flags
from smp import packet

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORE = ROOT / "iotsign" / "core"
FLAGS = ["-g", "-O1", "-fsanitize=address,undefined,integer", "-fno-sanitize-recover=all"]
# what a target answers in place of the library
WRAPPED = {"fuzz_json_embedded": [f"-Wl,--wrap={name}" for name in ("read", "write", "lseek64", "fstat64")]}
CURVES, CURVE_FUNCTIONS = ("p256", "p384"), ("validate_key", "verify_digest")
NO_LINK, LINK = ["-fsanitize=fuzzer-no-link"], ["-fsanitize=fuzzer"]


def _image(
    key_record: bytes, signature_type: int, *, buffer_size: int = 127, protected: bytes = b"", mark: bytes = b""
) -> bytes:
    """An image for fuzz_mcuboot: digest and signature are the sum of the signed bytes; 128 bytes hold two readings."""
    size = len(protected) + 4 if protected else 0
    signed = struct.pack("<IIHHII", 0x96F3B83D, 0, 32, size, 16, 0) + bytes(12) + bytes(range(16))
    signed += area(0x6908, protected) if protected else b""
    digest = struct.pack("<H", sum(signed) & 0xFFFF).ljust(32, b"\0")
    records = tlv(0x10, digest) + mark + key_record + tlv(signature_type, digest)
    return bytes([0, buffer_size]) + signed + area(0x6907, records)


def _ecdsa(key: Any, size: int) -> bytes:
    """A good signature for fuzz_ecdsa, of a message of nothing."""
    r, s = decode_dss_signature(key.sign(b"", ec.ECDSA(SHA256())))
    signature = r.to_bytes(size) + s.to_bytes(size)
    return bytes([size == 48]) + spki_of(key)[-2 * size - 1 :] + signature + hashlib.sha256().digest()


def seeds(target: str) -> list[bytes]:
    """Good inputs to start from."""
    keys = make_keys()
    if target == "fuzz_spki":
        return [spki_of(keys[name]) for name in ("p256", "p384", "rsa2048", "ed25519")]
    if target == "fuzz_der":
        signatures = [keys[name].sign(b"message", ec.ECDSA(SHA256())) for name in ("p256", "p384")]  # type: ignore[call-arg, arg-type]
        return [*signatures, *(spki_of(keys[name]) for name in ("p256", "rsa2048"))]
    if target == "fuzz_ecdsa":
        return [_ecdsa(keys["p256"], 32), _ecdsa(keys["p384"], 48)]
    if target == "fuzz_rsa_key":
        return [form(keys[name]) for name in ("rsa2048", "rsa3072") for form in (spki_of, embedded_of)]
    if target == "fuzz_rsa":
        return [bytes([size]) + b"\xc5" * (256 + 128 * size) + bytes(256 + 128 * size) for size in range(3)]
    if target == "fuzz_ed25519":
        signature = keys["ed25519"].sign(b"message")  # type: ignore[call-arg]
        return [spki_of(keys["ed25519"])[12:] + signature + b"\3message"]
    if target == "fuzz_mcuboot":
        ed25519 = bytes.fromhex("302a300506032b6570032100") + bytes(32)
        protected = tlv(0x50, bytes(4)) + tlv(0x40, bytes(12)) + tlv(0x1A0, b"v")
        record = tlv(2, ed25519)
        return [
            _image(record, 0x24),
            _image(record, 0x24, protected=protected),
            _image(record, 0x24, protected=protected, buffer_size=200),
            _image(record, 0x24, mark=tlv(0x25, b"\1")),
            _image(tlv(2, b"\1"), 0x24),
        ]
    if target == "fuzz_smp":
        return smp_seeds()
    return []


def smp_seeds() -> list[bytes]:
    """For fuzz_smp: a line as it comes, and each command of each group."""
    image = (
        struct.pack("<IIHHII", 0x96F3B83D, 0, 32, 0, 4, 0) + bytes(12) + b"good" + area(0x6907, tlv(0x10, bytes(32)))
    )
    first = {"off": 0, "len": len(image), "sha": hashlib.sha256(image).digest(), "data": image}
    split = [first | {"data": image[:40]}, {"off": 40, "data": image[40:]}, {"off": 7, "data": b""}]
    commands: list[tuple[int, int, int, dict[str, Any]]] = [
        (2, 0, 0, {"d": "text"}),
        (2, 0, 5, {"boot_mode": 1}),
        (0, 0, 6, {}),
        (0, 0, 8, {"query": "mode"}),
        (0, 1, 0, {}),
        (0, 1, 6, {}),
        (0, 64, 0, {}),
        (0, 64, 1, {"slot": 0, "hash": "SHA256"}),
        (0, 64, 3, {"nonce": bytes(16)}),
        (0, 64, 4, {"off": 5, "len": 9}),
        (2, 1, 1, first | {"upgrade": True, "image": 0}),
    ]
    update: list[tuple[int, int, int, dict[str, Any]]] = [
        (2, 1, 5, {"slot": 1}),
        *((2, 1, 1, part) for part in split),
        (2, 64, 2, {"slot": 1, "alg": "SHA256withECDSA", "sig": b"ok", "len": len(image)}),
        (2, 1, 0, {"hash": bytes(32), "confirm": False}),
        (2, 1, 0, {"confirm": True}),
    ]

    def requests(kind: int, listed: list[tuple[int, int, int, dict[str, Any]]]) -> bytes:
        bodies = [(head, cbor2.dumps(body)) for *head, body in listed]
        return bytes([kind]) + b"".join(bytes([8 | head[0], *head[1:], len(body)]) + body for head, body in bodies)

    message = bytes([10, 0, 0, 8, 0, 0, 1, 0]) + cbor2.dumps({"d": "text"})
    line = b"\0" + b"".join(packet.encode(message)) + b"".join(packet.encode(message, line_length=16))
    return [line, requests(1, commands), requests(1, update), requests(3, update)]


def build_host(directory: Path) -> Path:
    """Compile the host's part of the core, whose files need flags that only CMake knows."""
    build = directory / "host"
    options = ["-DIOTSIGN_HOST=ON", "-DCMAKE_C_COMPILER=clang", f"-DCMAKE_C_FLAGS={' '.join([*FLAGS, *NO_LINK])}"]
    for command in (
        ["cmake", "-S", str(CORE), "-B", str(build), *options],
        ["cmake", "--build", str(build), "--target", "iotsign_host", "--parallel", "2"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return build / "libiotsign_host.a"


def build(target: str, directory: Path) -> Path:
    """Compile a target with all sanitizers; the core itself only once for all targets."""
    if "core/host/" in (HERE / f"{target}.c").read_text():
        return link(target, directory, [build_host(directory)], *WRAPPED.get(target, ()))
    objects = directory / "objects"
    if not any(objects.glob("*.o")) or any(newer(source, objects) for source in CORE.rglob("*.[ch]")):
        objects.mkdir(parents=True, exist_ok=True)
        sources = [str(source) for source in CORE.glob("src/*.c")]
        subprocess.run(["clang", *FLAGS, *NO_LINK, f"-I{CORE / 'include'}", "-c", *sources], check=True, cwd=objects)
        objects.touch()
    core = list(objects.glob("*.o"))
    if target == "fuzz_ecdsa":
        core += portable_curves(directory)
    return link(target, directory, core, *(boot_loader() if target == "fuzz_smp" else []))


def portable_curves(directory: Path) -> list[Path]:
    """Compile the curves with the limbs of microcontrollers, under names that begin with portable_."""
    names = [f"-Diotsign_{curve}_{what}=portable_{curve}_{what}" for curve in CURVES for what in CURVE_FUNCTIONS]
    flags = ["-DIOTSIGN_PORTABLE", *names, f"-I{CORE / 'include'}"]
    made = directory / "portable"
    made.mkdir(parents=True, exist_ok=True)
    sources = [str(CORE / "src" / f"{curve}.c") for curve in CURVES]
    subprocess.run(["clang", *FLAGS, *NO_LINK, *flags, "-c", *sources], check=True, cwd=made)
    return [made / f"{curve}.o" for curve in CURVES]


def boot_loader() -> list[str]:
    """What the target of the boot loader's server needs beyond the core."""
    wrapped = [f"-Wl,--wrap={name}" for name in ("iotsign_boot_verify", "iotsign_detached_verify_hardened")]
    sources = [*sorted((BOOTLOADER / "src").glob("*.c")), SIMULATED / "nor_flash.c"]
    return [*include_flags(), "-DIOTSIGN_SMP_READ_BACK", *map(str, sources), *wrapped]


def link(target: str, directory: Path, core: list[Path], *more: str) -> Path:
    """Compile a target itself, which the fuzzer need not explore, and link it with the core and more sources."""
    program, own = directory / target, directory / f"{target}.o"
    flags = ["-D_GNU_SOURCE", *FLAGS, f"-I{CORE / 'include'}"]
    settings = [word for word in more if word.startswith(("-I", "-D"))]
    subprocess.run(["clang", *flags, *settings, "-c", str(HERE / f"{target}.c"), "-o", str(own)], check=True)
    linked = [str(own), *map(str, core), "-lpthread", *more]
    subprocess.run(["clang", *flags, *LINK, *linked, "-o", str(program)], check=True)
    return program


def newer(source: Path, than: Path) -> bool:
    """Whether a file was changed after another."""
    return source.stat().st_mtime > than.stat().st_mtime


def run(target: str, directory: Path, *limits: str) -> int:
    """Run a target within limits (libFuzzer's flags) and return its inputs per second of processor time."""
    program = build(target, directory)
    corpus = directory / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    kept = [str(path) for path in (HERE / "corpus").glob(target.removeprefix("fuzz_"))]
    artifacts = f"-artifact_prefix={directory}/{target}-"
    command = [str(program), "-max_len=2048", "-print_final_stats=1", artifacts, *limits, str(corpus), *kept]
    # what an input frees is not used by the next one, and a report needs few frames: half a microsecond an allocation
    environment = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=4:malloc_context_size=4"}
    before = _children_s()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    took_s = _children_s() - before
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"{target}: failed; the input is in {directory}")
    found = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    return round(int(found[1]) / took_s) if found else 0


def _children_s() -> float:
    """Processor time of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the targets named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=int, default=60)
    limit.add_argument("--runs", type=int)
    parser.add_argument("targets", nargs="*", default=sorted(path.stem for path in HERE.glob("fuzz_*.c")))
    arguments = parser.parse_args()
    limits = [f"-runs={arguments.runs}"] if arguments.runs else [f"-max_total_time={arguments.seconds}"]
    for target in arguments.targets:
        print(f"{target:<24}{run(target, ROOT / 'build' / 'fuzz', *limits):>10,} inputs/s", flush=True)


if __name__ == "__main__":
    main()
