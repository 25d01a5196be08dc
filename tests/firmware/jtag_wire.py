"""A JTAG debug port for OpenOCD's `remote_bitbang` driver, in front of an emulated board.

Source: OpenOCD 0.12, doc/manual/jtag/drivers/remote_bitbang.txt (one character a step of the wires); IEEE 1149.1
(states); Arm Debug Interface v5.2, B3 (the JTAG-DP's instructions and scan chains).
"""

import socketserver
import struct
import threading

from debugged_core import AHB_AP, DEBUG_BASE, DebuggedCore

CSW, TAR, DRW, BD0, BASE, IDR = 0x00, 0x04, 0x0C, 0x10, 0xF8, 0xFC
CSW_ENABLED = 0x40
IDCODE = 0x0BA00477
DONE = 0b010  # the acknowledgement of a scan
IR_BITS, DPACC, APACC, READ_IDCODE, BYPASS = 4, 0xA, 0xB, 0xE, 0xF
# state: the next one with TMS low, with TMS high
STATES = {
    "reset": ("idle", "reset"),
    "idle": ("idle", "select-dr"),
    "select-dr": ("capture-dr", "select-ir"),
    "capture-dr": ("shift-dr", "exit1-dr"),
    "shift-dr": ("shift-dr", "exit1-dr"),
    "exit1-dr": ("pause-dr", "update-dr"),
    "pause-dr": ("pause-dr", "exit2-dr"),
    "exit2-dr": ("shift-dr", "update-dr"),
    "update-dr": ("idle", "select-dr"),
    "select-ir": ("capture-ir", "reset"),
    "capture-ir": ("shift-ir", "exit1-ir"),
    "shift-ir": ("shift-ir", "exit1-ir"),
    "exit1-ir": ("pause-ir", "update-ir"),
    "pause-ir": ("pause-ir", "exit2-ir"),
    "exit2-ir": ("shift-ir", "update-ir"),
    "update-ir": ("idle", "select-dr"),
}


class JtagWire(socketserver.TCPServer):
    """Serves one debugger at a time, at `port`."""

    allow_reuse_address = True

    def __init__(self, core: DebuggedCore) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.core = core
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _DebugPort:
    """The registers behind the wire."""

    def __init__(self, core: DebuggedCore) -> None:
        self._core = core
        self._select, self._power = 0, 0
        self._registers = {CSW: CSW_ENABLED, TAR: 0}

    def read(self, access: bool, address: int) -> int:
        if access:
            return self._read_access(self._bank(address))
        return self._power | (self._power & 0x5000_0000) << 1 if address == 4 else 0

    def write(self, access: bool, address: int, value: int) -> None:
        if access:
            self._write_access(self._bank(address), value)
        elif address == 4:
            self._power = value
        elif address == 8:
            self._select = value

    def _bank(self, address: int) -> int:
        return self._select & 0xF0 | address

    def _read_access(self, register: int) -> int:
        if self._select >> 24:
            return 0  # there is one access port
        if register == DRW or BD0 <= register < BD0 + 16:
            size, at = self._target(register)
            data = self._core.read(at, size)
            self._advance(register, size)
            return int.from_bytes(data, "little") << at % 4 * 8
        return {IDR: AHB_AP, BASE: DEBUG_BASE}.get(register, self._registers.get(register, 0))

    def _write_access(self, register: int, value: int) -> None:
        if register == DRW or BD0 <= register < BD0 + 16:
            size, at = self._target(register)
            self._core.write(at, struct.pack("<I", value)[at % 4 :][:size])
            self._advance(register, size)
        else:
            self._registers[register] = value | (CSW_ENABLED if register == CSW else 0)

    def _target(self, register: int) -> tuple[int, int]:
        if register == DRW:
            return 1 << (self._registers[CSW] & 3), self._registers[TAR]
        return 4, self._registers[TAR] & ~0xF | register & 0xC

    def _advance(self, register: int, size: int) -> None:
        if register == DRW and self._registers[CSW] & 0x30:
            self._registers[TAR] += size


class _Session(socketserver.StreamRequestHandler):
    server: JtagWire

    def setup(self) -> None:
        super().setup()
        self._port = _DebugPort(self.server.core)
        self._state, self._clock = "reset", False
        self._instruction = READ_IDCODE
        self._shift, self._length = 0, 1  # the register between TDI and TDO
        self._read = 0  # what the next scan brings

    def handle(self) -> None:
        while steps := self.request.recv(1 << 16):
            answers = bytearray()
            for character in steps:
                if ord("0") <= character <= ord("7"):
                    self._step(clock=bool(character & 4), mode=character >> 1 & 1, data=character & 1)
                elif character == ord("R"):
                    answers.append(ord("1" if self._shift & 1 else "0"))
                elif character == ord("Q"):
                    return
            self.request.sendall(answers)

    def _step(self, *, clock: bool, mode: int, data: int) -> None:
        rising, self._clock = clock and not self._clock, clock
        if not rising:
            return
        if self._state in ("shift-dr", "shift-ir"):
            self._shift = self._shift >> 1 | data << self._length - 1
        self._state = STATES[self._state][mode]
        if self._state == "reset":
            self._instruction = READ_IDCODE
        elif self._state == "capture-ir":
            self._shift, self._length = 1, IR_BITS
        elif self._state == "update-ir":
            self._instruction = self._shift
        elif self._state == "capture-dr":
            self._capture()
        elif self._state == "update-dr" and self._instruction in (DPACC, APACC):
            self._access(self._shift & 1, self._shift >> 1 & 3, self._shift >> 3)

    def _capture(self) -> None:
        if self._instruction in (DPACC, APACC):
            self._shift, self._length = self._read << 3 | DONE, 35
        elif self._instruction == READ_IDCODE:
            self._shift, self._length = IDCODE, 32
        else:
            self._shift, self._length = 0, 1

    def _access(self, reads: int, register: int, value: int) -> None:
        access, address = self._instruction == APACC, register << 2
        if reads:
            if access or address != 0xC:  # RDBUFF brings what was read before
                self._read = self._port.read(access, address)
        else:
            self._port.write(access, address, value)
