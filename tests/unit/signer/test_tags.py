"""Tags of profiles."""

from typing import Any

import pytest

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.signer import Caller

ARN = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/release"


def test_tags_are_added_changed_removed(world: Any) -> None:
    world.profile(tags={"a": "1"})
    world.call("TagResource", resourceArn=ARN, tags={"a": "2", "b": ""})
    assert world.call("ListTagsForResource", resourceArn=ARN) == {"tags": {"a": "2", "b": ""}}
    world.call("UntagResource", resourceArn=ARN, tagKeys=["a", "never"])
    assert world.call("ListTagsForResource", resourceArn=ARN) == {"tags": {"b": ""}}
    assert world.call("ListSigningProfiles")["profiles"][0]["tags"] == {"b": ""}
    assert world.audit.names() == ["ProfileCreated", "TagsChanged", "TagsChanged"]


def test_a_profile_holds_200_tags(world: Any) -> None:
    world.profile(tags={str(number): "" for number in range(199)})
    world.call("TagResource", resourceArn=ARN, tags={"last": ""})
    world.call("TagResource", resourceArn=ARN, tags={"last": "changed"})
    with pytest.raises(ValidationError, match="at most 200 tags on a profile, got 201"):
        world.call("TagResource", resourceArn=ARN, tags={"more": ""})


def test_a_canceled_profile_keeps_its_tags_to_itself(world: Any) -> None:
    world.profile()
    world.call("CancelSigningProfile", profileName="release")
    for operation, request in (
        ("TagResource", {"tags": {"a": ""}}),
        ("UntagResource", {"tagKeys": ["a"]}),
        ("ListTagsForResource", {}),
    ):
        with pytest.raises(ValidationError, match="release is canceled"):
            world.call(operation, resourceArn=ARN, **request)


@pytest.mark.parametrize(
    "arn",
    [
        "release",
        ARN.replace(":/signing", "/signing"),
        f"{ARN}/0123456789",
        ARN.replace("signing-profiles/release", "signing-jobs/11111111-1111-4111-8111-111111111111"),
        f"{ARN}/../other",
        f"{ARN}\n",
    ],
)
def test_only_profiles_have_tags(world: Any, arn: str) -> None:  # threat 24
    world.profile()
    with pytest.raises(ValidationError, match="is not the ARN of a signing profile"):
        world.call("ListTagsForResource", resourceArn=arn)


def test_profiles_of_others_and_of_elsewhere_are_not_found(world: Any) -> None:
    world.profile()
    with pytest.raises(ResourceNotFoundError):
        world.call("ListTagsForResource", Caller("444455556666", "arn"), resourceArn=ARN)
    for arn in (ARN.replace("eu-west-1", "us-east-1"), ARN.replace("release", "nothing")):
        with pytest.raises(ResourceNotFoundError):
            world.call("ListTagsForResource", resourceArn=arn)
