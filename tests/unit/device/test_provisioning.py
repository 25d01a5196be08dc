"""The provisioning page: as the boot loader reads it, and what cannot be written."""

import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from intelhex import IntelHex

from iotsign.algorithms import KeyType
from iotsign.device import find_board
from iotsign.device.provisioning import Provisioning, intel_hex
from iotsign.errors import ConfigError, DeviceError, MalformedImageError
from iotsign.keys import load_public_key

FULL = Provisioning((b"key one", b"key two"), (bytes(32),), b"signer", "dévice-1", b"s" * 32)


def test_a_page_is_what_the_header_says() -> None:
    page = Provisioning(boot_keys=[b"KEY"], device_id="d1").to_bytes()
    entries = struct.pack("<HH", 1, 3) + b"KEY" + struct.pack("<HH", 4, 2) + b"d1"
    body = b"ISP1" + struct.pack("<HH", len(entries), 0) + entries
    assert page == body + hashlib.sha256(body).digest()


def test_a_page_is_read_back() -> None:
    assert Provisioning.from_bytes(FULL.to_bytes() + b"\xff" * 100) == FULL


def test_every_changed_byte_is_noticed() -> None:
    # threat 17
    page = FULL.to_bytes()
    for at in range(len(page)):
        changed = page[:at] + bytes([page[at] ^ 1]) + page[at + 1 :]
        with pytest.raises(MalformedImageError):
            Provisioning.from_bytes(changed)
    for size in range(len(page)):
        with pytest.raises(MalformedImageError):
            Provisioning.from_bytes(page[:size])


def test_entries_have_to_end_where_the_header_says() -> None:
    body = b"ISP1" + struct.pack("<HH", 5, 0) + b"\x01\x00\x09\x00A"
    with pytest.raises(MalformedImageError, match="the last entry"):
        Provisioning.from_bytes(body + hashlib.sha256(body).digest())


@pytest.mark.parametrize(
    ("provisioning", "code"),
    [
        (Provisioning(), "BadBootKeys"),
        (Provisioning(boot_keys=[b"k"] * 5), "BadBootKeys"),
        (Provisioning(boot_keys=[b"k"], device_id="é" * 33), "BadDeviceId"),
        (Provisioning(boot_keys=[b"k"], attest_key=b"short"), "BadAttestKey"),
        (Provisioning(boot_key_hashes=[b"short"]), "BadKeyHash"),
        (Provisioning(boot_keys=[bytes(1000)]), "PageTooLong"),
    ],
)
def test_what_cannot_be_written(provisioning: Provisioning, code: str) -> None:
    # threat 20
    with pytest.raises(ConfigError) as caught:
        provisioning.to_bytes()
    assert caught.value.code == code


def test_a_page_goes_to_a_programmer_as_intel_hex(key_files: Callable[[KeyType], tuple[Path, Path]]) -> None:
    board = find_board("mps2-an385")
    page = Provisioning([load_public_key(key_files(KeyType.P256)[1]).spki_der]).to_bytes()
    image = IntelHex(io.StringIO(intel_hex(board, page)))
    assert board.flash is not None
    assert board.flash.base is not None
    assert image.minaddr() == board.flash.base + board.flash.provisioning.offset
    assert image.tobinstr() == page


def test_a_flash_that_is_not_mapped_has_no_addresses(tmp_path: Path) -> None:
    text = find_board("mps2-an385").file.read_text().replace("base = 0x21000000\n", "")
    file = tmp_path / "mps2-an385" / "board.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(DeviceError, match="no address"):
        intel_hex(find_board(str(file)), b"page")
