"""XML as S3 writes and reads it."""

import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError, XMLParser, tostring

from iotsign.errors import ValidationError

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, *content: "str | int | Element") -> Element:
    """Make an element of text or of elements; what XML cannot hold becomes a question mark."""
    made = Element(name)
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        else:
            made.text = _NOT_XML.sub("?", str(part))
    return made


def xml(name: str, *content: Element, namespace: bool = True) -> bytes:
    """Write a document."""
    root = element(name, *content)
    if namespace:
        root.set("xmlns", _NAMESPACE)
    written: str = tostring(root, encoding="unicode")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written.encode()


class _NoDoctype:
    """Builds a tree of a document without a document type, so that nothing can be expanded."""

    def __init__(self) -> None:
        self._stack: list[Element] = []
        self.root: Element | None = None

    def start(self, tag: str, _: dict[str, str]) -> None:
        made = Element(tag.rpartition("}")[2])
        if self._stack:
            self._stack[-1].append(made)
        elif self.root is None:
            self.root = made
        self._stack.append(made)

    def data(self, text: str) -> None:
        if self._stack:
            last = self._stack[-1]
            last.text = text if last.text is None else last.text + text

    def end(self, _: str) -> None:
        self._stack.pop()

    def doctype(self, *_: object) -> None:
        raise _malformed("a document type is not allowed")

    def close(self) -> Element:
        if self.root is None:
            raise _malformed("it is empty")
        return self.root


def read_xml(body: bytes, name: str) -> Element:
    """Read a document whose root has that name; names come without their namespace.

    Raises:
        ValidationError: It is not well-formed, has a document type, or another root.
    """
    parser = XMLParser(target=_NoDoctype())  # noqa: S314 - a document type, and so any entity, is refused
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:  # the last two: an unknown encoding
        raise _malformed(str(error)) from None
    if root.tag != name:
        raise _malformed(f"expected <{name}>")
    return root


def _malformed(problem: str) -> ValidationError:
    message = f"The XML you provided was not well-formed or did not validate against our published schema: {problem}"
    return ValidationError("MalformedXML", message)
