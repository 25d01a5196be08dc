"""What a verification has to respect, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate, Trust
from iotsign.formats.container import ContainerSignature, Settings

if TYPE_CHECKING:
    from iotsign.formats.jsonimage import JsonImage
    from iotsign.formats.revocations import RevocationList
    from iotsign.platforms import Platform

__all__ = ["VerifiedContainer", "VerifiedImage", "VerifiedService", "VerifyOptions"]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What a verdict has to respect.

    Attributes:
        trust: Whose signature counts; None leaves authenticity unchecked.
        platform: Algorithm, key type, size and certificate must be what this platform takes.
        at: The time at which certificates must be valid; by default now.
        strict: Refuse SHA-1 and weak or publicly known keys, which are otherwise warned about.
        integrity_only: Be content with a payload that is whole, though nobody vouches for it.
        verifier: ``openssl``, ``core`` (the code that runs on the device) or ``both``, which must agree; ``auto`` is
            OpenSSL, and the core for pure Ed25519 over a whole image, which OpenSSL takes in one piece only.
        key_digests: Digests of keys whose signature counts in a native container that carries its keys, 32 bytes each,
            as Espressif's chips keep them in their eFuses; they take the place of `trust` for the container.
        boot_trust: Whose signature counts in a native container that is the payload of a signed object.
        settings: What a native container's verification wants to know, by name, such as a key to decrypt with.
        revocations: What a signing service has revoked; only for images that one has signed.
    """

    trust: Trust | None = None
    platform: Platform | None = None
    at: datetime | None = None
    strict: bool = False
    integrity_only: bool = False
    verifier: str = "auto"
    key_digests: tuple[bytes, ...] = ()
    boot_trust: Trust | None = None
    settings: Settings = field(default_factory=dict)
    revocations: RevocationList | None = None


@dataclass(frozen=True, slots=True)
class VerifiedContainer:
    """A native container whose integrity holds.

    Attributes:
        name: The container format, for example ``mcuboot``.
        summary: What it is, for people.
        signatures: Its signatures, each with the given key that made it; empty if authenticity was not checked.
        signer: Who signed; None if authenticity was not checked, or rests on `key_digest`.
        key_digest: The given digest of the key that signed; None if none was given.
    """

    name: str
    summary: str
    signatures: tuple[ContainerSignature, ...]
    signer: Candidate | None
    key_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class VerifiedService:
    """An image of a signing service whose payload is whole.

    Attributes:
        name: The format, ``aws-lambda-zip`` or ``notation-jws``.
        about: What it says, as plain data for JSON: claims, certificates, target artifact.
    """

    name: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """What was verified.

    Attributes:
        image: The signed object as it was read; None for every other image.
        container: The native container that the file or the signed object's payload is; None if it is none.
        digest: `payload_hash` of the signed object's payload; None for a native container.
        signer: Who signed the file; None if authenticity was not checked.
        steps: What was looked at, and warnings.
        payload_size: Bytes that were extracted from an image that is no signed object; 0 if none were.
        service: What a signing service signed; None for every other image.
    """

    image: JsonImage | None
    container: VerifiedContainer | None
    digest: bytes | None
    signer: Candidate | None
    steps: Steps
    payload_size: int = 0
    service: VerifiedService | None = None

    @property
    def trusted(self) -> bool:
        """Whether somebody vouches for the file: a key that signed it, or one whose digest was given."""
        of_container = self.image is None and self.container is not None and self.container.key_digest is not None
        return self.signer is not None or of_container
