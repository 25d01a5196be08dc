"""Connections from one socket, shared among those that serve."""

import asyncio
import errno
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from iotsign.server import _accept
from iotsign.server._accept import Acceptor, Share


@pytest.fixture
def found() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def connect(found: socket.socket, count: int) -> list[socket.socket]:
    return [socket.create_connection(found.getsockname()) for _ in range(count)]


class Keeper:
    """Keeps the connections that it is given."""

    def __init__(self) -> None:
        self.kept: list[socket.socket] = []

    async def take(self, connection: socket.socket) -> None:
        self.kept.append(connection)

    def acceptor(self, found: Any, share: Share) -> Acceptor:
        return Acceptor(found, self.take, lambda: len(self.kept), share)

    def close(self) -> None:
        for connection in self.kept:
            connection.close()


def test_each_takes_its_share(found: socket.socket) -> None:
    counts, keepers = [0, 0, 0], [Keeper(), Keeper(), Keeper()]

    async def run() -> None:
        doors = [found.dup() for _ in keepers]  # one socket, watched by each as processes watch it
        acceptors = [
            keeper.acceptor(door, Share(counts, index))
            for index, (keeper, door) in enumerate(zip(keepers, doors, strict=True))
        ]
        clients = connect(found, 30)
        async with asyncio.timeout(60):
            while sum(len(keeper.kept) for keeper in keepers) < 30:
                await asyncio.sleep(0.001)
        for acceptor, door in zip(acceptors, doors, strict=True):
            acceptor.close()
            door.close()
        for client in clients:
            client.close()

    asyncio.run(run())
    assert [len(keeper.kept) for keeper in keepers] == [10, 10, 10]
    for keeper in keepers:
        keeper.close()


def test_what_nobody_else_takes_is_taken(found: socket.socket) -> None:
    keeper = Keeper()

    async def run() -> None:
        acceptor = keeper.acceptor(found, Share([0, -1], 0))  # the other one always seems to have fewer
        clients = connect(found, 3)
        async with asyncio.timeout(60):
            while len(keeper.kept) < 3:
                await asyncio.sleep(0.001)
        acceptor.close()
        await acceptor.wait_closed()
        for client in clients:
            client.close()

    asyncio.run(run())
    keeper.close()


def test_a_closed_one_takes_nothing(found: socket.socket) -> None:
    keeper = Keeper()

    async def run() -> None:
        waiting = keeper.acceptor(found, Share([0, -1], 0))
        clients = connect(found, 1)
        while waiting._pause is None:
            await asyncio.sleep(0)
        waiting.close()
        keeper.acceptor(found, Share()).close()
        await asyncio.sleep(0.01)
        assert keeper.kept == []
        clients[0].close()

    asyncio.run(run())


class Troubled:
    """A listening socket that the system cannot give connections from, a few times."""

    def __init__(self, found: socket.socket, *errors: int) -> None:
        self._found, self._errors = found, list(errors)

    def fileno(self) -> int:
        return self._found.fileno()

    def accept(self) -> tuple[socket.socket, Any]:
        if self._errors:
            number = self._errors.pop(0)
            raise OSError(number, "trouble")
        return self._found.accept()


def test_trouble_passes(
    found: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_accept, "_REST_S", 0.01)
    keeper = Keeper()

    async def run() -> None:
        acceptor = keeper.acceptor(Troubled(found, errno.ECONNABORTED, errno.EMFILE, errno.EAGAIN), Share())
        clients = connect(found, 2)
        async with asyncio.timeout(60):
            while len(keeper.kept) < 2:
                await asyncio.sleep(0.001)
        acceptor.close()
        clients[0].close()
        clients[1].close()

    with caplog.at_level(logging.ERROR, logger="iotsign.server"):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == ["no connection accepted"]
    keeper.close()


def test_a_stranger_who_breaks_off_harms_nobody(found: socket.socket) -> None:
    async def broken(_: socket.socket) -> None:
        raise ConnectionResetError

    async def run() -> None:
        acceptor = Acceptor(found, broken, lambda: 0, Share())
        (client,) = connect(found, 1)
        client.settimeout(60)
        assert await asyncio.to_thread(client.recv, 1) == b""
        acceptor.close()
        await acceptor.wait_closed()
        client.close()

    asyncio.run(run())
