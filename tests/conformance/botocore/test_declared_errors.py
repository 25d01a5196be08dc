"""Each error that an operation declares, raised by an unmodified boto3 client as its typed exception."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
import uvicorn
from asgi_client import KEY, REGION, OneKey
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from iotsign import errors
from iotsign.server import Metrics, create_application
from iotsign.server.protocol import declared_errors, operation_model, operation_names
from iotsign.signer import Caller

KINDS = {
    "ValidationException": errors.ValidationError,
    "BadRequestException": errors.ValidationError,
    "ResourceNotFoundException": errors.ResourceNotFoundError,
    "NotFoundException": errors.ResourceNotFoundError,
    "AccessDeniedException": errors.AccessDeniedError,
    "ConflictException": errors.ConflictError,
    "ServiceLimitExceededException": errors.LimitExceededError,
    "TooManyRequestsException": errors.ThrottledError,
    "InternalServiceErrorException": errors.StoreError,
}
DEPRECATED = {"ThrottlingException"}
CASES = [
    (operation, exception)
    for operation in operation_names()
    for exception in sorted(declared_errors(operation) - DEPRECATED)
]
FIT = {"string": "abcDEF0123", "timestamp": 1.7e9, "integer": 1, "blob": b"x", "boolean": True}


class Failing:
    """A domain that fails as it is told."""

    def __init__(self) -> None:
        self.error: errors.IotsignError = errors.StoreError("X", "x")

    def call(self, caller: Caller, operation: str, request: dict[str, Any], *, request_id: str) -> dict[str, Any]:
        raise self.error

    def run_job(self, job_id: str) -> None:
        """Do nothing."""

    def recover(self) -> Sequence[str]:
        return ()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Failing, Any]]:
    domain = Failing()
    application = create_application(domain, OneKey(), region=REGION, metrics=Metrics())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application.asgi, log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run([listening]))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        client = boto3.client(
            "signer",
            endpoint_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            region_name=REGION,
            aws_access_key_id=KEY.access_key_id,
            aws_secret_access_key=KEY.secret,
            config=Config(inject_host_prefix=False, retries={"max_attempts": 0}),
        )
        yield domain, client
        client.close()
        server.should_exit = True
        thread.join()


def fitting(shape: Any) -> Any:
    if shape.type_name == "structure":
        return {name: fitting(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [fitting(shape.member)]
    if shape.type_name == "map":
        return {"key": "value"}
    if shape.metadata.get("pattern") == "^[0-9]{12}$":
        return KEY.account
    return FIT[shape.type_name] if shape.metadata.get("min", 0) <= 10 else "arn:aws:signer:eu-west-1:1:/x"


@pytest.mark.parametrize(("operation", "exception"), CASES)
def test_a_declared_error(served: tuple[Failing, Any], operation: str, exception: str) -> None:
    domain, client = served
    domain.error = KINDS[exception]("SomeDetail", "what happened")
    call = getattr(client, xform_name(operation))
    with pytest.raises(getattr(client.exceptions, exception)) as caught:
        call(**fitting(operation_model(operation).input_shape))
    assert isinstance(caught.value, ClientError)
    response: Any = caught.value.response
    internal = exception == "InternalServiceErrorException"
    assert response["code"] == ("InternalError" if internal else "SomeDetail")
    assert response["message"] == ("The service encountered an internal error." if internal else "what happened")
    assert response["Error"]["Code"] == exception
    status = client.meta.service_model.shape_for(exception).metadata["error"]["httpStatusCode"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
