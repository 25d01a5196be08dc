"""Anonymous memory does not grow with the size of the file."""

import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1024 * 1024

PROGRAM = """
import os, sys
from iotsign import core
from iotsign.algorithms import HashAlgorithm

SHA256 = HashAlgorithm.SHA256
source, null = os.open(sys.argv[1], os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)

def anonymous_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

def progress(done):
    global peak
    peak = max(peak, anonymous_kib())

peak = before = anonymous_kib()
WORK
assert peak > before
print(peak - before)
"""

WORK = {
    "hash": "core.hash_file(source, SHA256, progress=progress)",
    "encode": "core.encode_payload(source, null, 0, SHA256, progress=progress)",
    "read": "core.read_json_embedded(source, lambda name: SHA256, fd_out=null, progress=progress)",
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("size", [16 * MIB, 256 * MIB])
def test_growth(tmp_path: Path, work: str, size: int) -> None:
    """Measured at every report: 32 MiB are allowed, and a tenth of that for Python's own is generous."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        if work == "read":
            file.write(b'{"rawPayloadSize":%d,"signature":"","signatureAlgorithm":"SHA256withECDSA","payload":"' % size)
            for _ in range(size // MIB):
                file.write(b"A" * (MIB // 3 * 4))
            file.write(b"A" * ((size + 2) // 3 * 4 - size // MIB * (MIB // 3 * 4) - 2) + b"==")
            file.write(b'"}')
        else:
            file.truncate(size)
    command = [sys.executable, "-c", PROGRAM.replace("WORK", WORK[work]), str(path)]
    grown_kib = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    path.unlink()
    assert grown_kib < 8 * 1024


STARVED = """
import os, resource, sys
from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import StoreError

SHA256 = HashAlgorithm.SHA256
source, null = os.open(sys.argv[1], os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)
with open("/proc/self/status") as status:
    size_kib = next(int(line.split()[1]) for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (size_kib * 1024 + int(sys.argv[2]), -1))
try:
    WORK
except StoreError as error:
    print(error.code)
"""


@pytest.mark.parametrize(
    ("work", "room", "code"),
    [
        ("hash", MIB // 2, "OutOfMemory"),  # for the ring
        ("hash", 3 * MIB + MIB // 8, "ThreadFailed"),  # for the thread's stack
        ("encode", MIB // 2, "OutOfMemory"),  # for the text
        ("encode", 2 * MIB, "OutOfMemory"),  # for the ring
        ("read", MIB // 2, "OutOfMemory"),  # for the window
    ],
)
def test_no_memory(tmp_path: Path, work: str, room: int, code: str) -> None:
    """An error with its name, and no crash."""
    path = tmp_path / "file"
    path.write_bytes(bytes(16 * MIB))
    command = [sys.executable, "-c", STARVED.replace("WORK", WORK[work].replace(", progress=progress", ""))]
    ran = subprocess.run([*command, str(path), str(room)], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == (f"{code}\n", "")
