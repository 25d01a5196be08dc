"""smpclient, unmodified, flashes the boot loader over a pseudo-terminal."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulated_board import CAPACITY, CODE_SIGNER, Line, Workshop, spki
from smp.error import MGMT_ERR
from smp.image_management import IMG_MGMT_ERR
from smpclient import SMPClient
from smpclient.exceptions import SMPUploadError
from smpclient.generics import error, error_v1, error_v2, success
from smpclient.requests.image_management import ImageErase, ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import (
    BootloaderInformationRead,
    EchoWrite,
    MCUMgrParametersRead,
    ResetWrite,
)
from smpclient.transport.serial import SMPSerialTransport

TIMEOUT_S = 30


def session(port: str, steps: Callable[[SMPClient], Coroutine[Any, Any, None]]) -> None:
    """Reach the loader, whatever runs, and do the steps."""

    async def run() -> None:
        line = Line(port)
        line.enter_recovery()
        line.close()
        async with SMPClient(SMPSerialTransport(), port, timeout_s=TIMEOUT_S) as client:
            await steps(client)

    asyncio.run(run())


async def upload(client: SMPClient, image: bytes) -> None:
    last = 0
    async for offset in client.upload(image, subsequent_timeout_s=TIMEOUT_S):
        last = offset
    assert last == len(image)


async def hash_of(client: SMPClient, slot: int) -> bytes:
    states = await client.request(ImageStatesRead())
    assert success(states)
    (found,) = (image.hash for image in states.images if image.slot == slot)
    assert found is not None
    return bytes(found)


def test_echo_parameters_and_information(workshop: Workshop, tmp_path: Path) -> None:
    async def steps(client: SMPClient) -> None:
        for text in ("", "hello", "grüezi ☃", "x" * 900):
            echo = await client.request(EchoWrite(d=text))
            assert success(echo)
            assert echo.r == text
        parameters = await client.request(MCUMgrParametersRead())
        assert success(parameters)
        assert (parameters.buf_size, parameters.buf_count) == (1024, 1)
        information = await client.request(BootloaderInformationRead())
        assert success(information)
        assert information.bootloader == "iotsign"
        unknown = await client.request(BootloaderInformationRead(query="size"))
        assert error_v2(unknown)
        assert (unknown.err.group, unknown.err.rc) == (0, 3)

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, steps)


def test_upload_test_confirm_and_reset(workshop: Workshop, tmp_path: Path) -> None:
    async def install(client: SMPClient) -> None:
        states = await client.request(ImageStatesRead())
        assert success(states)
        assert [(image.slot, image.version, image.active, image.confirmed) for image in states.images] == [
            (0, "1.0.0", True, True)
        ]
        await upload(client, workshop.new)
        marked = await client.request(ImageStatesWrite(hash=await hash_of(client, 1)))
        assert success(marked)
        assert [(image.version, image.pending, image.permanent) for image in marked.images] == [
            ("1.0.0", False, False),
            ("1.1.0.7", True, False),
        ]
        assert success(await client.request(ResetWrite()))

    async def confirm(client: SMPClient) -> None:
        states = await client.request(ImageStatesRead())
        assert success(states)
        assert [(image.version, image.confirmed) for image in states.images] == [("1.1.0.7", False), ("1.0.0", False)]
        confirmed = await client.request(ImageStatesWrite(confirm=True))
        assert success(confirmed)
        assert confirmed.images[0].confirmed
        assert success(await client.request(ResetWrite()))

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, install)
        line = Line(board.port)
        assert b"booting 1.1.0+7 (on trial)" in line.wait_for(b"application 1.1.0")
        line.close()
        session(board.port, confirm)
        line = Line(board.port)
        assert b"booting 1.1.0+7\r" in line.wait_for(b"application 1.1.0")
        line.close()
        assert board.slot(0, len(workshop.new)) == workshop.new


def test_unconfirmed_image_is_reverted(workshop: Workshop, tmp_path: Path) -> None:
    async def steps(client: SMPClient) -> None:
        await upload(client, workshop.new)
        assert success(await client.request(ImageStatesWrite(hash=await hash_of(client, 1))))
        assert success(await client.request(ResetWrite()))

    async def again(client: SMPClient) -> None:
        assert success(await client.request(ResetWrite()))

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, steps)
        line = Line(board.port)
        line.wait_for(b"application 1.1.0")
        line.close()
        session(board.port, again)
        line = Line(board.port)
        assert b"booting 1.0.0+0 (reverted)" in line.wait_for(b"application 1.0.0")
        line.close()


def test_broken_upload_is_resumed(workshop: Workshop, tmp_path: Path) -> None:
    offsets: list[int] = []

    async def half(client: SMPClient) -> None:
        async for offset in client.upload(workshop.new, subsequent_timeout_s=TIMEOUT_S):
            if offset > len(workshop.new) // 2:
                return

    async def rest(client: SMPClient) -> None:
        offsets.extend([offset async for offset in client.upload(workshop.new, subsequent_timeout_s=TIMEOUT_S)])

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, half)
        session(board.port, rest)
        assert offsets[0] > len(workshop.new) // 2
        assert board.slot(1, len(workshop.new)) == workshop.new


def test_erase(workshop: Workshop, tmp_path: Path) -> None:
    async def steps(client: SMPClient) -> None:
        await upload(client, workshop.new)
        assert success(await client.request(ImageErase(slot=1)))
        wrong = await client.request(ImageErase(slot=0))
        assert error_v2(wrong)
        assert wrong.err.rc == IMG_MGMT_ERR.INVALID_SLOT

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, steps)
        assert set(board.slot(1)) == {0xFF}
        assert board.slot(0, len(workshop.old)) == workshop.old


@pytest.mark.parametrize(
    ("name", "rc"),
    [
        ("too-large", IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE),
        ("no-image", IMG_MGMT_ERR.INVALID_IMAGE_HEADER_MAGIC),
        ("not-newer", IMG_MGMT_ERR.CURRENT_VERSION_IS_NEWER),
    ],
)
def test_upload_refused_by_name(name: str, rc: IMG_MGMT_ERR, workshop: Workshop, tmp_path: Path) -> None:
    image = {
        "too-large": workshop.new + bytes(CAPACITY + 1 - len(workshop.new)),
        "no-image": bytes(1000),
        "not-newer": workshop.old,
    }[name]

    async def steps(client: SMPClient) -> None:
        with pytest.raises(SMPUploadError) as refused:
            async for _ in client.upload(image, upgrade=name == "not-newer"):
                pass
        (response,) = refused.value.args
        assert (response.err.group, response.err.rc) == (1, rc)

    with workshop.board(tmp_path / "flash") as board:
        session(board.port, steps)
        assert set(board.slot(1)) == {0xFF}
        line = Line(board.port)
        assert b"booting 1.0.0" in line.reset()
        line.close()


def signed_by_another(workshop: Workshop) -> bytes:
    return replace(workshop, boot_key=workshop.code_signer).sign(bytes(5000), "1.1.0", 2)


@pytest.mark.parametrize("defect", ["another key", "flipped byte", "truncated", "downgraded"])
def test_what_would_never_boot_is_not_marked(defect: str, workshop: Workshop, tmp_path: Path) -> None:
    image = workshop.new
    if defect == "another key":
        image = signed_by_another(workshop)
    elif defect == "flipped byte":
        image = bytes([*image[:5000], image[5000] ^ 1, *image[5001:]])
    elif defect == "truncated":
        image = image[:-80]
    elif defect == "downgraded":
        image = workshop.sign(bytes(5000), "0.9.0", 0)

    async def steps(client: SMPClient) -> None:
        await upload(client, image)
        states = await client.request(ImageStatesRead())
        assert success(states)
        slots = {state.slot: state for state in states.images}
        refused = await client.request(ImageStatesWrite(hash=bytes(slots[1].hash or b"")))
        assert error_v2(refused)
        assert refused.err.rc == IMG_MGMT_ERR.IMAGE_CONFIRMATION_DENIED

    with workshop.board(tmp_path / "flash") as board:
        if defect == "downgraded":
            line = Line(board.port)
            line.wait_for(b"application 1.0.0")  # the counter is 1 from now on
            line.close()
        session(board.port, steps)
        line = Line(board.port)
        assert line.reset() == b"booting 1.0.0+0"
        line.close()


def test_code_signer_must_have_signed(workshop: Workshop, tmp_path: Path) -> None:
    async def steps(client: SMPClient) -> None:
        await upload(client, workshop.new)
        refused = await client.request(ImageStatesWrite(hash=await hash_of(client, 1)))
        assert error_v1(refused)
        assert refused.rc == MGMT_ERR.EACCESSDENIED
        unknown = await client.request(ImageStatesWrite(hash=hashlib.sha256().digest()))
        assert error(unknown)
        assert error_v2(unknown)
        assert unknown.err.rc == IMG_MGMT_ERR.HASH_NOT_FOUND

    with workshop.board(tmp_path / "flash", entries=[(CODE_SIGNER, spki(workshop.code_signer))]) as board:
        session(board.port, steps)
