"""Pages of a list: a token says behind what the next one begins, and belongs to one question."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from iotsign.errors import ValidationError

PAGE: Final = 25
"""Most entries of a page, and how many there are by default."""
_TOKEN_LIMIT: Final = 1024


def page_size(request: Mapping[str, Any]) -> int:
    """How many entries a page is to have."""
    return int(request.get("maxResults") or PAGE)


def next_token(question: Mapping[str, Any], position: list[str]) -> str:
    """Make the token of the next page.

    Args:
        question: What was asked; the token fits no other question.
        position: Behind what the next page begins.
    """
    data = json.dumps([_fingerprint(question), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(data.encode()).decode("ascii")


def read_token(question: Mapping[str, Any], token: str | None, parts: int) -> list[str] | None:
    """Read a token; None for the first page.

    Args:
        question: What is asked.
        token: As the client gave it.
        parts: How many parts the position has.

    Raises:
        ValidationError: It is not one of ours, or belongs to another question.
    """
    if token is None:
        return None
    value = _decode(token)
    if len(value) != parts + 1 or value[0] != _fingerprint(question):
        raise ValidationError("InvalidNextToken", "The nextToken is not valid for this request", member="nextToken")
    return value[1:]


def _decode(token: str) -> list[str]:
    try:
        data = base64.b64decode(token[:_TOKEN_LIMIT], altchars=b"-_", validate=True)
        value = json.loads(data)
    except (ValueError, binascii.Error, RecursionError):
        return []
    plain = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return value if plain else []


def _fingerprint(question: Mapping[str, Any]) -> str:
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in question.items()
        if name not in {"nextToken", "maxResults"} and value is not None
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
