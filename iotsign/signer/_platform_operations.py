"""GetSigningPlatform and ListSigningPlatforms."""

from collections.abc import Mapping
from typing import Any, Final

from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain
from iotsign.signer._pages import next_token, page_size, read_token

_FILTERS: Final = ("category", "partner", "target")


class PlatformOperations:
    """The signing platforms."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def get(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Show one platform.

        Raises:
            ResourceNotFoundError: There is none of that id.
        """
        return self._domain.platform(request["platformId"]).to_aws()

    def list(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """List the platforms, by id.

        Raises:
            ValidationError: The token is not valid.
        """
        found = [platform.to_aws() for platform in self._domain.all_platforms.values()]
        for name in _FILTERS:
            if request.get(name) is not None:
                found = [platform for platform in found if platform.get(name) == request[name]]
        after = read_token(request, request.get("nextToken"), 1)
        if after is not None:
            found = [platform for platform in found if platform["platformId"].casefold() > after[0]]
        size = page_size(request)
        answer: dict[str, Any] = {"platforms": found[:size]}
        if len(found) > size:
            answer["nextToken"] = next_token(request, [found[size - 1]["platformId"].casefold()])
        return answer
