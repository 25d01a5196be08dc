"""The command line against an emulated board: it installs, reports, refuses, and leaves the board as it was."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotsign.device import EmulatedBoard, SerialTransport, SmpClient, find_board, make_flash
from iotsign.errors import DeviceError

CLOSE = ("--key", "ota.pub.pem", "--boot-key", "boot.pub.pem")


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_release_from_signing_to_running(board: Any) -> None:
    answer, _ = board.run("device", "flash", board.sign("1.1.0"), "-b", "mps2-an385", *CLOSE)
    assert (answer["outcome"], answer["version"], answer["device"]["deviceId"]) == ("confirmed", "1.1.0+0", "desk")
    names = [step["name"] for step in answer["steps"]]
    assert names == ["read image", "host verifies", "platform", "identity", "upload", "read back", "device verifies",
                     "mark pending", "start", "confirm"]  # fmt: skip
    assert all(step["seconds"] >= 0 and step["outcome"] == "done" for step in answer["steps"])
    listed, _ = board.run("device", "list")
    assert [(image["slot"], image["version"], image["confirmed"]) for image in listed["images"]] == [
        (0, "1.1.0", True),
        (1, "1.0.0", False),
    ]


def test_asking_changes_nothing(board: Any) -> None:
    info, _ = board.run("device", "info")
    assert (info["board"], info["deviceId"], info["securityCounter"]) == ("mps2-an385", "desk", 0)
    attested, _ = board.run("device", "attest", "--attest-key", "attest.key", "--nonce", "00" * 16)
    assert attested["verified"]
    assert [slot["version"] for slot in attested["slots"]] == ["1.0.0"]
    (board.directory / "other.key").write_bytes(b"x" * 32)
    assert board.run("device", "attest", "--attest-key", "other.key", exit_code=1)[1]["code"] == "AttestationMismatch"
    answer, _ = board.run("device", "verify", "confirming-1.0.0.img")
    assert answer["steps"][-1]["outcome"] == "skipped"
    assert board.run("device", "verify", board.sign("1.1.0"), exit_code=1)[1]["code"] == "NotOnDevice"
    dry, _ = board.run("device", "flash", "confirming-1.1.0.signed", "-b", "mps2-an385", *CLOSE, "--dry-run")
    assert dry["outcome"] == "not written"
    assert len(board.run("device", "list")[0]["images"]) == 1


def test_a_tampered_object_is_refused_by_the_host_and_by_the_device(board: Any) -> None:
    # threat 22
    name = board.sign("1.1.0")
    signed = bytearray((board.directory / name).read_bytes())
    middle = len(signed) * 3 // 4
    signed[middle] = ord("A") if signed[middle] != ord("A") else ord("B")
    (board.directory / name).write_bytes(signed)
    answer, error = board.run("device", "flash", name, "-b", "mps2-an385", *CLOSE, exit_code=1)
    assert answer["steps"][-1]["name"] == "host verifies"
    assert error["code"] == answer["error"]["code"]
    assert len(board.run("device", "list")[0]["images"]) == 1
    answer, error = board.run("device", "flash", name, "-b", "mps2-an385", *CLOSE, "--force", exit_code=6)
    assert (answer["steps"][-1]["name"], error["data"]["name"]) == ("device verifies", "SIGNATURE_MISMATCH")
    board.run("device", "reset")
    assert board.run("device", "list")[0]["images"][0]["version"] == "1.0.0"


def test_on_trial_the_host_decides(board: Any) -> None:
    name = board.sign("1.1.0", sample="unconfirmed")
    answer, _ = board.run("device", "flash", name, "-b", "mps2-an385", *CLOSE, "--confirm", "none")
    assert answer["outcome"] == "on trial"
    on_trial, _ = board.run("device", "list")
    assert (on_trial["images"][0]["version"], on_trial["images"][0]["confirmed"]) == ("1.1.0", False)
    confirmed, _ = board.run("device", "confirm")
    assert confirmed["images"][0]["confirmed"]
    board.run("device", "reset")
    assert board.run("device", "list")[0]["images"][0]["version"] == "1.1.0"
    board.run("device", "erase")
    assert len(board.run("device", "list")[0]["images"]) == 1


def test_a_revert_is_an_error(board: Any) -> None:
    name = board.sign("1.1.0", sample="unconfirmed")
    answer, error = board.run("device", "flash", name, "-b", "mps2-an385", *CLOSE, "--trial", "0.5", exit_code=6)
    assert error["code"] == "Reverted"
    assert answer["steps"][-1]["name"] == "confirm"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("device", "info", "-b", "riscv32-virt", "--port", "{port}"), 6, "WrongBoard"),
        (
            ("device", "flash", "confirming-1.0.0.img", "-b", "mps2-an385", "--key", "boot.pub.pem"),
            6,
            "SignedObjectNeeded",
        ),
        (("device", "flash", "rsa.img", "-b", "mps2-an385", "--force"), 6, "WrongPlatform"),
        (("device", "flash", "plain.signed", "-b", "mps2-an385", "--force"), 6, "NotBootable"),
        (("device", "flash", "large.img", "-b", "mps2-an385", "--force"), 6, "ImageTooLarge"),
        (("device", "flash", "boot.pem", "-b", "mps2-an385", "--force"), 3, "UnknownImageFormat"),
        (("device", "flash", "confirming-1.0.0.img", "-b", "mps2-an385"), 2, "UsageError"),
        (("device", "flash", "confirming-1.0.0.img", "--force"), 2, "UsageError"),
        (("device", "info", "--port", "{port}"), 2, "UsageError"),
        (("device", "attest", "--nonce", "00"), 2, "UsageError"),
    ],
)
def test_bad_input_leaves_the_board_as_it_was(
    arguments: tuple[str, ...], exit_code: int, code: str, board: Any
) -> None:
    make_images(board)
    _, error = board.run(*(word.format(port=board.port) for word in arguments), exit_code=exit_code)
    assert error["code"] == code
    listed, _ = board.run("device", "list")
    assert [image["version"] for image in listed["images"]] == ["1.0.0"]


def make_images(board: Any) -> None:
    """An image for another kind of key, a signed object without a boot image, and one that no slot holds."""
    board.run("key", "generate", "-t", "rsa2048", "-o", "rsa.pem")
    (board.directory / "large.bin").write_bytes(bytes(0x34000))
    (board.directory / "plain.bin").write_bytes(b"no boot image" * 100)
    options = ("--version", "9.0.0", "--header-size", "0x200", "--pad-header")
    sign = ("image", "sign", "--input-format", "bin")
    board.run(*sign, "plain.bin", "-p", "MCUboot-RSA-2048", "-k", "pem:rsa.pem", *options, "-o", "rsa.img")
    board.run(*sign, "large.bin", "-p", "MCUboot-ECDSA-P256", "-k", "pem:boot.pem", *options, "-o", "large.img")
    board.run(*sign, "plain.bin", "-p", "AmazonFreeRTOS-Default", "-k", "pem:ota.pem", "-o", "plain.signed")


def test_the_console_shows_what_the_board_prints(board: Any) -> None:
    with SmpClient(SerialTransport(board.port)) as client:
        client.connect(60)
        client.reset()
    answers = board.all("device", "console", "--seconds", "5")
    assert {answer["line"] for answer in answers} <= {
        "iotsign boot 1.0.0 mps2-an385",
        "booting 1.0.0+0",
        "confirming 1.0.0+0",
        "confirmed",
    }


def test_boards_are_listed_with_their_ports(board: Any) -> None:
    listed = {one["id"]: one for one in board.all("board", "list")}
    assert listed["mps2-an385"]["ports"] == [board.port]
    shown, _ = board.run("board", "show", "mps2-an385")
    assert shown["secondary"] == {"offset": 0x34000, "size": 0x34000}
    assert shown["flashedBy"] == "smp"


def test_without_a_port_or_a_running_board(desk: Any) -> None:
    _, error = desk.run("device", "info", "-b", "mps2-an385", exit_code=6)
    assert (error["code"], error["hint"]) == ("NoPort", "start one: iotsign board start mps2-an385; or give --port")
    _, error = desk.run("device", "info", "-b", "mps2-an385", "--port", "/dev/ttyNOWHERE", exit_code=6)
    assert error["code"] == "NoSuchPort"
    assert desk.run("device", "info", "-b", "nosuch", exit_code=2)[1]["code"] == "UnknownBoard"


def test_two_running_boards_have_to_be_told_apart(desk: Any, start: Callable[..., Any]) -> None:
    start()
    start()
    _, error = desk.run("device", "info", exit_code=6)
    assert error["message"] == "2 emulated boards run; say which one"


def test_a_page_is_written_and_used(desk: Any, start: Callable[..., Any]) -> None:
    desk.sign("1.0.0", nested=False)
    page = ("device", "provision", "-b", "mps2-an385", "--boot-key", "boot.pub.pem", "--device-id", "made")
    desk.run(*page, "-o", "page.hex")
    desk.run(*page, "-o", "page.bin")
    assert desk.run("device", "provision", "-o", "page.bin", exit_code=2)[1]["code"] == "BadBootKeys"
    no_board = ("device", "provision", "--boot-key", "boot.pub.pem", "-o", "page.hex")
    assert desk.run(*no_board, exit_code=2)[1]["code"] == "UsageError"
    start("--provision", "page.bin", "--image", "confirming-1.0.0.img", "--flash", "kept.flash")
    assert desk.run("device", "info")[0]["deviceId"] == "made"


def test_flash_is_kept_and_a_pseudo_terminal_serves_smpclient(desk: Any, start: Callable[..., Any]) -> None:
    image = desk.sign("1.0.0", nested=False)
    process, _ = start("--boot-key", "boot.pub.pem", "--image", image, "--flash", "kept.flash")
    assert desk.run("device", "list")[0]["images"][0]["version"] == "1.0.0"
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert desk.run("board", "start", "mps2-an385", "--flash", "kept.flash", "--image", image, exit_code=2)[1]
    _, running = start("--flash", "kept.flash", "--pty")
    assert running["port"].startswith("/dev/pts/")
    assert desk.run("device", "list")[0]["images"][0]["version"] == "1.0.0"


def test_no_emulator_outlives_the_command_that_started_it(desk: Any, start: Callable[..., Any]) -> None:
    process, running = start()
    assert not is_gone(running["pid"])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while not is_gone(running["pid"]):
        pass
    assert desk.run("device", "info", exit_code=6)[1]["code"] == "NoPort"


def test_what_is_missing_is_named(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(desk.directory))
    _, error = desk.run("board", "start", "mps2-an385", exit_code=6)
    assert (error["code"], error["hint"]) == ("QemuMissing", "sudo apt-get install qemu-system-arm")


def test_an_emulator_that_fails_says_why(desk: Any) -> None:
    board = find_board("riscv32-virt")
    make_flash(board, desk.directory / "flash")
    loader = desk.directory / "nowhere.elf"
    emulated = EmulatedBoard(board, desk.directory / "flash", bootloader=loader)
    emulated.start()
    try:
        with pytest.raises(DeviceError, match=r"[Uu]nable to (load|find).*nowhere\.elf"):
            emulated.open()
    finally:
        emulated.stop()
