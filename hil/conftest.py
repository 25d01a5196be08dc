"""Benches: one board each, emulated or on the desk, that every test of this folder runs on unchanged.

    pytest hil                                     every emulated board
    pytest hil --board mps2-an385 --board microbit
    pytest hil --board nrf52840dk --port /dev/ttyACM0 --boot-key boot.pem --code-signer ota.pem --firmware build/

A real board has been provisioned with the public halves of these two keys before. It is brought to version 1.0.0 by an
update if it runs another; what cannot be done with it ends the run with one sentence and exit code 6.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench_board import PATIENCE_S, Bench, Keys, make_key, page_of

from iotsign.app import check_identity
from iotsign.device import Board, EmulatedBoard, SerialTransport, SmpClient, find_board, list_boards, make_flash
from iotsign.errors import DeviceError

DEVICE_EXIT_CODE = 6  # as iotsign's


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--board", action="append", help="a board's id or board.toml; by default all emulated ones")
    group.addoption("--port", help="where a real board is")
    group.addoption("--boot-key", help="private key (PEM) that signs boot images for a real board")
    group.addoption("--code-signer", help="private key (PEM) that signs updates for a real board")
    group.addoption("--firmware", help="folder with confirming.bin and unconfirmed.bin of a real board")


def pytest_configure(config: pytest.Config) -> None:
    """A port is one board's, and needs what belongs to that board."""
    if config.getoption("--port") is None:
        return
    if len(config.getoption("--board") or ()) != 1:
        raise pytest.UsageError("--port needs one --board: which board is there?")
    for option in ("--boot-key", "--code-signer", "--firmware"):
        if config.getoption(option) is None:
            raise pytest.UsageError(f"--port needs {option}: what the board at the port trusts and runs")
    for name in ("confirming.bin", "unconfirmed.bin"):
        if not (Path(config.getoption("--firmware")) / name).is_file():
            raise pytest.UsageError(f"--firmware: there is no {name} in {config.getoption('--firmware')}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "board_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--board") or [one.board_id for one in list_boards() if one.qemu]
        metafunc.parametrize("board_name", names, scope="session")


@pytest.fixture(scope="session")
def keys(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys that the board trusts: given ones, or new ones for an emulated board."""
    boot, code_signer = pytestconfig.getoption("--boot-key"), pytestconfig.getoption("--code-signer")
    if boot and code_signer:
        return Keys(Path(boot), Path(code_signer))
    directory = tmp_path_factory.mktemp("keys")
    made = Keys(directory / "boot.pem", directory / "ota.pem")
    for path in (made.boot, made.code_signer):
        make_key(path)
    return made


@pytest.fixture(scope="session")
def board(board_name: str) -> Board:
    """Each board that was asked for."""
    board = find_board(board_name)
    if board.qemu is not None and board.bootloader is None:
        pytest.skip(f"the boot loader of {board_name} is not built: make -C boards BOARDS={board_name}")
    return board


@pytest.fixture(scope="session")
def port(board: Board, pytestconfig: pytest.Config) -> str | None:
    """Where a real board is; it answers there, and is the board."""
    name: str | None = pytestconfig.getoption("--port")
    if name is not None:
        try:
            with SmpClient(SerialTransport(name, board.baud), baud=board.baud) as client:
                client.connect(PATIENCE_S)
                check_identity(client, board)
        except DeviceError as error:
            hint = f"; {error.data['hint']}" if "hint" in error.data else ""
            pytest.exit(f"{error.message}{hint}", DEVICE_EXIT_CODE)
    return name


@pytest.fixture
def bench(
    board: Board,
    port: str | None,
    keys: Keys,
    pytestconfig: pytest.Config,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> Iterator[Bench]:
    """A board that runs version 1.0.0; the report gets its identity."""
    if port is not None:
        firmware = Path(pytestconfig.getoption("--firmware"))
        with SmpClient(SerialTransport(port, board.baud), baud=board.baud) as client:
            bench = Bench(board, client, keys, tmp_path, firmware, None)
            if bench.running() != "1.0.0":
                bench.install(bench.signed_object("1.0.0"))
            _record(bench, record_property)
            yield bench
        return
    if board.qemu is None or board.bootloader is None:
        pytest.skip(f"{board.board_id} is a real board: say where it is with --port")
    bench = Bench(board, None, keys, tmp_path, board.bootloader.parent, None)  # type: ignore[arg-type]
    make_flash(board, tmp_path / "flash", page=page_of(keys, tmp_path), image=bench.boot_image("1.0.0"))
    try:
        emulated = EmulatedBoard(board, tmp_path / "flash")
    except DeviceError as error:
        pytest.skip(error.message)
    with emulated, SmpClient(emulated.open(), reply_timeout_s=20.0) as client:
        bench.client, bench.emulated = client, emulated
        client.connect(PATIENCE_S)
        _record(bench, record_property)
        yield bench


def _record(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    identity = bench.client.identity()
    record_property("board", identity.board)
    record_property("device", identity.device_id)
    record_property("boot_loader", identity.loader)
    record_property("security_counter", identity.counter)


@pytest.fixture
def record_image(record_property: Callable[[str, object], None]) -> Callable[[bytes], bytes]:
    """Write an image's digest into the report."""

    def record(image: bytes) -> bytes:
        record_property("image_sha256", hashlib.sha256(image).hexdigest())
        return image

    return record
