"""What signing is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iotsign.algorithms import HashAlgorithm, SignatureAlgorithm
from iotsign.app._containers import CC3220SF, NATIVE, native_container, preferred_format
from iotsign.app._payload import PayloadOptions
from iotsign.errors import ConfigError, UnsupportedFormatError
from iotsign.formats import jsonimage
from iotsign.formats.container import Settings
from iotsign.keys import PublicKey, Signer
from iotsign.platforms import SigningMaterial

if TYPE_CHECKING:
    from iotsign.formats.firmware import Region
    from iotsign.formats.jsonimage import S3Location
    from iotsign.platforms import Platform

__all__ = ["SignedImage", "SigningOptions"]


@dataclass(frozen=True, slots=True)
class SigningOptions:
    """What to make of an input.

    Attributes:
        platform: The signing platform.
        image_format: ``JSONEmbedded``, ``JSONDetached`` or ``native``; by default the platform's.
        hash_algorithm: By default the platform's.
        location: Where the payload of a JSONDetached object lives; by default a local file of the input's name.
        payload: How the input is read.
        settings: What a native container wants to know, by name; they add to those of the platform.
        certificate_name: The signer's certificate in a CC3220SF's file system; it goes into the OTA job, not the image.
        boot_signer: Makes the platform's native container first, which the signed object then holds as its payload.
    """

    platform: Platform
    image_format: str | None = None
    hash_algorithm: HashAlgorithm | None = None
    location: S3Location | None = None
    payload: PayloadOptions = field(default_factory=PayloadOptions)
    settings: Settings = field(default_factory=dict)
    boot_signer: Signer | None = None
    certificate_name: str | None = None

    def choose_format(self) -> str:
        """Give the image format to write.

        Raises:
            UnsupportedFormatError: ``JSON``, a native container that is not there, a format that the platform does not
                take, or a platform that only a signing service signs for.
            ConfigError: A location for a format that has no place for it, a certificate name that is none or for
                another chip.
        """
        if self.platform.certificate.signing_material is SigningMaterial.SERVICE:
            message = f"platform {self.platform.platform_id} is signed by a signing service with a chain of its own"
            hint = "iotsign serve, then aws signer start-signing-job or sign-payload, with a profile for this platform"
            raise UnsupportedFormatError("ServiceSigns", message, platform=self.platform.platform_id, hint=hint)
        wanted = self.image_format or preferred_format(self.platform)
        if wanted == NATIVE:
            native_container(self.platform)
        else:
            self._check_json(wanted)
        if self.location and wanted != jsonimage.DETACHED:
            message = f"an S3 location belongs to {jsonimage.DETACHED}; the image format is {wanted}"
            raise ConfigError("LocationNotWanted", message, image_format=wanted)
        if self.certificate_name is not None:
            self._check_certificate_name(self.certificate_name)
        if self.boot_signer and wanted != jsonimage.EMBEDDED:
            message = f"a boot key signs the container inside {jsonimage.EMBEDDED}; the image format is {wanted}"
            raise ConfigError("BootKeyNotWanted", message, image_format=wanted)
        if self.settings and wanted != NATIVE and self.boot_signer is None:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in self.settings)
            message = f"{names} belong to a native container; the image format is {wanted}"
            hint = f"choose -f {NATIVE}, or --boot-key for a container inside {jsonimage.EMBEDDED}"
            raise ConfigError("SettingsNotWanted", message, image_format=wanted, hint=hint)
        return wanted

    def _check_certificate_name(self, name: str) -> None:
        from iotsign.formats.ti import check_certificate_name

        if self.platform.native_container != CC3220SF:
            message = f"a certificate name belongs to the CC3220SF; the platform is {self.platform.platform_id}"
            raise ConfigError("CertificateNameNotWanted", message, platform=self.platform.platform_id)
        check_certificate_name(name)

    def _check_json(self, wanted: str) -> None:
        jsonimage.check_json_format(wanted)
        if wanted not in self.platform.image_formats:
            allowed = ", ".join(self.platform.image_formats)
            message = f"platform {self.platform.platform_id} takes {allowed}; got {wanted}"
            raise UnsupportedFormatError("FormatNotAllowed", message, platform=self.platform.platform_id, got=wanted)


@dataclass(frozen=True, slots=True)
class SignedImage:
    """What was signed.

    Attributes:
        platform_id: The signing platform; None where an image was signed again for none in particular.
        image_format: The format that was written.
        algorithm: How it was signed.
        digest_algorithm: The hash of `digest`.
        digest: Of the payload.
        raw_payload_size: Length of the payload in bytes.
        size: Length of the signed object in bytes.
        signature: The signature.
        key: The key that verifies it.
        source_format: What the input was: ``bin``, ``hex``, ``elf`` or ``uf2``.
        address: Load address of the payload, where the input states one.
        left_out: Regions of the input that are not part of the payload.
        location: Where the payload lives; None for JSONEmbedded.
        container: Name of the native container that was made, as the image or inside it; None without one.
    """

    platform_id: str | None
    image_format: str
    algorithm: SignatureAlgorithm
    digest_algorithm: HashAlgorithm
    digest: bytes
    raw_payload_size: int
    size: int
    signature: bytes
    key: PublicKey
    source_format: str
    address: int | None
    left_out: tuple[Region, ...]
    location: S3Location | None
    container: str | None = None
