"""Build the test firmware for a machine and talk to it: emulated boards, foreign processors under QEMU, this host.

Tests and benchmarks share this file; it lies on the import path of both.
"""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO, Final

SOURCE: Final = Path(__file__).resolve().parent


class Scheme(IntEnum):
    """How the signature is made and laid out."""

    ECDSA_DER = 1
    ECDSA_RAW = 2


class Hash(IntEnum):
    """What is done with the data before the signature is judged."""

    NONE = 0
    SHA1 = 1
    SHA256 = 2
    SHA384 = 3
    SHA512 = 4


@dataclass(frozen=True)
class Machine:
    """A kind of machine: how to compile for it and how to run a program on it.

    Attributes:
        name: The name on the command line and of the build directory.
        firmware: The value of ``-DMACHINE`` in CMakeLists.txt.
        compiler: The C compiler.
        flags: What the compiler needs to know about the processor.
        runner: The program and the arguments that run it; ``{}`` stands for the built program.
        metered: Whether answers carry instruction counts and stack use.
    """

    name: str
    firmware: str
    compiler: str
    flags: str
    runner: tuple[str, ...]
    metered: bool = False

    @property
    def missing(self) -> str:
        """The first program that is not installed, or nothing."""
        programs = (self.compiler, self.runner[0], "cmake", "ninja")
        return next((name for name in programs if name != "{}" and shutil.which(name) is None), "")


def _arm(name: str, processor: str, board: str, *, icount: bool) -> Machine:
    meter = ("-icount", "shift=0") if icount else ()
    runner = ("qemu-system-arm", "-M", board, *_SERIAL, *meter, "-kernel", "{}")
    return Machine(name, name, "arm-none-eabi-gcc", f"-mcpu={processor} -mthumb", runner, metered=True)


def _linux(name: str, compiler: str, emulator: str) -> Machine:
    return Machine(name, "host", compiler, "-static", (emulator, "{}"))


_GREETING: Final = b"\x55"
_SERIAL: Final = ("-display", "none", "-monitor", "none", "-serial", "stdio")

MACHINES: Final = {
    machine.name: machine
    for machine in (
        Machine("gcc", "host", "gcc", "", ("{}",)),
        Machine("clang", "host", "clang", "", ("{}",)),
        Machine(
            "sanitizers",
            "host",
            "clang",
            "-g -fsanitize=address,undefined,integer -fno-sanitize-recover=all",
            ("{}",),
        ),
        _linux("aarch64", "aarch64-linux-gnu-gcc", "qemu-aarch64-static"),
        _linux("armhf", "arm-linux-gnueabihf-gcc", "qemu-arm-static"),
        _linux("riscv64", "riscv64-linux-gnu-gcc", "qemu-riscv64-static"),
        _linux("s390x", "s390x-linux-gnu-gcc", "qemu-s390x-static"),
        _arm("microbit", "cortex-m0", "microbit", icount=True),
        _arm("an385", "cortex-m3", "mps2-an385", icount=True),
        _arm("an505", "cortex-m33", "mps2-an505", icount=True),
        Machine(
            "riscv_virt",
            "riscv_virt",
            "riscv64-unknown-elf-gcc",
            "-march=rv32imc -mabi=ilp32 -misa-spec=2.2",
            ("qemu-system-riscv32", "-M", "virt", "-bios", "none", *_SERIAL, "-icount", "shift=0", "-kernel", "{}"),
            metered=True,
        ),
    )
}


def build(machine: Machine, profile: str, directory: Path, *, target: str = "verdicts", flags: str = "") -> Path:
    """Compile a program of the test firmware.

    Args:
        machine: What to compile for.
        profile: ``small`` or ``fast``.
        directory: Where to build; an earlier build there is brought up to date.
        target: The program.
        flags: More flags for the compiler.

    Returns:
        The program.

    Raises:
        subprocess.CalledProcessError: The build failed; its words are in ``stdout``.
    """
    configure = [
        *("cmake", "-S", str(SOURCE), "-B", str(directory), "-G", "Ninja"),
        *(f"-DMACHINE={machine.firmware}", f"-DIOTSIGN_PROFILE={profile}"),
        *(f"-DCMAKE_C_COMPILER={machine.compiler}", f"-DCMAKE_C_FLAGS={machine.flags} {flags}".rstrip()),
    ]
    if machine.firmware != "host":
        configure += ["-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"]
    for command in (configure, ["cmake", "--build", str(directory), "--target", target]):
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return directory / target


@dataclass(frozen=True)
class Answer:
    """What the firmware thinks of a signature.

    Attributes:
        status: A value of ``iotsign_status_t``.
        instructions: Executed from the request's arrival to the verdict; 0 without a meter.
        stack: Bytes of stack used in that time; 0 without a meter.
    """

    status: int
    instructions: int
    stack: int


@dataclass(frozen=True)
class Verifier:
    """A running test firmware."""

    requests: IO[bytes]
    answers: IO[bytes]

    def verify(self, scheme: Scheme, hash_: Hash, key: bytes, data: bytes, signature: bytes) -> Answer:
        """Ask for one verdict.

        Args:
            scheme: How the signature is laid out.
            hash_: What is to be done with the data first.
            key: SubjectPublicKeyInfo in DER, or a raw point.
            data: The digest, or the message to hash, at most 2048 bytes.
            signature: The signature.

        Raises:
            EOFError: The machine has died.
        """
        fields = b"".join(len(field).to_bytes(2, "big") + field for field in (key, data, signature))
        self.requests.write(bytes([scheme | hash_ << 4]) + fields)
        self.requests.flush()
        answer = self.answers.read(9)
        if len(answer) != 9:
            raise EOFError(f"expected an answer of 9 bytes, got {answer!r}")
        return Answer(*struct.unpack(">bII", answer))


@contextmanager
def run(machine: Machine, program: Path) -> Iterator[Verifier]:
    """Run the test firmware until the block ends."""
    command = [argument.replace("{}", str(program)) for argument in machine.runner]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if (greeting := process.stdout.read(1)) != _GREETING:
                raise EOFError(f"expected the greeting {_GREETING!r}, got {greeting!r}")
            yield Verifier(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            if machine.firmware != "host":
                process.kill()
