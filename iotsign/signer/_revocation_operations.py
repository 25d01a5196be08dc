"""GetRevocationStatus."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from iotsign.errors import ValidationError
from iotsign.formats.revocations import RevocationList, RevokedJob, RevokedProfileVersion
from iotsign.signer._arns import JobArn, ProfileArn
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain

# SHA-384 of a certificate's TBS and of its issuer's, both in hex
_CERTIFICATE_HASH: Final = re.compile(r"[0-9a-fA-F]{192}")


class RevocationOperations:
    """What must not be trusted any more."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def status(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Name what of a signature was revoked: its job, or its profile before it was made.

        Raises:
            ValidationError: The platform knows no revocation, an ARN names no profile version or job of this service,
                or a certificate hash is none, or none of a certificate of this service's.
            StoreError: A store failed.
        """
        platform_id = request["platformId"]
        known = self._domain.all_platforms.get(platform_id)
        if known is None or not known.revocation_supported:
            message = f"Revocation is not supported for platform {platform_id}"
            raise ValidationError("RevocationNotSupported", message, member="platformId")
        for value in request["certificateHashes"]:
            if not _CERTIFICATE_HASH.fullmatch(value):
                message = "certificateHashes: expected two SHA-384 digests, 192 hexadecimal digits"
                raise ValidationError("InvalidCertificateHash", message, member="certificateHashes")
            if not self._domain.issuer.knows(value):
                message = f"certificateHashes: {value} is of no certificate that this service issued"
                raise ValidationError("UnknownCertificate", message, member="certificateHashes")
        profile_arn, job_arn = self._profile_arn(request["profileVersionArn"]), self._job_arn(request["jobArn"])
        with self._domain.records.reading() as transaction:
            profile = transaction.profile(profile_arn.account, profile_arn.name)
            job = transaction.job(job_arn.job_id)
        if profile is None or profile.version != profile_arn.version:
            raise _unknown("profileVersionArn", request["profileVersionArn"])
        if job is None or job.owner != job_arn.account:
            raise _unknown("jobArn", request["jobArn"])
        revoked = []
        if profile.revocation is not None and request["signatureTimestamp"] >= profile.revocation.effective_from:
            revoked.append(request["profileVersionArn"])
        if job.revocation is not None:
            revoked.append(request["jobArn"])
        return {"revokedEntities": revoked}

    def export(self, valid_for: timedelta) -> RevocationList:
        """List all that was revoked.

        Args:
            valid_for: How long what is not on the list counts as not revoked.

        Raises:
            StoreError: The records cannot be read.
        """
        with self._domain.records.reading() as transaction:
            jobs, profiles = transaction.revoked_jobs(), transaction.revoked_profiles()
        now, region = self._domain.now(), self._domain.region
        return RevocationList(
            region=region,
            issued_at=now,
            valid_until=now + valid_for,
            jobs=tuple(
                RevokedJob(str(job.arn(region)), job.revocation.revoked_at, job.revocation.reason)
                for job in jobs
                if job.revocation
            ),
            profile_versions=tuple(
                RevokedProfileVersion(
                    str(profile.version_arn), profile.revocation.effective_from, profile.revocation.reason
                )
                for profile in profiles
                if profile.revocation
            ),
        )

    def _profile_arn(self, text: str) -> ProfileArn:
        arn = ProfileArn.parse(text)
        if arn is None or arn.version is None or arn.region != self._domain.region:
            raise _unknown("profileVersionArn", text)
        return arn

    def _job_arn(self, text: str) -> JobArn:
        arn = JobArn.parse(text)
        if arn is None or arn.region != self._domain.region:
            raise _unknown("jobArn", text)
        return arn


def _unknown(member: str, text: str) -> ValidationError:
    message = f"{member}: {text} is not known to this service"
    return ValidationError("UnknownArn", message, member=member)
