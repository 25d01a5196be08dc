"""`iotsign demo`: the whole way of a release, from no key at all to a refused forgery."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from iotsign.cli._output import json_option, json_wanted, print_json, print_table, say, styled

_PLATFORMS: Final = (
    ("AmazonFreeRTOS-Default", "freertos.signed", ()),
    ("AWSIoTDeviceManagement-SHA256-ECDSA", "jobs.signed.json", ("--s3", "releases/{name}@1")),
    ("MCUboot-ECDSA-P256", "mcuboot.signed", ()),
)
_KEY, _PUBLIC, _CERTIFICATE, _FORGED = "signing.pem", "signing.pub.pem", "signing.crt", "forged.signed"


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a demo, the exit code it should have, and what is worth reading in its answer."""

    title: str
    arguments: tuple[str, ...]
    read: Callable[[dict[str, Any]], str]
    exit_code: int = 0
    forge: tuple[str, str] | None = None  # the image to be tampered with before, and what the result is called
    goes_on: bool = False  # it runs until it is stopped


@dataclass(frozen=True, slots=True)
class _Outcome:
    stage: Stage
    exit_code: int
    found: str
    seconds: float


def _key_found(answer: dict[str, Any]) -> str:
    return f"{answer['keyType']}, fingerprint {answer['publicKeySha256'][:16]}…"


def _sign_found(answer: dict[str, Any]) -> str:
    return f"{answer['imageFormat']}, {answer['signatureAlgorithm']}, {answer['size']} bytes"


def _verdict_found(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"{answer['verdict']}: {answer['error']['message']}"
    return f"{answer['verdict']}: {answer['steps'][-1]['detail']}"


def _stages(firmware: Path) -> Iterator[Stage]:
    yield Stage("make a key", ("key", "generate", "-t", "p256", "-o", _KEY, "--force"), _key_found)
    yield Stage("certify it", ("key", "certificate", "-k", f"pem:{_KEY}", "-o", _CERTIFICATE, "--subject", "CN=Demo"),
                 lambda answer: f"valid to {answer['notAfter']}")  # fmt: skip
    yield Stage("take its public half", ("key", "show", f"pem:{_KEY}", "--public", "-o", _PUBLIC), _key_found)
    for platform, output, options in _PLATFORMS:
        extra = tuple(option.format(name=firmware.name) for option in options)
        arguments = ("image", "sign", str(firmware), "-p", platform, "-k", f"pem:{_KEY}", "-o", output, *extra)
        yield Stage(f"sign for {platform}", arguments, _sign_found)
    for platform, output, options in _PLATFORMS:
        payload = ("--payload", str(firmware)) if options else ()
        trust = ("--key", _PUBLIC) if platform.startswith("MCUboot") else ("--certificate", _CERTIFICATE)
        arguments = ("image", "verify", output, *trust, "-p", platform, *payload)
        yield Stage(f"verify {output}", arguments, _verdict_found)
    yield Stage("verify a forgery", ("image", "verify", _FORGED, "--key", _PUBLIC), _verdict_found, exit_code=1,
                forge=(_PLATFORMS[0][1], _FORGED))  # fmt: skip


def _forge(source: Path, target: Path) -> None:
    """Change one character in the middle of the payload: still well-formed, no longer what was signed."""
    image = bytearray(source.read_bytes())
    middle = len(image) * 3 // 4
    image[middle] = ord("A") if image[middle] != ord("A") else ord("B")
    target.write_bytes(image)


def _run_all(stages: Iterable[Stage], directory: Path) -> list[_Outcome]:
    """Run stages until one ends otherwise than it should."""
    outcomes: list[_Outcome] = []
    for stage in stages:
        if stage.forge is not None:
            _forge(directory / stage.forge[0], directory / stage.forge[1])
        outcomes.append(_run(stage, directory))
        if outcomes[-1].exit_code != stage.exit_code:
            break
    return outcomes


def _run(stage: Stage, directory: Path) -> _Outcome:
    start = time.perf_counter()
    command = [sys.executable, "-m", "iotsign", *stage.arguments, "--json"]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if result.returncode != stage.exit_code:
        return _Outcome(stage, result.returncode, result.stderr.strip().partition("\n")[0], seconds)
    return _Outcome(stage, result.returncode, stage.read(json.loads(result.stdout)), seconds)


@click.command()
@click.argument("firmware", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-b", "--board", "board_name", metavar="BOARD", help="Go on to an emulated board, and install there.")
@click.option("-d", "--directory", type=click.Path(file_okay=False, path_type=Path), default=Path("demo"),
              show_default=True, help="Where keys and images go; made if it is not there.")  # fmt: skip
@json_option
def demo(firmware: Path, directory: Path, board_name: str | None) -> None:
    """Sign FIRMWARE for three platforms, verify each image, and see a forgery refused.

    With --board an emulated board is started, which installs an update over its serial line and boots it; a tampered
    one is refused by the host and, forced past it, by the board.

    Every row of the table is a command of yours to try, in the directory and in this order. Keys made here are for
    development.

    \b
    Example:
      iotsign demo build/app.hex
    """
    directory.mkdir(parents=True, exist_ok=True)
    outcomes = _run_all(_stages(firmware.resolve()), directory)
    if board_name is not None and outcomes[-1].exit_code == outcomes[-1].stage.exit_code:
        from iotsign.cli._demo_board import board_stages, running_board

        prepare, start, install = board_stages(board_name)
        outcomes += _run_all(prepare, directory)
        if outcomes[-1].exit_code == 0:
            began = time.perf_counter()
            with running_board(start, directory) as answer:
                outcomes.append(_Outcome(start, 0, start.read(answer), time.perf_counter() - began))
                outcomes += _run_all(install, directory)
    _report(outcomes, directory)
    if outcomes[-1].exit_code != outcomes[-1].stage.exit_code:
        raise click.exceptions.Exit(70)


def _report(outcomes: list[_Outcome], directory: Path) -> None:
    if json_wanted():
        for outcome in outcomes:
            print_json({
                "title": outcome.stage.title,
                "command": ["iotsign", *outcome.stage.arguments],
                "exitCode": outcome.exit_code,
                "expectedExitCode": outcome.stage.exit_code,
                "found": outcome.found,
                "seconds": round(outcome.seconds, 3),
            })  # fmt: skip
        return
    rows = []
    for outcome in outcomes:
        as_expected = outcome.exit_code == outcome.stage.exit_code
        colour = "red" if not as_expected else "green" if outcome.exit_code == 0 else "yellow"
        rows.append([outcome.stage.title, styled(outcome.found, colour), f"{outcome.seconds:.2f} s"])
    print_table(["step", "result", "time"], rows)
    say("")
    say(f"The commands, for you to try in {directory}:")
    for outcome in outcomes:
        say("  " + shlex.join(["iotsign", *outcome.stage.arguments]) + (" &" if outcome.stage.goes_on else ""))
