"""The end of `iotsign demo`: an emulated board that boots what was signed, and refuses what was not."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from iotsign.cli.demo import Stage
from iotsign.device import find_board
from iotsign.errors import DeviceError

__all__ = ["board_stages", "running_board"]

_FACTORY, _UPDATE, _FORGED = "factory.img", "update.signed", "update.forged.signed"
_NATIVE: Final = ("-p", "MCUboot-ECDSA-P256", "--header-size", "0x200", "--pad-header", "--input-format", "bin")
_KEYS: Final = ("--key", "signing.pub.pem", "--boot-key", "boot.pub.pem")


def _signed(answer: dict[str, Any]) -> str:
    return f"{answer['size']} bytes"


def _installed(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"refused: {answer['error']['message']}"
    upload = next(step for step in answer["steps"] if step["name"] == "upload")
    return f"{answer['device']['board']} runs {answer['version']}, {answer['outcome']}; {upload['detail']}"


def _listed(answer: dict[str, Any]) -> str:
    return ", ".join(f"slot {image['slot']}: {image['version']}" for image in answer["images"])


def board_stages(name: str) -> tuple[list[Stage], Stage, list[Stage]]:
    """Give what is done before the board starts, its start, and what is done with it.

    Raises:
        ConfigError: There is no such board.
        DeviceError: Its boot loader and its sample applications are not built.
    """
    loader = find_board(name).bootloader
    if loader is None:
        message = f"the boot loader of {name} is not built"
        raise DeviceError("BootloaderMissing", message, board=name, hint=f"make -C boards BOARDS={name}")
    sample = str(loader.with_name("confirming.bin").absolute())
    nested = ("-f", "JSONEmbedded", "--boot-key", "pem:boot.pem", "-k", "pem:signing.pem")
    flash = ("device", "flash", "-b", name, *_KEYS)
    prepare = [
        Stage(
            "make a boot key",
            ("key", "generate", "-t", "p256", "-o", "boot.pem", "--force"),
            lambda answer: answer["keyType"],
        ),
        Stage(
            "take its public half",
            ("key", "show", "pem:boot.pem", "--public", "-o", "boot.pub.pem"),
            lambda answer: answer["keyType"],
        ),
        Stage(
            "sign the factory image",
            ("image", "sign", sample, *_NATIVE, "-k", "pem:boot.pem", "--version", "1.0.0", "-o", _FACTORY),
            _signed,
        ),
        Stage(
            "sign an update, twice",
            ("image", "sign", sample, *_NATIVE, *nested, "--version", "1.1.0", "-o", _UPDATE),
            _signed,
        ),
    ]
    keys = ("--boot-key", "boot.pub.pem", "--code-signer", "signing.pub.pem", "--device-id", "demo")
    start = Stage(
        "start an emulated board",
        ("board", "start", name, *keys, "--image", _FACTORY),
        lambda answer: f"{answer['board']} at {answer['port']}",
        goes_on=True,
    )
    install = [
        Stage("install it on the board", (*flash, _UPDATE), _installed),
        Stage("a tampered update: the host", (*flash, _FORGED), _installed, exit_code=1, forge=(_UPDATE, _FORGED)),
        Stage("… forced past the host: the board", (*flash, _FORGED, "--force"), _installed, exit_code=6),
        Stage("start the board again", ("device", "reset", "-b", name), lambda answer: f"{answer['reset']} is reset"),
        Stage("ask the board what it holds", ("device", "list", "-b", name), _listed),
    ]
    return prepare, start, install


@contextlib.contextmanager
def running_board(start: Stage, directory: Path) -> Iterator[dict[str, Any]]:
    """Start the board, as another terminal would, for as long as the body runs; gives what the command answers.

    Raises:
        DeviceError: It does not start.
    """
    command = [sys.executable, "-m", "iotsign", *start.arguments, "--json"]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                said = json.loads(process.stderr.read())["error"] if process.stderr else {}
                raise DeviceError(
                    "BoardNotStarted", said.get("message", "the board does not start"), hint=said.get("hint")
                )
            yield json.loads(line)
        finally:
            process.terminate()
