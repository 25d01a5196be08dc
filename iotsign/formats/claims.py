"""What a signing service puts into a signature: what it says about it, and the certificates of its key.

Source: AWS Signer Developer Guide, "Resource types" (the ARNs; the slash behind the last colon belongs to them).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import SignatureAlgorithm
from iotsign.errors import ConfigError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["ServiceSignature", "SignatureClaims"]

_FIRST_YEAR: Final = 1950  # where UTCTime begins
_OWNER: Final = r"arn:aws[a-z0-9-]*:signer:[a-z0-9-]+:[0-9]{12}"
_JOB: Final = re.compile(rf"{_OWNER}:/signing-jobs/[A-Za-z0-9-]{{1,64}}")
_PROFILE: Final = re.compile(rf"{_OWNER}:/signing-profiles/[A-Za-z0-9_]{{2,64}}/[A-Za-z0-9]{{10}}")


@dataclass(frozen=True, slots=True)
class SignatureClaims:
    """When, until when and by what a signature was made. Making one checks it.

    Attributes:
        signing_time: When, in UTC and whole seconds: fractions are dropped.
        expiry: From then on the signature counts no more; in UTC and whole seconds.
        job_arn: The signing job.
        profile_version_arn: The version of the signing profile.

    Raises:
        ConfigError: A time has no zone or is outside the years 1950 to 9999, it expires before it is made, or an ARN is
            not of its kind.
    """

    signing_time: datetime
    expiry: datetime
    job_arn: str
    profile_version_arn: str

    def __post_init__(self) -> None:
        for name in ("signing_time", "expiry"):
            object.__setattr__(self, name, _whole_seconds(name, getattr(self, name)))
        if self.expiry <= self.signing_time:
            message = f"expected an expiry after the signing time {self.signing_time.isoformat()}, got "
            raise ConfigError("BadExpiry", message + self.expiry.isoformat())
        for name, pattern in (("job_arn", _JOB), ("profile_version_arn", _PROFILE)):
            arn = getattr(self, name)
            if not pattern.fullmatch(arn):
                kind = "a signing job" if pattern is _JOB else "a signing profile's version"
                raise ConfigError("BadArn", f"expected the ARN of {kind}, got {arn[:200]!r}", member=name)


@dataclass(frozen=True, slots=True)
class ServiceSignature:
    """A signing service's signature as it was read; nothing of it has been verified.

    Attributes:
        algorithm: How it was made.
        digest: What it was made over: claims and content, hashed as the algorithm says.
        value: The signature.
        claims: What it vouches for besides the content.
        certificates: The signer's own first, then those above it, perhaps up to the root.
    """

    algorithm: SignatureAlgorithm
    digest: bytes
    value: bytes
    claims: SignatureClaims
    certificates: "tuple[x509.Certificate, ...]"


def _whole_seconds(name: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ConfigError("TimeWithoutZone", f"expected {name} with its zone, got {moment.isoformat()}")
    try:
        in_utc = moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        in_utc = None
    if in_utc is None or in_utc.year < _FIRST_YEAR:
        raise ConfigError("BadTime", f"expected {name} from 1950 to 9999, got {moment.isoformat()}")
    return in_utc
