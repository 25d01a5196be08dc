"""Our answer to GetSigningPlatform, read back by AWS's own parser and checked against AWS's own model."""

import json

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from iotsign.platforms import Registry


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("signer", "service-2"), "signer")


@pytest.mark.parametrize("platform_id", Registry().platform_ids)
def test_aws_shape(model: ServiceModel, platform_id: str) -> None:
    shape = model.operation_model("GetSigningPlatform").output_shape
    answer = Registry().get(platform_id).to_aws()
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()
    assert list(answer) == [name for name in shape.members if name in answer]
    response = {"status_code": 200, "headers": {}, "body": json.dumps(answer).encode()}
    parsed = create_parser("rest-json").parse(response, shape)
    del parsed["ResponseMetadata"]
    assert parsed == answer


def test_list_members_have_the_same_shape(model: ServiceModel) -> None:
    platforms = [platform.to_aws() for platform in Registry().list()]
    shape = model.operation_model("ListSigningPlatforms").output_shape
    report = ParamValidator().validate({"platforms": platforms}, shape)
    assert not report.has_errors(), report.generate_report()
