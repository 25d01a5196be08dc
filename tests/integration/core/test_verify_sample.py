"""The sample that verifies a signed image, built as a user builds it and run on both boards."""

import shutil
import subprocess
from pathlib import Path

import pytest
from core_images import ImageMaker, make_keys, spki_of

SAMPLE = Path(__file__).parents[3] / "firmware_samples" / "verify"
BOARDS = ("mps2-an385", "riscv32-virt")
SLOT = 0x21000000
FLASH_SIZE = 32 << 20
QUIET = ("-display", "none", "-monitor", "none", "-serial", "stdio")


@pytest.fixture(scope="module")
def maker() -> ImageMaker:
    """Builds images with keys of this run."""
    return ImageMaker(make_keys())


@pytest.fixture(scope="module", params=BOARDS)
def firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, maker: ImageMaker) -> Path:
    """The sample for a board, which trusts the P-256 key; in a directory of the board's name."""
    board: str = request.param
    compiler = "arm-none-eabi-gcc" if board.startswith("mps2") else "riscv64-unknown-elf-gcc"
    for tool in ("cmake", "ninja", compiler, "qemu-system-arm", "qemu-system-riscv32"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    build = tmp_path_factory.mktemp("verify") / board
    build.mkdir()
    key = build / "trusted.der"
    key.write_bytes(spki_of(maker.keys["p256"]))
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={SAMPLE / f'{board}.cmake'}"
    options = ["-G", "Ninja", f"-DTRUSTED_KEY={key}", toolchain, "-DIOTSIGN_PROFILE=small"]
    commands = (["cmake", "-S", str(SAMPLE), "-B", str(build), *options], ["cmake", "--build", str(build)])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


def boot(firmware: Path, image: bytes) -> str:
    """The sample's verdict on what is in the slot."""
    if firmware.name == "mps2-an385":
        slot = firmware / "slot.bin"
        slot.write_bytes(image)
        loader = f"loader,file={slot},addr={SLOT:#x},force-raw=on"
        command = ["qemu-system-arm", "-M", "mps2-an385", "-kernel", str(firmware / "verify"), "-device", loader]
    else:
        flash, program = firmware / "flash.bin", firmware / "program.bin"
        objcopy = ["riscv64-unknown-elf-objcopy", "-O", "binary", str(firmware / "verify"), str(program)]
        subprocess.run(objcopy, check=True)
        flash.write_bytes((program.read_bytes().ljust(SLOT - 0x20000000, b"\xff") + image).ljust(FLASH_SIZE, b"\xff"))
        drive = f"if=pflash,unit=0,format=raw,file={flash}"
        command = ["qemu-system-riscv32", "-M", "virt", "-bios", "none", "-drive", drive]
    with subprocess.Popen(["timeout", "60", *command, *QUIET], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        line = run.stdout.readline()
        run.terminate()
    return line.decode().strip()


def test_verdicts(firmware: Path, maker: ImageMaker) -> None:
    image = maker.make(payload=b"\x55" * 4321)
    changed = bytearray(image)
    changed[2000] ^= 1
    verdicts = {
        "good": boot(firmware, image),
        "changed": boot(firmware, bytes(changed)),
        "by another key": boot(firmware, maker.make("other")),
        "empty": boot(firmware, b"\xff" * 4096),
    }
    refused = dict.fromkeys(["changed", "by another key", "empty"], "refused")
    assert verdicts == {"good": "trusted: bytes 4321"} | refused


def test_it_is_small_and_short(firmware: Path) -> None:
    assert len((SAMPLE / "verify.c").read_text().splitlines()) <= 40
    nm = "arm-none-eabi-nm" if firmware.name == "mps2-an385" else "riscv64-unknown-elf-nm"
    symbols = subprocess.run([nm, firmware / "verify"], capture_output=True, text=True, check=True).stdout
    # what it does not name is not in it
    assert "iotsign_p256_verify_digest" in symbols
    for absent in ("rsa", "ed25519", "p384", "sha512", "sha1", "base64"):
        assert f"iotsign_{absent}_" not in symbols
