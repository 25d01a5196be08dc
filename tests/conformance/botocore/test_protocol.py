"""Our protocol layer against botocore's: its serialiser writes what we parse, its parser reads what we write."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from iotsign.errors import SignerError, ValidationError
from iotsign.server.protocol import (
    declared_errors,
    fault_of,
    find_route,
    operation_names,
    parse_request,
    serialise_response,
    validate_request,
)

MODEL = ServiceModel(Loader().load_service_model("signer", "service-2"), "signer")
OPERATIONS = list(MODEL.operation_names)
TEXTS = ("a", "ab", "x y/z?&=+%", "ä€😀", '"quoted"\\', "0" * 300)
FIT = {  # a text that fits each of the model's patterns
    "^[a-zA-Z0-9_]{2,}": "Profile_1",
    "^[a-zA-Z0-9]{10}$": "abcDEF0123",
    "^[0-9]{12}$": "111122223333",
    "^(?!aws:)[a-zA-Z+-=._:/]+$": "team:1/x",
    "[a-zA-Z0-9_-]+": "Notation-OCI-SHA384-ECDSA",
}


class Values:
    """Random values that fit a shape."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of(self, shape: Any, path: str = "") -> Any:
        make: Callable[[Any, str], Any] = getattr(self, shape.type_name)
        return make(shape, path)

    def structure(self, shape: Any, path: str) -> dict[str, Any]:
        chosen = [n for n in shape.members if n in shape.required_members or self.random.random() < 0.6]
        return {name: self.of(shape.members[name], name) for name in chosen}

    def map(self, shape: Any, path: str) -> dict[str, Any]:
        return {self.of(shape.key): self.of(shape.value) for _ in range(2)}

    def list(self, shape: Any, path: str) -> list[Any]:
        return [self.of(shape.member) for _ in range(self.random.choice([1, 3]))]

    def string(self, shape: Any, path: str) -> str:
        if enum := shape.metadata.get("enum"):
            return str(self.random.choice(enum))
        if pattern := shape.metadata.get("pattern"):
            return FIT[pattern]
        text = self.random.choice(TEXTS)
        return (text * 20)[: shape.metadata.get("max", 300)] if shape.metadata.get("min", 0) > 1 else text[:256]

    def integer(self, shape: Any, path: str) -> int:
        return self.random.randint(shape.metadata.get("min", -(2**31)), shape.metadata.get("max", 2**31 - 1))

    def boolean(self, shape: Any, path: str) -> bool:
        return self.random.random() < 0.5

    def timestamp(self, shape: Any, path: str) -> datetime:
        return datetime.fromtimestamp(self.random.randrange(-(2**31), 2**33), UTC)

    def blob(self, shape: Any, path: str) -> bytes:
        return self.random.randbytes(self.random.choice([1, 77, 4096]))


def receive(request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Parse what botocore's serialiser wrote, as the server does."""
    operation, labels = find_route(request["method"], request["url_path"].encode())
    pairs = []
    for name, value in request["query_string"].items():
        pairs += [(name.encode(), str(item).encode()) for item in (value if isinstance(value, list) else [value])]
    body = request["body"] if isinstance(request["body"], bytes) else request["body"].encode()
    content_type = request["headers"].get("Content-Type", "")
    return operation, parse_request(operation, labels, pairs, body, content_type=content_type)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_what_botocore_writes_is_what_we_read(operation: str, seed: int) -> None:
    model = MODEL.operation_model(operation)
    request = Values(seed).of(model.input_shape)
    written = create_serializer("rest-json", include_validation=True).serialize_to_request(request, model)
    assert receive(written) == (operation, request)
    validate_request(operation, request)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("seed", range(20))
def test_what_we_write_is_what_botocore_reads(operation: str, seed: int) -> None:
    shape = MODEL.operation_model(operation).output_shape
    answer = Values(seed).of(shape) if shape else {}
    body = serialise_response(operation, answer)
    parsed = create_parser("rest-json").parse({"status_code": 200, "headers": {}, "body": body}, shape)
    del parsed["ResponseMetadata"]
    assert parsed == answer
    assert bool(body) == (shape is not None)


def test_every_operation_is_routed() -> None:
    assert sorted(operation_names()) == sorted(OPERATIONS)
    assert len(OPERATIONS) == 19


def test_the_data_plane_is_routed() -> None:
    data = ServiceModel(Loader().load_service_model("signer-data", "service-2"), "signer-data")
    for name in data.operation_names:
        model = data.operation_model(name)
        request = Values(1).of(model.input_shape)
        assert receive(create_serializer("rest-json").serialize_to_request(request, model)) == (name, request)


def test_an_arn_may_come_with_raw_slashes() -> None:
    arn = "arn:aws:signer:eu-central-1:111122223333:/signing-profiles/p"
    for path in (arn, quote(arn, safe=""), quote(arn, safe=":"), quote(arn).lower()):
        assert find_route("GET", f"/tags/{path}".encode()) == ("ListTagsForResource", {"resourceArn": arn})


# constraints, at the edge and one past it


def members(shape: Any, path: tuple[str, ...] = ()) -> Any:
    for name, member in shape.members.items():
        yield (*path, name), member
        if member.type_name == "structure":
            yield from members(member, (*path, name))


CONSTRAINED = [
    pytest.param(operation, path, member, id=f"{operation}-{'.'.join(path)}")
    for operation in OPERATIONS
    for path, member in members(MODEL.operation_model(operation).input_shape)
]


def replaced(request: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    if rest:
        value = replaced(request.get(first, {}), tuple(rest), value)
    changed: dict[str, Any] = {**request, first: value}
    return changed


def sized(shape: Any, size: int) -> Any:
    """A value of that size, or integer, which breaks no other rule."""
    if shape.type_name == "integer":
        return size
    if shape.type_name == "blob":
        return b"\0" * size
    if shape.type_name == "list":
        return [f"key{number}" for number in range(size)]
    if shape.type_name == "map":
        return {f"key{number}": "value" for number in range(size)}
    return "1" * size


def complaint(operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        validate_request(operation, request)
    fault = fault_of(caught.value, operation)
    assert fault.exception in {"ValidationException", "BadRequestException"}
    assert fault.exception in declared_errors(operation) or "ValidationException" not in declared_errors(operation)
    assert fault.status == 400
    return caught.value.message


@pytest.mark.parametrize(("operation", "path", "member"), CONSTRAINED)
def test_limits_at_the_edge_and_one_past(operation: str, path: tuple[str, ...], member: Any) -> None:
    request = Values(3).of(MODEL.operation_model(operation).input_shape)
    noun = "value" if member.type_name == "integer" else "length"
    for rule, step, words in (("min", -1, "greater"), ("max", 1, "less")):
        if (limit := member.metadata.get(rule)) is None:
            continue
        validate_request(operation, replaced(request, path, sized(member, limit)))
        message = complaint(operation, replaced(request, path, sized(member, limit + step)))
        expected = (
            f"' at '{'.'.join(path)}' failed to satisfy constraint: Member must have {noun} {words} than or equal"
        )
        assert f"{expected} to {limit}" in message


@pytest.mark.parametrize(("operation", "path", "member"), CONSTRAINED)
def test_patterns_and_enums(operation: str, path: tuple[str, ...], member: Any) -> None:
    request = Values(3).of(MODEL.operation_model(operation).input_shape)
    if pattern := member.metadata.get("pattern"):
        size = member.metadata["min"]
        for text in ("-" * size, "a" * (size - 1) + "\n", "ä" * size, "a" * (size - 1) + "-"):
            message = complaint(operation, replaced(request, path, text))
            assert f"'{text}' at '{'.'.join(path)}' failed" in message
            assert f"Member must satisfy regular expression pattern: {pattern}" in message
    if enum := member.metadata.get("enum"):
        for text in enum:
            validate_request(operation, replaced(request, path, text))
        for text in (enum[0].lower() + "x", enum[0] + " ", ""):
            message = complaint(operation, replaced(request, path, text))
            assert f"Member must satisfy enum value set: [{', '.join(enum)}]" in message


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_required(operation: str) -> None:
    shape = MODEL.operation_model(operation).input_shape
    request = Values(3).of(shape)
    for name in shape.required_members:
        message = complaint(operation, {key: value for key, value in request.items() if key != name})
        assert message == (
            f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        )
    if shape.required_members:
        assert complaint(operation, {}).startswith(f"{len(shape.required_members)} validation error")


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource", "PutSigningProfile"])
def test_tags(operation: str) -> None:
    def tagged(key: str, value: str) -> dict[str, Any]:
        request: dict[str, Any] = Values(3).of(MODEL.operation_model(operation).input_shape)
        return request | ({"tagKeys": [key]} if operation == "UntagResource" else {"tags": {key: value}})

    for key in ("k", "0" * 128, "a+b-c=d.e_f:g/h", "Aws:x"):
        validate_request(operation, tagged(key, "v" * 256))
    for key in ("", "k" * 129, "aws:x", "with space", "ä", "k\n"):
        validate = complaint(operation, tagged(key, ""))
        assert "Member must have length less than or equal to 128" in validate
    if operation != "UntagResource":
        assert "Map value must satisfy constraint" in complaint(operation, tagged("k", "v" * 257))


def test_lengths_are_counted_as_java_does() -> None:
    request = {"jobId": "x", "reason": "😀" * 250}
    validate_request("RevokeSignature", request)
    assert "less than or equal to 500" in complaint("RevokeSignature", {"jobId": "x", "reason": "😀" * 250 + "x"})


def test_a_long_value_is_cut_in_the_message() -> None:
    assert len(complaint("GetSigningProfile", {"profileName": "-" * 100_000})) < 1000


# what is malformed


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "expected JSON"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b'"text"', "JSON object"),
        (b'{"action":"a","action":"b"}', "each key once"),
        (b'{"action":NaN}', "NaN"),
        (b'{"action":-Infinity}', "-Infinity"),
        (b'{"action":' + b"[" * 200_000, "brackets"),
        (b'{"action":' + b"9" * 100_000 + b"}", "shorter numbers"),
        (b'{"action":"\xff"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "expected JSON"),
        (b"{} {}", "expected JSON"),
    ],
)
def test_malformed_bodies(body: bytes, problem: str) -> None:  # threat 11
    with pytest.raises(ValidationError, match=problem) as caught:
        parse_request("AddProfilePermission", {"profileName": "p1"}, [], body, content_type="application/json")
    fault = fault_of(caught.value, "AddProfilePermission")
    assert (fault.exception, fault.status) == ("MalformedHttpRequestException", 400)


@pytest.mark.parametrize(
    ("member", "json", "problem"),
    [
        ("payload", '"A"', "canonical base64"),
        ("payload", '"QR=="', "canonical base64"),
        ("payload", '"QQ==\\n"', "canonical base64"),
        ("payload", '"ä"', "canonical base64"),
        ("payload", "1", "NUMBER_VALUE can not be converted to blob"),
        ("payloadFormat", "1.5", "NUMBER_VALUE can not be converted to string"),
        ("payloadFormat", "true", "BOOLEAN_VALUE can not be converted to string"),
        ("payloadFormat", "[]", "LIST_VALUE can not be converted to string"),
        ("payloadFormat", "{}", "OBJECT_VALUE can not be converted to string"),
        ("payloadFormat", '"\\ud800"', "surrogate"),
        ("payloadFormat", '"\\u0000"', "null characters"),
    ],
)
def test_values_of_a_wrong_type(member: str, json: str, problem: str) -> None:  # threat 12
    with pytest.raises(ValidationError, match=problem) as caught:
        parse_request("SignPayload", {}, [], f'{{"{member}":{json}}}'.encode())
    assert fault_of(caught.value).exception == "SerializationException"


@pytest.mark.parametrize(
    ("operation", "json", "problem"),
    [
        ("PutSigningProfile", '{"signatureValidityPeriod":{"value":2147483648}}', "Period.value: NUMBER_VALUE"),
        ("PutSigningProfile", '{"signatureValidityPeriod":{"value":1.0}}', "integer"),
        ("PutSigningProfile", '{"signatureValidityPeriod":{"value":true}}', "integer"),
        ("PutSigningProfile", '{"signatureValidityPeriod":[]}', "LIST_VALUE can not be converted to structure"),
        ("PutSigningProfile", '{"tags":[]}', "LIST_VALUE can not be converted to map"),
        ("PutSigningProfile", '{"tags":{"k":null}}', "tags.k"),
        ("PutSigningProfile", '{"tags":{"\\ud800":""}}', "surrogate"),
        ("RevokeSigningProfile", '{"effectiveTime":"2026-01-01T00:00:00Z"}', "STRING_VALUE"),
        ("RevokeSigningProfile", '{"effectiveTime":1e999}', "timestamp"),
        ("RevokeSigningProfile", '{"effectiveTime":1e18}', "timestamp"),
        ("RevokeSigningProfile", '{"effectiveTime":%s}' % ("9" * 4000), "timestamp"),
        ("RevokeSigningProfile", '{"effectiveTime":true}', "BOOLEAN_VALUE"),
    ],
)
def test_nested_values_of_a_wrong_type(operation: str, json: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse_request(operation, {"profileName": "p1"}, [], json.encode())


def test_null_is_absence_and_unknown_members_are_ignored() -> None:
    body = b'{"payload":null,"unknown":{"a":[1.5]},"payloadFormat":"f"}'
    assert parse_request("SignPayload", {}, [], body) == {"payloadFormat": "f"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("maxResults", ["x"]),
        ("maxResults", ["1.0"]),
        ("maxResults", ["2147483648"]),
        ("maxResults", ["9" * 5000]),
        ("maxResults", ["٣"]),
        ("isRevoked", ["yes"]),
        ("signatureExpiresBefore", ["2026-01-01"]),
        ("signatureExpiresBefore", ["2026-01-01T00:00:00"]),
        ("signatureExpiresBefore", ["0001-01-01T00:00:00+12:00"]),
        ("status", ["Failed", "Failed"]),
        ("nextToken", ["\0"]),
    ],
)
def test_queries_of_a_wrong_type(name: str, values: list[str]) -> None:
    query = [(name.encode(), value.encode()) for value in values]
    with pytest.raises(ValidationError, match=name) as caught:
        parse_request("ListSigningJobs", {}, query, b"")
    assert fault_of(caught.value).exception in {"SerializationException", "MalformedHttpRequestException"}


def test_bad_utf_8_outside_the_body() -> None:
    with pytest.raises(ValidationError, match="UTF-8") as caught:
        find_route("GET", b"/signing-jobs/%ff")
    assert fault_of(caught.value).exception == "MalformedHttpRequestException"
    with pytest.raises(ValidationError, match="UTF-8"):
        parse_request("ListSigningJobs", {}, [(b"status", b"\xff")], b"")


def test_null_characters_in_a_label() -> None:
    with pytest.raises(ValidationError, match="null characters"):
        parse_request("DescribeSigningJob", {"jobId": "a\0"}, [], b"")


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({"content_type": "application/json; charset=UTF-8"}, True),
        ({"content_type": 'Application/JSON;charset="utf-8"', "content_encoding": "identity"}, True),
        ({"content_type": "application/x-www-form-urlencoded"}, False),
        ({"content_type": "application/json; charset=utf-16"}, False),
        ({"content_encoding": "gzip"}, False),
    ],
)
def test_content_types(headers: dict[str, str], fits: bool) -> None:
    if fits:
        assert parse_request("SignPayload", {}, [], b"{}", **headers) == {}
        return
    with pytest.raises(ValidationError, match="expected") as caught:
        parse_request("SignPayload", {}, [], b"{}", **headers)
    assert fault_of(caught.value).exception == "MalformedHttpRequestException"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/signing-jobs"),
        ("GET", "/"),
        ("GET", "/signing-jobs/"),
        ("GET", "/signing-jobs/a/b"),
        ("GET", "/tags/"),
        ("DELETE", "/signing-profiles/p/permissions/s/x"),
    ],
)
def test_unknown_operations(method: str, path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        find_route(method, path.encode())
    fault = fault_of(caught.value)
    assert (fault.exception, fault.status) == ("UnknownOperationException", 404)


# errors


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_declared_error_is_read_by_botocore(operation: str) -> None:
    parser = create_parser("rest-json")
    for kind in SignerError.__subclasses__():
        fault = fault_of(kind("SomeDetail", "what happened"), operation)
        headers = {"x-amzn-errortype": fault.exception}
        response = {"status_code": fault.status, "headers": headers, "body": fault.body}
        parsed = parser.parse(response, MODEL.operation_model(operation).output_shape)
        assert parsed["Error"]["Code"] == fault.exception
        assert parsed["Error"]["Message"] == "what happened"
        shape = MODEL.shape_for_error_code(fault.exception)
        assert shape.metadata["error"]["httpStatusCode"] == fault.status
        modeled = parser.parse(response, shape)
        assert (modeled["code"], modeled["message"]) == ("SomeDetail", "what happened")


def test_the_reference_names_no_error_that_we_lack() -> None:
    for operation in OPERATIONS:
        reachable = {fault_of(kind("X", "x"), operation).exception for kind in SignerError.__subclasses__()}
        reachable |= {fault_of(RuntimeError(), operation).exception}
        deprecated = {"ThrottlingException"}
        assert declared_errors(operation) - deprecated <= reachable


def test_the_cause_of_an_internal_error_is_not_told() -> None:
    for error in (RuntimeError("secret"), SignerError("X", "secret")):
        fault = fault_of(error, "SignPayload")
        assert (fault.exception, fault.status) == ("InternalServiceErrorException", 500)
        assert b"secret" not in fault.body


def test_a_domain_that_answers_outside_the_model_is_a_defect() -> None:
    for operation, answer in (
        ("StartSigningJob", {"JobId": "x"}),
        ("CancelSigningProfile", {"jobId": "x"}),
        ("DescribeSigningJob", {"source": {"s3": {"bucketName": "b"}}}),
    ):
        with pytest.raises(Exception, match="member") as caught:
            serialise_response(operation, answer)
        assert fault_of(caught.value).status == 500
    assert serialise_response("StartSigningJob", {"jobId": None}) == b"{}"


def test_query_strings_come_as_lists() -> None:
    query = urlencode({"statuses": ["Active", "Revoked"]}, doseq=True)
    pairs = parse_qsl(query.encode())
    assert parse_request("ListSigningProfiles", {}, pairs, b"") == {"statuses": ["Active", "Revoked"]}
    assert re.search("statuses", complaint("ListSigningProfiles", {"statuses": ["Gone"]}))
