"""tests/conformance/coverage.md names every member and error of AWS's model, and who has seen it."""

import re

from operation_coverage import CONFORMANCE, read_table, rows, why_unseen


def test_the_table_is_the_models() -> None:
    assert list(read_table()) == rows()


def test_no_line_is_blank() -> None:
    assert not [row for row, witness in read_table().items() if not witness]


def test_every_witness_is_a_test_or_a_reason() -> None:
    for row, witness in read_table().items():
        if reason := why_unseen(row):
            assert witness == reason
            continue
        file, _, function = witness.partition("::")
        source = (CONFORMANCE / "botocore" / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {re.escape(function.partition('[')[0])}\(", source, re.MULTILINE), witness
