"""Send HTTP requests over a few connections, from a process of its own, and time each answer.

Everything that costs is done before the clock starts: requests are signed and written out as bytes. They are sent as
fast as answers come, or at a steady rate; then an answer's time counts from when its request was due, so that a server
that falls behind is not spared.
"""

import asyncio
import json
import multiprocessing
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What came back.

    Attributes:
        elapsed_s: From the first request to the last answer.
        latencies_s: One for each answer, sorted.
        statuses: HTTP statuses that were seen.
        bodies: The answers' bodies, in the order in which they came.
        cpu_s: Processor time of the sender.
    """

    elapsed_s: float
    latencies_s: list[float]
    statuses: set[int]
    bodies: list[bytes]
    cpu_s: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.bodies) / self.elapsed_s

    @property
    def p99_s(self) -> float:
        """The time that 99 of 100 answers kept."""
        return self.latencies_s[len(self.latencies_s) * 99 // 100]


def write_request(url: str, method: str, path: str, body: dict[str, Any], keys: Credentials) -> bytes:
    """Have botocore sign a request for ``signer``, and write it out."""
    data = json.dumps(body).encode()
    request = AWSRequest(method, url + path, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(keys, "signer", "us-east-1").add_auth(request)
    headers = {**request.headers, "Host": urlsplit(url).netloc, "Content-Length": str(len(data))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def send(
    url: str, requests: Sequence[bytes], *, connections: int, rate: float | None = None, timeout_s: float = 120
) -> Load:
    """Send requests and wait for all answers.

    Args:
        url: Where to.
        requests: Whole requests.
        connections: How many are open at a time.
        rate: Requests per second; None sends the next one as soon as a connection is free.
        timeout_s: When to give up.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_send, (url, requests, connections, rate, timeout_s))


def _send(url: str, requests: Sequence[bytes], connections: int, rate: float | None, timeout_s: float) -> Load:
    sender = _Sender(requests, rate)
    asyncio.run(asyncio.wait_for(sender.run(url, connections), timeout_s))
    return sender.load()


class _Sender:
    def __init__(self, requests: Sequence[bytes], rate: float | None) -> None:
        self._requests, self._rate = requests, rate
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._idle: list[_Connection] = []
        self._latencies: list[float] = []
        self._statuses: set[int] = set()
        self._bodies: list[bytes] = []
        self._elapsed = self._cpu = 0.0

    async def run(self, url: str, connections: int) -> None:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        parts = urlsplit(url)
        self.address = (str(parts.hostname), int(parts.port or 80))
        for _ in range(connections):
            await self.connect()
        began, used = loop.time(), time.process_time()
        if self._rate is None:
            self._waiting.extend((0.0, request) for request in self._requests)
            while self._idle and self._waiting:
                self.free(self._idle.pop())
        else:
            for number, request in enumerate(self._requests):
                due = began + number / self._rate
                loop.call_at(due, self._due, due, request)
        await self._done
        self._elapsed, self._cpu = loop.time() - began, time.process_time() - used

    async def connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self), *self.address)

    def _due(self, due: float, request: bytes) -> None:
        self._waiting.append((due, request))
        if self._idle:
            self.free(self._idle.pop())

    def free(self, connection: "_Connection") -> None:
        """Take the next request, if there is one."""
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: "_Connection") -> None:
        """Forget a connection that the server closed."""
        if connection in self._idle:
            self._idle.remove(connection)

    def answered(self, seconds: float, status: int, body: bytes) -> None:
        self._latencies.append(seconds)
        self._statuses.add(status)
        self._bodies.append(body)
        if len(self._bodies) == len(self._requests):
            self._done.set_result(None)

    def load(self) -> Load:
        return Load(self._elapsed, sorted(self._latencies), self._statuses, self._bodies, self._cpu)


class _Connection(asyncio.Protocol):
    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._buffer = b""
        self._since = 0.0
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._sender.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._sender.lost(self)

    def send(self, due: float, request: bytes) -> None:
        self._since = due or self._loop.time()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return
        self._buffer = b""
        self._sender.answered(self._loop.time() - self._since, int(head[9:12]), body)
        if b"connection: close" in head.lower() or head.startswith(b"HTTP/1.0"):
            self._transport.close()
            self._reconnecting = self._loop.create_task(self._sender.connect())
        else:
            self._sender.free(self)
