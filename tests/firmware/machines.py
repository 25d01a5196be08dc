"""Build the test firmware for an emulated board and talk to it.

Tests and benchmarks share this file; it lies on the import path of both.
"""

import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

SOURCE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Machine:
    """An emulated board: how to compile for it and how to run a program on it.

    Attributes:
        name: The value of ``-DMACHINE`` in CMakeLists.txt.
        core: What its processor is called.
        compiler: The C compiler.
        flags: What the compiler needs to know about the processor.
        emulator: The program and the arguments that run ``-kernel``.
    """

    name: str
    core: str
    compiler: str
    flags: str
    emulator: tuple[str, ...]

    @property
    def missing(self) -> str:
        """The first program that is not installed, or nothing."""
        programs = (self.compiler, self.emulator[0], "cmake", "ninja")
        return next((name for name in programs if shutil.which(name) is None), "")


def _arm(name: str, core: str, board: str) -> Machine:
    flags = f"-mcpu={core.lower()} -mthumb"
    return Machine(name, core, "arm-none-eabi-gcc", flags, ("qemu-system-arm", "-M", board))


_RISCV: Final = Machine(
    "riscv_virt",
    "RV32IMC",
    "riscv64-unknown-elf-gcc",
    "-march=rv32imc -mabi=ilp32 -misa-spec=2.2",
    ("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
)
MACHINES: Final = {
    machine.name: machine
    for machine in (
        _arm("microbit", "Cortex-M0", "microbit"),
        _arm("an385", "Cortex-M3", "mps2-an385"),
        _arm("an505", "Cortex-M33", "mps2-an505"),
        _RISCV,
    )
}
REQUEST_SIZE: Final = 5120  # as in verdicts.c
_GREETING: Final = b"\x55"


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
        *("cmake", "-S", str(SOURCE), "-B", str(directory), "-G", "Ninja", f"-DMACHINE={machine.name}"),
        *(f"-DCMAKE_C_COMPILER={machine.compiler}", f"-DCMAKE_C_FLAGS={machine.flags} {flags}".rstrip()),
        *("-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"),
        f"-DIOTSIGN_PROFILE={profile}",
    ]
    for command in (configure, ["cmake", "--build", str(directory), "--target", target]):
        subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return directory / target


@dataclass(frozen=True)
class Answer:
    """What the firmware thinks of a signature.

    Attributes:
        status: A value of ``iotsign_status_t``.
        instructions: Executed from the request's arrival to the verdict, on a metered machine.
        stack: Bytes of stack used in that time.
    """

    status: int
    instructions: int
    stack: int


@dataclass(frozen=True)
class Verifier:
    """A running test firmware."""

    requests: IO[bytes]
    answers: IO[bytes]

    def ask(self, request: bytes) -> Answer:
        """Ask for one verdict.

        Args:
            request: At most `REQUEST_SIZE` bytes in the form that judge.h describes.

        Raises:
            ValueError: The request is longer.
            EOFError: The emulator has died. (A processor that met a fault answers with status 127.)
        """
        if len(request) > REQUEST_SIZE:
            raise ValueError(f"expected at most {REQUEST_SIZE} bytes, got {len(request)}")
        self.requests.write(len(request).to_bytes(2, "big") + request)
        self.requests.flush()
        answer = self.answers.read(9)
        if len(answer) != 9:
            raise EOFError(f"expected an answer of 9 bytes, got {answer!r}")
        return Answer(*struct.unpack(">bII", answer))


@contextmanager
def start(machine: Machine, program: Path, *, metered: bool = False) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run a program of the test firmware until the block ends, and give its input and output.

    Args:
        machine: The board.
        program: What `build` has made for it.
        metered: Whether to count instructions, which takes more time.

    Raises:
        EOFError: The board does not start.
    """
    meter = ("-icount", "shift=0") if metered else ()
    serial = ("-display", "none", "-monitor", "none", "-serial", "stdio")
    with talk([*machine.emulator, *serial, *meter, "-kernel", str(program)], ends=False) as streams:
        yield streams


@contextmanager
def talk(command: Sequence[str], *, ends: bool = True) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Run a command that greets once it is ready, until the block ends.

    Args:
        command: The command.
        ends: Whether it ends by itself when its input does.

    Raises:
        EOFError: It does not greet.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if (greeting := process.stdout.read(1)) != _GREETING:
                raise EOFError(f"expected the greeting {_GREETING!r}, got {greeting!r}")
            yield process.stdin, process.stdout
        finally:
            if ends:
                process.stdin.close()
            else:
                process.kill()


@contextmanager
def run(machine: Machine, program: Path, *, metered: bool = False) -> Iterator[Verifier]:
    """Run the program that answers verdicts; as `start` otherwise."""
    with start(machine, program, metered=metered) as (requests, answers):
        yield Verifier(requests, answers)
