"""Lines that drop, flip, double and delay bytes: an upload ends right or with a named error."""

from pathlib import Path

import pytest
from simulated_board import Line, Workshop

from iotsign.device import NoisyTransport, SerialTransport, SmpClient, upload_image
from iotsign.errors import DeviceError

REPLY_TIMEOUT_S = 2.0  # the simulated device answers at once, and most tests here wait for what never comes
BAUD = 1_000_000  # a pseudo-terminal has none
CONNECT_S = 5.0
PATIENCE_S = 60.0
# how likely a byte is lost; and as likely flipped, and doubled: an eighth of the frames, a third, nearly all
BAD, WORSE, HOPELESS = 0.00003, 0.0001, 0.05


def install(client: SmpClient, image: bytes) -> None:
    client.connect(CONNECT_S)
    upload_image(client, image)
    client.set_pending(next(state.hash or b"" for state in client.images() if state.slot == 1))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("rate", [BAD, WORSE, HOPELESS])
def test_noise_never_marks_a_wrong_image(rate: float, seed: int, workshop: Workshop, tmp_path: Path) -> None:
    # threat 19
    image = workshop.sign(bytes(range(256)) * 32, "1.1.0", 2)
    with workshop.board(tmp_path / "flash") as board:
        first = Line(board.port)
        first.enter_recovery()
        first.close()
        line = NoisyTransport(SerialTransport(board.port), seed, drop=rate, flip=rate, duplicate=rate, delay=0.01)
        error = None
        with SmpClient(line, baud=BAUD, reply_timeout_s=REPLY_TIMEOUT_S) as client:
            try:
                install(client, image)
            except DeviceError as caught:
                error = caught
        assert error is None or rate != BAD, error
        assert error is not None or rate != HOPELESS
        with SmpClient(SerialTransport(board.port), reply_timeout_s=REPLY_TIMEOUT_S) as client:
            client.connect(PATIENCE_S)
            pending = any(image.pending for image in client.images())
            # a lost answer may hide a success; a failure never looks like one
            assert pending or error is not None
            if pending:
                assert board.slot(1, len(image)) == image
            client.console.clear()
            client.reset()
            started = client.wait_for_line(lambda text: text.startswith("booting"), PATIENCE_S)
            assert started == ("booting 1.1.0+0 (on trial)" if pending else "booting 1.0.0+0")


def test_the_same_seed_disturbs_the_same_bytes() -> None:
    class Wire:
        name = "wire"

        def __init__(self) -> None:
            self.sent = bytearray()

        def write(self, data: bytes) -> None:
            self.sent += data

        def read(self, timeout_s: float) -> bytes:
            assert timeout_s == 0
            return bytes(1000)

        def close(self) -> None: ...

    def disturbed(seed: int) -> tuple[bytes, bytes]:
        wire = Wire()
        line = NoisyTransport(wire, seed, drop=0.01, flip=0.01, duplicate=0.01)
        line.write(bytes(10_000))
        return bytes(wire.sent), line.read(0)

    assert disturbed(1) == disturbed(1)
    assert disturbed(1) != disturbed(2)
    assert any(disturbed(1)[0])
