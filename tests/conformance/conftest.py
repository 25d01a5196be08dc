"""The core's verdict on vectors: built natively, with sanitizers, or cross-compiled and run under qemu-user."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from machines import MACHINES, Machine, build, run

CORE = Path(__file__).parents[2] / "iotsign" / "core"
STATUS = {
    0: "OK",
    -1: "ARGUMENT",
    -2: "MALFORMED",
    -3: "KEY",
    -4: "SIGNATURE",
    -5: "UNSUPPORTED",
}
SANITIZERS = "-fsanitize=address,undefined,integer,nullability"


@dataclass(frozen=True)
class Build:
    """How to build and run for one machine; what the compiler cannot link with its own files, `linker` links."""

    compiler: str
    runner: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("-O2",)
    linker: str = ""


BUILDS = {
    "gcc": Build("gcc"),
    "portable": Build("gcc", flags=("-O2", "-DIOTSIGN_PORTABLE")),
    "small": Build("gcc", flags=("-Os", "-DIOTSIGN_PROFILE_SMALL")),
    "clang-sanitized": Build("clang", flags=("-O1", "-g", SANITIZERS, "-fno-sanitize-recover=all")),
    "aarch64": Build("aarch64-linux-gnu-gcc", ("qemu-aarch64",), ("-O2", "-static")),
    "armhf": Build("arm-linux-gnueabihf-gcc", ("qemu-arm",), ("-O2", "-static")),
    "riscv64": Build("riscv64-linux-gnu-gcc", ("qemu-riscv64",), ("-O2", "-static")),
    "s390x": Build("s390x-linux-gnu-gcc", ("qemu-s390x",), ("-O2", "-static")),
}
FOREIGN = ["aarch64", "armhf", "riscv64", "s390x"]
for foreign in FOREIGN:
    by_gcc = BUILDS[foreign]
    triple = by_gcc.compiler.removesuffix("-gcc")
    flags = ("-O2", f"--target={triple}", "-isystem", f"/usr/{triple}/include")
    BUILDS[f"{foreign}-clang"] = Build("clang", by_gcc.runner, flags, by_gcc.compiler)
ALL_VECTORS = bool(os.environ.get("IOTSIGN_ALL_VECTORS"))


@dataclass(frozen=True)
class Request:
    """One question to the core.

    Attributes:
        scheme: ``D`` ECDSA in DER, ``R`` ECDSA as raw r‖s, ``P`` RSA PKCS#1 v1.5, ``S`` RSA-PSS, ``E`` Ed25519.
        spki: The public key in DER.
        message: The message, or its digest if `is_digest`.
        signature: The signature.
        hash_size: Digest size of the hash in bytes; it names the hash.
        mgf_size: Digest size of the hash of MGF1.
        salt_size: RSA-PSS salt length in bytes.
    """

    scheme: str
    spki: bytes
    message: bytes
    signature: bytes
    hash_size: int = 0
    mgf_size: int = 0
    salt_size: int = 0
    is_digest: bool = False

    def encode(self) -> bytes:
        scheme = ord(self.scheme) | (0x80 if self.is_digest else 0)
        fields = b"".join(struct.pack(">H", len(field)) + field for field in (self.spki, self.message, self.signature))
        return struct.pack("4B", scheme, self.hash_size, self.mgf_size, self.salt_size) + fields


Judge = Callable[[Sequence[Request]], list[str]]


@pytest.fixture(scope="session")
def judge_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Judge]:
    """Build the core for one of `BUILDS` and get a function from requests to names of status codes."""
    programs: dict[str, Path] = {}

    def program(name: str) -> Path:
        if name not in programs:
            build = BUILDS[name]
            for tool in (build.compiler, *build.runner, *([build.linker] if build.linker else [])):
                if shutil.which(tool) is None:
                    pytest.skip(f"{tool} is not installed")
            output = tmp_path_factory.mktemp(name) / "judge"
            sources: list[Path] = [*CORE.glob("src/*.c"), CORE / "tests/judge.c", CORE / "tests/judge_stdio.c"]
            warnings = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
            command: list[str | Path] = [build.compiler, *warnings, *build.flags, f"-I{CORE / 'include'}", *sources]
            if build.linker:
                subprocess.run([*command, "-c"], check=True, cwd=output.parent)
                command = [build.linker, "-static", *output.parent.glob("*.o")]
            subprocess.run([*command, "-o", output], check=True)
            programs[name] = output
        return programs[name]

    def judge_of_build(name: str) -> Judge:
        path = program(name)

        def judge(requests: Sequence[Request]) -> list[str]:
            encoded = [request.encode() for request in requests]
            stream = b"".join(struct.pack(">H", len(request)) + request for request in encoded)
            run = subprocess.run([*BUILDS[name].runner, path], input=stream, capture_output=True)
            assert run.returncode == 0, run.stderr.decode()
            return [STATUS[code - 256 if code else 0] for code in run.stdout]

        return judge

    return judge_of_build


@pytest.fixture(params=["gcc", "clang-sanitized"])
def judge(request: pytest.FixtureRequest, judge_of: Callable[[str], Judge]) -> Judge:
    """The core on this machine: by gcc, and by clang with every sanitizer that makes a run fail."""
    return judge_of(request.param)


@pytest.fixture(params=["gcc", "portable", "clang-sanitized"])
def curve_judge(request: pytest.FixtureRequest, judge_of: Callable[[str], Judge]) -> Judge:
    """`judge`, and with the limbs of microcontrollers, which a 64-bit machine has not."""
    return judge_of(request.param)


@pytest.fixture(params=[*FOREIGN, *(f"{name}-clang" for name in FOREIGN if ALL_VECTORS)])
def foreign_judge(request: pytest.FixtureRequest, judge_of: Callable[[str], Judge]) -> Judge:
    """The core on another architecture under qemu-user, with all vectors by clang, too; s390x is big-endian."""
    return judge_of(request.param)


@pytest.fixture(scope="session", params=["an385-fast", "microbit-small", "riscv_virt-fast"])
def board_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """The test firmware for a Cortex-M3, a Cortex-M0 and an RV32IMC that QEMU emulates."""
    name, profile = request.param.split("-")
    machine = MACHINES[name]
    if machine.missing:
        pytest.skip(f"{machine.missing} is not installed")
    return machine, build(machine, profile, tmp_path_factory.mktemp(name))


@pytest.fixture
def board_judge(board_program: tuple[Machine, Path]) -> Iterator[Judge]:
    """The core on an emulated board, asked over its serial line; it polls that line, so it lives for one test only."""
    with run(*board_program) as verifier:
        yield lambda requests: [STATUS[verifier.ask(request.encode()).status] for request in requests]


@pytest.fixture(scope="session")
def stride() -> int:
    """Slow runs take every n-th vector; IOTSIGN_ALL_VECTORS=1 takes all."""
    return 1 if ALL_VECTORS else 16


# SubjectPublicKeyInfo up to the point (RFC 5480 §2), by the length of the point
_EC_PREFIX = {
    65: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    97: bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200"),
}
# AlgorithmIdentifier rsaEncryption with NULL parameters (RFC 3279 §2.3.1)
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = b"" if length < 0x80 else length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 + len(size) if size else length]) + size + content


@pytest.fixture(scope="session")
def make_request() -> Callable[..., Request]:
    """Make a `Request`.

    The key of an RSA scheme is RSAPublicKey, (modulus, exponent), or what `is_spki` says; that of ECDSA is a point, or
    SubjectPublicKeyInfo.
    """

    def make(scheme: str, key: bytes | tuple[int, int], message: bytes, signature: bytes, **options: Any) -> Request:
        if isinstance(key, tuple):
            numbers = (_der(2, number.to_bytes(number.bit_length() // 8 + 1)) for number in key)
            key = _der(0x30, b"".join(numbers))
        is_spki = options.pop("is_spki", False)
        if scheme in "DR" and not is_spki:
            key = _EC_PREFIX.get(len(key) if key[0] == 4 else 0, b"") + key
        if scheme in "PS" and not is_spki:
            key = _der(0x30, _RSA_ALGORITHM + _der(3, b"\0" + key))
        return Request(scheme, key, message, signature, **options)

    return make
