"""One skipped instruction does not make a boot loader accept a bad image: a sample; `make fi` tries every point."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import skips

OWN = ("decide", "boot")  # the caller's own code: of the core's example, of the reference boot loader


@pytest.mark.parametrize(
    ("profile", "kind"), [("small", "mcuboot"), ("fast", "mcuboot"), ("small", "detached"), ("fast", "bootloader")]
)
def test_a_sample_of_skips(profile: str, kind: str, tmp_path: Path) -> None:
    if missing := skips.MACHINE.missing or next((t for t in ("setpriv",) if shutil.which(t) is None), ""):
        pytest.skip(f"{missing} is not installed")
    program = skips.boot_program(profile, tmp_path, kind=kind)
    points = skips.points_of(program)
    assert len(points) > 5000
    own = [point for point in points if program.instructions[point.address] in OWN and point.mark == skips.START]
    sample = own + points[:: len(points) // 30]
    tried = list(skips.try_points(program, sample, jobs=1))
    wrong = {skips.Outcome.ACCEPTED, skips.Outcome.NOT_REACHED}
    assert [(outcome, point) for point, outcome in tried if outcome in wrong] == []
    assert sum(outcome is skips.Outcome.REFUSED for _, outcome in tried) > len(sample) // 3


def test_the_bench_sees_what_boots(tmp_path: Path) -> None:
    """Without the second of its two checks the same program is one skip away from booting."""
    if skips.MACHINE.missing:
        pytest.skip(f"{skips.MACHINE.missing} is not installed")
    program = skips.boot_program("small", tmp_path, flags="-DSINGLE_CHECK")
    points = [point for point in skips.points_of(program) if point.size == 2 and point.mark == skips.START]
    own = [point for point in points if program.instructions[point.address] == "decide"]
    outcomes = Counter(outcome for _, outcome in skips.try_points(program, own, jobs=1))
    assert outcomes[skips.Outcome.ACCEPTED] > 0


def test_a_forged_image_needs_more_than_one_skip(tmp_path: Path) -> None:
    """Where nobody asks how the hash went, one skipped instruction is enough for the same image."""
    if skips.MACHINE.missing:
        pytest.skip(f"{skips.MACHINE.missing} is not installed")
    believing = "-DBELIEVE -Wl,--wrap=iotsign_sha256_twice_is_sound"
    for flags, accepted in (("", False), (believing, True)):
        program = skips.boot_program("small", tmp_path / str(accepted), forgery="word", flags=flags)
        mark = next(iter(skips.marks_of("mcuboot", "word")))
        points = skips.points_of_forgery(program, "mcuboot", "word")
        first = [point for point in points if point.mark == mark and point.size == 2 and point.time == 1]
        sample = [point for point in first if program.instructions[point.address] == "memcpy"]
        outcomes = Counter(outcome for _, outcome in skips.try_points(program, sample, jobs=1))
        assert (outcomes[skips.Outcome.ACCEPTED] > 0) == accepted
