"""Images that esptool makes from an ELF of our own."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = """
struct description { unsigned magic, secure_version, reserved[2]; char version[32], project[32], time[16], date[16],
                     idf[32]; unsigned char elf_sha256[32]; unsigned more[20]; };
const struct description app __attribute__((section(".rodata_desc"))) = {
    0xABCD5432, 7, {0}, "1.4.2", "sample", "12:00:00", "Jan  1 2024", "v5.2", {0}, {0} };
const char table[] __attribute__((section(".rodata"))) = "constant data in flash";
int counter __attribute__((section(".data"))) = 41;
void _start(void) { for (;;) counter++; }
"""
SCRIPT = """
ENTRY(_start)
SECTIONS {
  .flash.appdesc 0x3C000020 : { KEEP(*(.rodata_desc)) *(.rodata*) }
  .iram0.text 0x40380000 : { *(.text*) }
  .dram0.data 0x3FC90000 : { *(.data*) }
  /DISCARD/ : { *(.comment) *(.note*) *(.riscv.attributes) *(.eh_frame) }
}
"""


def esptool(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "esptool", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def run_esptool() -> Callable[..., str]:
    return esptool


@pytest.fixture(scope="session")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small RV32IMC program laid out for an ESP32-C3."""
    compiler = shutil.which("riscv64-unknown-elf-gcc")
    if compiler is None:
        pytest.skip("riscv64-unknown-elf-gcc is not installed")
    directory = tmp_path_factory.mktemp("elf")
    (directory / "app.c").write_text(SOURCE)
    (directory / "app.ld").write_text(SCRIPT)
    output = directory / "app.elf"
    flags = ["-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "-Os", "-nostdlib", "-nostartfiles", "-ffreestanding"]
    command = [compiler, *flags, "-T", "app.ld", "-o", str(output), "app.c"]
    subprocess.run(command, cwd=directory, check=True)
    return output


@pytest.fixture(scope="session")
def app_image(elf: Path) -> Path:
    """The ESP32-C3 image of that program, padded for Secure Boot v2."""
    output = elf.with_suffix(".bin")
    esptool("--chip", "esp32c3", "elf2image", "--secure-pad-v2", "--output", output, elf)
    return output
