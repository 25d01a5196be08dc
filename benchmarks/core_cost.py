"""Instructions of one verification on microcontrollers and on this host, the latter against BearSSL and Mbed TLS.

    python benchmarks/core_cost.py [--boards an385,riscv_virt]

Microcontrollers are QEMU's, counted with `-icount shift=0`: from a request with SubjectPublicKeyInfo, message and
signature to the verdict, hash included, mean of four keys. The host is counted by `valgrind --tool=callgrind`: from a
digest to the verdict, the same input for all. Wants libbearssl-dev, libmbedtls-dev and valgrind.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256, sha384
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from measure import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "firmware"))
from machines import MACHINES, SOURCE, Machine, build, run

CORE = SOURCE.parents[1] / "iotsign" / "core"
KEYS = 4
LIBRARIES = ("iotsign", "bearssl_i31", "bearssl_i15", "bearssl_m31", "mbedtls")
# millions of instructions
LIMITS = {
    ("p256", "fast", "Cortex-M3"): 2.5,
    ("p256", "fast", "RV32IMC"): 4.0,
    ("p256", "small", "Cortex-M3"): 15.0,
}


@dataclass(frozen=True)
class Job:
    """A signed message in the forms that judge.h and core_cost.c read."""

    scheme: str
    raw_key: bytes
    spki: bytes
    message: bytes
    digest: bytes
    signature: bytes

    def request(self) -> bytes:
        size = len(self.digest)
        head = bytes([ord(self.scheme), size, size if self.scheme == "S" else 0, size if self.scheme == "S" else 0])
        return head + _fields(self.spki, self.message, self.signature)

    def file(self) -> bytes:
        return _fields(self.raw_key, self.digest, self.signature, self.spki)


def _fields(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(2, "big") + field for field in fields)


def ecdsa_jobs(curve: ec.EllipticCurve) -> Iterator[Job]:
    hash_ = hashes.SHA256() if curve.key_size == 256 else hashes.SHA384()
    for number in range(KEYS):
        key = ec.derive_private_key(int.from_bytes(sha384(b"%d" % number).digest()[:31]), curve)
        message = b"message %d" % number
        public = key.public_key()
        yield Job(
            "D",
            public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            message,
            (sha256 if curve.key_size == 256 else sha384)(message).digest(),
            key.sign(message, ec.ECDSA(hash_)),
        )


def rsa_jobs(scheme: str) -> Iterator[Job]:
    key = rsa.generate_private_key(65537, 3072)
    for number in range(KEYS):
        message = b"message %d" % number
        pad = padding.PKCS1v15() if scheme == "P" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        public = key.public_key()
        yield Job(
            scheme,
            public.public_numbers().n.to_bytes(384),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            message,
            sha256(message).digest(),
            key.sign(message, pad, hashes.SHA256()),
        )


def on_board(machine: Machine, jobs: dict[str, list[Job]]) -> Iterator[Row]:
    """Count on a microcontroller; rows for what has a limit."""
    for profile in ("small", "fast"):
        with tempfile.TemporaryDirectory() as directory:
            program = build(machine, profile, Path(directory))
            with run(machine, program, metered=True) as verifier:
                for name, list_ in jobs.items():
                    answers = [verifier.ask(job.request()) for job in list_]
                    if any(answer.status for answer in answers):
                        raise SystemExit(f"{machine.core}: {name}: {answers}")
                    millions = sum(answer.instructions for answer in answers) / len(answers) / 1e6
                    stack = max(answer.stack for answer in answers)
                    print(f"{machine.core:11} {profile:5}  {name:13} {millions:9.3f} M instructions  {stack:5} B stack")
                    if limit := LIMITS.get((name, profile, machine.core)):
                        yield Row(f"{name} {profile}, {machine.core}", millions, limit, "M instructions")


def on_host(jobs: dict[str, list[Job]]) -> Iterator[Row]:
    """Count on this machine; rows for the core's share of what a peer needs."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        program = work / "core_cost"
        options = ["-O2", "-fno-schedule-insns", "-std=c99", f"-I{CORE / 'include'}"]
        sources = [Path(__file__).with_suffix(".c"), *sorted((CORE / "src").glob("*.c"))]
        subprocess.run(["gcc", *options, *sources, "-lbearssl", "-lmbedcrypto", "-o", program], check=True)
        for name, list_ in jobs.items():
            counts: dict[str, float] = {}
            for library in LIBRARIES:
                total = 0
                for number, job in enumerate(list_):
                    (work / "job").write_bytes(job.file())
                    output = work / f"callgrind.{library}.{number}"
                    valgrind = [
                        "valgrind",
                        "--tool=callgrind",
                        "--toggle-collect=job",
                        f"--callgrind-out-file={output}",
                    ]
                    command = [*valgrind, str(program), library, name, str(work / "job")]
                    done = subprocess.run(command, check=False, capture_output=True, text=True)
                    if done.returncode != 0:
                        raise SystemExit(f"{library}: {name}: exit {done.returncode}\n{done.stderr}")
                    found = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
                    total += int(found[1]) if found else 0
                counts[library] = total / len(list_) / 1e6
                print(f"host         fast  {name:13} {counts[library]:9.3f} M instructions  {library}")
            for library in LIBRARIES[1:]:
                yield Row(f"{name}, host: iotsign / {library}", counts["iotsign"] / counts[library], 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", default=",".join(MACHINES), help="comma-separated (default: %(default)s)")
    boards = [MACHINES[name] for name in parser.parse_args().boards.split(",") if name]
    missing = [machine.missing for machine in boards if machine.missing]
    if missing or shutil.which("valgrind") is None:
        raise SystemExit(f"{(missing or ['valgrind'])[0]} is not installed")
    jobs = {"p256": list(ecdsa_jobs(ec.SECP256R1())), "p384": list(ecdsa_jobs(ec.SECP384R1()))}
    jobs |= {"rsa3072": list(rsa_jobs("P"))}
    rows = [row for machine in boards for row in on_board(machine, jobs | {"rsa3072-pss": list(rsa_jobs("S"))})]
    report("core_cost", rows + list(on_host(jobs)))


if __name__ == "__main__":
    main()
