"""SignPayload."""

from collections.abc import Mapping
from typing import Any

from iotsign.errors import ValidationError
from iotsign.signer._authorisation import usable_profile
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain
from iotsign.signer._job_operations import signing_platform
from iotsign.signer._packing import not_supported, signs_payloads


class PayloadOperations:
    """Signatures over payloads that come with the request."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def sign(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Sign a payload.

        Raises:
            ResourceNotFoundError: There is no such profile.
            AccessDeniedError: It is another account's, which did not grant this.
            ValidationError: The profile is not active, its platform signs objects only, or needs a chain of the
                service's own, which this service does not have.
        """
        domain = self._domain
        with domain.records.reading() as transaction:
            profile = usable_profile(transaction, domain, caller, request, "signer:SignPayload")
        platform = signing_platform(domain, profile)
        if not signs_payloads(platform):
            message = f"SignPayload is not supported for platform {platform.platform_id}; use StartSigningJob"
            raise ValidationError("OperationNotSupported", message, platform=platform.platform_id)
        raise not_supported(platform)
