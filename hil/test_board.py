"""What a board has to do on a bench: install, prove what it holds, go back, and refuse."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_board import Bench, make_key

from iotsign.device import upload_image
from iotsign.errors import DeviceError, SmpError, UntrustedImageError

Record = Callable[[bytes], bytes]
NOT_VERIFIED = 32  # IMAGE_CONFIRMATION_DENIED


def test_an_update_is_installed_and_stays(bench: Bench, record_image: Record) -> None:
    installed = bench.install(record_image(bench.signed_object("1.1.0")))
    assert installed.outcome == "confirmed"
    done = [step.name for step in installed.steps.taken if step.outcome == "done"]
    assert {"host verifies", "upload", "read back", "device verifies", "start", "confirm"} <= set(done)
    assert bench.running() == "1.1.0"
    bench.client.reset()
    assert bench.running() == "1.1.0"


def test_what_is_read_back_is_what_was_written(bench: Bench, record_image: Record) -> None:
    image = record_image(bench.boot_image("1.1.0"))
    upload_image(bench.client, image)
    assert bench.client.digest(len(image)) == hashlib.sha256(image).digest()
    attested = {slot.slot: slot for slot in bench.client.attest(bytes(16)).slots}
    assert (attested[1].version, attested[1].sha256) == ("1.1.0", hashlib.sha256(image).digest())


def test_two_updates_follow_each_other(bench: Bench, record_image: Record) -> None:
    for version in ("1.1.0", "1.2.0"):
        bench.install(record_image(bench.signed_object(version)))
    assert bench.running() == "1.2.0"
    assert {image.version for image in bench.client.images()} == {"1.1.0", "1.2.0"}


def test_an_update_that_does_not_confirm_itself_is_taken_back(bench: Bench, record_image: Record) -> None:
    with pytest.raises(DeviceError, match="did not confirm itself") as caught:
        bench.install(record_image(bench.signed_object("1.1.0", "unconfirmed")), trial_s=1.0)
    assert caught.value.code == "Reverted"
    assert bench.running() == "1.0.0"


def test_a_host_can_confirm(bench: Bench, record_image: Record) -> None:
    bench.install(record_image(bench.signed_object("1.1.0", "unconfirmed")), trial_s=1.0, confirm="host")
    bench.client.reset()
    assert bench.running() == "1.1.0"


def test_an_upload_that_broke_goes_on(bench: Bench, record_image: Record) -> None:
    image = record_image(bench.boot_image("1.1.0"))
    half = image[: len(image) // 2]
    bench.client.upload_block(image, 0, half[:256], sha256=hashlib.sha256(image).digest())
    assert upload_image(bench.client, image) == 256
    assert bench.client.digest(len(image)) == hashlib.sha256(image).digest()


def refused(bench: Bench, image: bytes, image_hash: bytes) -> None:
    """Force an image past the host; the board must refuse it and keep what it runs."""
    with pytest.raises((SmpError, DeviceError)):
        force(bench, image, image_hash)
    bench.client.reset()
    assert bench.running() == "1.0.0"


def force(bench: Bench, image: bytes, image_hash: bytes) -> None:
    upload_image(bench.client, image)
    bench.client.set_pending(image_hash)


def hash_of(bench: Bench, version: str) -> bytes:
    state = next(image for image in bench.client.images() if image.slot == 1)
    assert state.version == version
    return bytes(state.hash or b"")


def test_a_tampered_object_is_refused_by_host_and_device(bench: Bench, record_image: Record) -> None:
    # threat 22
    signed = bytearray(bench.signed_object("1.1.0"))
    middle = len(signed) * 3 // 4
    signed[middle] = ord("A") if signed[middle] != ord("A") else ord("B")
    forged = record_image(bytes(signed))
    with pytest.raises(UntrustedImageError):
        bench.install(forged)
    with pytest.raises(SmpError, match="SIGNATURE_MISMATCH"):
        bench.install(forged, force=True)
    bench.client.reset()
    assert bench.running() == "1.0.0"


def test_an_object_of_another_signer_is_refused(bench: Bench, record_image: Record, tmp_path: Path) -> None:
    # threat 20
    make_key(tmp_path / "stranger.pem")
    image = record_image(bench.signed_object("1.1.0", key=tmp_path / "stranger.pem"))
    with pytest.raises(UntrustedImageError):
        bench.install(image)
    with pytest.raises(SmpError, match="SIGNATURE_MISMATCH"):
        bench.install(image, force=True)
    bench.client.reset()
    assert bench.running() == "1.0.0"


def test_an_update_without_its_signature_is_not_marked(bench: Bench, record_image: Record) -> None:
    image = record_image(bench.boot_image("1.1.0"))
    upload_image(bench.client, image)
    with pytest.raises(SmpError, match="EACCESSDENIED"):
        bench.client.set_pending(hash_of(bench, "1.1.0"))
    bench.client.reset()
    assert bench.running() == "1.0.0"


@pytest.mark.parametrize("at", ["header", "payload", "signature"])
def test_a_boot_image_tampered_in_each_region_is_refused(at: str, bench: Bench, record_image: Record) -> None:
    image = bytearray(bench.boot_image("1.1.0"))
    image[{"header": 24, "payload": 0x200 + 64, "signature": len(image) - 8}[at]] ^= 1
    forged = record_image(bytes(image))
    upload_image(bench.client, forged)
    refused(bench, forged, hash_of(bench, "1.1.0") if at != "header" else bench.client.images()[-1].hash or b"")


def test_half_an_image_is_refused(bench: Bench, record_image: Record) -> None:
    image = record_image(bench.boot_image("1.1.0"))
    refused(bench, image[: len(image) // 2], hashlib.sha256(image).digest())


def test_what_is_no_image_is_refused(bench: Bench, record_image: Record) -> None:
    with pytest.raises(SmpError, match="INVALID_IMAGE_HEADER_MAGIC"):
        upload_image(bench.client, record_image(bytes(4096)))
    bench.client.reset()
    assert bench.running() == "1.0.0"
