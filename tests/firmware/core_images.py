"""The core's verdict on images, through a program around it whose flash can fail, and images with any defect.

Lies on the import path of the tests.
"""

import fcntl
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

CORE = Path(__file__).parents[2] / "iotsign" / "core"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
SANITIZERS = ["-g", "-fsanitize=address,undefined,integer", "-fno-sanitize-recover=all"]
STATUS = {
    0: "OK",
    -1: "ARGUMENT",
    -2: "MALFORMED",
    -3: "KEY",
    -4: "SIGNATURE",
    -5: "UNSUPPORTED",
    -6: "READ",
    -7: "DIGEST",
    -8: "SPACE",
    -11: "UNSIGNED",
    -12: "UNTRUSTED",
}
TRUSTED = 0x9B5CE1A6
VERIFIERS = ("p256", "p384", "rsa", "ed25519", "ed25519-sha512", "pkcs1", "pkcs1-sha1")
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Question:
    """What the core is asked.

    Attributes:
        flash: What the read function reads.
        anchors: SubjectPublicKeyInfo, or hashes of keys as (hash,).
        operation: ``image`` or ``detached``.
        hardened: Whether the hardened function is asked.
        verifiers: Names out of `VERIFIERS`.
        accepted_flags: Image flags that the caller acts upon.
        buffer_size: Bytes of the scratch buffer.
        work_size: Bytes of the work space.
        fail_call: The number of the read call that returns nothing; -1 for none.
        short_call: The number of the read call that returns one byte less.
        change: From this read call on, the byte at this offset differs.
        offset: Where the signed bytes of a detached signature begin.
        length: How many there are.
        signature: The detached signature.
    """

    flash: bytes
    anchors: Sequence[bytes | tuple[bytes]]
    operation: str = "image"
    hardened: bool = False
    verifiers: Sequence[str] = VERIFIERS
    accepted_flags: int = 0
    buffer_size: int = 864
    work_size: int = 2048
    fail_call: int = -1
    short_call: int = -1
    change: tuple[int, int] = (-1, 0)
    offset: int = 0
    length: int = 0
    signature: bytes = b""

    def encode(self) -> bytes:
        mask = sum(1 << VERIFIERS.index(name) for name in self.verifiers)
        operation = (2 if self.operation == "detached" else 0) + self.hardened
        calls = (self.fail_call, self.short_call, *self.change)
        head = struct.pack("<BIHHHiiiI", operation, self.accepted_flags, mask, self.buffer_size, self.work_size, *calls)
        anchors = b"".join(
            struct.pack("<BH", 2 if isinstance(anchor, tuple) else 1, len(data)) + data
            for anchor in self.anchors
            for data in [anchor[0] if isinstance(anchor, tuple) else anchor]
        )
        claim = b""
        if self.operation == "detached":
            claim = struct.pack("<IIH", self.offset, self.length, len(self.signature)) + self.signature
        request = head + struct.pack("<B", len(self.anchors)) + anchors + claim + self.flash
        return struct.pack("<I", len(request)) + request


VERSION = struct.Struct("<BBHI")
DEPENDENCY = struct.Struct("<BBBHI")
ANSWER = struct.Struct("<II4I8s3IBBB64s36s")


@dataclass(frozen=True)
class Answer:
    """What the core found; the fields after `reads` are those of `iotsign_mcuboot_image_t`."""

    verdict: str
    reads: int
    load_address: int
    header_size: int
    payload_size: int
    flags: int
    version: tuple[int, int, int, int]
    signed_size: int
    size: int
    security_counter: int | None
    digest: bytes
    dependencies: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing but the verdict was handed out."""
        rest = (self.load_address, self.header_size, self.payload_size, self.flags, self.signed_size, self.size)
        return not any(rest) and self.security_counter is None and self.digest == b"" and self.dependencies == []

    @classmethod
    def decode(cls, data: bytes, *, hardened: bool) -> "Answer":
        (
            verdict,
            reads,
            load,
            header,
            payload,
            flags,
            version,
            signed,
            size,
            counter,
            has,
            count,
            length,
            digest,
            rest,
        ) = ANSWER.unpack(data)
        if hardened:
            name = "OK" if verdict == TRUSTED else "REFUSED"
        else:
            name = STATUS[verdict - (1 << 32) if verdict else 0]
        dependencies = [DEPENDENCY.unpack_from(rest, 9 * i) for i in range(count)]
        return cls(
            *(name, reads, load, header, payload, flags, VERSION.unpack(version), signed, size),
            *(counter if has else None, digest[:length], dependencies),
        )


BUILDS = {
    "gcc": (["gcc", "-O2"], []),
    "clang": (["clang", "-O1", *SANITIZERS], []),
    "armhf": (["arm-linux-gnueabihf-gcc", "-O2", "-static"], ["qemu-arm"]),
    "s390x": (["s390x-linux-gnu-gcc", "-O2", "-static"], ["qemu-s390x"]),
}
"""By name: the compiler, which for clang has sanitizers that end the program, and what runs the result."""


def missing_tool(build: str) -> str:
    """The first program that a build needs and that is not installed, or nothing."""
    compiler, runner = BUILDS[build]
    return next((tool for tool in [compiler[0], *runner] if shutil.which(tool) is None), "")


class Core:
    """The core, on this machine or under an emulator.

    Args:
        build: One of `BUILDS`.
        directory: Where to build, or where another process has built.
    """

    def __init__(self, build: str, directory: Path) -> None:
        compiler, runner = BUILDS[build]
        program = directory / f"images-{build}"
        sources = [*map(str, CORE.glob("src/*.c")), str(Path(__file__).with_name("images.c"))]
        with program.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                command = [*compiler, *WARNINGS, f"-I{CORE / 'include'}", *sources, "-o", str(program)]
                subprocess.run(command, check=True)
        self._command = [*runner, str(program)]

    def verify_all(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask about many images in one run."""
        stream = b"".join(question.encode() for question in questions)
        run = subprocess.run(self._command, input=stream, capture_output=True)
        assert run.returncode == 0, run.stderr.decode()
        assert len(run.stdout) == len(questions) * ANSWER.size
        parts = (run.stdout[i : i + ANSWER.size] for i in range(0, len(run.stdout), ANSWER.size))
        return [Answer.decode(part, hardened=q.hardened) for part, q in zip(parts, questions, strict=True)]

    def verify(self, flash: bytes, anchors: Sequence[bytes | tuple[bytes]], **options: Any) -> Answer:
        """Ask about one image; the options are the fields of `Question`."""
        return self.verify_all([Question(flash, anchors, **options)])[0]


def make_keys() -> dict[str, PrivateKey]:
    """One key of each kind that images are signed with, and a second P-256 key."""
    return {
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "other": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "rsa2048": rsa.generate_private_key(65537, 2048),
        "rsa3072": rsa.generate_private_key(65537, 3072),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }


def spki_of(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def embedded_of(key: PrivateKey) -> bytes:
    """The key as images embed and hash it."""
    rsa_key = isinstance(key, rsa.RSAPrivateKey)
    form = serialization.PublicFormat.PKCS1 if rsa_key else serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def _signature(key: PrivateKey, region: bytes, digest: bytes, hash_: hashes.HashAlgorithm, *, pure: bool) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(region if pure else digest)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(region, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
    return key.sign(region, ec.ECDSA(hash_, deterministic_signing=True))


SIGNATURE_TYPES = {"p256": 0x22, "other": 0x22, "p384": 0x22, "rsa2048": 0x20, "rsa3072": 0x23, "ed25519": 0x24}
HASHES: dict[int, hashes.HashAlgorithm] = {0x10: hashes.SHA256(), 0x11: hashes.SHA384(), 0x12: hashes.SHA512()}


def tlv(type_: int, data: bytes) -> bytes:
    return struct.pack("<HH", type_, len(data)) + data


def area(magic: int, tlvs: bytes) -> bytes:
    return struct.pack("<HH", magic, 4 + len(tlvs)) + tlvs


def hash_of(type_: int, data: bytes) -> bytes:
    state = hashes.Hash(HASHES[type_])
    state.update(data)
    return state.finalize()


@dataclass(frozen=True)
class ImageMaker:
    """Builds images by hand, byte by byte, so that each can have its one defect."""

    keys: dict[str, PrivateKey]

    def signed_part(
        self, payload: bytes = b"\x55" * 300, protected: bytes = b"", *, flags: int = 0, **header: int
    ) -> bytes:
        """Header, payload and protected TLVs; `header` overrides what the header says."""
        size = len(protected) + 4 if protected else 0
        fields = {"magic": 0x96F3B83D, "load": 0x20001000, "hdr": 64, "prot": size, "img": len(payload)} | header
        packed = struct.pack("<IIHHII", *fields.values(), flags) + VERSION.pack(1, 2, 3, 4) + bytes(4)
        return packed.ljust(64, b"\0") + payload + (area(0x6908, protected) if protected else b"")

    def records(
        self,
        signed: bytes,
        signer: str = "p256",
        *,
        hash_type: int = 0,
        pure: bool = False,
        embed: bool = False,
    ) -> bytes:
        """The unprotected TLVs that a signer adds: hash, key and signature."""
        key = self.keys[signer]
        hash_type = hash_type or (0x12 if pure else 0x11 if signer == "p384" else 0x10)
        digest = hash_of(hash_type, signed)
        name = tlv(2, embedded_of(key)) if embed else tlv(1, hash_of(hash_type, embedded_of(key)))
        signature = _signature(key, signed, digest, HASHES[hash_type], pure=pure)
        mark = tlv(0x25, b"\1") if pure else b""
        return tlv(hash_type, digest) + mark + name + tlv(SIGNATURE_TYPES[signer], signature)

    def make(self, signer: str = "p256", *, extra: bytes = b"", **options: Any) -> bytes:
        """A good image, with `extra` unprotected TLVs; the options are those of `signed_part` and `records`."""
        how = {name: options.pop(name) for name in ("hash_type", "pure", "embed") if name in options}
        signed = self.signed_part(**options)
        return signed + area(0x6907, self.records(signed, signer, **how) + extra)

    def unsigned(self, signed: bytes, records: bytes) -> bytes:
        """An image with exactly these unprotected TLVs after its digest."""
        return signed + area(0x6907, tlv(0x10, hash_of(0x10, signed)) + records)
