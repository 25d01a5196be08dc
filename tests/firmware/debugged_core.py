"""What a debug probe sees of an emulated Cortex-M0: its memory, and the registers that stop it and give access to it.

QEMU has no debug port. This maps the processor's debug registers to QEMU's debugger line, so that other people's probe
programs find a board that they know. Lies on the import path of the tests.

Source: Arm Debug Interface v5.2 (DP and MEM-AP registers), Armv6-M Architecture Reference Manual, C1 (debug registers).
"""

import contextlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from bench_board import Bench, Keys, make_key, page_of, public_half

from iotsign.device import EmulatedBoard, SmpClient, find_board, make_flash

DPIDR: Final = 0x0BB11477
AHB_AP: Final = 0x04770021
DEBUG_BASE: Final = 0xE00FF003
ROM_TABLE: Final = {0xE00FF000: 0xFFF0F003, 0xE00FF004: 0xFFF02003, 0xE00FF008: 0xFFF03003}
COMPONENTS: Final = {  # first page of each: PIDR0-3, class in CIDR1
    0xE00FF000: ((0x71, 0xB4, 0x0B, 0x00), 0x10),
    0xE000E000: ((0x08, 0xB0, 0x0B, 0x00), 0xE0),
    0xE0001000: ((0x0A, 0xB0, 0x0B, 0x00), 0xE0),
    0xE0002000: ((0x0B, 0xB0, 0x0B, 0x00), 0xE0),
}
FP_CTRL: Final = 0xE0002000
AIRCR, DFSR, DHCSR, DCRSR, DCRDR, DEMCR = 0xE000ED0C, 0xE000ED30, 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC
HALTED, READY, WAS_RESET = 1 << 17, 1 << 16, 1 << 25
XPSR: Final = 25  # QEMU's number of it; the debug registers call it 16
CODE_END: Final = 0xF0000000
RAM: Final = range(0x20000000, 0x20004000)
STORE: Final = bytes.fromhex("0160")  # str r1, [r0]


BOARD: Final = "microbit"
SLOT: Final = 0x8000
GENEROUS_S: Final = 120.0


@dataclass
class Target:
    """A micro:bit whose boot loader has no image to start.

    Attributes:
        core: What a probe sees of it.
        client: Its serial line.
        image: A signed image that it would start, in a file.
        key: The public key of that image.
    """

    core: "DebuggedCore"
    client: SmpClient
    image: Path
    key: Path

    def boots(self) -> bool:
        """Whether it starts the image, which confirms itself."""
        started = self.client.wait_for_line("booting 1.0.0+0".__eq__, GENEROUS_S)
        return started is not None and self.client.wait_for_line("confirmed".__eq__, GENEROUS_S) is not None

    def misread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let one bit of the image read wrong from now on."""
        read, wrong = self.core.read, SLOT + 0x210

        def misread(address: int, length: int) -> bytes:
            data = bytearray(read(address, length))
            if address <= wrong < address + length:
                data[wrong - address] ^= 1
            return bytes(data)

        monkeypatch.setattr(self.core, "read", misread)


@contextlib.contextmanager
def waiting_target(directory: Path) -> Iterator[Target]:
    """Start a micro:bit without an image."""
    board = find_board(BOARD)
    if board.bootloader is None:
        pytest.skip("needs the boot loader of the board")
    make_key(directory / "boot.pem")
    keys = Keys(directory / "boot.pem", directory / "boot.pem")
    bench = Bench(board, None, keys, directory, board.bootloader.parent, None)  # type: ignore[arg-type]
    make_flash(board, directory / "flash", page=page_of(keys, directory))
    image = directory / "app.img"
    image.write_bytes(bench.boot_image("1.0.0"))
    with EmulatedBoard(board, directory / "flash") as emulated, SmpClient(emulated.open()) as client:
        assert client.wait_for_line(lambda line: line == "refused: no image", GENEROUS_S)
        yield Target(DebuggedCore(emulated), client, image, public_half(keys.boot, directory))


def descriptor(directory: Path, flasher: str) -> Path:
    """Describe the micro:bit as a board that a program flashes; `flasher` are lines of TOML."""
    file = directory / "desk" / "board.toml"
    file.parent.mkdir()
    file.write_text(
        'id = "desk"\nname = "x"\ncore = "cortex-m0"\nplatforms = ["MCUboot-ECDSA-P256"]\n'
        f'[transport]\nkind = "serial"\nbaud = 115200\n[flasher]\naddress = {SLOT:#x}\nsize = 0x1B800\n{flasher}\n'
    )
    return file


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The error that a command with ``--json`` ended with."""
    return dict(json.loads(capsys.readouterr().err.splitlines()[-1])["error"])


class DebuggedCore:
    """The processor of an emulated board, as its debug registers show it.

    Attributes:
        resets: How often it was reset through them.
    """

    def __init__(self, emulated: EmulatedBoard) -> None:
        self._emulated = emulated
        self._gdb = emulated._control.gdb
        self._stopped, self._breakpoint, self._was_reset = False, 0, False
        self._control, self._vectors, self._data, self._comparators = 0, 0, 0, 0
        self.resets = 0
        self._still("qXfer:features:read:target.xml:0,ffb")  # or else QEMU does not tell single registers

    def read(self, address: int, length: int) -> bytes:
        """Read memory or registers; registers by whole words."""
        if address & ~0xFFF in COMPONENTS and length > 4:
            return b"".join(self.read(at, 4) for at in range(address, address + length, 4))
        if length == 4 and (word := self._register(address)) is not None:
            return struct.pack("<I", word)
        parts = []
        for at in range(address, address + length, 1024):
            size = min(1024, address + length - at)
            answer = self._still(f"m{at:x},{size:x}")
            parts.append(bytes(size) if answer.startswith("E") else bytes.fromhex(answer))  # nothing lies there
        return b"".join(parts)

    def write(self, address: int, data: bytes) -> None:
        """Write memory or registers."""
        if len(data) == 4 and self._write_register(address, struct.unpack("<I", data)[0]):
            return
        if address not in RAM and len(data) == 4:
            self._store(address, data)
            return
        for at in range(0, len(data), 1024):
            part = data[at : at + 1024]
            assert self._still(f"M{address + at:x},{len(part):x}:{part.hex()}") == "OK"

    def _still(self, command: str) -> str:
        """Run a debugger's command; a running processor is stopped for it."""
        running = not self._halted()
        if running:
            self._gdb.stop()
        answer = self._gdb._command(command)
        if running:
            self._gdb.resume()
        return answer

    def _store(self, address: int, data: bytes) -> None:
        """Have the processor store a word: QEMU's debugger writes to no peripheral, and past that of the flash."""
        assert self._halted()
        kept = [self._core_register(number) for number in (0, 1, 15)]
        code = self.read(RAM.start, 2)
        self.write(RAM.start, STORE)
        for number, value in ((0, address), (1, struct.unpack("<I", data)[0]), (15, RAM.start)):
            self._set_core_register(number, value)
        self._gdb.step()
        self.write(RAM.start, code)
        for number, value in zip((0, 1, 15), kept, strict=True):
            self._set_core_register(number, value)

    def _halted(self) -> bool:
        if not self._stopped and self._breakpoint:
            waits = iter((True, False))
            if self._gdb.wait_for_stop(lambda: next(waits)):
                self._gdb.clear_breakpoint(self._breakpoint)
                self._stopped, self._breakpoint = True, 0
        return self._stopped

    def _register(self, address: int) -> int | None:
        if address in ROM_TABLE:
            return ROM_TABLE[address]
        page, offset = address & ~0xFFF, address & 0xFFF
        if page in COMPONENTS and offset >= 0xFD0:
            identity, kind = COMPONENTS[page]
            return (4, 0, 0, 0, *identity, 0x0D, kind, 0x05, 0xB1)[(offset - 0xFD0) // 4]
        if address == FP_CTRL:
            return self._comparators & 1  # on as asked, and none there
        if page in COMPONENTS and page != 0xE000E000:
            return 0
        if address == DHCSR:
            halted, again = self._halted(), self._was_reset
            self._was_reset = False
            return self._control | READY | (HALTED if halted else 0) | (WAS_RESET if again else 0)
        return {DCRSR: 0, DCRDR: self._data, DEMCR: self._vectors, DFSR: 0}.get(address)

    def _write_register(self, address: int, word: int) -> bool:
        if address == DHCSR:
            self._steer(word)
        elif address == DCRSR:
            self._transfer(word)
        elif address == DCRDR:
            self._data = word
        elif address == DEMCR:
            self._vectors = word
        elif address == FP_CTRL:
            self._comparators = word
        elif address == AIRCR and word & 4:
            self._reset()
        elif address != DFSR and (address & ~0xFFF not in COMPONENTS or address & ~0xFFF == 0xE000E000):
            return False
        return True

    def _steer(self, word: int) -> None:
        self._control = word & 0xF
        if not word & 1:
            word &= ~2  # without debugging there is no halt
        if word & 2 and not self._halted():
            self._gdb.stop()
            self._stopped = True
        elif not word & 2 and self._halted():
            if word & 4:
                self._gdb.step()
                return
            # QEMU takes a breakpoint instruction for a fault; so it is told where one is: where a call returns
            back = self._core_register(14) & ~1
            if back < CODE_END and self.read(back, 2)[1] == 0xBE:
                self._gdb.set_breakpoint(back)
                self._breakpoint = back
            self._gdb.resume()
            self._stopped = False

    def _transfer(self, word: int) -> None:
        number = word & 0x7F
        if number in (17, 18):
            number = 13
        elif number == 16:
            number = XPSR
        elif number > 16:
            self._data = 0
            return
        if word & 1 << 16:
            self._set_core_register(number, self._data)
        else:
            self._data = self._core_register(number)

    def _core_register(self, number: int) -> int:
        return int(struct.unpack("<I", bytes.fromhex(self._gdb._command(f"p{number:x}"))[:4])[0])

    def _set_core_register(self, number: int, value: int) -> None:
        assert self._gdb._command(f"P{number:x}={struct.pack('<I', value).hex()}") == "OK"

    def _reset(self) -> None:
        if not self._halted():
            self._gdb.stop()
        self._emulated.execute("system_reset")
        for _ in range(2):
            self._emulated.execute("query-status")  # the reset is done when QEMU answers again
        self.resets += 1
        self._stopped = self._was_reset = True
        if not self._vectors & 1:
            self._gdb.resume()
            self._stopped = False
