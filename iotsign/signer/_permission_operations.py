"""AddProfilePermission, RemoveProfilePermission and ListProfilePermissions.

Source: AWS Signer API Reference, "AddProfilePermission"; the limit of a policy is that of its JSON text.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from iotsign.errors import ConflictError, LimitExceededError, ResourceNotFoundError, ValidationError
from iotsign.platforms import Platform
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain, own_profile
from iotsign.signer._packing import signs_payloads
from iotsign.signer._pages import read_token
from iotsign.signer._profile import Permission, Policy, SigningProfile

_STATEMENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRINCIPAL: Final = re.compile(r"[0-9]{12}|arn:aws:iam::[0-9]{12}:role/(?:[\x21-\x7e]+/)?[A-Za-z0-9+=,.@_-]{1,64}")
_LARGEST_POLICY: Final = 2000  # bytes
_OBJECT_ACTIONS: Final = ("signer:StartSigningJob", "signer:GetSigningProfile", "signer:RevokeSignature")
_PAYLOAD_ACTIONS: Final = ("signer:SignPayload", "signer:GetSigningProfile", "signer:RevokeSignature")


class PermissionOperations:
    """The policies of profiles."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def add(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Add a statement to a profile's policy; the same statement again changes nothing.

        Raises:
            ValidationError: The statement breaks a rule, or its id is that of another one.
            ResourceNotFoundError: There is no such profile or version.
            ConflictError: The revision is not the current one.
            LimitExceededError: The policy would become too large.
        """
        permission = Permission(
            request["statementId"], request["action"], request["principal"], request.get("profileVersion")
        )
        with self._domain.records.writing() as transaction:
            profile = own_profile(transaction, caller, request["profileName"])
            self._check(permission, profile)
            policy = profile.policy
            if policy is not None and permission in policy.permissions:
                return {"revisionId": policy.revision_id}
            _check_revision(policy, request.get("revisionId"))
            permissions = policy.permissions if policy else ()
            if any(known.statement_id == permission.statement_id for known in permissions):
                message = f"statementId {permission.statement_id} already exists with a different statement"
                raise ValidationError("InvalidPermissionStatement", message, member="statementId")
            changed = Policy(str(uuid.uuid4()), (*permissions, permission))
            size = _policy_size(profile, changed)
            if size > _LARGEST_POLICY:
                message = f"The policy would have {size} bytes; at most {_LARGEST_POLICY} are allowed"
                raise LimitExceededError("PolicySizeExceeded", message, size=size)
            transaction.save_profile(replace(profile, policy=changed))
            details = {"statementId": permission.statement_id, "action": permission.action}
            self._domain.record(
                "PermissionAdded", caller, request_id, profile.arn, **details, principal=permission.principal
            )
        return {"revisionId": changed.revision_id}

    def remove(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Remove a statement; the last one takes the policy with it.

        Raises:
            ResourceNotFoundError: There is no such profile, policy or statement.
            ConflictError: The revision is not the current one.
        """
        with self._domain.records.writing() as transaction:
            profile = own_profile(transaction, caller, request["profileName"])
            policy = _policy(profile)
            statement_id = request["statementId"]
            rest = tuple(known for known in policy.permissions if known.statement_id != statement_id)
            if len(rest) == len(policy.permissions):
                message = f"Signing profile {profile.name} has no permission {statement_id}"
                raise ResourceNotFoundError("StatementNotFound", message, statement=statement_id)
            _check_revision(policy, request["revisionId"])
            revision = str(uuid.uuid4())
            transaction.save_profile(replace(profile, policy=Policy(revision, rest) if rest else None))
            self._domain.record("PermissionRemoved", caller, request_id, profile.arn, statementId=statement_id)
        return {"revisionId": revision}

    def list(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Show a profile's policy, which always fits one page.

        Raises:
            ResourceNotFoundError: There is no such profile, or it has no policy.
            ValidationError: A token, which this operation never gives.
        """
        read_token(request, request.get("nextToken"), 1)
        with self._domain.records.reading() as transaction:
            profile = own_profile(transaction, caller, request["profileName"])
        policy = _policy(profile)
        return {
            "revisionId": policy.revision_id,
            "policySizeBytes": _policy_size(profile, policy),
            "permissions": [_to_aws(permission) for permission in policy.permissions],
        }

    def _check(self, permission: Permission, profile: SigningProfile) -> None:
        if not _STATEMENT_ID.fullmatch(permission.statement_id):
            message = "statementId must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
            raise ValidationError("InvalidStatementId", message, member="statementId")
        if not _PRINCIPAL.fullmatch(permission.principal):
            message = "principal must be an account of 12 digits or the ARN of an IAM role"
            raise ValidationError("InvalidPrincipal", message, member="principal")
        if permission.action not in _grantable(self._domain.platform(profile.platform_id)):
            message = f"Action {permission.action} not supported for platform {profile.platform_id}"
            raise ValidationError("ActionNotSupported", message, member="action")
        if permission.profile_version not in (None, profile.version):
            message = f"Signing profile {profile.name} has no version {permission.profile_version}"
            raise ResourceNotFoundError("ProfileVersionNotFound", message, version=permission.profile_version)


def _grantable(platform: Platform) -> tuple[str, ...]:
    return _PAYLOAD_ACTIONS if signs_payloads(platform) else _OBJECT_ACTIONS


def _policy(profile: SigningProfile) -> Policy:
    if profile.policy is None:
        message = f"Signing profile {profile.name} has no permissions"
        raise ResourceNotFoundError("PolicyNotFound", message, profile=profile.name)
    return profile.policy


def _check_revision(policy: Policy | None, revision_id: str | None) -> None:
    if revision_id != (policy.revision_id if policy else None):
        message = "The revisionId is not that of the current policy"
        raise ConflictError("PolicyRevisionIdMismatch", message, member="revisionId")


def _to_aws(permission: Permission) -> dict[str, str]:
    members = {
        "action": permission.action,
        "principal": permission.principal,
        "statementId": permission.statement_id,
        "profileVersion": permission.profile_version,
    }
    return {name: value for name, value in members.items() if value is not None}


def _policy_size(profile: SigningProfile, policy: Policy) -> int:
    statements = []
    for permission in policy.permissions:
        version = permission.profile_version
        statements.append(
            {
                "Sid": permission.statement_id,
                "Effect": "Allow",
                "Principal": {"AWS": permission.principal},
                "Action": permission.action,
                "Resource": str(profile.arn),
                **({"Condition": {"StringEquals": {"signer:ProfileVersion": version}}} if version else {}),
            }
        )
    return len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":")).encode())
