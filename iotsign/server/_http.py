"""uvicorn's HTTP parser (llhttp, strict) with bounds on what comes before a body.

llhttp refuses obs-fold, two lengths, and a length beside a transfer coding; what is missing there is a limit on the
size of a request's head and on the time that it may take.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 1 << 16
"""The longest head of a request, in bytes, give or take one read of the socket."""
HEAD_TIMEOUT_S: Final = 30.0
"""How long a head may take, in seconds."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head_size = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the head is too long."""
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if not self._in_head or not self._head_size or self.transport.is_closing():
            return
        self._arm()
        if self._head_size > MAX_HEAD:
            self.send_400_response(f"expected a request head of at most {MAX_HEAD} bytes")

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        super().on_message_complete()
        self._in_head, self._head_size = True, 0

    def _arm(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
