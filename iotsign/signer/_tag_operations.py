"""TagResource, UntagResource and ListTagsForResource."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.signer._arns import ProfileArn
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain
from iotsign.signer._ports import ReadTransaction, Transaction
from iotsign.signer._profile import ProfileStatus, SigningProfile

_MOST_TAGS: Final = 200


class TagOperations:
    """The tags of profiles."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def tag(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Add tags, or change their values.

        Raises:
            ValidationError: The ARN names no profile, the profile is not active, or there would be too many tags.
            ResourceNotFoundError: There is no such profile.
        """
        with self._domain.records.writing() as transaction:
            profile = self._active(transaction, caller, request)
            tags = dict(profile.tags) | request["tags"]
            if len(tags) > _MOST_TAGS:
                message = f"tags: expected at most {_MOST_TAGS} tags on a profile, got {len(tags)}"
                raise ValidationError("TooManyTags", message, member="tags")
            self._save(transaction, caller, request_id, profile, tags)
        return {}

    def untag(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Remove tags; those that are not there do not matter.

        Raises:
            ValidationError: The ARN names no profile, or the profile is not active.
            ResourceNotFoundError: There is no such profile.
        """
        with self._domain.records.writing() as transaction:
            profile = self._active(transaction, caller, request)
            tags = {key: value for key, value in profile.tags.items() if key not in request["tagKeys"]}
            self._save(transaction, caller, request_id, profile, tags)
        return {}

    def list(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Show the tags.

        Raises:
            ValidationError: The ARN names no profile, or the profile is not active.
            ResourceNotFoundError: There is no such profile.
        """
        with self._domain.records.reading() as transaction:
            return {"tags": dict(self._active(transaction, caller, request).tags)}

    def _active(self, transaction: ReadTransaction, caller: Caller, request: Mapping[str, Any]) -> SigningProfile:
        text = request["resourceArn"]
        arn = ProfileArn.parse(text)
        if arn is None or arn.version is not None:
            message = f"resourceArn: {text!r} is not the ARN of a signing profile"
            raise ValidationError("InvalidResourceArn", message, member="resourceArn")
        here = (arn.account, arn.region) == (caller.account, self._domain.region)
        profile = transaction.profile(caller.account, arn.name) if here else None
        if profile is None:
            raise ResourceNotFoundError("ProfileNotFound", f"Resource {text} not found", resource=text)
        if profile.status is not ProfileStatus.ACTIVE:
            message = f"Signing profile {profile.name} is {profile.status.value.lower()}"
            raise ValidationError("ProfileNotActive", message, profile=profile.name)
        return profile

    def _save(
        self,
        transaction: Transaction,
        caller: Caller,
        request_id: str,
        profile: SigningProfile,
        tags: Mapping[str, str],
    ) -> None:
        transaction.save_profile(replace(profile, tags=tags))
        self._domain.record("TagsChanged", caller, request_id, profile.arn, tagKeys=sorted(tags))
