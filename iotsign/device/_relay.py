"""A pseudo-terminal in front of an emulated board, for programs that open serial ports only."""

import os
import socket
import threading
import tty
from urllib.parse import urlsplit

__all__ = ["PtyRelay"]

_CHUNK = 1 << 12  # bytes


class PtyRelay:
    """Carries bytes between a pseudo-terminal and a ``socket://`` port, until it is closed.

    Attributes:
        port: The pseudo-terminal's name.
    """

    def __init__(self, port: str) -> None:
        """Connect to a port.

        Args:
            port: ``socket://host:port``.
        """
        parts = urlsplit(port)
        self._line = socket.create_connection((parts.hostname or "", parts.port or 0))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)  # held open, so that clients may come and go
        self.port = os.ttyname(self._theirs)
        for carry in (self._to_board, self._from_board):
            threading.Thread(target=carry, daemon=True).start()

    def close(self) -> None:
        """Let go of both ends."""
        self._line.close()
        os.close(self._theirs)
        os.close(self._ours)

    def _to_board(self) -> None:
        try:
            while data := os.read(self._ours, _CHUNK):
                self._line.sendall(data)
        except OSError:
            return  # closed

    def _from_board(self) -> None:
        try:
            while data := self._line.recv(_CHUNK):
                while data:
                    data = data[os.write(self._ours, data) :]
        except OSError:
            return  # closed
