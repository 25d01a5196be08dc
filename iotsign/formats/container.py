"""Native containers: what the boot loaders' own formats have in common, behind one door.

A container is an object with the interface below, which a module of `iotsign.formats` exports. It works on
open files and holds no state. What only one format knows comes and goes as settings, by name; a setting that a
container does not know is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.errors import ConfigError

if TYPE_CHECKING:
    from iotsign.formats.judge import Judge
    from iotsign.keys import PublicKey, Signer

__all__ = [
    "Container",
    "ContainerSignature",
    "OpenContainer",
    "PackedContainer",
    "Settings",
    "no_key_digests",
]

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ContainerSignature:
    """One signature in a container.

    Attributes:
        kind: What the format calls it, for example ``ECDSASIG``.
        algorithm: How it was made; None where only a key could tell.
        offset: Where it is in the file, in bytes.
        key_id: How the container names the key: its hash, or the key itself; None if it does not.
        signer: The given key that made it; None if none of the given keys did.
        value: The signature, as stored.
    """

    kind: str
    algorithm: SignatureAlgorithm | None
    offset: int
    key_id: bytes | None
    signer: PublicKey | None
    value: bytes


@dataclass(frozen=True, slots=True)
class PackedContainer:
    """What was written.

    Attributes:
        digest_algorithm: The container's hash.
        digest: What it signs.
        payload_size: Bytes of firmware, as stored.
        size: Bytes of the container.
        signatures: Its signatures, in file order; those of the signers at hand say so.
    """

    digest_algorithm: HashAlgorithm
    digest: bytes
    payload_size: int
    size: int
    signatures: tuple[ContainerSignature, ...]


class OpenContainer(Protocol):
    """A container whose structure holds; nothing else has been checked."""

    @property
    def summary(self) -> str:
        """What it is, in a few words for people."""

    @property
    def payload_size(self) -> int:
        """Bytes of firmware, as stored."""

    def check_platform(self, native_options: Settings) -> None:
        """Check what the platform's descriptor demands of its containers, such as a chip.

        Raises:
            KeyMismatchError: The container is for another target.
        """

    def check_integrity(self, keys: Sequence[PublicKey] = ()) -> str:
        """Check all that the container says about its content; to be called before `find_signers`.

        Args:
            keys: Whose signatures will be looked for, so that one pass over a large message can serve both.

        Returns:
            What was found, for people.

        Raises:
            FormatError: It contradicts itself.
            UntrustedImageError: The content is not what the digests say, or cannot be looked at.
        """

    def find_signers(self, keys: Sequence[PublicKey], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out who signed.

        Args:
            keys: Public keys, at least one.
            judge: Who does the mathematics.

        Returns:
            All signatures; at least one has a signer.

        Raises:
            SignatureMismatchError: There is no signature, or a bad one that names a given key.
            KeyMismatchError: Others signed.
        """

    def find_digests(self, digests: Sequence[bytes], judge: Judge) -> tuple[ContainerSignature, ...]:
        """Find out whether keys signed that are known by their digests only; for containers that carry their keys.

        Args:
            digests: The keys' digests, by which a signature's `key_id` names its key; at least one.
            judge: Who does the mathematics.

        Returns:
            All signatures; at least one has a key of the digests. `signer` is None where iotsign has no such key type.

        Raises:
            ConfigError: Containers of this format name keys otherwise.
            SignatureMismatchError: There is no signature, or a bad one by such a key.
            KeyMismatchError: Others signed.
        """

    def check_floor(self) -> str | None:
        """Check version and counter against what the settings demand.

        Returns:
            What was found, for people; None if nothing is demanded.

        Raises:
            RollbackError: One is too low or missing.
        """


class Container(Protocol):
    """One native container format.

    Everything raises FormatError for what is not of the format, ConfigError for settings it does not know or that
    contradict each other, KeyFamilyError for keys that cannot do what is asked, and StoreError for files that cannot be
    read or written.
    """

    @property
    def name(self) -> str:
        """As platforms name it, for example ``mcuboot``."""

    def defaults(self, native_options: Settings) -> dict[str, Any]:
        """Give the settings of packing that a platform's descriptor fixes, by the settings' names."""

    def recognises(self, head: bytes) -> bool:
        """Tell whether a file that begins with these bytes (up to `HEAD_SIZE`) is of this format."""

    def inspect(self, file: BinaryIO) -> dict[str, Any]:
        """Describe a container as plain data for JSON; nothing is verified."""

    def open(self, file: BinaryIO, settings: Settings) -> OpenContainer:
        """Read a container's structure; the file stays open and unchanged as long as the result is used."""

    def sign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Make a container of a firmware.

        Args:
            source: The firmware, seekable.
            output: Empty, seekable, readable and writable.
            signers: Each makes one signature.
            settings: The format's own.

        Raises:
            RollbackError: Version or counter are lower than the settings demand.
        """

    def resign(
        self, source: BinaryIO, output: BinaryIO, signers: Sequence[Signer], settings: Settings
    ) -> PackedContainer:
        """Sign a container with other keys, without touching its payload.

        Raises:
            UntrustedImageError: Its content is not what its digest says, or cannot be looked at.
        """

    def write_message(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey | None, settings: Settings
    ) -> HashAlgorithm | None:
        """Write what a key elsewhere has to sign, for a firmware or for a container that exists.

        Returns:
            The hash, if what was written is a digest; None if it is a message to sign as it is.
        """

    def attach(
        self, source: BinaryIO, output: BinaryIO, key: PublicKey, signature: bytes, settings: Settings
    ) -> PackedContainer:
        """Make a container with a signature that was made elsewhere; source and settings as for `write_message`.

        Raises:
            SignatureMismatchError: The signature does not verify.
        """

    def extract(self, file: BinaryIO, output: BinaryIO, settings: Settings) -> int:
        """Write a container's firmware, decrypted and decompressed, once its integrity has been checked.

        Returns:
            Bytes of firmware.

        Raises:
            UntrustedImageError: The content is not what the digests say, or cannot be looked at.
        """


def no_key_digests(name: str) -> ConfigError:
    """What `OpenContainer.find_digests` raises where a container does not carry its keys."""
    message = f"{name} does not carry its keys; no digest stands for one"
    return ConfigError("KeyDigestNotWanted", message, hint="give the public key with --key")
