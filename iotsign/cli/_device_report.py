"""What `iotsign device` shows: steps with their times, and what came of them."""

import re
from typing import TYPE_CHECKING, Any

from iotsign.cli._errors import describe
from iotsign.cli._output import json_wanted, print_json, print_table, styled, warn

if TYPE_CHECKING:
    from iotsign.app import DeviceSteps, Installed
    from iotsign.device import Identity
    from iotsign.errors import IotsignError

_STYLES = {"done": "green", "failed": "red", "skipped": "yellow"}


def spaced(name: str) -> str:
    """Write a JSON member's name as words: ``bootLoader`` is "boot loader"."""
    return re.sub("([A-Z])", lambda match: " " + match[1].lower(), name)


def steps_json(steps: "DeviceSteps") -> dict[str, Any]:
    """Describe the steps that were taken."""
    taken = [
        {"name": step.name, "outcome": step.outcome, "seconds": round(step.seconds, 3), "detail": step.detail}
        for step in steps.taken
    ]
    return {"steps": taken, "warnings": steps.warnings}


def identity_json(identity: "Identity") -> dict[str, Any]:
    """Describe a device."""
    return {
        "board": identity.board,
        "deviceId": identity.device_id,
        "bootLoader": identity.loader,
        "securityCounter": identity.counter,
        "codeSignerSha256": identity.code_signer,
    }


def print_steps(title: str, steps: "DeviceSteps", about: dict[str, Any], *, good: bool) -> None:
    """Show steps: as one JSON object, or as a table and warnings."""
    if json_wanted():
        print_json(about | steps_json(steps))
        return
    rows = [
        [step.name, styled(step.outcome, _STYLES[step.outcome]), f"{step.seconds:.2f} s", step.detail]
        for step in steps.taken
    ]
    print_table(["step", "outcome", "time", "found"], rows, title=styled(title, "bold green" if good else "bold red"))
    for words in steps.warnings:
        warn(words)


def print_installation(
    image: str,
    board: str,
    steps: "DeviceSteps",
    seconds: float,
    *,
    installed: "Installed | None" = None,
    error: "IotsignError | None" = None,
) -> None:
    """Show how an installation went, as far as it went."""
    outcome = installed.outcome if installed else "failed" if error else "written"
    about: dict[str, Any] = {"image": image, "board": board, "outcome": outcome, "seconds": round(seconds, 3)}
    if installed is not None:
        about |= {
            "version": installed.image.boot_version,
            "sha256": installed.sha256,
            "device": identity_json(installed.identity),
        }
    if error is not None:
        about |= {"error": describe(error)}
    print_steps(f"{image}: {outcome}", steps, about, good=error is None)
