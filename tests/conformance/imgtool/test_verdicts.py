"""imgtool's verdicts on images, and ours; and what only one of the two can judge."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotsign.errors import FormatError, IotsignError, KeyMismatchError
from iotsign.formats.mcuboot import (
    Dependency,
    Image,
    ImageOptions,
    ImageVersion,
    ResignOptions,
    inspect_image,
    resign_image,
    verify_image,
)
from iotsign.keys import PublicKey, Signer

FIRMWARE = b"firmware" * 100
VERSION = ImageVersion(0, 9)
OPTIONS = ImageOptions(version=VERSION, pad_header=True, header_size=0x100)
ARGUMENTS = ("-v", "0.9", "-H", "0x100", "--pad-header", "-S", "0x10000")
KEY_TYPES = ("rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519")


def site_packages() -> Path:
    import imgtool.main

    return Path(imgtool.main.__file__).parent.parent


SAMPLES = Path(__file__).parents[3] / "firmware_samples" / "prebuilt"
REAL = [*sorted(site_packages().glob("zephyr_4_4_0_hci_*/firmware.hex")), *sorted(SAMPLES.glob("*.hex"))]
MICROPYTHON = Path("/usr/share/firmware-microbit-micropython/firmware.hex")


@pytest.mark.parametrize("theirs", KEY_TYPES)
@pytest.mark.parametrize("ours", KEY_TYPES)
def test_only_the_diagonal_verifies(
    ours: str,
    theirs: str,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    # threat 6
    made_here, _ = create(FIRMWARE, OPTIONS, [signers[ours]])
    made_there = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files[ours])
    if ours == theirs:
        assert "correctly validated" in imgtool.verify(made_here, key_files[theirs])
        assert verify_image(io.BytesIO(made_there), [public_keys[theirs]]).signers == (public_keys[theirs],)
        return
    with pytest.raises(SystemExit):
        imgtool.verify(made_here, key_files[theirs])
    with pytest.raises(KeyMismatchError):
        verify_image(io.BytesIO(made_there), [public_keys[theirs]])


def test_another_key_of_the_same_type(imgtool: Any, public_keys: dict[str, PublicKey], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    imgtool("keygen", "-t", "ecdsa-p256", "-k", other)
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", other)
    with pytest.raises(KeyMismatchError):
        verify_image(io.BytesIO(theirs), [public_keys["ecdsa-p256"]])


@pytest.mark.parametrize("key_type", ["ecdsa-p256", "ecdsa-p384"])
def test_padded_signatures_of_old_packers(
    key_type: str, imgtool: Any, key_files: dict[str, Path], public_keys: dict[str, PublicKey]
) -> None:
    for number in range(8):
        theirs = imgtool.sign(FIRMWARE + bytes([number]), *ARGUMENTS, "-k", key_files[key_type], "--pad-sig")
        assert verify_image(io.BytesIO(theirs), [public_keys[key_type]]).signers


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("extra", [(), ("--confirm", "-s", "3", "-d", "(1,2.0)"), ("--pad", "--align", "32")])
def test_dumpinfo_agrees(
    key_type: str, extra: tuple[str, ...], imgtool: Any, key_files: dict[str, Path], tmp_path: Path
) -> None:
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files[key_type], *extra)
    assert_agrees(imgtool, theirs)


@pytest.mark.parametrize(
    "extra",
    [("--boot-record", "SPE"), ("--pure",), ("--compression", "lzma2"), ("--custom-tlv", "0xa0", "text"), ("--clear",)],
)
def test_dumpinfo_agrees_on_everything_else(extra: tuple[str, ...], imgtool: Any, key_files: dict[str, Path]) -> None:
    encrypt = ("-E", key_files["x25519"], "--pad") if extra == ("--clear",) else ()
    theirs = imgtool.sign(b"firmware" * 1000, *ARGUMENTS, "-k", key_files["ed25519"], *extra, *encrypt)
    assert_agrees(imgtool, theirs)


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_dumpinfo_agrees_with_the_command_line(
    key_type: str, imgtool: Any, key_files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from iotsign.cli import run

    ours = tmp_path / "app.img"
    (tmp_path / "app.bin").write_bytes(FIRMWARE)
    platform = {"rsa-2048": "RSA-2048", "rsa-3072": "RSA-3072", "ed25519": "Ed25519"}.get(key_type, key_type.upper())
    sign = ["image", "sign", str(tmp_path / "app.bin"), "-p", f"MCUboot-{platform}", "-k", f"pem:{key_files[key_type]}"]
    assert run([*sign, "-o", str(ours), "--version", "1.2.3", "-s", "auto"]) == 2
    assert run([*sign, "-o", str(ours), "--version", "1.2.3", "--security-counter", "auto"]) == 0
    capsys.readouterr()
    assert run(["image", "inspect", str(ours), "--json"]) == 0
    compare(imgtool.dumpinfo(ours.read_bytes()), json.loads(capsys.readouterr().out))


def assert_agrees(imgtool: Any, image: bytes) -> None:
    compare(imgtool.dumpinfo(image), inspect_image(io.BytesIO(image)))


def compare(dumped: dict[str, Any], described: dict[str, Any]) -> None:
    for part in ("header", "trailer"):
        assert dumped[part].items() <= described[part].items()
    for area in ("tlv_hdr_prot", "tlv_hdr"):
        assert dumped["tlv_area"][area] == described["tlv_area"][area]
    for area in ("tlvs_prot", "tlvs"):
        for theirs, ours in zip(dumped["tlv_area"][area], described["tlv_area"][area], strict=True):
            assert theirs.items() <= ours.items()


@pytest.mark.parametrize("size", [10, 40, 0x100 + 400, -1, -40, -130])
def test_truncated_images_are_named_where_imgtool_crashes(
    size: int, imgtool: Any, key_files: dict[str, Path], public_keys: dict[str, PublicKey], tmp_path: Path
) -> None:
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files["ecdsa-p256"], "-s", "1")
    short = tmp_path / "short.bin"
    short.write_bytes(theirs[:size])
    said = imgtool.process("verify", "-k", key_files["ecdsa-p256"], short)
    assert said.returncode != 0
    with pytest.raises(FormatError) as caught:
        verify_image(io.BytesIO(theirs[:size]), [public_keys["ecdsa-p256"]])
    assert "offset" in caught.value.data
    if size in {10, -1, 0x100 + 400}:
        assert "Traceback" in said.stderr or "Invalid TLV" in said.stdout or "No signature" in said.stdout


def test_several_signatures(
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    names = ("ecdsa-p256", "ed25519", "rsa-3072")
    image, _ = create(FIRMWARE, OPTIONS, [signers[name] for name in names])
    for name in names:
        assert "correctly validated" in imgtool.verify(image, key_files[name])
        assert verify_image(io.BytesIO(image), [public_keys[name]]).signers == (public_keys[name],)
    everyone = [public_keys[name] for name in reversed(names)]
    verified = verify_image(io.BytesIO(image), everyone, require_all=True)
    assert verified.signers == tuple(public_keys[name] for name in names)
    with pytest.raises(KeyMismatchError, match="rsa2048"):
        verify_image(io.BytesIO(image), [*everyone, public_keys["rsa-2048"]], require_all=True)


@pytest.mark.parametrize("new", KEY_TYPES)
@pytest.mark.parametrize("old", ["ecdsa-p384", "ed25519"])
def test_resigned(
    old: str,
    new: str,
    imgtool: Any,
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    arguments = (*ARGUMENTS, "--confirm", "--boot-record", "SPE", "-s", "auto")
    theirs = imgtool.sign(FIRMWARE, *arguments, "-k", key_files[old])
    output = io.BytesIO()
    resign_image(io.BytesIO(theirs), output, [signers[new]])
    image = output.getvalue()
    assert len(image) == len(theirs)
    assert "correctly validated" in imgtool.verify(image, key_files[new])
    assert verify_image(io.BytesIO(image), [public_keys[new]]).signers
    # the hash stays where the new key allows it, and then nothing but the key and its signature differs
    if new == "ed25519" == old:
        assert image == theirs
    with_key = imgtool.sign(FIRMWARE, *arguments, "-k", key_files[new])
    if old == "ed25519" and new != "ecdsa-p384":
        assert image[: 0x100 + len(FIRMWARE) + 100] == with_key[: 0x100 + len(FIRMWARE) + 100]


def test_a_second_signature_is_added(
    imgtool: Any, signers: dict[str, Signer], key_files: dict[str, Path], public_keys: dict[str, PublicKey]
) -> None:
    theirs = imgtool.sign(FIRMWARE, *ARGUMENTS, "-k", key_files["ed25519"], "--pad", "-s", "4")
    output = io.BytesIO()
    resign_image(io.BytesIO(theirs), output, [signers["rsa-2048"]], ResignOptions(append=True))
    image = output.getvalue()
    assert len(image) == len(theirs)
    for name in ("ed25519", "rsa-2048"):
        assert "correctly validated" in imgtool.verify(image, key_files[name])
    both = [public_keys["ed25519"], public_keys["rsa-2048"]]
    assert verify_image(io.BytesIO(image), both, require_all=True).signers == tuple(both)


@pytest.mark.parametrize("file", [pytest.param(file, id=f"{file.parent.name}-{file.stem}") for file in REAL])
def test_real_firmware(
    file: Path,
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
) -> None:
    from iotsign.formats.firmware import read_firmware

    # the application core's part, where a file holds both cores'
    firmware = bytes(read_firmware(file).data)[:0x40000]
    dependency = Dependency(1, ImageVersion(1))
    options = ImageOptions(
        version=VERSION, header_size=0x200, pad_header=True, slot_size=0x60000, dependencies=(dependency,), pad=True
    )
    ours, _ = create(firmware, options, [signers["ed25519"]])
    arguments = ("-v", "0.9", "-H", "0x200", "--pad-header", "-S", "0x60000", "-d", "(1,1.0)", "--pad")
    assert ours == imgtool.sign(firmware, *arguments, "-k", key_files["ed25519"])


@pytest.mark.skipif(not MICROPYTHON.exists(), reason="needs Debian's firmware-microbit-micropython")
def test_real_micropython(
    imgtool: Any,
    create: Callable[..., tuple[bytes, Image]],
    signers: dict[str, Signer],
    key_files: dict[str, Path],
    public_keys: dict[str, PublicKey],
) -> None:
    from iotsign.formats.firmware import read_firmware

    firmware = bytes(read_firmware(MICROPYTHON, address=0).data)
    options = ImageOptions(version=VERSION, header_size=0x200, pad_header=True)
    ours, _ = create(firmware, options, [signers["ecdsa-p256"]])
    assert "correctly validated" in imgtool.verify(ours, key_files["ecdsa-p256"])
    assert verify_image(io.BytesIO(ours), [public_keys["ecdsa-p256"]]).signers


def test_a_sparse_512_mib_image(
    signers: dict[str, Signer], public_keys: dict[str, PublicKey], tmp_path: Path, imgtool: Any
) -> None:
    from iotsign.formats.mcuboot import create_image

    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 2 << 30:
        pytest.skip("needs 2 GiB of disk")
    size = 512 << 20
    source = tmp_path / "app.bin"
    with source.open("wb") as file:
        file.truncate(size)
    with source.open("rb") as firmware, (tmp_path / "app.img").open("w+b") as output:
        image = create_image(firmware, output, OPTIONS, [signers["ecdsa-p256"]])
        assert image.header.img_size == size
        assert verify_image(output, [public_keys["ecdsa-p256"]]).signers


def test_an_image_with_our_header_is_not_signed_twice(
    create: Callable[..., tuple[bytes, Image]], signers: dict[str, Signer]
) -> None:
    image, _ = create(FIRMWARE, OPTIONS, [signers["ed25519"]])
    with pytest.raises(IotsignError, match="resign"):
        create(image, OPTIONS, [signers["ed25519"]])
