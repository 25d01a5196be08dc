"""ARNs of profiles, jobs and certificates.

Source: AWS Signer Developer Guide, "Resource types": ``arn:aws:signer:REGION:ACCOUNT:/signing-profiles/NAME`` (the
slash behind the colon belongs to it), ``…/signing-profiles/NAME/VERSION``, ``…:/signing-jobs/UUID``; AWS Certificate
Manager: ``arn:aws:acm:REGION:ACCOUNT:certificate/UUID``.
"""

import re
from dataclasses import dataclass
from typing import Final

_PROFILE: Final = re.compile(
    r"arn:aws:signer:([a-z0-9-]+):([0-9]{12}):/signing-profiles/([a-zA-Z0-9_]{2,64})(?:/([a-zA-Z0-9]{10}))?"
)
_JOB: Final = re.compile(
    r"arn:aws:signer:([a-z0-9-]+):([0-9]{12}):/signing-jobs/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_CERTIFICATE: Final = re.compile(
    r"arn:aws:acm:([a-z0-9-]+):([0-9]{12}):certificate/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


@dataclass(frozen=True, slots=True)
class ProfileArn:
    """A profile, or one version of it.

    Attributes:
        region: AWS region.
        account: Its owner.
        name: The profile.
        version: Ten characters; None for the profile as such.
    """

    region: str
    account: str
    name: str
    version: str | None = None

    def __str__(self) -> str:
        tail = f"/{self.version}" if self.version else ""
        return f"arn:aws:signer:{self.region}:{self.account}:/signing-profiles/{self.name}{tail}"

    @classmethod
    def parse(cls, text: str) -> "ProfileArn | None":
        """Read an ARN; None if it names no profile."""
        match = _PROFILE.fullmatch(text)
        return cls(match[1], match[2], match[3], match[4]) if match else None


@dataclass(frozen=True, slots=True)
class JobArn:
    """A signing job.

    Attributes:
        region: AWS region.
        account: Its owner.
        job_id: UUID.
    """

    region: str
    account: str
    job_id: str

    def __str__(self) -> str:
        return f"arn:aws:signer:{self.region}:{self.account}:/signing-jobs/{self.job_id}"

    @classmethod
    def parse(cls, text: str) -> "JobArn | None":
        """Read an ARN; None if it names no job."""
        match = _JOB.fullmatch(text)
        return cls(match[1], match[2], match[3]) if match else None


@dataclass(frozen=True, slots=True)
class CertificateArn:
    """Signing material, named as AWS Certificate Manager names certificates.

    Attributes:
        region: AWS region.
        account: Its owner.
        material_id: UUID.
    """

    region: str
    account: str
    material_id: str

    def __str__(self) -> str:
        return f"arn:aws:acm:{self.region}:{self.account}:certificate/{self.material_id}"

    @classmethod
    def parse(cls, text: str) -> "CertificateArn | None":
        """Read an ARN; None if it names no certificate."""
        match = _CERTIFICATE.fullmatch(text)
        return cls(match[1], match[2], match[3]) if match else None
