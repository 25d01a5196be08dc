"""Lines: bytes through pseudo-terminals, sockets and RFC 2217; and one clear sentence when a port does not open."""

import os
import pwd
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotsign.device import SerialTransport
from iotsign.errors import DeviceError, DeviceTimeoutError, IotsignError, TransportClosedError


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the device's end, and the name of ours."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


def open_error(port: str) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        SerialTransport(port)
    return caught.value


def write_for_ever(line: SerialTransport) -> None:
    while True:
        line.write(bytes(100_000))


def test_a_pseudo_terminal(terminal: tuple[int, str]) -> None:
    device, port = terminal
    with SerialTransport(port) as line:
        assert line.read(0) == b""
        line.write(b"ping")
        assert os.read(device, 100) == b"ping"
        os.write(device, bytes(range(256)))
        received = b""
        while len(received) < 256:
            received += line.read(10)
        assert received == bytes(range(256))


def test_a_socket_and_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = SerialTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        device, _ = server.accept()
        device.sendall(b"abc")
        assert line.read(10) == b"abc"
        device.close()
        with pytest.raises(TransportClosedError, match=r"the line to socket://.* is gone"):
            line.read(10)
        with pytest.raises(TransportClosedError):
            write_for_ever(line)
        line.close()


@pytest.mark.filterwarnings("ignore:set.* is deprecated:DeprecationWarning")  # pyserial 3.5
def test_rfc_2217() -> None:
    import serial
    from serial.rfc2217 import PortManager

    behind = serial.serial_for_url("loop://", timeout=0.02)  # it sends back what it gets
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        client, _ = server.accept()
        client.settimeout(0.02)
        sender = type("Sender", (), {"write": lambda _, data: client.sendall(data)})()
        manager = PortManager(behind, sender)
        while not done.is_set():
            try:
                data = client.recv(1024)
            except TimeoutError:
                data = b""
            behind.write(b"".join(manager.filter(data)))
            if behind.in_waiting:
                client.sendall(b"".join(manager.escape(behind.read(behind.in_waiting))))
        client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with SerialTransport(f"rfc2217://127.0.0.1:{server.getsockname()[1]}") as line:
            line.write(b"ping\xff")
            received = b""
            while len(received) < 5:
                received += line.read(30)
            assert received == b"ping\xff"
    finally:
        done.set()
        thread.join()
        behind.close()
        server.close()


def test_no_such_port() -> None:
    error = open_error("/dev/ttyNOWHERE9")
    assert (error.code, error.message) == ("NoSuchPort", "there is no port /dev/ttyNOWHERE9")
    assert error.data["hint"].startswith("ports of this machine: ")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert open_error(f"socket://127.0.0.1:{port}").code == "NoSuchPort"


def test_a_busy_port(terminal: tuple[int, str]) -> None:
    _, port = terminal
    with SerialTransport(port):
        program = f"from iotsign.device import SerialTransport\nSerialTransport({port!r})"
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "DeviceError" in result.stderr
        assert f"{port} is used by another program" in result.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody who may not open the port")
def test_a_forbidden_port_names_the_group_to_join(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch(0o660)
    program = (
        "import os; from iotsign.device import SerialTransport\n"
        "import serial, grp\n"
        f"os.setgroups([]); os.setuid({pwd.getpwnam('nobody').pw_uid})\n"
        f"try: SerialTransport('/proc/1/environ')\n"
        "except Exception as error: print(error.code, '|', error.message, '|', error.data['hint'])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    code, message, hint = result.stdout.split(" | ")
    assert (code, message) == ("PortForbidden", "this user may not open /proc/1/environ")
    assert hint.startswith("join the group root: sudo usermod -a -G root ")


def test_a_file_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert open_error(str(file)).code == "PortUnusable"
    assert open_error("gopher://x").code == "PortUnusable"


def test_a_line_that_takes_nothing(terminal: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iotsign.device._transport._WRITE_TIMEOUT_S", 0.2)
    with SerialTransport(terminal[1]) as line, pytest.raises(DeviceTimeoutError, match="takes no more bytes"):
        line.write(bytes(1_000_000))


def test_without_pyserial_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['serial'] = None\n"
        "from iotsign.device import SerialTransport, find_board\n"
        "find_board('mps2-an385')\n"
        "try: SerialTransport('x')\n"
        "except Exception as error: print(type(error).__name__, '|', error.message, '|', error.data['hint'])\n"
        "sys.modules['smp'] = None\n"
        "try: from iotsign.device import SmpClient\n"
        "except Exception as error: print(type(error).__name__, '|', error.message)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    first, second = result.stdout.splitlines()
    message = "MissingDependencyError | talking to devices needs the package {}, which is not installed"
    assert first == message.format("serial") + " | pip install 'iotsign[device]'"
    assert second == message.format("smp")


def test_errors_are_ours() -> None:
    assert issubclass(type(open_error("/dev/null/x")), IotsignError)
