"""A debug probe for pyOCD's `remote:` driver, in front of an emulated board.

Source: pyOCD 0.46, pyocd/probe/tcp_client_probe.py (requests and answers, one JSON object a line).
"""

import json
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any

from debugged_core import AHB_AP, DEBUG_BASE, DPIDR, DebuggedCore

CSW_ENABLED = 0x40
PROPERTIES = {
    "vendor_name": "iotsign",
    "product_name": "emulated board",
    "supported_wire_protocols": ["DEFAULT", "SWD"],
    "wire_protocol": "SWD",
    "capabilities": [],
}


class RemoteProbe(socketserver.TCPServer):
    """Serves one debugger at a time, at `uid`."""

    allow_reuse_address = True

    def __init__(self, core: DebuggedCore) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.core = core
        self.uid = f"remote:127.0.0.1:{self.server_address[1]}"
        self.select, self.power = 0, 0
        self.registers = {0: CSW_ENABLED}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, request: str, arguments: list[Any]) -> Any:
        """Do what a request asks for; most of what steers a real probe has no meaning here."""
        does: dict[str, Callable[..., Any]] = {
            "readprop": PROPERTIES.get,
            "read_dp": self._read_port,
            "write_dp": self._write_port,
            "read_ap": self._read_access,
            "write_ap": self._write_access,
            "is_reset_asserted": lambda: False,
            "get_memory_interface_for_ap": lambda _version, _address: 1,
            "read_mem": lambda _, at, bits: int.from_bytes(self.core.read(at, bits // 8), "little"),
            "write_mem": lambda _, at, value, bits: self.core.write(at, value.to_bytes(bits // 8, "little")),
            "read_block8": lambda _, at, count: list(self.core.read(at, count)),
            "write_block8": lambda _, at, data: self.core.write(at, bytes(data)),
            "read_block32": lambda _, at, count: list(struct.unpack(f"<{count}I", self.core.read(at, 4 * count))),
            "write_block32": lambda _, at, data: self.core.write(at, struct.pack(f"<{len(data)}I", *data)),
        }
        return does[request](*arguments) if request in does else None

    def _read_port(self, address: int) -> int:
        if address == 4:
            return self.power | (self.power & 0x5000_0000) << 1  # what was asked to be powered is
        return DPIDR if address == 0 else 0

    def _write_port(self, address: int, value: int) -> None:
        if address == 8:
            self.select = value
        elif address == 4:
            self.power = value

    def _read_access(self, address: int) -> int:
        if self.select >> 24:
            return 0  # there is one access port
        register = self.select & 0xF0 | address & 0xC
        return {0xFC: AHB_AP, 0xF8: DEBUG_BASE}.get(register, self.registers.get(register, 0))

    def _write_access(self, address: int, value: int) -> None:
        self.registers[self.select & 0xF0 | address & 0xC] = value


class _Session(socketserver.StreamRequestHandler):
    server: RemoteProbe

    def handle(self) -> None:
        for line in self.rfile:
            asked = json.loads(line)
            answer: dict[str, Any] = {"id": asked["id"], "status": 0}
            try:
                answer["result"] = self.server.answer(asked["request"], asked.get("arguments", []))
            except Exception as error:  # noqa: BLE001 - the debugger shows it
                answer |= {"status": 1, "error": repr(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")
