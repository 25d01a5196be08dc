"""The C test program of hashes and base64, built by each compiler and for other architectures."""

import fcntl
import os
import platform
import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILDS_DIRECTORY = Path(os.environ.get("IOTSIGN_TEST_BUILDS", HERE.parents[3] / "build" / "tests"))
SANITIZERS = "-O1 -g -fno-sanitize-recover=all -fsanitize=address,undefined"


@dataclass(frozen=True)
class Build:
    """How to build and run for one machine; `flags` go to the C compiler, `profile` is IOTSIGN_PROFILE."""

    compiler: str
    flags: str = ""
    profile: str = "fast"
    processor: str = platform.machine()
    runner: tuple[str, ...] = ()


BUILDS = {
    "gcc": Build("gcc"),
    "gcc-small": Build("gcc", profile="small"),
    "clang": Build("clang"),
    "gcc-sanitized": Build("gcc", SANITIZERS),
    "clang-sanitized": Build("clang", f"{SANITIZERS},integer,nullability"),
    "aarch64": Build("aarch64-linux-gnu-gcc", "-static", "fast", "aarch64", ("qemu-aarch64",)),
    "armhf": Build("arm-linux-gnueabihf-gcc", "-static", "small", "arm", ("qemu-arm",)),
    "riscv64": Build("riscv64-linux-gnu-gcc", "-static", "small", "riscv64", ("qemu-riscv64",)),
    "s390x": Build("s390x-linux-gnu-gcc", "-static", "fast", "s390x", ("qemu-s390x",)),
}


@dataclass(frozen=True)
class Request:
    """One question, as core/tests/hashing.c takes it; `address` is modulo 64."""

    operation: int
    data: bytes
    address: int = 0


@dataclass(frozen=True)
class Program:
    """The built program.

    Attributes:
        command: How to run it.
        features: Each SIMD feature that this CPU has, by its bit in host/cpu.h.
    """

    command: tuple[str | Path, ...]
    features: tuple[int, ...]

    @property
    def selections(self) -> tuple[int, ...]:
        """Portable code alone, each feature alone, and all of them."""
        return (0, *self.features, sum(self.features)) if self.features else (0,)

    def ask(self, requests: Sequence[Request], selection: int) -> bytes:
        """All answers, one after the other, with the SIMD paths that `selection` allows."""
        stream = b"".join(
            struct.pack(">BBI", request.operation, request.address, len(request.data)) + request.data
            for request in requests
        )
        run = subprocess.run([*self.command, str(selection)], input=stream, capture_output=True)
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout


def build_program(name: str) -> Path:
    """Build in a directory that outlives the session and is shared by the processes that run it."""
    build = BUILDS[name]
    for tool in (build.compiler, *build.runner, "cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    directory = BUILDS_DIRECTORY / f"hashing-{name}"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        foreign = ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={build.processor}"] if build.runner else []
        build_type = "Debug" if "-O1" in build.flags else "Release"
        compiler = [
            f"-DCMAKE_C_COMPILER={build.compiler}",
            f"-DCMAKE_C_FLAGS={build.flags}",
            f"-DCMAKE_BUILD_TYPE={build_type}",
            f"-DIOTSIGN_PROFILE={build.profile}",
        ]
        configure: list[str | Path] = ["cmake", "-G", "Ninja", "-S", HERE, "-B", directory, *compiler, *foreign]
        for command in (configure, ["ninja", "-C", str(directory), "hashing"]):
            run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert run.returncode == 0, run.stdout
    return directory / "hashing"


@pytest.fixture(scope="session")
def program_for() -> Callable[[str], Program]:
    """Get the program of one of `BUILDS`."""
    programs: dict[str, Program] = {}

    def program(name: str) -> Program:
        if name not in programs:
            command: tuple[str | Path, ...] = (*BUILDS[name].runner, build_program(name))
            said = subprocess.run(command, capture_output=True, text=True, check=True)
            mask = int(said.stdout)
            programs[name] = Program(command, tuple(1 << bit for bit in range(32) if mask >> bit & 1))
        return programs[name]

    return program


@pytest.fixture
def make_request() -> type[Request]:
    """The constructor of a question."""
    return Request


@pytest.fixture(params=["gcc", "gcc-small", "clang", "gcc-sanitized", "clang-sanitized"])
def native(request: pytest.FixtureRequest, program_for: Callable[[str], Program]) -> Program:
    """The program on this machine."""
    return program_for(request.param)


@pytest.fixture(params=["aarch64", "armhf", "riscv64", "s390x"])
def foreign(request: pytest.FixtureRequest, program_for: Callable[[str], Program]) -> Program:
    """The program on another architecture under qemu-user; s390x is big-endian."""
    return program_for(request.param)
