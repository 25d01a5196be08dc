"""One signing platform: which keys, hashes, formats and sizes it allows.

Source: AWS Signer API Reference 2017-08-25, GetSigningPlatform (the members and their names).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from iotsign.algorithms import (
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureAlgorithm,
    choose_signature_algorithm,
)
from iotsign.errors import UnsupportedAlgorithmError

MEBIBYTE: Final = 1 << 20
"""What one of AWS's "MB" in maxSizeInMB counts, in bytes."""


class SigningMaterial(Enum):
    """Whether a signing profile for the platform brings a certificate."""

    REQUIRED = "required"  # the device checks against a certificate that the user imports
    OPTIONAL = "optional"  # the device knows a bare public key; a certificate may accompany it
    SERVICE = "service"  # the signing service's own chain signs; none may be given


@dataclass(frozen=True, slots=True)
class CertificateRules:
    """What the signing certificate must permit.

    Attributes:
        signing_material: Whether there must be one.
        key_usage: keyUsage bits that must be set (``digitalSignature``).
        extended_key_usage: Of these EKUs the certificate must have at least one (``codeSigning``, ``any``).
    """

    signing_material: SigningMaterial
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Platform:
    """A signing platform.

    Attributes:
        platform_id: The name that jobs and profiles use.
        display_name: The name for people.
        partner: Who stands behind it; None where it is not known.
        target: The validation template.
        category: AWS's category word.
        max_size_mb: Largest payload in units of 1,048,576 bytes; None if no limit is stated.
        revocation_supported: Whether single signatures can be revoked.
        hash_algorithms: Allowed hashes, in AWS's order.
        default_hash: The hash used unless another is asked for.
        encryption_algorithms: Allowed key families, in AWS's order.
        default_encryption: The key family that profiles use unless another is asked for.
        image_formats: Allowed of ``JSONEmbedded`` and ``JSONDetached``, in AWS's order.
        default_image_format: The format written unless another is asked for.
        key_types: Allowed key types.
        native_container: The device's own container (``mcuboot``, ``espressif-secure-boot-v2``, …), if it has one.
        native_options: What the container needs to know, for example ``chipId``; read-only.
        ota_signature_keys: Members of an AWS IoT OTA job document in which the device looks for the signature.
        certificate: Rules for the signing certificate.
        notes: Sentences that a person choosing this platform should read.
        file: Where the descriptor was read from.
    """

    platform_id: str
    display_name: str
    partner: str | None
    target: str
    category: str
    max_size_mb: int | None
    revocation_supported: bool
    hash_algorithms: tuple[HashAlgorithm, ...]
    default_hash: HashAlgorithm
    encryption_algorithms: tuple[EncryptionAlgorithm, ...]
    default_encryption: EncryptionAlgorithm
    image_formats: tuple[str, ...]
    default_image_format: str
    key_types: tuple[KeyType, ...]
    native_container: str | None
    native_options: Mapping[str, str | int | bool]
    ota_signature_keys: tuple[str, ...]
    certificate: CertificateRules
    notes: tuple[str, ...]
    file: Path

    @property
    def max_size(self) -> int | None:
        """Largest payload in bytes; None if no limit is stated."""
        return None if self.max_size_mb is None else self.max_size_mb * MEBIBYTE

    def signature_algorithm(self, key_type: KeyType, hash_: HashAlgorithm | None = None) -> SignatureAlgorithm:
        """Say how a key signs for this platform.

        Args:
            key_type: Type of the signing key.
            hash_: The hash asked for; by default the platform's, or for P-384 SHA-384 where the platform allows it.

        Raises:
            UnsupportedAlgorithmError: The platform does not take keys of this type, or not this hash.
        """
        if key_type not in self.key_types:
            allowed = ", ".join(allowed.value for allowed in self.key_types)
            message = f"platform {self.platform_id} takes keys of type {allowed}; got {key_type.value}"
            raise UnsupportedAlgorithmError("KeyTypeNotAllowed", message, platform=self.platform_id, got=key_type.value)
        if hash_ is None:
            longer = key_type is KeyType.P384 and HashAlgorithm.SHA384 in self.hash_algorithms
            hash_ = HashAlgorithm.SHA384 if longer else self.default_hash
        if hash_ not in self.hash_algorithms:
            allowed = ", ".join(allowed.value for allowed in self.hash_algorithms)
            message = f"platform {self.platform_id} takes {allowed}; got {hash_.value}"
            raise UnsupportedAlgorithmError("HashNotAllowed", message, platform=self.platform_id, got=hash_.value)
        return choose_signature_algorithm(key_type.encryption, hash_)

    def ota_signature_key(self, algorithm: SignatureAlgorithm) -> str | None:
        """The member of an OTA job document that carries such a signature; None if the device does not look for it."""
        return algorithm.ota_key if algorithm.ota_key in self.ota_signature_keys else None

    def to_aws(self) -> dict[str, Any]:
        """Give the members of GetSigningPlatform's answer, in the model's order; what is not known is left out."""
        members: dict[str, Any] = {
            "platformId": self.platform_id,
            "displayName": self.display_name,
            "partner": self.partner,
            "target": self.target,
            "category": self.category,
            "signingConfiguration": {
                "encryptionAlgorithmOptions": {
                    "allowedValues": [algorithm.value for algorithm in self.encryption_algorithms],
                    "defaultValue": self.default_encryption.value,
                },
                "hashAlgorithmOptions": {
                    "allowedValues": [algorithm.value for algorithm in self.hash_algorithms],
                    "defaultValue": self.default_hash.value,
                },
            },
            "signingImageFormat": {
                "supportedFormats": list(self.image_formats),
                "defaultFormat": self.default_image_format,
            },
            "maxSizeInMB": self.max_size_mb,
            "revocationSupported": self.revocation_supported,
        }
        return {name: value for name, value in members.items() if value is not None}
