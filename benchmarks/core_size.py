"""Code size, worst stack and foreign symbols of what a firmware links, for each profile of the core.

    python benchmarks/core_size.py

A probe is a function that verifies a signature; it is linked against the core with --gc-sections and nothing else.
Code is all that lands in flash: instructions and constants. Stack is the deepest path through the call graph that the
compiler writes (-fcallgraph-info), so an upper bound, interrupts and the three memory functions aside. A foreign symbol
is whatever the core leaves to others.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from measure import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "firmware"))
from machines import MACHINES, SOURCE, Machine, build

INCLUDE = SOURCE.parents[1] / "iotsign" / "core" / "include"
ALLOWED = {"memcpy", "memset", "memcmp"}
KIB = 1024


@dataclass(frozen=True)
class Measured:
    """What one probe needs, in bytes."""

    code: int
    stack: int
    foreign: frozenset[str]
    indirect: bool  # calls through pointers, whose stack the call graph does not show


def call_graph(directories: list[Path]) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Read gcc's .ci files: the frame of each function in bytes, and whom it calls."""
    frames: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for path in (path for directory in directories for path in directory.rglob("*.ci")):
        text = path.read_text()
        for title, label in re.findall(r'^node: \{ title: "([^"]+)" label: "([^"]*)"', text, re.MULTILINE):
            if size := re.search(r"(\d+) bytes \((\w[\w,]*)\)", label):
                if size[2] != "static":
                    raise SystemExit(f"{title}: its frame is {size[2]}, not static")
                frames[title] = int(size[1])
        for source, target in re.findall(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text, re.MULTILINE):
            calls.setdefault(source, set()).add(target)
    return frames, calls


def deepest(function: str, frames: dict[str, int], calls: dict[str, set[str]]) -> tuple[int, bool]:
    """Bytes of stack below the call of a function, and whether a call through a pointer is on the way."""

    @cache
    def walk(name: str) -> tuple[int, bool]:
        below = [walk(callee) for callee in calls.get(name, ())]
        indirect = name == "__indirect_call" or any(flag for _, flag in below)
        return frames.get(name, 0) + max((size for size, _ in below), default=0), indirect

    return walk(function)


def measure(machine: Machine, profile: str, probe: str, directory: Path) -> Measured:
    """Build the core and the probe, and look at the result."""
    archive = build(machine, profile, directory, target="iotsign_core", flags="-fcallgraph-info=su")
    archive = directory / "core" / "libiotsign_core.a"
    work = directory / probe
    work.mkdir()
    linked = work / "probe.elf"
    level = "-Os" if profile == "small" else "-O2"
    flags = [*machine.flags.split(), level, "-std=c99", "-ffreestanding", "-fcallgraph-info=su", f"-I{INCLUDE}"]
    command = [machine.compiler, *flags, "-c", str(SOURCE / "probes" / f"{probe}.c"), "-o", str(work / "probe.o")]
    subprocess.run(command, check=True, cwd=work)
    # no libgcc here: a helper routine of the compiler is a foreign symbol too
    link = ["-nostdlib", "-Wl,-e,probe,--gc-sections,--unresolved-symbols=ignore-all,--no-warn-rwx-segments"]
    command = [machine.compiler, *machine.flags.split(), *link, str(work / "probe.o"), str(archive), "-o", str(linked)]
    subprocess.run(command, check=True)
    with linked.open("rb") as file:
        elf = ELFFile(file)
        loaded = {".text", ".rodata", ".data", ".srodata", ".sdata", ".ARM.exidx"}
        code = sum(section["sh_size"] for section in elf.iter_sections() if section.name in loaded)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        foreign = {symbol.name for symbol in table.iter_symbols() if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name}
    stack, indirect = deepest("probe", *call_graph([directory / "core", work]))
    return Measured(code, stack, frozenset(foreign), indirect)


def main() -> None:
    rows = []
    for machine in MACHINES.values():
        if machine.missing:
            raise SystemExit(f"{machine.missing} is not installed")
        for profile in ("small", "fast"):
            with tempfile.TemporaryDirectory() as directory:
                for probe in ("p256", "p256_der", "p384", "p256_rsa"):
                    measured = measure(machine, profile, probe, Path(directory))
                    note = " and what is called through pointers" if measured.indirect else ""
                    name = f"{probe} {profile}, {machine.core}"
                    extra = measured.foreign - ALLOWED
                    print(
                        f"{name:28} code {measured.code:6}  stack {measured.stack:5}{note}"
                        f"  foreign: {', '.join(sorted(measured.foreign))}"
                    )
                    rows.append(Row(f"{name}: foreign symbols beyond {'/'.join(sorted(ALLOWED))}", len(extra), 0.1, ""))
                    if machine.core != "Cortex-M0":
                        continue
                    limits = {("p256", "small"): 6, ("p256", "fast"): 12, ("p256_rsa", "small"): 9}
                    if limit := limits.get((probe, profile)):
                        rows.append(Row(f"{name}: code", measured.code / KIB, limit, "KiB"))
                    if (probe, profile) == ("p256", "small"):
                        rows.append(Row(f"{name}: stack", measured.stack / KIB, 2, "KiB"))
    report("core_size", [row for row in rows if "foreign" not in row.name or row.value])


if __name__ == "__main__":
    main()
