"""AWS Signer's wire protocol (rest-json), driven by botocore's service model.

`find_route`, `parse_request`, `validate_request`, the domain, `serialise_response`; `fault_of` for what is raised.
"""

from iotsign.server.protocol._faults import COMMON_ERRORS, Fault, fault_of
from iotsign.server.protocol._model import declared_errors, operation_model, operation_names, service_model
from iotsign.server.protocol._parse import parse_request
from iotsign.server.protocol._route import Route, find_route, routes
from iotsign.server.protocol._serialise import serialise_response
from iotsign.server.protocol._validate import validate_request

__all__ = [
    "COMMON_ERRORS",
    "Fault",
    "Route",
    "declared_errors",
    "fault_of",
    "find_route",
    "operation_model",
    "operation_names",
    "parse_request",
    "routes",
    "serialise_response",
    "service_model",
    "validate_request",
]
