"""Skip instructions of a boot loader's decision under QEMU, one at a time, and see whether a bad image boots.

    python tests/firmware/skips.py                      every point, both profiles and all kinds of decision
    python tests/firmware/skips.py --every 200          a sample

A point is an instruction, which time it is executed, and how many bytes are skipped (2 or 4). Every instruction that
the refusal of the image executes is a point in the first and in the second of the two verifications; those of the code
that decides, each time that they are executed.
"""

import argparse
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Final

from core_images import ImageMaker, area, make_keys, spki_of
from machines import MACHINES, build

MACHINE: Final = MACHINES["an385"]
PC: Final = 15
XPSR: Final = 25
EXECUTIONS: Final = 12
"""How often an instruction of the deciding code may be executed for each time to be a point."""

DECIDING: Final = (
    "decide|iotsign_(mcuboot|detached)_verify(_hardened)?|iotsign_verdict_is_trusted|verify|read_header|read_claims|digest_image|judge_signatures?|find_key|"
    "match_anchor|find_hash|find_verifier|fits|trim|take_tlv|take_head|iotsign_p256_judge|iotsign_ecdsa_der_decode|"
    "iotsign_p256_verify_digest|signature_verify|memcmp|iotsign_spki_parse|iotsign_region_read|"
    "boot|refuse_image|recover|iotsign_boot_(prepare|verify|load|state)|judge|is_acceptable|settle|decide_swap|install|revert"
)


KINDS: Final = {"mcuboot": ("boot", ""), "detached": ("boot", "-DDETACHED"), "bootloader": ("boot_loader", "")}
"""What is verified: the program, and how it is compiled for that; ``bootloader`` is the whole of the reference one."""


class Outcome(Enum):
    """What became of a run with one skip."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAULT = "fault"
    HANG = "no end"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Point:
    """One skip.

    Attributes:
        address: Of the instruction.
        time: The how-manieth execution, from 1.
        second: Whether executions are counted from the second verification on.
        size: Bytes that are skipped.
        steps: Instructions that begin within them.
    """

    address: int
    time: int
    second: bool
    size: int
    steps: int


@dataclass(frozen=True)
class Program:
    """The program and what is to be known about it.

    Attributes:
        elf: The program.
        symbols: Addresses by name.
        instructions: Addresses of instructions and the functions that they are in.
    """

    elf: Path
    symbols: dict[str, int]
    instructions: dict[int, str]

    @classmethod
    def read(cls, elf: Path) -> "Program":
        """Disassemble a program."""
        listing = subprocess.run(
            ["arm-none-eabi-objdump", "-d", elf], capture_output=True, text=True, check=True
        ).stdout
        symbols: dict[str, int] = {}
        instructions: dict[int, str] = {}
        function = ""
        for line in listing.splitlines():
            if label := re.fullmatch(r"([0-9a-f]{8}) <([^>]+)>:", line):
                function = label[2]
                symbols.setdefault(function, int(label[1], 16))
            elif (found := re.match(r" +([0-9a-f]+):\t[0-9a-f ]+\t(\S+)", line)) and not found[2].startswith("."):
                instructions[int(found[1], 16)] = function
        return cls(elf, symbols, instructions)


def _connect(path: Path) -> socket.socket:
    """Connect to a socket that will be there in a moment."""
    deadline = time.monotonic() + 10
    while True:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.connect(str(path))
        except OSError:
            connected.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return connected


class Gdb:
    """The remote serial protocol, as much of it as is needed here."""

    def __init__(self, path: Path) -> None:
        self._socket = _connect(path)
        self._received = b""
        self.ask("qXfer:features:read:target.xml:0,fff")  # from now on registers are numbered as it says

    def close(self) -> None:
        """Let go of the machine."""
        self._socket.close()

    def _packet(self, timeout_s: float) -> str | None:
        deadline = time.monotonic() + timeout_s
        while True:
            if found := re.search(rb"\$([^#]*)#..", self._received):
                self._received = self._received[found.end() :]
                self._socket.sendall(b"+")
                return found[1].decode()
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not chunk:
                raise ConnectionError
            self._received += chunk

    def _send(self, text: str) -> None:
        data = text.encode()
        self._socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def ask(self, text: str) -> str:
        """Send a request and wait for its answer."""
        self._send(text)
        answer = self._packet(10)
        if answer is None:
            raise ConnectionError
        return answer

    def read(self, register: int) -> int:
        """A register's value."""
        return int.from_bytes(bytes.fromhex(self.ask(f"p{register:x}")), "little")

    def write(self, register: int, value: int) -> None:
        """Set a register."""
        self.ask(f"P{register:x}={value.to_bytes(4, 'little').hex()}")

    def resume(self, timeout_s: float) -> bool:
        """Go on to the next breakpoint; False if none comes."""
        self._send("c")
        if self._packet(timeout_s) is not None:
            return True
        self._socket.sendall(b"\x03")
        self._packet(10)
        return False

    def set(self, address: int) -> None:
        """Set a breakpoint."""
        self.ask(f"Z0,{address:x},2")

    def clear(self, address: int) -> None:
        """Remove a breakpoint."""
        self.ask(f"z0,{address:x},2")

    def reset(self) -> None:
        """Reset the machine, memory included."""
        self._send("qRcmd," + b"system_reset".hex())
        while (answer := self._packet(10)) != "OK":
            if answer is None:
                raise ConnectionError
        time.sleep(0.002)

    def step_over(self, address: int) -> None:
        """Execute the instruction under a breakpoint, and leave the breakpoint there."""
        self.clear(address)
        self.ask("s")
        self.set(address)


@contextmanager
def emulator(program: Program, *arguments: str) -> Iterator[Gdb]:
    """Start a machine that waits for its debugger."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "gdb"
        # it dies with this process, however that ends
        command = ["setpriv", "--pdeathsig", "KILL", *MACHINE.emulator]
        command += ["-display", "none", "-monitor", "none", "-serial", "null", "-S"]
        command += ["-chardev", f"socket,id=gdb,path={path},server=on,wait=off", "-gdb", "chardev:gdb"]
        with subprocess.Popen(
            [*command, *arguments, "-kernel", str(program.elf)], stderr=subprocess.DEVNULL
        ) as process:
            try:
                with closing(Gdb(path)) as gdb:
                    yield gdb
            finally:
                process.kill()


class Bench:
    """A machine on which one skip after another is tried."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._ends = {program.symbols[name]: outcome for name, outcome in _ENDS.items()}
        self._emulator = emulator(program)
        self._gdb = self._emulator.__enter__()
        self._timeout_s = 60.0
        self._set_up()
        started = time.monotonic()
        self._start()
        self._gdb.resume(self._timeout_s)
        if self._gdb.read(PC) != program.symbols["refuse"]:
            raise AssertionError("the image is not refused even without a skip")
        self._timeout_s = 2 + 10 * (time.monotonic() - started)

    def _set_up(self) -> None:
        for address in self._ends:
            self._gdb.set(address)

    def _start(self) -> None:
        """Come to the start of the decision, with memory as after power-on."""
        start = self._program.symbols["decide"]
        self._gdb.reset()
        self._gdb.set(start)
        self._gdb.resume(self._timeout_s)
        self._gdb.clear(start)

    def close(self) -> None:
        """Stop the machine."""
        self._emulator.__exit__(None, None, None)

    def try_point(self, point: Point) -> Outcome:
        """Run once with one skip."""
        try:
            return self._try(point)
        except ConnectionError:  # the emulator gives up where a processor locks up
            self.close()
            self._emulator = emulator(self._program)
            self._gdb = self._emulator.__enter__()
            self._set_up()
            return Outcome.FAULT

    def _try(self, point: Point) -> Outcome:
        gdb = self._gdb
        verify = next(self._program.symbols[name] for name in _VERIFICATIONS if name in self._program.symbols)
        self._start()
        if point.second:
            gdb.set(verify)
            gdb.resume(self._timeout_s)
            gdb.step_over(verify)
            gdb.resume(self._timeout_s)
            gdb.clear(verify)
        at_target = gdb.read(PC) == point.address
        if not at_target:
            gdb.set(point.address)
        for number in range(point.time):
            if number == 0 and at_target:
                gdb.set(point.address)
                continue
            if number != 0:
                gdb.step_over(point.address)
            if not gdb.resume(self._timeout_s):
                raise AssertionError(f"no end without a skip, on the way to {point}")
            if gdb.read(PC) != point.address:
                gdb.clear(point.address)
                return Outcome.NOT_REACHED
        gdb.clear(point.address)
        gdb.write(PC, point.address + point.size)
        self._advance_it_block(point.steps)
        if not gdb.resume(self._timeout_s):
            return Outcome.HANG
        return self._ends.get(gdb.read(PC), Outcome.FAULT)

    def _advance_it_block(self, steps: int) -> None:
        """A skipped instruction of an IT block uses up its condition."""
        xpsr = self._gdb.read(XPSR)
        it = xpsr >> 25 & 0x03 | xpsr >> 8 & 0xFC
        if it & 0x0F == 0:
            return
        for _ in range(steps):
            it = it & 0xE0 | it << 1 & 0x1F if it & 0x07 else 0
        self._gdb.write(XPSR, xpsr & ~0x0600FC00 | (it & 0x03) << 25 | (it & 0xFC) << 8)


_VERIFICATIONS: Final = ("iotsign_mcuboot_verify", "iotsign_detached_verify")
_ENDS: Final = {"accept": Outcome.ACCEPTED, "refuse": Outcome.REFUSED, "fault": Outcome.FAULT}


def executions(program: Program) -> Counter[int]:
    """How often the refusal executes each instruction, by its address; start-up aside."""
    blocks: dict[int, set[int]] = {}
    entries: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with emulator(program, "-d", "in_asm,exec,nochain", "-D", str(log)) as gdb:
            gdb.set(program.symbols["refuse"])
            gdb.resume(120)
        block: set[int] = set()
        with log.open() as lines:
            for line in lines:
                if line.startswith("Trace"):
                    entries[int(line.split("/", 2)[1], 16)] += 1
                elif found := re.match(r"0x([0-9a-f]{8}): ", line):
                    address = int(found[1], 16)
                    block.add(address)
                    blocks[min(block)] = block
                elif line.startswith("IN:"):
                    block = set()
    counts: Counter[int] = Counter()
    for start, times in entries.items():
        counts.update(dict.fromkeys(blocks[start], times))
    startup = {address for address, name in program.instructions.items() if name in _STARTUP}
    return Counter({a: n for a, n in counts.items() if a in program.instructions and a not in startup})


_STARTUP: Final = ("_start", "main", "fault", "refuse")


def points_of(program: Program) -> list[Point]:
    """Every skip that is to be tried."""
    starts = sorted(program.instructions)
    counts = executions(program)
    deciding = {a for a in counts if re.fullmatch(f"(?:{DECIDING})(?:\\..*)?", program.instructions[a])}
    points = []
    for address in sorted(counts):
        for size in (2, 4):
            steps = sum(address <= start < address + size for start in starts[starts.index(address) :][:2])
            often = counts[address]
            if address in deciding and often <= EXECUTIONS:
                points += [Point(address, time, False, size, steps) for time in range(1, often + 1)]
            else:
                points += [Point(address, 1, second, size, steps) for second in (False, True)]
    return points


def provisioning_page(key: bytes) -> bytes:
    """The page of a device that trusts one boot key; its layout stands in bootloader/provisioning.h."""
    entry = struct.pack("<HH", 1, len(key)) + key
    page = struct.pack("<IHH", 0x31505349, len(entry), 0) + entry
    return page + sha256(page).digest()


def boot_program(profile: str, directory: Path, *, kind: str = "mcuboot", flags: str = "") -> Program:
    """Build the decision about an image that is well-formed and signed by another key than it says."""
    maker = ImageMaker(make_keys())
    signed = maker.signed_part(payload=b"\x55" * 64, protected=b"")
    honest, forged = maker.records(signed, "p256"), maker.records(signed, "other")
    cut = 2 * 36  # digest and key hash, 4 + 32 bytes each
    image = signed + area(0x6907, honest[:cut] + forged[cut:])
    directory.mkdir(parents=True, exist_ok=True)
    # the forged signature is in DER behind its TLV head, and by the same hash it is a detached one, of the signed part
    trusted = spki_of(maker.keys["p256"])
    arrays = {
        "image": image,
        "trusted_key": trusted,
        "signature": forged[cut + 4 :],
        "page": provisioning_page(trusted),
    }
    lines = [
        f"__attribute__((unused)) static const unsigned char {name}[] = {{{', '.join(map(str, data))}}};"
        for name, data in arrays.items()
    ]
    (directory / "boot_image.h").write_text("\n".join(lines) + "\n")
    target, own_flags = KINDS[kind]
    elf = build(MACHINE, profile, directory / "build", target=target, flags=f"-I{directory} {own_flags} {flags}")
    return Program.read(elf)


def _try_some(program: Program, points: Sequence[Point]) -> list[Outcome]:
    bench = Bench(program)
    try:
        return [bench.try_point(point) for point in points]
    finally:
        bench.close()


def try_points(program: Program, points: Sequence[Point], *, jobs: int = 2) -> Iterable[tuple[Point, Outcome]]:
    """Try points on several machines at once; in no particular order, as they come."""
    chunks = [points[i : i + 100] for i in range(0, len(points), 100)]
    with ProcessPoolExecutor(jobs) as pool:
        futures = [(chunk, pool.submit(_try_some, program, chunk)) for chunk in chunks]
        for chunk, future in futures:
            yield from zip(chunk, future.result(), strict=True)


def main() -> int:
    """Try all points, or a sample, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="try every n-th point")
    parser.add_argument("--profile", choices=["small", "fast"], action="append")
    parser.add_argument("--kind", choices=list(KINDS), action="append")
    arguments = parser.parse_args()
    accepted = 0
    profiles = arguments.profile or ["small", "fast"]
    for kind, profile in [(kind, profile) for kind in arguments.kind or KINDS for profile in profiles]:
        with tempfile.TemporaryDirectory() as directory:
            program = boot_program(profile, Path(directory), kind=kind)
            points = points_of(program)[:: arguments.every]
            started = time.monotonic()
            counts: Counter[Outcome] = Counter()
            for point, outcome in try_points(program, points):
                counts[outcome] += 1
                if outcome is Outcome.ACCEPTED:
                    where = program.instructions[point.address]
                    print(f"ACCEPTED: {point.address:#x} in {where}, {point}")
                if sum(counts.values()) % 500 == 0:
                    print(f"{kind} {profile}: {sum(counts.values())} of {len(points)}", file=sys.stderr, flush=True)
            took_s = time.monotonic() - started
            summary = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)
            print(f"{kind} {profile}: {sum(counts.values())} points in {took_s:.0f} s: {summary}", flush=True)
            accepted += counts[Outcome.ACCEPTED]
    return 1 if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
