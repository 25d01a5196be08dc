"""Who may use whose profile.

Within an account everybody may; identities are told apart before a request comes here. Another account needs a
statement of the profile's policy, and learns nothing about profiles that it was not granted.
"""

from collections.abc import Mapping
from typing import Any

from iotsign.signer._arns import ProfileArn
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain, denied, own_profile
from iotsign.signer._ports import ReadTransaction
from iotsign.signer._profile import SigningProfile


def usable_profile(
    transaction: ReadTransaction, domain: Domain, caller: Caller, request: Mapping[str, Any], action: str
) -> SigningProfile:
    """Find the profile that a request names by ``profileName`` and perhaps ``profileOwner``.

    Raises:
        ResourceNotFoundError: The caller's account has no such profile.
        AccessDeniedError: It is another account's, which did not grant the action, or does not exist.
    """
    name = request["profileName"]
    owner = request.get("profileOwner") or caller.account
    if owner == caller.account:
        return own_profile(transaction, caller, name)
    profile = transaction.profile(owner, name)
    if profile is None or not grants(profile, caller, action):
        raise denied(caller, action, ProfileArn(domain.region, owner, name))
    return profile


def grants(profile: SigningProfile, caller: Caller, action: str) -> bool:
    """Tell whether a profile's policy lets a caller of another account do something."""
    if profile.policy is None:
        return False
    principals = {caller.account, caller.role}
    return any(
        permission.action == action
        and permission.principal in principals
        and permission.profile_version in (None, profile.version)
        for permission in profile.policy.permissions
    )
