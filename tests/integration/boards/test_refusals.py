"""What the device itself refuses, whatever the host let pass: the old image runs on."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from boot_bench import Bench

Make = Callable[[Bench], bytes]
COUNTER = 5
INFO_MAGIC, SEC_CNT = 0x6907, 0x50


def good(bench: Bench, *options: object, key: str = "owner") -> bytes:
    """An update that the device would take."""
    return bench.image("2.0.0", "confirming", "--security-counter", COUNTER, *options, key=key)


def areas_of(image: bytes) -> tuple[int, int, int]:
    """Where the payload begins, and the protected and the other TLVs (MCUboot, struct image_header)."""
    header_size, protected_size, payload_size = struct.unpack_from("<HHI", image, 8)
    protected = header_size + payload_size
    return header_size, protected, protected + protected_size


def flipped(image: bytes, offset: int) -> bytes:
    """With one bit changed."""
    return image[:offset] + bytes([image[offset] ^ 0x10]) + image[offset + 1 :]


def in_payload(bench: Bench) -> bytes:
    image = good(bench)
    return flipped(image, areas_of(image)[0] + 100)


def in_protected_tlvs(bench: Bench) -> bytes:
    image = good(bench)
    return flipped(image, areas_of(image)[1] + 8)  # the security counter


def in_digest(bench: Bench) -> bytes:
    image = good(bench)
    return flipped(image, areas_of(image)[2] + 8)


def protected_tlvs_moved(bench: Bench) -> bytes:
    # threat 16: rightly signed, but the counter stands where nothing is signed
    image = bench.image("2.0.0", "confirming")
    tlvs = areas_of(image)[2]
    size = struct.unpack_from("<H", image, tlvs + 2)[0] + 8
    counter = struct.pack("<HHI", SEC_CNT, 4, COUNTER + 1)
    return image[:tlvs] + struct.pack("<HH", INFO_MAGIC, size) + counter + image[tlvs + 4 :]


def protected_tlvs_cut_out(bench: Bench) -> bytes:
    image = good(bench)
    _, protected, tlvs = areas_of(image)
    return image[:10] + b"\0\0" + image[12:protected] + image[tlvs:]


REFUSED: dict[str, Make] = {
    "another key": lambda bench: good(bench, key="stranger"),
    "header": lambda bench: flipped(good(bench), 20),  # the version
    "padding of the header": lambda bench: flipped(good(bench), 100),
    "payload": in_payload,
    "protected TLVs": in_protected_tlvs,
    "digest": in_digest,
    "signature": lambda bench: flipped(good(bench), len(good(bench)) - 5),
    "truncated payload": lambda bench: good(bench)[: len(good(bench)) // 2],
    "truncated TLVs": lambda bench: good(bench)[:-20],
    "lower security counter": lambda bench: bench.image("2.0.0", "confirming", "--security-counter", COUNTER - 1),
    "no security counter": lambda bench: bench.image("2.0.0", "confirming"),
    "protected TLVs moved": protected_tlvs_moved,
    "protected TLVs cut out": protected_tlvs_cut_out,
    "linked for another address": lambda bench: good(bench, "--rom-fixed", "0x1000"),
}
EVERYWHERE = ("another key", "payload", "lower security counter")


def update(bench: Bench, image: bytes) -> list[str]:
    """What a device that has seen counter 5 says after an update."""
    old = bench.image("1.2.3+4", "confirming", "--security-counter", COUNTER)
    areas = {"primary": old, "secondary": image, "provisioning": bench.provisioning(COUNTER)}
    with bench.start(areas, pending=True) as running:
        return [running.read_line() for _ in range(4)][1:]


def test_a_good_update_is_taken(bench: Bench) -> None:
    assert update(bench, good(bench)) == ["booting 2.0.0+0 (on trial)", "confirming 2.0.0+0", "confirmed"]


@pytest.mark.parametrize("what", REFUSED)
def test_update_is_refused(what: str, make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> None:
    # threats 16, 17, 20, 21
    bench = make_bench("mps2-an385", tmp_path)
    refused = ["booting 1.2.3+4 (update refused)", "confirming 1.2.3+4", "confirmed"]
    assert update(bench, REFUSED[what](bench)) == refused


@pytest.mark.parametrize("what", EVERYWHERE)
def test_update_is_refused_on_each_board(what: str, bench: Bench) -> None:
    # threats 20, 21
    refused = ["booting 1.2.3+4 (update refused)", "confirming 1.2.3+4", "confirmed"]
    assert update(bench, REFUSED[what](bench)) == refused
