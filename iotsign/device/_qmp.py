"""QEMU's two control lines: QMP, which is JSON, and the debugger's protocol."""

import json
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from iotsign.errors import DeviceError, DeviceTimeoutError

__all__ = ["GdbLine", "QmpLine"]

_TIMEOUT_S: Final = 30.0
_LARGEST_PACKET: Final = 2000  # bytes of memory in one packet; QEMU takes 4096 characters


class QmpLine:
    """QMP over a connected socket. Source: QEMU 7.2, docs/interop/qmp-spec.txt."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._line.settimeout(_TIMEOUT_S)
        self._file = line.makefile("rb")
        self._greeted = False

    @property
    def has_begun(self) -> bool:
        """Tell whether QEMU has said anything; before, it waits for its serial line to be opened."""
        return self._greeted or bool(select.select([self._line], [], [], 0)[0])

    def greet(self, timeout_s: float | None = _TIMEOUT_S) -> None:
        """Wait until QEMU runs and takes commands; with None, for ever.

        Raises:
            DeviceError: QEMU has ended.
            DeviceTimeoutError: It does not answer.
        """
        if not self._greeted:
            self._line.settimeout(timeout_s)
            self._receive()
            self._line.settimeout(_TIMEOUT_S)
            self._greeted = True
            self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run one command and give what it returns.

        Raises:
            DeviceError: QEMU refuses it, or has ended.
            DeviceTimeoutError: It does not answer.
        """
        self.greet()
        request = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
        try:
            self._line.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise _ended() from None
        while True:
            reply = self._receive()
            if "return" in reply:
                return reply["return"]
            if "error" in reply:
                message = f"QEMU refuses {command}: {reply['error'].get('desc')}"
                raise DeviceError("QemuRefused", message, command=command)

    def close(self) -> None:
        """Let go of the line."""
        self._file.close()
        self._line.close()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._file.readline()
        except TimeoutError:
            raise DeviceTimeoutError("QemuSilent", f"QEMU does not answer for {_TIMEOUT_S:g} s") from None
        except OSError:
            raise _ended() from None
        if not line:
            raise _ended()
        reply: dict[str, Any] = json.loads(line)
        return reply


class GdbLine:
    """The debugger's remote protocol over a connected socket. Source: GDB manual, appendix E.

    The processor runs until something is sent here.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._rest = b""

    def stop(self) -> None:
        """Stop the processor.

        Raises:
            DeviceError: QEMU has ended.
        """
        self._line.settimeout(_TIMEOUT_S)
        self._send_raw(b"\x03")
        self._packet()

    def set_breakpoint(self, address: int) -> None:
        """Stop at an instruction from now on."""
        self._command(f"Z0,{address:x},2")

    def clear_breakpoint(self, address: int) -> None:
        """Stop there no more."""
        self._command(f"z0,{address:x},2")

    def step(self) -> None:
        """Run one instruction."""
        self._command("s")

    def resume(self) -> None:
        """Let the processor run and do not wait."""
        self._send("c")

    def wait_for_stop(self, wanted: Callable[[], bool]) -> bool:
        """Wait until the processor stops at a breakpoint; False if that is no longer wanted.

        Raises:
            DeviceError: QEMU has ended.
        """
        self._line.settimeout(0.05)
        while wanted():
            try:
                self._packet()
            except TimeoutError:
                continue
            self._line.settimeout(_TIMEOUT_S)
            return True
        return False

    def pass_breakpoints(self, addresses: Sequence[int]) -> None:
        """Go on from a breakpoint: without it for one instruction, because QEMU would stop at it again."""
        for address in addresses:
            self.clear_breakpoint(address)
        self.step()
        for address in addresses:
            self.set_breakpoint(address)
        self.resume()

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory, read-only memory included.

        Raises:
            DeviceError: QEMU refuses it, or has ended.
        """
        for at in range(0, len(data), _LARGEST_PACKET):
            part = data[at : at + _LARGEST_PACKET]
            if self._command(f"M{address + at:x},{len(part):x}:{part.hex()}") != "OK":
                raise DeviceError("QemuRefused", f"QEMU does not write memory at {address + at:#x}")

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def _command(self, text: str) -> str:
        self._send(text)
        try:
            return self._packet()
        except TimeoutError:
            raise DeviceTimeoutError("QemuSilent", f"QEMU does not answer for {_TIMEOUT_S:g} s") from None

    def _send(self, text: str) -> None:
        data = text.encode()
        self._send_raw(b"$" + data + b"#%02x" % (sum(data) & 0xFF))

    def _send_raw(self, data: bytes) -> None:
        try:
            self._line.sendall(data)
        except OSError:
            raise _ended() from None

    def _packet(self) -> str:
        """Take the next packet; what precedes it is acknowledgements."""
        while True:
            start = self._rest.find(b"$")
            end = self._rest.find(b"#", start)
            if 0 <= start < end <= len(self._rest) - 3:
                packet, self._rest = self._rest[start + 1 : end], self._rest[end + 3 :]
                self._send_raw(b"+")
                return packet.decode("ascii", "replace")
            try:
                data = self._line.recv(4096)
            except TimeoutError:
                raise
            except OSError:
                raise _ended() from None
            if not data:
                raise _ended()
            self._rest += data


def _ended() -> DeviceError:
    return DeviceError("QemuEnded", "QEMU has ended")
