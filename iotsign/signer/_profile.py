"""Signing profiles: what a name stands for, for how long, and who else may use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from iotsign.signer._arns import ProfileArn

_NOTHING: Mapping[str, str] = MappingProxyType({})


class ProfileStatus(Enum):
    """Life of a profile; the value is AWS's word."""

    ACTIVE = "Active"
    CANCELED = "Canceled"
    REVOKED = "Revoked"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a profile demands instead of its platform's defaults; None leaves the default.

    Attributes:
        encryption: Key family, as AWS spells it.
        hash: Hash, as AWS spells it.
        image_format: ``JSONEmbedded`` or ``JSONDetached``.
    """

    encryption: str | None = None
    hash: str | None = None
    image_format: str | None = None

    def to_aws(self) -> dict[str, Any]:
        """Give AWS's structure; empty if nothing is overridden."""
        algorithms = {"encryptionAlgorithm": self.encryption, "hashAlgorithm": self.hash}
        configuration = {name: value for name, value in algorithms.items() if value}
        members: dict[str, Any] = {"signingConfiguration": configuration} if configuration else {}
        return members | ({"signingImageFormat": self.image_format} if self.image_format else {})


@dataclass(frozen=True, slots=True)
class Validity:
    """How long signatures are valid.

    Attributes:
        value: How many.
        unit: ``DAYS``, ``MONTHS`` or ``YEARS``.
    """

    value: int
    unit: str

    def to_aws(self) -> dict[str, Any]:
        """Give AWS's structure."""
        return {"value": self.value, "type": self.unit}


@dataclass(frozen=True, slots=True)
class ProfileRevocation:
    """That signatures made from some moment on are not to be trusted.

    Attributes:
        effective_from: That moment.
        revoked_at: When it was said.
        revoked_by: Who said it.
        reason: Why.
    """

    effective_from: datetime
    revoked_at: datetime
    revoked_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Permission:
    """One statement of a profile's policy.

    Attributes:
        statement_id: Its name within the policy.
        action: Such as ``signer:StartSigningJob``.
        principal: Twelve digits, or the ARN of an IAM role.
        profile_version: The only version it grants; None for any.
    """

    statement_id: str
    action: str
    principal: str
    profile_version: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Who in other accounts may use a profile.

    Attributes:
        revision_id: Changes with each change.
        permissions: The statements, oldest first.
    """

    revision_id: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class SigningProfile:
    """A signing profile.

    Attributes:
        account: Its owner.
        name: Unique within the account, forever.
        version: Ten characters; it never changes.
        arn: Of the profile, without the version.
        platform_id: The signing platform.
        platform_display_name: The platform's name for people when the profile was made.
        certificate_arn: The signing material; None where the service's own chain signs.
        validity: None on platforms without validity.
        overrides: What differs from the platform's defaults.
        parameters: The signing parameters.
        status: Whether it may sign.
        status_reason: Why not.
        tags: Key and value.
        revocation: None unless it was revoked.
        policy: None while nobody else may use it.
        created_at: When it was made.
    """

    account: str
    name: str
    version: str
    arn: ProfileArn
    platform_id: str
    platform_display_name: str
    created_at: datetime
    certificate_arn: str | None = None
    validity: Validity | None = None
    overrides: Overrides = field(default_factory=Overrides)
    parameters: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    status: ProfileStatus = ProfileStatus.ACTIVE
    status_reason: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    revocation: ProfileRevocation | None = None
    policy: Policy | None = None

    @property
    def version_arn(self) -> ProfileArn:
        """The ARN of the one version."""
        return ProfileArn(self.arn.region, self.arn.account, self.arn.name, self.version)

    def summary(self) -> dict[str, Any]:
        """Give the members that ListSigningProfiles shows."""
        members = {
            "profileName": self.name,
            "profileVersion": self.version,
            "profileVersionArn": str(self.version_arn),
            "signingMaterial": {"certificateArn": self.certificate_arn} if self.certificate_arn else None,
            "signatureValidityPeriod": self.validity.to_aws() if self.validity else None,
            "platformId": self.platform_id,
            "platformDisplayName": self.platform_display_name,
            "signingParameters": dict(self.parameters) or None,
            "status": self.status.value,
            "arn": str(self.arn),
            "tags": dict(self.tags) or None,
        }
        return {name: value for name, value in members.items() if value is not None}

    def to_aws(self) -> dict[str, Any]:
        """Give the members of GetSigningProfile's answer."""
        revocation = self.revocation and {
            "revocationEffectiveFrom": self.revocation.effective_from,
            "revokedAt": self.revocation.revoked_at,
            "revokedBy": self.revocation.revoked_by,
        }
        further = {
            "revocationRecord": revocation,
            "overrides": self.overrides.to_aws() or None,
            "statusReason": self.status_reason,
        }
        return self.summary() | {name: value for name, value in further.items() if value is not None}
