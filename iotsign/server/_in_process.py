"""The server's door without HTTP: for a local store, whose caller needs no signature."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from iotsign.errors import ValidationError
from iotsign.server._app import SigningService
from iotsign.server.protocol import operation_names, validate_request
from iotsign.signer import Caller


def call_in_process(
    service: SigningService, caller: Caller, operation: str, request: Mapping[str, Any]
) -> dict[str, Any]:
    """Check a request as the server does and let the domain answer; a started job is done before it returns.

    Args:
        service: The domain.
        caller: Who asks.
        operation: The operation's name, as AWS spells it.
        request: The members of its input shape, as botocore's parsers give them.

    Returns:
        The members of its output shape.

    Raises:
        SignerError: The request is refused.
        StoreError: A store failed.
        IotsignError: A key or platform cannot be used.
    """
    if operation not in operation_names():
        raise ValidationError("UnknownOperationException", f"expected an operation of AWS Signer, got {operation!r}")
    members = dict(request)
    validate_request(operation, members)
    answer = service.call(caller, operation, members, request_id=str(uuid4()))
    if operation == "StartSigningJob":
        service.run_job(answer["jobId"])
    return answer
