"""Base64 agrees with the standard library on what is canonical and refuses the rest."""

import base64
import binascii

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iotsign import core
from iotsign.errors import MalformedImageError


@given(st.binary(max_size=500))
def test_both_ways(data: bytes) -> None:
    text = core.base64_encode(data)
    assert text == base64.b64encode(data)
    assert core.base64_decode(text) == data


@given(st.binary(max_size=40).map(base64.b64encode), st.integers(0, 60), st.binary(min_size=1, max_size=2))
@example(b"AA==", 3, b"A")
def test_exactly_what_encodes_to_itself_is_decoded(text: bytes, position: int, change: bytes) -> None:
    """# threat 12."""
    changed = text[:position] + change + text[position + len(change) :]
    try:
        canonical = base64.b64encode(base64.b64decode(changed, validate=True)) == changed
    except binascii.Error:
        canonical = False
    if canonical:
        assert core.base64_decode(changed) == base64.b64decode(changed)
    else:
        with pytest.raises(MalformedImageError):
            core.base64_decode(changed)


# threat 12
@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (b"A", 1),
        (b"AA", 2),
        (b"AAA", 3),
        (b"AAAA====", 4),
        (b"AA=", 3),
        (b"AA=A", 2),
        (b"AA==AAAA", 2),
        (b"A===", 1),
        (b"====", 0),
        (b"AB==", 1),
        (b"AAB=", 2),
        (b"AA==\n", 4),
        (b"AAAA ", 4),
        (b"AA A", 2),
        (b" AAAA", 0),
        (b"AA-_", 2),
        (b"AAAA\x00AAA", 4),
        (b"AAA\xc1", 3),
        (b"A" * 100 + b'"' + b"A" * 99, 100),
    ],
)
def test_not_canonical(text: bytes, offset: int) -> None:
    with pytest.raises(MalformedImageError) as caught:
        core.base64_decode(text)
    assert caught.value.code == "NotCanonicalBase64"
    assert caught.value.data["offset"] <= offset


@pytest.mark.parametrize("wrong", ["AAAA", 4, None])
def test_no_buffer(wrong: object) -> None:
    with pytest.raises(TypeError):
        core.base64_encode(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        core.base64_decode(wrong)  # type: ignore[arg-type]
