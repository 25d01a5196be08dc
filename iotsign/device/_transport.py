"""Byte streams to a device: serial ports, pseudo-terminals, ``socket://`` and RFC 2217, all through pyserial."""

import contextlib
import errno
import os
import warnings
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from iotsign.errors import DeviceError, DeviceTimeoutError, MissingDependencyError, TransportClosedError

if TYPE_CHECKING:
    from serial import SerialBase

__all__ = ["SerialTransport", "Transport", "missing_extra"]

_WRITE_TIMEOUT_S: Final = 10.0
_URLS: Final = ("socket", "rfc2217")
_LARGEST_READ: Final = 1 << 14  # bytes


class Transport(Protocol):
    """A byte stream to a device, both ways."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Give what has arrived: at least one byte, or none if nothing came in time.

        Raises:
            TransportClosedError: The line is gone.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            TransportClosedError: The line is gone.
            DeviceTimeoutError: The line takes no more bytes.
        """
        ...

    def close(self) -> None:
        """Let go of the line; may be called twice."""
        ...


def missing_extra(error: ImportError) -> MissingDependencyError:
    """Say which extra of iotsign brings the package that is not installed."""
    message = f"talking to devices needs the package {error.name}, which is not installed"
    return MissingDependencyError("MissingExtra", message, hint="pip install 'iotsign[device]'", package=error.name)


class SerialTransport:
    """What pyserial opens: ``/dev/ttyACM0``, ``/dev/pts/3``, ``socket://host:port``, ``rfc2217://host:port``.

    Attributes:
        name: The port as it was given.
        baud: Bits per second; only a real serial line heeds it.
    """

    def __init__(self, port: str, baud: int = 115200) -> None:
        """Open a port for this process alone.

        Raises:
            MissingDependencyError: pyserial is not installed.
            DeviceError: There is no such port (NoSuchPort), another program has it (PortBusy), this user may not open
                it (PortForbidden), or it cannot be opened for another reason (PortUnusable).
        """
        try:
            import serial
        except ImportError as error:
            raise missing_extra(error) from None
        self.name = port
        self.baud = baud
        self._errors = (serial.SerialException, OSError)
        self._timeout_error = serial.SerialTimeoutException
        options: dict[str, Any] = {} if "://" in port else {"exclusive": True}
        if not port.startswith("rfc2217://"):  # pyserial has no write time-out there
            options["write_timeout"] = _WRITE_TIMEOUT_S
        try:
            self._line: SerialBase = serial.serial_for_url(port, baudrate=baud, timeout=0, **options)
        except (*self._errors, ValueError) as error:
            raise _unopened(port, error) from None

    def read(self, timeout_s: float) -> bytes:
        """Give what has arrived, as `Transport.read`."""
        try:
            self._line.timeout = max(timeout_s, 0)
            data: bytes = self._line.read(1)
            if data and self._line.in_waiting:
                self._line.timeout = 0
                data += self._line.read(_LARGEST_READ)
        except self._errors as error:
            raise self._closed(error) from None
        return data

    def write(self, data: bytes) -> None:
        """Send all of it, as `Transport.write`."""
        try:
            self._line.write(data)
        except self._timeout_error:
            message = f"{self.name} takes no more bytes; is the device running?"
            raise DeviceTimeoutError("LineBlocked", message, port=self.name) from None
        except self._errors as error:
            raise self._closed(error) from None

    def close(self) -> None:
        """Let go of the port."""
        with warnings.catch_warnings():
            # pyserial 3.5 forgets a socket whose other end has closed, and leaves it to the garbage collector
            warnings.simplefilter("ignore", ResourceWarning)
            self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _closed(self, error: Exception) -> TransportClosedError:
        message = f"the line to {self.name} is gone: {_reason(error)}"
        return TransportClosedError("LineClosed", message, port=self.name)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _unopened(port: str, error: Exception) -> DeviceError:
    """Say in one sentence why a port did not open, and what helps."""
    if "://" in port:
        return _unreached(port, error)
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return DeviceError("NoSuchPort", f"there is no port {port}", port=port, hint=_seen())
    if number == errno.EISDIR or str(errno.ENOTTY) in str(error):
        return DeviceError("PortUnusable", f"{port} is no serial port", port=port, hint=_seen())
    if number in (errno.EACCES, errno.EPERM):
        return DeviceError("PortForbidden", f"this user may not open {port}", port=port, hint=_permission_hint(port))
    if number in (errno.EBUSY, errno.EAGAIN):
        hint = f"close the program that has it open; `fuser {port}` names it"
        return DeviceError("PortBusy", f"{port} is used by another program", port=port, hint=hint)
    return DeviceError("PortUnusable", f"{port} cannot be opened: {_reason(error)}", port=port)


def _unreached(port: str, error: Exception) -> DeviceError:
    """Say in one sentence why a port of another program or machine was not reached."""
    cause = error.__context__
    if isinstance(cause, ConnectionRefusedError):
        hint = "is its program running? `iotsign board list` names the emulated boards that are"
        return DeviceError("NoSuchPort", f"there is no port {port}: nothing listens there", port=port, hint=hint)
    kind = port.partition("://")[0]
    if kind not in _URLS or isinstance(cause, (ValueError, TypeError)) or not isinstance(cause, OSError):
        hint = "expected socket://host:port or rfc2217://host:port"
        return DeviceError("PortUnusable", f"{port} is no port", port=port, hint=hint)
    return DeviceError("PortUnusable", f"{port} cannot be reached: {_reason(cause)}", port=port)


def _seen() -> str:
    from serial.tools.list_ports import comports

    return f"ports of this machine: {', '.join(sorted(port.device for port in comports())) or 'none'}"


def _permission_hint(port: str) -> str:
    import grp

    group = "dialout"
    with contextlib.suppress(OSError, KeyError):
        group = grp.getgrgid(Path(port).stat().st_gid).gr_name
    return f"join the group {group}: sudo usermod -a -G {group} {os.environ.get('USER') or '$USER'}, and log in again"
