#!/usr/bin/env python3
"""Line and branch coverage of the C core by the test suite.

    python tests/c_coverage.py                                     the core's tests, every file of src
    python tests/c_coverage.py --files 'spki.c,ecdsa_*' tests/conformance/openssl

Runs pytest with a `gcc` in front of the path that adds --coverage to whatever the tests compile, adds up what gcov
says of all these programs, and names each line and branch that nothing has run. `EXEMPT` says why some need not.
Ends with 1 if any other is left.
"""

import argparse
import fnmatch
import json
import os
import shutil
import stat
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "iotsign" / "core" / "src"
TESTS: Final = ["tests/conformance/cavp", "tests/conformance/wycheproof", "tests/conformance/openssl"]
TESTS_OF_CORE: Final = [*TESTS, "tests/conformance/imgtool", "tests/unit/core"]

# tests that compile with anything but the gcc of this machine, which nothing here measures, or with its sanitizers,
# whose checks are branches, too
OTHER_COMPILERS: Final = ["clang", "sanitized", "aarch64", "armhf", "riscv", "s390x", "an385", "microbit", "ctrl_c"]

# text of a line in a file, and why one of its branches, or the line itself, is never taken
EXEMPT: Final[dict[tuple[str, str], str]] = {}

# files with nothing to run
TABLES: Final = {"sha256_constants.c", "sha512_constants.c"}


@dataclass
class Lines:
    """Counts of one file, by line number."""

    lines: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    branches: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))


def run_tests(arguments: list[str], directory: Path) -> None:
    """Run pytest with the instrumenting compiler; its temporary directories keep what is measured."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    wrapper = directory / "gcc"
    compiler = shutil.which("gcc")
    wrapper.write_text(f'#!/bin/sh\nexec {compiler} "$@" -O0 --coverage\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    environment = os.environ | {
        "PATH": f"{directory}:{os.environ['PATH']}",
        "IOTSIGN_TEST_BUILDS": str(directory / "builds"),
    }
    skipped = " and ".join(f"not {name}" for name in OTHER_COMPILERS)
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "-k", skipped, f"--basetemp={directory}/tests"]
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, env=environment)


def collect(directory: Path) -> dict[str, Lines]:
    """Add up the counts of every program below a directory."""
    files: dict[str, Lines] = defaultdict(Lines)
    for counts in sorted(directory.rglob("*.gcda")):
        command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", counts.name]
        done = subprocess.run(command, check=True, cwd=counts.parent, capture_output=True, text=True)
        for text in done.stdout.splitlines():
            for file in json.loads(text)["files"]:
                path = Path(file["file"])
                if not path.is_absolute() or path.parent != SOURCE:
                    continue
                for line in file["lines"]:
                    number = line["line_number"]
                    files[path.name].lines[number] += line["count"]
                    for index, branch in enumerate(line["branches"]):
                        files[path.name].branches[number][index] += branch["count"]
    return files


def report(name: str, found: Lines) -> bool:
    """Print what was not run; returns whether all of it is exempt."""
    text = (SOURCE / name).read_text().splitlines()
    missed = [(number, "not run") for number, count in found.lines.items() if not count]
    missed += [
        (number, f"branch {index} of {len(branches)} not taken")
        for number, branches in found.branches.items()
        for index, count in branches.items()
        if not count and found.lines[number]
    ]
    branches_all = [count for branches in found.branches.values() for count in branches.values()]
    lines_run = sum(1 for count in found.lines.values() if count)
    branches_run = sum(1 for count in branches_all if count)
    print(f"{name:24} lines {lines_run}/{len(found.lines)}  branches {branches_run}/{len(branches_all)}")  # noqa: T201
    complete = True
    for number, what in sorted(missed):
        line = text[number - 1].strip()
        reason = EXEMPT.get((name, line))
        complete &= reason is not None
        print(f"    {name}:{number}: {what}: {line}" + (f"   [{reason}]" if reason else ""))  # noqa: T201
    return complete


def main() -> None:
    """Run the tests and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", default="*", help="patterns of files in src, comma-separated")
    parser.add_argument("--collect-only", action="store_true", help="report on the last run")
    parser.add_argument("tests", nargs="*", default=TESTS_OF_CORE, help="arguments to pytest")
    arguments = parser.parse_args()
    directory = ROOT / "build" / "c-coverage"
    if not arguments.collect_only:
        run_tests(arguments.tests, directory)
    patterns = arguments.files.split(",")
    files = {
        name: lines
        for name, lines in sorted(collect(directory).items())
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
    }
    complete = [report(name, lines) for name, lines in files.items()]
    sources = {path.name for path in SOURCE.glob("*.c")} - TABLES
    unseen = sorted(name for name in sources - files.keys() if any(fnmatch.fnmatch(name, each) for each in patterns))
    for name in unseen:
        print(f"{name:24} no test compiles it")  # noqa: T201
    total = sum(len(branches) for lines in files.values() for branches in lines.branches.values())
    print(f"{len(files)} files, {total} branches: {'all run' if all(complete) and not unseen else 'not all run'}")  # noqa: T201
    sys.exit(0 if complete and all(complete) and not unseen else 1)


if __name__ == "__main__":
    main()
