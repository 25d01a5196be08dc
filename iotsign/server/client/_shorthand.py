"""The AWS CLI's shorthand for structures on a command line: ``s3={bucketName=firmware,key=app.bin,version=…}``.

Source: AWS CLI User Guide, "Using shorthand syntax"; lists are written in brackets, ``a=b,c`` is none.
"""

import json
import re
from typing import Any, Final, NoReturn

_KEY: Final = re.compile(r"[A-Za-z0-9_.#/:-]+")
_BARE: Final = re.compile(r"""(?:\\,|[^\s,=\[\]{}"'])(?:\\,|[^,\]}"'])*""")
_QUOTED: Final = re.compile(r"""'((?:\\'|[^'])*)'|"((?:\\"|[^"])*)\"""")
_BLANK: Final = re.compile(r"\s*")
_DEEPEST: Final = 16


def parse_shorthand(text: str) -> Any:
    """Read a structure or map, in shorthand or, if it begins like it, as JSON.

    Raises:
        ValueError: It is neither; the message says where.
    """
    if text.lstrip().startswith(("{", "[")):
        return json.loads(text)
    reader = _Reader(text)
    found = reader.pairs("", 0)
    if reader.at < len(text):
        reader.fail("a comma")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def pairs(self, end: str, depth: int) -> dict[str, Any]:
        """Read ``key=value`` pairs up to a bracket, or to the end of the text."""
        found: dict[str, Any] = {}
        while not self._ends(end) or not (found or end):
            if found:
                self._expect(",")
            key = self._match(_KEY, "a name")[0]
            if key in found:
                raise ValueError(f"expected {key!r} once, got it twice in {self.text!r}")
            self._expect("=")
            found[key] = self._value(depth)
            if not self._comes(",") and not self._ends(end):
                self.fail(f"a comma{f' or {end}' if end else ''}")
        return found

    def fail(self, expected: str) -> NoReturn:
        got = repr(self.text[self.at]) if self.at < len(self.text) else "the end"
        raise ValueError(f"expected {expected}, got {got} at character {self.at + 1} of {self.text!r}")

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            self.fail(f"at most {_DEEPEST} brackets within each other")
        if self._takes("{"):
            found: Any = self.pairs("}", depth + 1)
            self._expect("}")
        elif self._takes("["):
            found = []
            while not self._comes("]"):
                if found:
                    self._expect(",")
                found.append(self._value(depth + 1))
            self._expect("]")
        elif match := _QUOTED.match(self.text, self.at):
            self.at = match.end()
            found = match[2].replace('\\"', '"') if match[1] is None else match[1].replace("\\'", "'")
        elif match := _BARE.match(self.text, self.at):
            self.at = match.end()
            found = match[0].replace("\\,", ",").rstrip()
        else:
            found = ""
        return found

    def _ends(self, end: str) -> bool:
        return self._comes(end) if end else self.at >= len(self.text)

    def _comes(self, mark: str) -> bool:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches everywhere
        return self.text.startswith(mark, self.at)

    def _takes(self, mark: str) -> bool:
        if not self._comes(mark):
            return False
        self.at += len(mark)
        return True

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            self.fail(repr(mark))

    def _match(self, pattern: re.Pattern[str], what: str) -> re.Match[str]:
        self._comes("")
        match = pattern.match(self.text, self.at)
        if match is None:
            self.fail(what)
        self.at = match.end()
        return match
