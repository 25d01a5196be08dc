"""The core inside other projects: a bare CMake project, an ESP-IDF component, a Zephyr module."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import iotsign

CORE = Path(iotsign.__file__).parent / "core"
TARGETS = {
    "cortex-m0": ("arm-none-eabi-", "-mcpu=cortex-m0 -mthumb"),
    "cortex-m3": ("arm-none-eabi-", "-mcpu=cortex-m3 -mthumb"),
    "cortex-m33": ("arm-none-eabi-", "-mcpu=cortex-m33 -mthumb"),
    "rv32imc": ("riscv64-unknown-elf-", "-march=rv32imc -mabi=ilp32 -misa-spec=2.2 -ffreestanding"),
}
HEADER = "cmake_minimum_required(VERSION 3.22)\nproject(firmware LANGUAGES C)\n"

# what a firmware calls, and what of the core it must not get with it
USES = {
    "p256": """
#include "iotsign/p256.h"
#include "iotsign/sha256.h"
int use(unsigned char *data)
{
    iotsign_sha256_t context;
    iotsign_sha256_init(&context);
    iotsign_sha256_update(&context, data, 1);
    iotsign_sha256_finish(&context, data);
    return iotsign_p256_verify_digest(data, data, 32, data);
}
""",
    "rsa_pss": """
#include "iotsign/rsa.h"
int use(unsigned char *data)
{
    static const iotsign_rsa_pss_t pss = {&iotsign_sha256_class, 0, 32};
    static iotsign_rsa_work_t work;
    iotsign_rsa_key_t key;
    return iotsign_rsa_key_parse(&key, data, 9) || iotsign_rsa_pss_verify(&key, &pss, data, 32, data, 256, &work);
}
""",
    "ed25519": """
#include "iotsign/ed25519.h"
int use(unsigned char *data)
{
    return iotsign_ed25519_verify(data, data, 8, data, 64);
}
""",
    "mcuboot": """
#include "iotsign/hardened.h"
int use(unsigned char *data)
{
    static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_ED25519(iotsign_sha512_class)};
    static const iotsign_mcuboot_policy_t policy = {verifiers, 1, 0, 0, 0};
    iotsign_region_t region = {iotsign_memory_read, data, 64};
    iotsign_scratch_t scratch = {data, 8, 0, 0};
    iotsign_mcuboot_image_t image;
    return (int)iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &image);
}
""",
}
ABSENT = {
    "p256": "rsa|ed25519|p384|sha512|sha1|mcuboot|spki|der",
    "rsa_pss": "rsa_pkcs1|ed25519|p256|p384|sha512|sha1|mcuboot",
    "ed25519": "rsa|p256|p384|sha256|sha1|mcuboot",
    "mcuboot": "rsa|p256|p384|sha256|sha1|detached",
}


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def configure(source: Path, target: str, *options: str) -> Path:
    prefix, flags = TARGETS[target]
    need("cmake", "ninja", f"{prefix}gcc")
    build = source / "build"
    cross = ("-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
    compiler = (f"-DCMAKE_C_COMPILER={prefix}gcc", f"-DCMAKE_C_FLAGS={flags}")
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", *cross, *compiler, *options)
    return build


@pytest.mark.parametrize("target", TARGETS)
def test_bare_cmake_project(tmp_path: Path, target: str) -> None:
    """Each use links what it calls and three functions of the C library, nothing else."""
    lists = [HEADER, f"add_subdirectory({CORE} iotsign)\n"]
    for name, source in USES.items():
        (tmp_path / f"{name}.c").write_text(source)
        lists.append(
            f"add_executable({name} {name}.c)\ntarget_link_libraries({name} PRIVATE iotsign_core)\n"
            f"target_compile_options({name} PRIVATE -ffreestanding)\n"
            f"target_link_options({name} PRIVATE -nostdlib -nostartfiles LINKER:-e,use,--gc-sections,-q,"
            "--defsym=memcpy=0,--defsym=memset=0,--defsym=memcmp=0)\n"
        )
    (tmp_path / "CMakeLists.txt").write_text("".join(lists))
    build = configure(tmp_path, target, "-DIOTSIGN_PROFILE=small", "-DIOTSIGN_RSA_MAX_BITS=3072")
    run("cmake", "--build", build)  # an undefined symbol other than those three fails here
    prefix, _ = TARGETS[target]
    for name, absent in ABSENT.items():
        symbols = run(f"{prefix}nm", "--defined-only", build / name)
        assert not re.search(f"iotsign_({absent})_", symbols), name


# what the build systems define, as far as the folder's CMakeLists.txt calls it
ESP_IDF = """
set(ESP_PLATFORM 1)
set(CONFIG_IOTSIGN_RSA_MAX_BITS 3072)
macro(idf_component_register)
  cmake_parse_arguments(component "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  set(COMPONENT_LIB __idf_iotsign)
  add_library(${COMPONENT_LIB} STATIC ${component_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${component_INCLUDE_DIRS})
endmacro()
"""
ZEPHYR = """
set(ZEPHYR_BASE /zephyr)
set(CONFIG_IOTSIGN y)
set(CONFIG_IOTSIGN_RSA_MAX_BITS 3072)
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
endmacro()
macro(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PUBLIC ${ARGN})
endmacro()
macro(zephyr_compile_definitions)
  target_compile_definitions(${ZEPHYR_CURRENT_LIBRARY} PUBLIC ${ARGN})
endmacro()
"""


@pytest.mark.parametrize(("functions", "library"), [(ESP_IDF, "__idf_iotsign"), (ZEPHYR, "iotsign")])
def test_component_and_module(tmp_path: Path, functions: str, library: str) -> None:
    (tmp_path / "CMakeLists.txt").write_text(HEADER + functions + f"add_subdirectory({CORE} iotsign)\n")
    build = configure(tmp_path, "rv32imc")
    commands = run("ninja", "-C", build, "-t", "commands")
    assert len(re.findall(r"-fno-lto .*hardened\.c", commands)) == 3
    run("cmake", "--build", build)
    (archive,) = build.rglob(f"lib{library}.a")
    symbols = run("riscv64-unknown-elf-nm", "--defined-only", archive)
    for symbol in ("iotsign_mcuboot_verify_hardened", "iotsign_sha256_compress", "iotsign_base64_encode"):
        assert symbol in symbols


def test_manifests_name_what_is_there() -> None:
    component = (CORE / "idf_component.yml").read_text()
    assert f'version: "{iotsign.__version__}"' in component
    module = (CORE / "zephyr" / "module.yml").read_text()
    kconfig = re.search(r"^  kconfig: (\S+)$", module, re.MULTILINE)
    assert kconfig
    assert 'rsource "../Kconfig"' in (CORE / kconfig[1]).read_text()
    assert "config IOTSIGN_RSA_MAX_BITS" in (CORE / "Kconfig").read_text()
    assert re.search(r"^  cmake: \.$", module, re.MULTILINE)
