"""Each test is held to what tests/conformance/coverage.md says that it sees."""

import os
from collections.abc import Iterator
from typing import Final

import pytest
from operation_coverage import NOTES, Recorder, note, read_table

RECORDER: Final = Recorder()


@pytest.fixture(autouse=True)
def coverage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare what the clients of this test saw with what the table says."""
    RECORDER.seen.clear()
    failed = request.session.testsfailed
    yield
    test = request.node.nodeid.removeprefix("tests/conformance/botocore/")
    seen = set(RECORDER.seen)
    note(test, seen)
    if NOTES not in os.environ and request.session.testsfailed == failed:
        missing = {row for row, witness in read_table().items() if witness == test} - seen
        assert not missing, f"tests/conformance/coverage.md is stale, run tests/server/operation_coverage.py: {missing}"
