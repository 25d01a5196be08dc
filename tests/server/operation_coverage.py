"""tests/conformance/coverage.md: which test has seen which member and error of which operation, through boto3.

    python tests/server/operation_coverage.py

runs tests/conformance/botocore, notes what boto3's clients sent and were answered, and writes the table anew. Each test
of that folder is held to its lines of the table whenever it runs: a member that it no longer sees fails it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
from botocore.loaders import Loader
from botocore.model import ServiceModel

CONFORMANCE: Final = Path(__file__).parents[1] / "conformance"
TABLE: Final = CONFORMANCE / "coverage.md"
NOTES: Final = "IOTSIGN_OPERATION_COVERAGE"
"""Names a file that each test appends to, what it has seen."""

HEAD: Final = """# Coverage of AWS Signer's API

Written by `python tests/server/operation_coverage.py` from what unmodified boto3 clients sent and were answered in
`tests/conformance/botocore`; the tests fail where it is stale. Input members were part of a request that was served,
output members came back, errors were raised as boto3's typed exceptions. `[]` is an element of a list, `{}` a value of
a map.

"""


SEEING: Final = "test_operations or test_own_chain or test_members or test_declared_errors"
"""The files whose tests talk to a server through boto3."""


class Row(NamedTuple):
    """One thing that a test has to see: ``input``, ``output`` or ``error``, by name."""

    operation: str
    kind: str
    name: str


_ONE_PAGE: Final = "a policy holds at most 2000 bytes, so that all of its statements fit one page"
_UNSEEN: Final = {
    Row("", "error", "ThrottlingException"): "deprecated in AWS's model; the service answers TooManyRequestsException",
    Row("ListProfilePermissions", "input", "nextToken"): _ONE_PAGE,
    Row("ListProfilePermissions", "output", "nextToken"): _ONE_PAGE,
}


def why_unseen(row: Row) -> str:
    """Why no test can see something; empty if one has to."""
    return _UNSEEN.get(row) or _UNSEEN.get(row._replace(operation=""), "")


def service_model() -> Any:
    """AWS's model as botocore ships it."""
    return ServiceModel(Loader().load_service_model("signer", "service-2"), "signer")


def paths(shape: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of all members below a shape."""
    if shape is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from paths(member, below)
    elif shape.type_name == "list":
        yield from paths(shape.member, f"{path}[]")
    elif shape.type_name == "map":
        yield from paths(shape.value, f"{path}{{}}")


def present(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """The dotted paths of the members that a value has."""
    if shape is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                below = f"{path}.{name}" if path else name
                yield below
                yield from present(member, value[name], below)
    elif shape.type_name == "list":
        for item in value:
            yield from present(shape.member, item, f"{path}[]")
    elif shape.type_name == "map":
        for item in value.values():
            yield from present(shape.value, item, f"{path}{{}}")


def rows() -> list[Row]:
    """All that the model declares."""
    found = []
    model = service_model()
    for operation in model.operation_names:
        declared = model.operation_model(operation)
        found += [Row(operation, "input", path) for path in paths(declared.input_shape)]
        found += [Row(operation, "output", path) for path in paths(declared.output_shape)]
        found += [Row(operation, "error", shape.name) for shape in declared.error_shapes]
    return found


class Recorder:
    """Notes what the clients of boto3's default session send and are answered, from its making on.

    Attributes:
        seen: What was seen since the set was cleared.
    """

    def __init__(self) -> None:
        self.seen: set[Row] = set()
        boto3.setup_default_session()
        for service in ("signer", "signer-data"):
            events = boto3.DEFAULT_SESSION.events
            events.register(f"before-parameter-build.{service}", self._asked)
            events.register(f"after-call.{service}", self._answered)

    @staticmethod
    def _asked(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params  # botocore adds the request token to these very parameters

    def _answered(self, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if "Error" in parsed:
            self.seen.add(Row(model.name, "error", parsed["Error"]["Code"]))
            return
        self.seen |= {Row(model.name, "input", path) for path in present(model.input_shape, context["asked"])}
        self.seen |= {Row(model.name, "output", path) for path in present(model.output_shape, parsed)}


def note(test: str, seen: set[Row]) -> None:
    """Append what a test has seen, if the environment asks for it."""
    if NOTES in os.environ and seen:
        with Path(os.environ[NOTES]).open("a", encoding="utf-8") as file:
            file.write(json.dumps([test, sorted(seen)]) + "\n")


def read_table() -> dict[Row, str]:
    """The table as it stands: each row's witness, a test or the reason why there is none."""
    found, operation = {}, ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            operation = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| what |"):
            kind, name, witness = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
            found[Row(operation, kind, name)] = witness
    return found


def write_table(witnesses: dict[Row, str]) -> None:
    """Write the table; what nobody has seen stays blank."""
    lines, operation = [HEAD.rstrip("\n")], ""
    for row in rows():
        if row.operation != operation:
            operation = row.operation
            lines += ["", f"## {operation}", "", "| what | name | seen by |", "|---|---|---|"]
        witness = witnesses.get(row)
        lines.append(f"| {row.kind} | `{row.name}` | {f'`{witness}`' if witness else why_unseen(row)} |")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _witnesses(notes: Path) -> dict[Row, str]:
    """Who saw what first; a test against the real server comes before one against a domain that fails to order."""
    found: dict[Row, str] = {}
    entries = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    for test, seen in sorted(entries, key=lambda entry: "declared_error" in entry[0]):
        for row in seen:
            found.setdefault(Row(*row), test)
    return found


def main() -> int:
    """Run the tests and write the table."""
    notes = CONFORMANCE.parents[1] / "build" / "operation-coverage.jsonl"
    notes.parent.mkdir(exist_ok=True)
    notes.write_text("")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", str(CONFORMANCE / "botocore"), "-k", SEEING]
    code = subprocess.run(command, env=os.environ | {NOTES: str(notes)}, check=False).returncode
    if code == 0:
        write_table(_witnesses(notes))
    return code


if __name__ == "__main__":
    sys.exit(main())
