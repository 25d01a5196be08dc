"""Skip instructions of a boot loader's decision under QEMU, one at a time, and see whether a bad image boots.

    python tests/firmware/skips.py                      every point, both profiles and all kinds of decision
    python tests/firmware/skips.py --every 200          a sample

A point is an instruction, which time it is executed, and how many bytes are skipped (2 or 4). Every instruction that
the refusal of a badly signed image executes is a point in the first and in the second of the two verifications; those
of the code that decides, each time that they are executed. Of an image that is forged to profit from a certain skip
(forgeries.py), the points are the instructions that read and hash the forged bytes.
"""

import argparse
import math
import os
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
from itertools import product
from pathlib import Path
from typing import Final

from core_images import ImageMaker, PrivateKey, area, spki_of
from cryptography.hazmat.primitives.asymmetric import ec
from forgeries import FORGERIES, payload_for
from machines import MACHINES, build

MACHINE: Final = MACHINES["an385"]
PC: Final = 15
XPSR: Final = 25
EXECUTIONS: Final = 12
"""How often an instruction of the deciding code may be executed for each time to be a point."""

DECIDING: Final = (
    "decide|iotsign_(mcuboot|detached)_(evaluate|verify_hardened)|iotsign_verdict_is_trusted|verify|read_header|"
    "read_claims|digest_image|absorb.*|read_twice|iotsign_sha256_twice_.*|next_blocks|make_padding|init_twice|position|"
    "update_twice|finish_twice|is_sound|judge_signatures?|find_key|"
    "match_anchor|find_hash|find_verifier|fits|trim|take_tlv|take_head|iotsign_p256_judge|iotsign_ecdsa_der_decode|"
    "iotsign_p256_verify_digest|signature_verify|memcmp|iotsign_spki_parse|iotsign_region_read|"
    "boot|refuse_image|recover|iotsign_boot_(prepare|verify|load|state)|judge|is_acceptable|settle|decide_swap|install|revert"
)

COPYING: Final = "memcpy|iotsign_memory_read|iotsign_flash_read|flash_byte"
READING: Final = f"{COPYING}|iotsign_region_read|read_area|absorb.*|digest_image|read_twice|position"
HASHING: Final = (
    "memcpy|absorb.*|digest_image|read_twice|update_twice|finish_twice|next_blocks|make_padding|iotsign_sha256_twice_.*|"
    "iotsign_sha256_compress_twice"
)
"""The code that reads and hashes the image."""

KINDS: Final = {"mcuboot": ("boot", ""), "detached": ("boot", "-DDETACHED"), "bootloader": ("boot_loader", "")}
"""What is verified: the program, and how it is compiled for that; ``bootloader`` is the whole of the reference one."""


CHUNKS: Final = {"mcuboot": 384, "detached": 384, "bootloader": 512}
"""Bytes of the image that are read at once."""


class Outcome(Enum):
    """What became of a run with one skip."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAULT = "fault"
    HANG = "no end"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Mark:
    """A call from which on executions are counted.

    Attributes:
        function: Its name.
        call: The how-manieth call, from 1.
    """

    function: str
    call: int


START: Final = Mark("decide", 1)


@dataclass(frozen=True)
class Point:
    """One skip.

    Attributes:
        address: Of the instruction.
        time: The how-manieth execution, from 1.
        mark: From where on executions are counted.
        size: Bytes that are skipped.
        steps: Instructions that begin within them.
    """

    address: int
    time: int
    mark: Mark
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

    def __init__(self, path: Path, pid: int) -> None:
        self._socket = _connect(path)
        self._times = Path(f"/proc/{pid}/stat")
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

    def computed_s(self) -> float:
        """For how long the emulator has computed, to a hundredth; how busy the host is makes no difference."""
        fields = self._times.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime: proc(5)

    def resume(self, timeout_s: float, computing_s: float = math.inf) -> bool:
        """Go on to the next breakpoint; False if none comes in this time, or while the emulator computes so long."""
        deadline, limit_s = time.monotonic() + timeout_s, self.computed_s() + computing_s
        self._send("c")
        while time.monotonic() < deadline and self.computed_s() < limit_s:
            if self._packet(0.05) is not None:
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
                with closing(Gdb(path, process.pid)) as gdb:
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
        started, computed_s = time.monotonic(), self._gdb.computed_s()
        self._start()
        self._gdb.resume(self._timeout_s)
        if self._gdb.read(PC) != program.symbols["refuse"]:
            raise AssertionError("the image is not refused even without a skip")
        self._timeout_s = 2 + 10 * (time.monotonic() - started)
        self._computing_s = 0.2 + 10 * (self._gdb.computed_s() - computed_s)

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
        self._start()
        if point.mark != START:
            function = self._program.symbols[point.mark.function]
            gdb.set(function)
            gdb.resume(self._timeout_s)
            for _ in range(1, point.mark.call):
                gdb.step_over(function)
                gdb.resume(self._timeout_s)
            gdb.clear(function)
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
        if not gdb.resume(self._timeout_s, self._computing_s):
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


_VERIFICATIONS: Final = ("iotsign_mcuboot_evaluate", "iotsign_detached_evaluate")
_ENDS: Final = {"accept": Outcome.ACCEPTED, "refuse": Outcome.REFUSED, "fault": Outcome.FAULT}


def executions(program: Program) -> tuple[Counter[int], Counter[int]]:
    """How often the decision executes each instruction, by its address: from its start on, from the second mark on."""
    blocks: dict[int, set[int]] = {}
    entries: list[int] = []
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with emulator(program, "-d", "in_asm,exec,nochain", "-D", str(log)) as gdb:
            gdb.set(program.symbols["refuse"])
            gdb.resume(120)
        block: set[int] = set()
        with log.open() as lines:
            for line in lines:
                if line.startswith("Trace"):
                    entries.append(int(line.split("/", 2)[1], 16))
                elif found := re.match(r"0x([0-9a-f]{8}): ", line):
                    address = int(found[1], 16)
                    block.add(address)
                    blocks[min(block)] = block
                elif line.startswith("IN:"):
                    block = set()
    begin = entries.index(program.symbols[START.function])
    second = entries.index(program.symbols[_second(program).function])
    second = entries.index(program.symbols[_second(program).function], second + 1)
    from_start, from_second = Counter[int](), Counter[int]()
    for counts, first in ((from_start, begin), (from_second, second)):
        for start, times in Counter(entries[first:]).items():
            counts.update(dict.fromkeys(blocks[start] & program.instructions.keys(), times))
        for address in [a for a in counts if program.instructions[a] in ("main", *_ENDS)]:
            del counts[address]
    return from_start, from_second


def _second(program: Program) -> Mark:
    """Where the second of the two verifications begins."""
    return next(Mark(name, 2) for name in _VERIFICATIONS if name in program.symbols)


def points_of(program: Program) -> list[Point]:
    """Every skip that is to be tried."""
    starts = sorted(program.instructions)
    counts, again = executions(program)
    second = _second(program)
    deciding = {a for a in counts if re.fullmatch(f"(?:{DECIDING})(?:\\..*)?", program.instructions[a])}
    points = []
    for address in sorted(counts):
        for size in (2, 4):
            steps = sum(address <= start < address + size for start in starts[starts.index(address) :][:2])
            often = counts[address]
            if address in deciding and often <= EXECUTIONS:
                points += [Point(address, time, START, size, steps) for time in range(1, often + 1)]
            else:
                marks = (START, second) if address in again else (START,)
                points += [Point(address, 1, mark, size, steps) for mark in marks]
    return points


def marks_of(kind: str, forgery: str) -> dict[Mark, str]:
    """Where the forged bytes are read for the first and the second time, and hashed; and by which functions."""
    # of an MCUboot image, headers and TLVs (6) and the header once more are read first; the hash begins with the header
    reads, updates = (0, 0) if kind == "detached" else (7, 1)
    hash_update = "iotsign_sha256_twice_update"
    if forgery == "early schedule":
        return {Mark(hash_update, updates + 2): "iotsign_sha256_compress_twice"}
    chunk = 2 if forgery == "word" else 3
    reading = {Mark("iotsign_region_read", reads + 2 * chunk - back): READING for back in (1, 0)}
    updates_of = (0,) if forgery == "word" else (0, 1)  # the last one hashes the padding
    return reading | {Mark(hash_update, updates + chunk + more): HASHING for more in updates_of}


def points_of_forgery(program: Program, kind: str, forgery: str) -> list[Point]:
    """The skips that are to be tried on a forged image, each in the first executions after each mark."""
    starts = sorted(program.instructions)
    points = []
    for mark, functions in marks_of(kind, forgery).items():
        for address, name in sorted(program.instructions.items()):
            if not re.fullmatch(f"(?:{functions})(?:\\..*)?", name):
                continue
            times = 6 if re.fullmatch(COPYING, name) else 2
            for size in (2, 4):
                steps = sum(address <= start < address + size for start in starts[starts.index(address) :][:2])
                points += [Point(address, time, mark, size, steps) for time in range(1, times + 1)]
    return points


def provisioning_page(key: bytes) -> bytes:
    """The page of a device that trusts one boot key; its layout stands in bootloader/provisioning.h."""
    entry = struct.pack("<HH", 1, len(key)) + key
    page = struct.pack("<IHH", 0x31505349, len(entry), 0) + entry
    return page + sha256(page).digest()


def _test_keys() -> dict[str, PrivateKey]:
    """Keys that are no secret and always the same, so that a run can be repeated to the bit."""
    secrets = {name: int.from_bytes(sha256(f"test key {name}".encode()).digest()) for name in ("p256", "other")}
    return {name: ec.derive_private_key(secret, ec.SECP256R1()) for name, secret in secrets.items()}


def boot_program(
    profile: str, directory: Path, *, kind: str = "mcuboot", forgery: str = "", flags: str = ""
) -> Program:
    """Build the decision about a well-formed image: one signed by another key than it says, or a forged one."""
    maker = ImageMaker(_test_keys())
    trusted = spki_of(maker.keys["p256"])
    cut = 2 * 36  # digest and key hash, 4 + 32 bytes each
    if forgery:
        chunk = CHUNKS[kind]
        signed = maker.signed_part(payload=payload_for(forgery, chunk, len(maker.signed_part(payload=b""))))
        records = maker.records(signed, "p256")
        image = FORGERIES[forgery](signed, chunk)
        if kind != "detached":
            image += area(0x6907, records)
    else:
        signed = maker.signed_part(payload=b"\x55" * 64, protected=b"")
        honest, others = maker.records(signed, "p256"), maker.records(signed, "other")
        records = honest[:cut] + others[cut:]
        image = signed + area(0x6907, records)
    directory.mkdir(parents=True, exist_ok=True)
    arrays = {
        "image": image,
        "trusted_key": trusted,
        # in DER behind its TLV head, and by the same hash a detached one, of the signed part
        "signature": records[cut + 4 :],
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
    parser.add_argument("--image", choices=["badly signed", *FORGERIES], action="append")
    parser.add_argument("--function", default=".*", help="only those whose names match this regular expression")
    parser.add_argument("--part", default="1/1", help="N/M: the N-th of M equal parts of the points")
    arguments = parser.parse_args()
    accepted = 0
    profiles = arguments.profile or ["small", "fast"]
    number, parts = map(int, arguments.part.split("/"))
    images = arguments.image or ["badly signed", *FORGERIES]
    for kind, profile, name in product(arguments.kind or KINDS, profiles, images):
        forgery = "" if name == "badly signed" else name
        if forgery == "early schedule" and profile != "small":
            continue  # where the first sixteen rounds have code of their own, the schedule has no way there
        with tempfile.TemporaryDirectory() as directory:
            program = boot_program(profile, Path(directory), kind=kind, forgery=forgery)
            points = points_of_forgery(program, kind, forgery) if forgery else points_of(program)
            chosen = {a for a, n in program.instructions.items() if re.fullmatch(arguments.function, n)}
            points = [point for point in points if point.address in chosen]
            points = points[number - 1 :: parts][:: arguments.every]
            started = time.monotonic()
            counts: Counter[Outcome] = Counter()
            for point, outcome in try_points(program, points):
                counts[outcome] += 1
                if outcome is Outcome.ACCEPTED:
                    where = program.instructions[point.address]
                    print(f"ACCEPTED: {point.address:#x} in {where}, {point}")
                if sum(counts.values()) % 500 == 0:
                    done = f"{sum(counts.values())} of {len(points)}"
                    print(f"{kind} {profile} {name}: {done}", file=sys.stderr, flush=True)
            took_s = time.monotonic() - started
            summary = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)
            print(f"{kind} {profile} {name}: {sum(counts.values())} points in {took_s:.0f} s: {summary}", flush=True)
            accepted += counts[Outcome.ACCEPTED]
    return 1 if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
