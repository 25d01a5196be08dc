"""The boot loader's own SMP group, 64; `docs/device-protocol.md` is the reference."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from smp.message import ReadRequest, WriteRequest

from iotsign.errors import SignatureMismatchError, SmpError

__all__ = ["Attestation", "AttestedSlot", "Identity"]

GROUP: Final = 64

ERRORS: Final[Mapping[int, str]] = {
    1: "FLASH_FAILED",
    2: "REGION_NOT_ANSWERED",
    3: "ALGORITHM_NOT_SUPPORTED",
    4: "NO_CODE_SIGNER",
    5: "LENGTH_NOT_RECEIVED",
    6: "SIGNATURE_MISMATCH",
    7: "BAD_NONCE",
}
_HMAC_RECORD: Final = 39  # bytes of the last member of an attestation: key "hmac", 32 bytes


class _Command(IntEnum):
    IDENTITY = 0
    DIGEST = 1
    VERIFY = 2
    ATTEST = 3
    READ_BACK = 4


class IdentityRequest(ReadRequest):
    """Ask who the device is."""

    _GROUP_ID = GROUP
    _COMMAND_ID = _Command.IDENTITY


class DigestRequest(ReadRequest):
    """Ask for the SHA-256 of the first bytes of a slot."""

    _GROUP_ID = GROUP
    _COMMAND_ID = _Command.DIGEST

    slot: int
    len: int


class VerifyRequest(WriteRequest):
    """Ask to verify a detached signature over the received image with the provisioned code-signing key."""

    _GROUP_ID = GROUP
    _COMMAND_ID = _Command.VERIFY

    slot: int
    alg: str
    sig: bytes
    len: int


class AttestRequest(ReadRequest):
    """Ask for the digests of the slots, bound to a nonce of 16 to 64 bytes."""

    _GROUP_ID = GROUP
    _COMMAND_ID = _Command.ATTEST

    nonce: bytes


class ReadBackRequest(ReadRequest):
    """Ask for bytes of the flash; boot loaders for benches answer it."""

    _GROUP_ID = GROUP
    _COMMAND_ID = _Command.READ_BACK

    off: int
    len: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is.

    Attributes:
        board: The id of its board.
        device_id: The provisioned name of this one device; None if it has none.
        loader: The boot loader's version; empty if it does not say.
        counter: The stored security counter.
        platforms: Ids of the signing platforms whose images it takes; empty if it does not say.
        code_signer: SHA-256 of the code-signing key (SubjectPublicKeyInfo, DER) that installs need; None if none is
            provisioned.
    """

    board: str
    device_id: str | None
    loader: str
    counter: int
    platforms: tuple[str, ...]
    code_signer: bytes | None

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> "Identity":
        """Read the device's answer.

        Raises:
            SmpError: It lacks a member, or one has the wrong type.
        """
        platforms = _member(reply, "platforms", list, ())
        return cls(
            board=_member(reply, "board", str),
            device_id=_member(reply, "id", str, None),
            loader=_member(reply, "version", str, ""),
            counter=_member(reply, "counter", int, 0),
            platforms=tuple(str(platform) for platform in platforms),
            code_signer=_member(reply, "code_signer", bytes, None),
        )


@dataclass(frozen=True, slots=True)
class AttestedSlot:
    """One slot in an attestation.

    Attributes:
        slot: 0 is the one that runs.
        version: The image's version.
        sha256: The digest that its header states and its signature covers.
    """

    slot: int
    version: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a device says that it runs.

    Attributes:
        device_id: The provisioned name; empty if it has none.
        slots: The images in its slots.
        hmac: HMAC-SHA-256 with the provisioned attestation key; None if it has none.
        nonce: What makes it fresh.
        reply: The CBOR map as the device sent it.
    """

    device_id: str
    slots: tuple[AttestedSlot, ...]
    hmac: bytes | None
    nonce: bytes
    reply: bytes

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any], nonce: bytes, raw: bytes) -> "Attestation":
        """Read the device's answer.

        Raises:
            SmpError: It lacks a member, or one has the wrong type.
        """
        slots = []
        for slot in _member(reply, "slots", list):
            if not isinstance(slot, Mapping):
                raise malformed("slots", "map", slot)
            slots.append(
                AttestedSlot(
                    _member(slot, "slot", int), _member(slot, "version", str, ""), _member(slot, "sha256", bytes, b"")
                )
            )
        if _member(reply, "nonce", bytes) != nonce:
            raise SmpError("StaleAttestation", "the device answered with another nonce than it was given")
        return cls(_member(reply, "id", str, ""), tuple(slots), _member(reply, "hmac", bytes, None), nonce, raw)

    def verify(self, attest_key: bytes) -> None:
        """Check that a device with this key made it.

        Args:
            attest_key: The provisioned secret, 32 bytes.

        Raises:
            SignatureMismatchError: It has no HMAC, or one by another key.
        """
        if self.hmac is None:
            raise SignatureMismatchError("NotAttested", "the device has no attestation key: nothing vouches for this")
        expected = hmac.digest(attest_key, self.reply[:-_HMAC_RECORD], "sha256")
        if not hmac.compare_digest(expected, self.hmac):
            raise SignatureMismatchError("AttestationMismatch", "the attestation was not made with this key")


_NEEDED: Final = object()


def _member(reply: Mapping[str, Any], name: str, kind: type, default: Any = _NEEDED) -> Any:
    value = reply.get(name, default)
    if value is default and default is not _NEEDED:
        return default
    if type(value) is not kind:
        raise malformed(name, kind.__name__, value)
    return value


def malformed(name: str, expected: str, value: object) -> SmpError:
    """Say that a member of a reply is not what it has to be."""
    got = "nothing" if value is _NEEDED else type(value).__name__
    return SmpError("BadReply", f"the device's reply: expected {expected} in {name!r}, got {got}", member=name)
