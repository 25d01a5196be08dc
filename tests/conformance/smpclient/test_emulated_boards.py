"""smpclient, unmodified, updates each emulated board with images that imgtool signed."""

import asyncio
from pathlib import Path

import pytest
from boot_bench import GENEROUS_S, Bench, confirmed_on, make_keys
from emulated_boards import missing_tool
from smpclient import SMPClient
from smpclient.generics import success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import EchoWrite, ResetWrite
from smpclient.transport.serial import SMPSerialTransport

from iotsign.device import find_board, list_boards


async def install(port: str, image: bytes) -> None:
    """Echo, list, upload, mark for a test, reset."""
    async with SMPClient(SMPSerialTransport(), port, timeout_s=GENEROUS_S) as client:
        echo = await client.request(EchoWrite(d="hello"))
        assert success(echo)
        assert echo.r == "hello"
        before = await client.request(ImageStatesRead())
        assert success(before)
        assert [(state.slot, state.version, state.confirmed) for state in before.images] == [(0, "1.0.0", True)]
        offsets = [offset async for offset in client.upload(image, subsequent_timeout_s=GENEROUS_S)]
        assert offsets[-1] == len(image)
        after = await client.request(ImageStatesRead())
        assert success(after)
        assert [state.version for state in after.images] == ["1.0.0", "1.1.0"]
        marked = await client.request(ImageStatesWrite(hash=bytes(after.images[1].hash or b"")))
        assert success(marked)
        assert marked.images[1].pending
        assert success(await client.request(ResetWrite()))


async def confirm(port: str) -> None:
    """Confirm what runs on trial, and reset."""
    async with SMPClient(SMPSerialTransport(), port, timeout_s=GENEROUS_S) as client:
        confirmed = await client.request(ImageStatesWrite(confirm=True))
        assert success(confirmed)
        running = confirmed.images[0]
        assert (running.version, running.confirmed) == ("1.1.0", True)
        assert success(await client.request(ResetWrite()))


@pytest.mark.parametrize("name", [board.board_id for board in list_boards() if board.qemu])
def test_echo_list_upload_test_confirm_and_reset(name: str, tmp_path: Path) -> None:
    board = find_board(name)
    if board.bootloader is None or missing_tool(board):
        pytest.skip(f"needs {missing_tool(board) or 'the boot loader of the board'}")
    bench = Bench(board, board.bootloader.parent, tmp_path, make_keys(tmp_path))
    areas = {"primary": bench.image("1.0.0"), "provisioning": bench.provisioning()}
    with bench.terminal(areas) as port:
        assert confirmed_on(port, "1.0.0")
        asyncio.run(install(port, bench.image("1.1.0", "unconfirmed")))
        assert not confirmed_on(port, "1.1.0")
        asyncio.run(confirm(port))
        assert confirmed_on(port, "1.1.0")
