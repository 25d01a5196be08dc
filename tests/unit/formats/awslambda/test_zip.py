"""Zip files in which two readers might see different things, and bombs (threats 13 and 14)."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from issuing_chain import FILES, IssuingChain, make_claims, make_zip

from iotsign.errors import FormatError, ImageTooLargeError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.awslambda import LARGEST_CONTENT, sign_zip
from iotsign.formats.awslambda._content import digest_content
from iotsign.formats.awslambda._zip import CENTRAL, LOCAL, read_zip

LOCAL_MAGIC, CENTRAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def digest(data: bytes) -> bytes:
    file = io.BytesIO(data)
    return digest_content(file, read_zip(file, len(data)).entries)


def refused(data: bytes, code: str) -> FormatError:
    with pytest.raises(FormatError) as caught:
        digest(data)
    assert caught.value.code == code, caught.value.message
    return caught.value


def put(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def central(data: bytes, number: int = 0) -> int:
    at = data.index(CENTRAL_MAGIC)
    for _ in range(number):
        at = data.index(CENTRAL_MAGIC, at + 1)
    return at


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return data.replace(old, new)


def with_directory(data: bytes, grow: int) -> bytes:
    """The end record after the local records have grown."""
    at = data.rindex(END_MAGIC)
    offset = struct.unpack_from("<I", data, at + 16)[0]
    return put(data, at + 16, struct.pack("<I", offset + grow))


ONE = make_zip({"app.py": b"print(1)\n" * 9})
STORED = make_zip({"app.py": b"print(1)\n"}, method=0)


def test_what_others_write() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        digest(make_zip(method=method))
        digest(make_zip(method=method, comment=b"x" * 0xFFFF))
    streamed = io.BytesIO()

    class Unseekable(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            return streamed.write(data)

    # data descriptors behind the bodies
    with zipfile.ZipFile(Unseekable(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in FILES.items():
            archive.writestr(name, body)
    assert b"PK\x07\x08" in streamed.getvalue()
    assert digest(streamed.getvalue()) == digest(make_zip())
    # zip64 extra fields about small files
    wide = io.BytesIO()
    with zipfile.ZipFile(wide, "w") as archive, archive.open("app.py", "w", force_zip64=True) as entry:
        entry.write(b"print(1)\n")
    assert digest(wide.getvalue()) == digest(STORED)


def test_what_the_zip_command_writes(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "index.py").write_bytes(b"print(1)\n" * 100)
    (tmp_path / "läs").write_bytes(b"x")
    try:
        subprocess.run(["zip", "-qr", "app.zip", "."], cwd=tmp_path, check=True)
        piped = subprocess.run(["zip", "-q", "-", "app/index.py"], cwd=tmp_path, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("zip is not installed")
    digest((tmp_path / "app.zip").read_bytes())
    digest(piped.stdout)


@pytest.mark.parametrize("data", [b"", b"PK", END_MAGIC, ONE[:-1], ONE[:-22], b"firmware" * 9])
def test_no_zip(data: bytes) -> None:
    with pytest.raises(MalformedImageError) as caught:
        digest(data)
    assert "offset" in caught.value.data


@pytest.mark.parametrize(
    "name",
    [b"/pp.py", b"../.py", b"a/../b", b"a/./py", b"a//.py", b"c:a.py", b"a\\b.py", b"a\0b.py", b"a\nb.py", b"..",
     b"a\xff.py", b"", b"./a.py"],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: bytes) -> None:
    data = make_zip({"x" * max(1, len(name)): b"1"})
    data = data.replace(b"x" * max(1, len(name)), name) if name else data
    if not name:
        for at in (LOCAL.size, data.index(CENTRAL_MAGIC) + CENTRAL.size):
            data = put(data, at, b"/")
    error = refused(data, "NameNotUtf8" if b"\xff" in name else "BadName")
    assert "offset" in error.data


def test_a_name_twice() -> None:
    data = make_zip({"a.py": b"1", "b.py": b"2"})
    refused(renamed(data, b"b.py", b"a.py"), "DuplicateName")
    refused(renamed(make_zip({"a/": b"", "bb": b"2"}), b"bb", b"a/"), "DirectoryWithBody")
    refused(make_zip({"a/": b"", "a": b"2"}), "DuplicateName")


def test_two_names_for_one_entry() -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.extra = struct.pack("<HHBI", 0x7075, 11, 1, 0) + b"evil.x"
        archive.writestr(entry, b"1")
    refused(output.getvalue(), "TwoNames")


@pytest.mark.parametrize(
    ("at", "value"),
    [(6, b"\2"), (8, b"\0"), (10, b"\1"), (12, b"\1"), (14, b"\1"), (18, b"\1"), (22, b"\1"), (30, b"z")],
    ids=["flags", "method", "time", "date", "crc", "compressed", "size", "name"],
)
def test_a_local_header_that_says_something_else(at: int, value: bytes) -> None:
    error = refused(put(ONE, at, value), "LocalHeaderMismatch")
    assert error.data["offset"] == 0


def test_data_before_behind_and_between() -> None:
    at = central(ONE)
    refused(b"#!/bin/sh\n" + ONE, "DirectoryMisplaced")
    # offsets that were put right, as self-extracting archives have them
    shifted = b"#!/bin/sh\n" + put(ONE, at + 42, struct.pack("<I", 10))
    refused(with_directory(shifted, 10), "EntriesMisplaced")
    refused(ONE + b"\n", "TrailingData")
    between = ONE[:at] + b"between" + ONE[at:]
    refused(with_directory(between, 7), "EntriesMisplaced")
    end = ONE.rindex(END_MAGIC)
    refused(ONE[:end] + b"x" + ONE[end:], "DirectoryMisplaced")


def test_two_end_records() -> None:
    # a comment that holds an end record: readers that search from the end find that one
    refused(make_zip({"a": b"1"}, comment=ONE[-22:]), "TwoEndRecords")
    # an entry whose end record reaches to the end of the file, too
    inner = ONE[:-2]
    outer = make_zip({"inner.zip": inner + b"\0\0"}, method=0)
    at = outer.index(END_MAGIC)
    refused(put(outer, at + 20, struct.pack("<H", len(outer) - at - 22)), "TwoEndRecords")


def test_a_zip_inside_a_zip_is_fine() -> None:
    digest(make_zip({"inner.zip": ONE}, method=0))


def test_overlapping_entries() -> None:
    data = make_zip({"a.py": b"1" * 100, "b.py": b"2" * 100}, method=0)
    second = central(data, 1)
    refused(put(data, second + 42, struct.pack("<I", 0)), "LocalHeaderMismatch")
    # the same entry twice under one local header, as overlapping bombs do it
    twice = renamed(data, b"b.py", b"a.py")
    refused(put(twice, second + 42, struct.pack("<I", 0)), "LocalHeaderMismatch")
    same = make_zip({"a.py": b"1", "b.py": b"1"}, method=0)
    both = put(renamed(same, b"b.py", b"a.py"), central(same, 1) + 42, struct.pack("<I", 0))
    refused(both, "EntriesMisplaced")


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644, 0o140644, 0o040755])
def test_links_and_devices(mode: int) -> None:
    refused(put(ONE, central(ONE) + 38, struct.pack("<I", mode << 16)), "SpecialFile")


@pytest.mark.parametrize("flag", [0x0001, 0x0040, 0x2000])
def test_encrypted_entries(flag: int) -> None:
    flags = struct.pack("<H", flag)
    with pytest.raises(UnsupportedFormatError) as caught:
        digest(put(put(ONE, 6, flags), central(ONE) + 8, flags))
    assert caught.value.code == "EncryptedEntry"


def test_other_compression() -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.py", b"1" * 99)
    with pytest.raises(UnsupportedFormatError):
        digest(output.getvalue())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data, end: put(data, end + 4, b"\1"), "SplitZip"),
        (lambda data, end: put(data, end + 8, b"\2"), "SplitZip"),
        (lambda data, end: put(put(data, end + 8, b"\2"), end + 10, b"\2"), "BadDirectory"),
        (lambda data, end: put(put(data, end + 8, b"\0"), end + 10, b"\0"), "BadDirectory"),
        (lambda data, end: put(put(data, end + 8, b"\xff\xff"), end + 10, b"\xff\xff"), "Zip64"),
        (lambda data, end: put(data, end + 16, b"\xff\xff\xff\xff"), "Zip64"),
        (lambda data, end: data[:end] + b"PK\x06\x07" + bytes(16) + data[end:], "Zip64"),
    ],
)
def test_end_records_that_mislead(change: Callable[[bytes, int], bytes], code: str) -> None:
    end = ONE.rindex(END_MAGIC)
    data = change(ONE, end)
    if data.count(b"PK\x06\x07"):
        at = data.rindex(END_MAGIC)
        data = put(data, at + 12, struct.pack("<I", at - data.index(CENTRAL_MAGIC)))
    refused(data, code)


def test_bodies_that_lie() -> None:
    for at in (14, central(ONE) + 16):  # both CRCs
        assert ONE[at : at + 4] == ONE[14:18]
    refused(put(put(ONE, 14, bytes(4)), central(ONE) + 16, bytes(4)), "CrcMismatch")
    size = struct.pack("<I", 5)
    refused(put(put(ONE, 22, size), central(ONE) + 24, size), "SizeMismatch")
    size = struct.pack("<I", 500)
    refused(put(put(ONE, 22, size), central(ONE) + 24, size), "SizeMismatch")
    body = LOCAL.size + len("app.py")
    refused(put(ONE, body, b"\xff"), "BadDeflate")
    descriptor = io.BytesIO()
    with zipfile.ZipFile(descriptor, "w") as archive:
        archive.writestr("app.py", b"1")
    data = put(put(descriptor.getvalue(), 6, b"\x08"), central(descriptor.getvalue()) + 8, b"\x08")
    refused(data, "DescriptorMismatch")


def test_a_bomb(chain: IssuingChain) -> None:
    # threat 14
    refused(make_zip({"zeros": bytes(8 << 20)}), "DecompressionBomb")
    data = make_zip({f"{number}": b"x" * 10 for number in range(3)}, method=0)
    data = put(data, central(data, 1) + 24, struct.pack("<I", LARGEST_CONTENT))
    refused(data, "SizeMismatch")
    with pytest.raises(FormatError):
        sign_zip(
            io.BytesIO(make_zip({"zeros": bytes(8 << 20)})),
            io.BytesIO(),
            chain.signer,
            certificates=chain.certificates,
            claims=make_claims(),
        )


def test_more_content_than_lambda_takes() -> None:
    from iotsign.formats.awslambda._zip import Entry

    entries = [Entry(name, 0, 0, LARGEST_CONTENT, LARGEST_CONTENT, 0, 0, 0, 0, 0) for name in (b"a", b"b")]
    with pytest.raises(ImageTooLargeError):
        digest_content(io.BytesIO(), entries)


SIGN_LARGE = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from issuing_chain import IssuingChain, make_claims
from iotsign.formats.awslambda import check_content, read_lambda_zip, sign_zip

directory = Path(sys.argv[1])
chain = IssuingChain.make(directory)
with (directory / "large.zip").open("rb") as source, (directory / "signed.zip").open("w+b") as output:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = sign_zip(source, output, chain.signer, certificates=chain.certificates, claims=make_claims())
    assert check_content(output, read_lambda_zip(output, made.size)) == made.digest
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_constant_memory(tmp_path: Path) -> None:
    """48 MiB, or with IOTSIGN_ALL_VECTORS=1 the 249 MiB that AWS Lambda takes, need little more than a few bytes."""
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive, archive.open("zeros", "w") as entry:
        for _ in range(249 if os.environ.get("IOTSIGN_ALL_VECTORS") else 48):
            entry.write(bytes(1 << 20))
    command = [sys.executable, "-c", SIGN_LARGE, str(tmp_path), str(Path(__file__).parents[3] / "fakes")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 16 << 10  # KiB
