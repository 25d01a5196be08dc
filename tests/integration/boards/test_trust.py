"""Whom the device trusts, and what it has seen: several keys, hashes of keys, the security counter."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from boot_bench import Bench
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from simulated_board import BOOT_KEY, BOOT_KEY_HASH, provisioning_page, spki


@pytest.fixture
def bench(make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench("mps2-an385", tmp_path)


def public_key(bench: Bench, name: str) -> bytes:
    key = serialization.load_pem_private_key(bench.keys[name].read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return spki(key)


def second_line(bench: Bench, image: bytes, page: bytes) -> str:
    with bench.start({"primary": image, "provisioning": page}) as running:
        running.read_line()
        return running.read_line()


@pytest.mark.parametrize("signer", ["owner", "stranger"])
def test_either_of_two_keys_is_enough(bench: Bench, signer: str) -> None:
    page = provisioning_page([(BOOT_KEY, public_key(bench, name)) for name in bench.keys])
    assert second_line(bench, bench.image("1.0.0", key=signer), page) == "booting 1.0.0+0"


@pytest.mark.parametrize(("signer", "said"), [("owner", "booting 1.0.0+0"), ("stranger", "refused: image not trusted")])
def test_the_hash_of_a_key_is_enough_where_the_image_holds_the_key(bench: Bench, signer: str, said: str) -> None:
    # threat 20
    page = provisioning_page([(BOOT_KEY_HASH, hashlib.sha256(public_key(bench, "owner")).digest())])
    image = bench.image("1.0.0", "confirming", "--public-key-format", "full", key=signer)
    assert second_line(bench, image, page) == said


@pytest.mark.parametrize(("sample", "counter"), [("confirming", 7), ("unconfirmed", 5)])
def test_the_counter_rises_only_for_a_confirmed_image(bench: Bench, sample: str, counter: int) -> None:
    # threat 21
    areas = {"primary": bench.image("1.0.0", "confirming", "--security-counter", 5)}
    areas |= {"secondary": bench.image("2.0.0", sample, "--security-counter", 7)}
    areas |= {"provisioning": bench.provisioning(5)}
    with bench.start(areas, pending=True) as running:
        assert [running.read_line() for _ in range(3)][2] == f"{sample} 2.0.0+0"
        if sample == "confirming":
            assert running.read_line() == "confirmed"
        running.emulated.reset()
        assert running.read_line().startswith("iotsign boot")
        assert running.read_line() == ("booting 2.0.0+0" if sample == "confirming" else "booting 1.0.0+0 (reverted)")
        running.emulated.stop()
    log = (bench.directory / "flash.img").read_bytes()[bench.flash.provisioning.offset + bench.flash.sector_size :]
    records = list(struct.iter_unpack("<II", log[: 8 * 8]))
    assert max(value for value, inverse in records if value ^ inverse == 0xFFFFFFFF) == counter
