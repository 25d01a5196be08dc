"""PutSigningProfile, GetSigningProfile, ListSigningProfiles, CancelSigningProfile and RevokeSigningProfile."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.signer._arns import ProfileArn
from iotsign.signer._authorisation import usable_profile
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain, own_profile
from iotsign.signer._pages import next_token, page_size, read_token
from iotsign.signer._ports import ProfileQuery
from iotsign.signer._profile import ProfileRevocation, ProfileStatus, SigningProfile
from iotsign.signer._profile_rules import (
    check_certificate,
    find_material,
    read_overrides,
    read_parameters,
    read_tags,
    read_validity,
)

_VERSION_ALPHABET: Final = string.ascii_letters + string.digits
_VERSION_SIZE: Final = 10


class ProfileOperations:
    """The life of profiles."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def put(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Make a profile; a name is given once and for all.

        Raises:
            ValidationError: The name is taken, or what is asked for breaks a rule of the platform.
            ResourceNotFoundError: There is no such platform or certificate.
        """
        domain, now = self._domain, self._domain.now()
        platform = domain.platform(request["platformId"])
        overrides = read_overrides(request, platform)
        validity = read_validity(request, platform)
        parameters = read_parameters(request, platform, overrides)
        tags = read_tags(request)
        material = find_material(caller, request, platform, domain.materials)
        if material is not None:
            check_certificate(material, platform, now)
        name = request["profileName"]
        profile = SigningProfile(
            account=caller.account,
            name=name,
            version="".join(secrets.choice(_VERSION_ALPHABET) for _ in range(_VERSION_SIZE)),
            arn=ProfileArn(domain.region, caller.account, name),
            platform_id=platform.platform_id,
            platform_display_name=platform.display_name,
            created_at=now,
            certificate_arn=material.arn if material else None,
            validity=validity,
            overrides=overrides,
            parameters=dict(parameters),
            tags=dict(tags),
        )
        with domain.records.writing() as transaction:
            if not transaction.add_profile(profile):
                message = f"Profile with name {name} already exists"
                raise ValidationError("ProfileAlreadyExists", message, profile=name)
            details = {"platformId": profile.platform_id, "certificateArn": profile.certificate_arn}
            domain.record("ProfileCreated", caller, request_id, profile.version_arn, **details)
        return {
            "arn": str(profile.arn),
            "profileVersion": profile.version,
            "profileVersionArn": str(profile.version_arn),
        }

    def get(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Show a profile.

        Raises:
            ResourceNotFoundError: There is none.
            AccessDeniedError: It is another account's, which did not grant this.
        """
        with self._domain.records.reading() as transaction:
            return usable_profile(transaction, self._domain, caller, request, "signer:GetSigningProfile").to_aws()

    def list(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """List the account's profiles, by name.

        Raises:
            ValidationError: The token is not valid.
        """
        wanted = {ProfileStatus(status) for status in request.get("statuses") or [ProfileStatus.ACTIVE.value]}
        if request.get("includeCanceled"):
            wanted.add(ProfileStatus.CANCELED)
        after = read_token(request, request.get("nextToken"), 1)
        size = page_size(request)
        statuses = tuple(status for status in ProfileStatus if status in wanted)
        query = ProfileQuery(caller.account, statuses, request.get("platformId"), after[0] if after else None, size + 1)
        with self._domain.records.reading() as transaction:
            found = transaction.profiles(query)
        answer: dict[str, Any] = {"profiles": [profile.summary() for profile in found[:size]]}
        if len(found) > size:
            answer["nextToken"] = next_token(request, [found[size - 1].name])
        return answer

    def cancel(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Let a profile sign no more.

        Raises:
            ResourceNotFoundError: There is none.
        """
        with self._domain.records.writing() as transaction:
            profile = own_profile(transaction, caller, request["profileName"])
            if profile.status is ProfileStatus.ACTIVE:
                canceled = replace(profile, status=ProfileStatus.CANCELED, status_reason=f"Canceled by {caller.arn}")
                transaction.save_profile(canceled)
                self._domain.record("ProfileCanceled", caller, request_id, profile.version_arn)
        return {}

    def revoke(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Distrust the signatures that a profile makes from some moment on.

        Raises:
            ResourceNotFoundError: There is no such profile or version.
            ValidationError: The platform knows no revocation, or the profile was revoked before.
        """
        domain, now = self._domain, self._domain.now()
        name, version = request["profileName"], request["profileVersion"]
        with domain.records.writing() as transaction:
            profile = own_profile(transaction, caller, name)
            if profile.version != version:
                message = f"Signing profile {name} has no version {version}"
                raise ResourceNotFoundError("ProfileVersionNotFound", message, profile=name, version=version)
            if not domain.platform(profile.platform_id).revocation_supported:
                message = f"Revocation is not supported for platform {profile.platform_id}"
                raise ValidationError("RevocationNotSupported", message, platform=profile.platform_id)
            if profile.status is ProfileStatus.REVOKED:
                message = f"Profile {name} has already been revoked"
                raise ValidationError("ProfileAlreadyRevoked", message, profile=name)
            revocation = ProfileRevocation(request["effectiveTime"], now, caller.arn, request["reason"])
            revoked = replace(
                profile, status=ProfileStatus.REVOKED, status_reason=request["reason"], revocation=revocation
            )
            transaction.save_profile(revoked)
            details = {"effectiveTime": revocation.effective_from.isoformat(), "reason": revocation.reason}
            domain.record("ProfileRevoked", caller, request_id, profile.version_arn, **details)
        return {}
