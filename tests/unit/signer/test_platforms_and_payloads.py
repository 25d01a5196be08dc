"""Platform operations and SignPayload."""

from typing import Any

import pytest

from iotsign.errors import ResourceNotFoundError, ValidationError


def test_platforms_are_listed_page_by_page(world: Any) -> None:
    first = world.call("ListSigningPlatforms", maxResults=10)
    found, token = list(first["platforms"]), first.get("nextToken")
    while token:
        page = world.call("ListSigningPlatforms", maxResults=10, nextToken=token)
        found, token = found + page["platforms"], page.get("nextToken")
    ids = [platform["platformId"] for platform in found]
    assert len(ids) == len(set(ids)) > 15
    assert "AWSLambda-SHA384-ECDSA" in ids
    freertos = world.call("ListSigningPlatforms", partner="AmazonFreeRTOS", category="AWS")["platforms"]
    assert [platform["platformId"] for platform in freertos] == ["AmazonFreeRTOS-Default", "AmazonFreeRTOS-TI-CC3220SF"]
    assert world.call("ListSigningPlatforms", target="nothing") == {"platforms": []}


def test_a_platform_is_shown_as_it_is_described(world: Any) -> None:
    assert world.call("GetSigningPlatform", platformId="AmazonFreeRTOS-Default")["maxSizeInMB"] == 16
    with pytest.raises(ResourceNotFoundError, match="Signing platform X not found"):
        world.call("GetSigningPlatform", platformId="X")


def test_payloads_are_signed_for_notation_only(world: Any) -> None:
    world.profile()
    with pytest.raises(ValidationError, match="SignPayload is not supported for platform AmazonFreeRTOS-Default"):
        world.call("SignPayload", profileName="release", payload=b"{}", payloadFormat="x")
