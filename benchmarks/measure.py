"""Time commands side by side and write what was measured as a table, JSON and a plot.

Commands take turns (A B C, A B C, …), so that a machine that slows down slows all of them; a figure is the median of
the counted rounds after one warm-up, a ratio is the median of the ratios within each round.
"""

import compileall
import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[1] / "iotsign"
RESULTS = Path(__file__).parents[1] / "build" / "bench"


@dataclass
class Figure:
    """What one command took: seconds of each round and the largest anonymous memory seen, in bytes."""

    wall_s: list[float] = field(default_factory=list)
    anonymous_bytes: int = 0

    @property
    def median_s(self) -> float:
        return median(self.wall_s)


@dataclass(frozen=True)
class Row:
    """One line of a report: a ratio, the bound it should keep, and what it is made of."""

    name: str
    value: float
    bound: float
    unit: str = "×"
    at_least: bool = False
    detail: str = ""

    @property
    def kept(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def compile_package() -> None:
    """Write the package's bytecode, as installing a wheel does; an editable install may be without any."""
    compileall.compile_dir(PACKAGE, quiet=1)


def run_once(command: Sequence[str], *, watch_memory: bool = False) -> tuple[float, int]:
    """Run a command to its end; returns wall seconds and the peak of RssAnon in bytes (0 unless watched)."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    stop = threading.Event()

    def watch() -> None:
        nonlocal peak
        status = Path(f"/proc/{process.pid}/status")
        while not stop.wait(0.002):
            try:
                lines = status.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                return
            peak = max([peak, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))])

    watcher = threading.Thread(target=watch)
    if watch_memory:
        watcher.start()
    _, errors = process.communicate()
    elapsed = time.perf_counter() - start
    stop.set()
    if watch_memory:
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\nexit {process.returncode}: {errors.decode(errors='replace')}")
    return elapsed, peak


def side_by_side(commands: Mapping[str, Sequence[str]], *, rounds: int = 5, warm_up: int = 1) -> dict[str, Figure]:
    """Run the commands in turn; outputs that a command leaves behind are overwritten by its next round."""
    figures = {name: Figure() for name in commands}
    for number in range(warm_up + rounds):
        for name, command in commands.items():
            elapsed, _ = run_once(command)
            if number >= warm_up:
                figures[name].wall_s.append(elapsed)
    return figures


def ratio(mine: Figure, peer: Figure) -> float:
    """Median of the ratios within each round."""
    return median(a / b for a, b in zip(mine.wall_s, peer.wall_s, strict=True))


def report(name: str, rows: Sequence[Row]) -> None:
    """Print the rows; write build/bench/<name>.json and <name>.svg."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        verdict = "ok  " if row.kept else "MISS"
        print(f"{verdict} {row.name:{width}}  {row.value:8.2f} {row.unit}  (goal {sign} {row.bound:g})  {row.detail}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "kernel": platform.release()},
        "rows": [{**vars(row), "kept": row.kept} for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    plot(name, rows)


def processor() -> str:
    """The CPU's model name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def plot(name: str, rows: Sequence[Row]) -> None:
    """Draw each value as a fraction of its bound, so that one axis serves all units."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 0.6 + 0.38 * len(rows)), layout="constrained")
    labels = [f"{row.name}: {row.value:.2f} {row.unit}" for row in rows]
    values = [row.value / row.bound for row in rows]
    axes.barh(labels, values, color=["#2a7f62" if row.kept else "#b23a48" for row in rows])
    axes.axvline(1.0, color="#222222", linewidth=1, linestyle="--")
    axes.set_xlabel("measured / goal (dashed line); green keeps the goal")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / f"{name}.svg")
    pyplot.close(figure)
