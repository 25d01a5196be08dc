"""PutSigningProfile and what becomes of a profile."""

import re
from datetime import timedelta
from typing import Any

import pytest

from iotsign.errors import ResourceNotFoundError, ValidationError

MATERIAL = "arn:aws:acm:eu-west-1:111122223333:certificate/11111111-1111-4111-8111-111111111111"


def test_a_new_profile_is_named_by_two_arns(world: Any) -> None:
    answer = world.profile(tags={"team": "boot"}, signingParameters={"certname": "cert.der"})
    arn = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/release"
    assert answer["arn"] == arn
    assert re.fullmatch(r"[a-zA-Z0-9]{10}", answer["profileVersion"])
    assert answer["profileVersionArn"] == f"{arn}/{answer['profileVersion']}"
    found = world.call("GetSigningProfile", profileName="release")
    assert found["status"] == "Active"
    assert found["platformDisplayName"] == "Amazon FreeRTOS SHA256-ECDSA"
    assert found["tags"] == {"team": "boot"}
    assert found["signingParameters"] == {"certname": "cert.der"}
    assert "signatureValidityPeriod" not in found


def test_a_name_is_given_once(world: Any) -> None:
    world.profile()
    for _ in range(2):
        with pytest.raises(ValidationError, match="Profile with name release already exists") as caught:
            world.profile()
        assert caught.value.code == "ProfileAlreadyExists"
        world.call("CancelSigningProfile", profileName="release")
    assert world.audit.names() == ["ProfileCreated", "ProfileCanceled"]


def test_canceled_profiles_are_listed_on_demand(world: Any) -> None:
    for name in ("aa", "bb", "cc"):
        world.profile(name=name)
    world.call("CancelSigningProfile", profileName="bb")

    def names(**request: Any) -> list[str]:
        return [profile["profileName"] for profile in world.call("ListSigningProfiles", **request)["profiles"]]

    assert names() == ["aa", "cc"]
    assert names(includeCanceled=True) == ["aa", "bb", "cc"]
    assert names(statuses=["Canceled"]) == ["bb"]
    assert names(platformId="AWSLambda-SHA384-ECDSA") == []


def test_pages_end(world: Any) -> None:
    for name in ("aa", "bb", "cc"):
        world.profile(name=name)
    first = world.call("ListSigningProfiles", maxResults=2)
    second = world.call("ListSigningProfiles", maxResults=2, nextToken=first["nextToken"])
    assert [profile["profileName"] for page in (first, second) for profile in page["profiles"]] == ["aa", "bb", "cc"]
    assert "nextToken" not in second
    with pytest.raises(ValidationError, match="nextToken is not valid"):
        world.call("ListSigningProfiles", includeCanceled=True, nextToken=first["nextToken"])


@pytest.mark.parametrize("token", ["", "x", "bm8=", "W10=", "WzFd", "é", "A" * 5000])
def test_foreign_tokens_are_refused(world: Any, token: str) -> None:
    with pytest.raises(ValidationError, match="nextToken is not valid"):
        world.call("ListSigningProfiles", nextToken=token)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"platformId": "AmazonFreeRTOS-Default"}, "signing material cannot be null."),
        (
            {"platformId": "AWSLambda-SHA384-ECDSA", "signingMaterial": {"certificateArn": MATERIAL}},
            "signing material is not supported",
        ),
        (
            {"platformId": "AWSLambda-SHA384-ECDSA", "signingParameters": {"a": "b"}},
            "signingParameters are not supported",
        ),
        (
            {"platformId": "AWSLambda-SHA384-ECDSA", "overrides": {"signingImageFormat": "JSONDetached"}},
            "overrides: any is not allowed",
        ),
        (
            {
                "platformId": "AmazonFreeRTOS-Default",
                "overrides": {"signingConfiguration": {"hashAlgorithm": "SHA1"}},
            },
            "hashAlgorithm: SHA1 is not allowed",
        ),
        (
            {"platformId": "AmazonFreeRTOS-Default", "overrides": {"signingImageFormat": "JSON"}},
            "signingImageFormat: JSON is not allowed",
        ),
        (
            {"platformId": "AmazonFreeRTOS-Default", "signatureValidityPeriod": {"value": 1, "type": "DAYS"}},
            "signatureValidityPeriod is not supported",
        ),
        (
            {"platformId": "AWSLambda-SHA384-ECDSA", "signatureValidityPeriod": {"value": 136, "type": "MONTHS"}},
            "1 to 135 MONTHS",
        ),
        ({"platformId": "AWSLambda-SHA384-ECDSA", "signatureValidityPeriod": {"value": 1}}, "must have a type"),
        ({"platformId": "AWSLambda-SHA384-ECDSA", "signatureValidityPeriod": {"type": "DAYS"}}, "must have a type"),
        (
            {"platformId": "AmazonFreeRTOS-Default", "signingMaterial": {"certificateArn": "arn:aws:acm"}},
            "is not the ARN of a certificate",
        ),
        (
            {"platformId": "AWSLambda-SHA384-ECDSA", "tags": {str(number): "" for number in range(201)}},
            "at most 200 tags, got 201",
        ),
    ],
)
def test_what_a_platform_does_not_allow_is_refused(world: Any, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        world.call("PutSigningProfile", profileName="release", **request_)
    assert not world.records.profiles_by_name


@pytest.mark.parametrize(
    "arn", [MATERIAL, MATERIAL.replace("111122223333", "444455556666"), MATERIAL.replace("eu-west-1", "us-east-1")]
)
def test_material_of_others_does_not_exist(world: Any, arn: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="not found"):
        world.call(
            "PutSigningProfile",
            profileName="release",
            platformId="AmazonFreeRTOS-Default",
            signingMaterial={"certificateArn": arn},
        )


def test_an_unknown_platform_is_not_found(world: Any) -> None:
    with pytest.raises(ResourceNotFoundError, match="platform Nothing not found"):
        world.call("PutSigningProfile", profileName="release", platformId="Nothing")


def test_an_expired_certificate_is_refused(world: Any) -> None:
    arn = world.material()
    world.clock.move(timedelta(days=31))
    with pytest.raises(ValidationError, match="validity ended"):
        world.call(
            "PutSigningProfile",
            profileName="release",
            platformId="AmazonFreeRTOS-Default",
            signingMaterial={"certificateArn": arn},
        )


def test_a_bare_key_is_enough_only_where_the_device_knows_it(world: Any) -> None:
    material = {"certificateArn": world.material(bare=True)}
    with pytest.raises(ValidationError, match="needs a certificate"):
        world.call(
            "PutSigningProfile",
            profileName="release",
            platformId="AmazonFreeRTOS-Default",
            signingMaterial=material,
        )
    world.call("PutSigningProfile", profileName="release", platformId="MCUboot-ECDSA-P256", signingMaterial=material)


def test_a_profile_that_signs_lambda_code_is_valid_135_months_unless_it_says_less(world: Any) -> None:
    world.call("PutSigningProfile", profileName="aa", platformId="AWSLambda-SHA384-ECDSA")
    less = {"value": 11, "type": "YEARS"}
    world.call("PutSigningProfile", profileName="bb", platformId="AWSLambda-SHA384-ECDSA", signatureValidityPeriod=less)
    assert world.call("GetSigningProfile", profileName="aa")["signatureValidityPeriod"] == {
        "value": 135,
        "type": "MONTHS",
    }
    assert world.call("GetSigningProfile", profileName="bb")["signatureValidityPeriod"] == less


def test_revoking_needs_a_platform_that_knows_it_and_the_version(world: Any) -> None:
    iot = world.profile()
    version = world.call("PutSigningProfile", profileName="code", platformId="AWSLambda-SHA384-ECDSA")["profileVersion"]
    request = {"reason": "leaked", "effectiveTime": world.clock.now() - timedelta(hours=1)}
    with pytest.raises(ValidationError, match="Revocation is not supported"):
        world.call("RevokeSigningProfile", profileName="release", profileVersion=iot["profileVersion"], **request)
    with pytest.raises(ResourceNotFoundError, match="has no version"):
        world.call("RevokeSigningProfile", profileName="code", profileVersion="0123456789", **request)
    assert world.call("RevokeSigningProfile", profileName="code", profileVersion=version, **request) == {}
    with pytest.raises(ValidationError, match="already been revoked"):
        world.call("RevokeSigningProfile", profileName="code", profileVersion=version, **request)
    found = world.call("GetSigningProfile", profileName="code")
    assert found["status"] == "Revoked"
    assert found["statusReason"] == "leaked"
    assert found["revocationRecord"] == {
        "revocationEffectiveFrom": request["effectiveTime"],
        "revokedAt": world.clock.now(),
        "revokedBy": "arn:aws:iam::111122223333:user/me",
    }


def test_a_profile_that_is_not_there_is_not_found(world: Any) -> None:
    for operation in ("GetSigningProfile", "CancelSigningProfile", "ListProfilePermissions"):
        with pytest.raises(ResourceNotFoundError, match="Signing profile nothing not found"):
            world.call(operation, profileName="nothing")


def test_nothing_changes_without_a_record(world: Any) -> None:
    world.audit.broken = True
    with pytest.raises(Exception, match="audit log cannot be written"):
        world.profile()
    assert not world.records.profiles_by_name


def test_all_nineteen_operations_are_there(world: Any) -> None:
    assert len(world.service.operations) == 19
    with pytest.raises(ValidationError, match="expected an operation of AWS Signer, got 'Sign'"):
        world.call("Sign")
