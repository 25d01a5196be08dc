"""Our readers against GNU objcopy, both ways."""

import shutil
import subprocess
from pathlib import Path

import pytest

from iotsign.formats.firmware import read_firmware

SAMPLES = Path(__file__).parents[3] / "firmware_samples" / "prebuilt"
ELF_FILES = sorted(SAMPLES.glob("*.elf"))

pytestmark = pytest.mark.skipif(not shutil.which("objcopy"), reason="needs objcopy (binutils)")


def objcopy(source: Path, target: Path, *options: str, tool: str = "objcopy") -> Path:
    if not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    subprocess.run([tool, *options, str(source), str(target)], check=True, capture_output=True)
    return target


@pytest.mark.parametrize("source", ELF_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["binary", "ihex"])
def test_elf(source: Path, form: str, tmp_path: Path) -> None:
    tool = "arm-none-eabi-objcopy" if "mps2" in source.name else "riscv64-unknown-elf-objcopy"
    theirs = objcopy(source, tmp_path / "theirs", "-O", form, tool=tool)
    ours = read_firmware(source)
    image = read_firmware(theirs)
    assert ours.data == bytes(image.data)
    if form == "ihex":
        assert (ours.address, ours.entry) == (image.address, image.entry)


@pytest.mark.parametrize("source", ELF_FILES, ids=lambda path: path.stem)
def test_elf_that_objcopy_rewrote(source: Path, tmp_path: Path) -> None:
    tool = "arm-none-eabi-objcopy" if "mps2" in source.name else "riscv64-unknown-elf-objcopy"
    stripped = objcopy(source, tmp_path / "stripped.elf", "--strip-all", tool=tool)
    moved = objcopy(source, tmp_path / "moved.elf", "--change-addresses", "0x100000", tool=tool)
    ours = read_firmware(source)
    assert read_firmware(stripped).data == ours.data
    assert ours.address is not None
    assert read_firmware(moved).data == ours.data
    assert read_firmware(moved).address == ours.address + 0x100000


def test_published_hex(nrf_hex: Path, tmp_path: Path) -> None:
    theirs = objcopy(nrf_hex, tmp_path / "theirs.bin", "-I", "ihex", "-O", "binary", "--gap-fill", "0xff")
    assert read_firmware(nrf_hex).data == theirs.read_bytes()


def test_published_hex_by_region(microbit_hex: Path, tmp_path: Path) -> None:
    for start, end in ((0, 0x3B88C), (0x100010C0, 0x100010DC)):
        chosen = tmp_path / f"{start:x}.hex"
        lines = microbit_hex.read_text().splitlines()
        split = lines.index(":020000041000EA")
        chosen.write_text("\n".join([*(lines[:split] if start == 0 else lines[split:-2]), ":00000001FF", ""]))
        theirs = objcopy(chosen, tmp_path / f"{start:x}.bin", "-I", "ihex", "-O", "binary", "--gap-fill", "0xff")
        assert read_firmware(microbit_hex, address=start).data == theirs.read_bytes()
        assert theirs.stat().st_size == end - start


@pytest.mark.parametrize("size", [1, 15, 16, 17, 65535, 65536, 65537, 200_000])
def test_hex_of_a_flat_binary(size: int, tmp_path: Path) -> None:
    flat = tmp_path / "flat.bin"
    flat.write_bytes(bytes(index * 31 & 0xFF for index in range(size)))
    theirs = objcopy(flat, tmp_path / "theirs", "-I", "binary", "-O", "ihex", "--change-addresses", "0x1000fff0")
    image = read_firmware(theirs)
    assert (image.data, image.address) == (flat.read_bytes(), 0x1000FFF0)


@pytest.mark.parametrize("page", ["4", "0x1000", "0x10000"])
def test_elf_of_any_page_size(page: str, tmp_path: Path) -> None:
    """A linker lets the first segment begin with the ELF headers where the page has room for them."""
    linker = "arm-none-eabi-ld"
    if not shutil.which(linker):
        pytest.skip(f"needs {linker}")
    flat, wrapped, linked, script = (tmp_path / name for name in ("flat.bin", "flat.o", "flat.elf", "flat.ld"))
    flat.write_bytes(bytes(index * 31 & 0xFF for index in range(5000)))
    objcopy(flat, wrapped, "-I", "binary", "-O", "elf32-littlearm", tool="arm-none-eabi-objcopy")
    script.write_text("SECTIONS { . = 0x20000; .text : { *(.data) } }")
    command = [linker, "-z", f"max-page-size={page}", "-T", str(script), "-o", str(linked), str(wrapped)]
    subprocess.run(command, check=True, capture_output=True)
    image = read_firmware(linked)
    assert (image.data, image.address) == (flat.read_bytes(), 0x20000)
