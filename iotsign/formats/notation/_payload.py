"""What a Notation envelope signs: the descriptor of an artifact in a registry.

Layout: ``{"targetArtifact":{"mediaType":"…","digest":"sha256:…","size":N}}``, in which ``targetArtifact`` may also have
``annotations``, an object of strings.

Source: Notary Project, "Signature Specification" 1.0, "Payload"; OCI Image Specification 1.1, "Descriptor".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from iotsign.errors import MalformedImageError
from iotsign.formats.jsonimage import load_object
from iotsign.formats.notation._names import LARGEST_PAYLOAD

__all__ = ["TargetArtifact", "read_payload"]

_REQUIRED: Final[dict[str, type]] = {"mediaType": str, "digest": str, "size": int}
_OPTIONAL: Final[dict[str, type]] = {"annotations": dict}
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


@dataclass(frozen=True, slots=True)
class TargetArtifact:
    """The artifact that is vouched for.

    Attributes:
        media_type: Of its manifest.
        digest: Of its manifest, for example ``sha256:…``.
        size: Bytes of its manifest.
        annotations: What the signer added.
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@lru_cache(maxsize=16)  # whoever signs a payload reads it again in the envelope
def read_payload(payload: bytes) -> TargetArtifact:
    """Read a payload strictly.

    Raises:
        MalformedImageError: It is not exactly such a descriptor.
    """
    root = load_object(payload, limit=LARGEST_PAYLOAD)
    target = root.get("targetArtifact")
    if root.keys() != {"targetArtifact"} or not isinstance(target, dict):
        raise _malformed("BadPayload", "expected a payload with targetArtifact, an object, and nothing else", root)
    if not _REQUIRED.keys() <= target.keys() <= _REQUIRED.keys() | _OPTIONAL.keys():
        raise _malformed("BadPayload", "expected targetArtifact with mediaType, digest, size and annotations", target)
    for name, kind in (_REQUIRED | _OPTIONAL).items():
        if name in target and type(target[name]) is not kind:
            got = type(target[name]).__name__
            raise MalformedImageError("UnexpectedType", f"expected {name} as {kind.__name__}, got {got}", key=name)
    for name, pattern in (("mediaType", _MEDIA_TYPE), ("digest", _DIGEST)):
        if not pattern.fullmatch(target[name]):
            raise MalformedImageError("BadPayload", f"expected a {name}, got {target[name][:200]!r}", key=name)
    annotations = target.get("annotations", {})
    if not all(isinstance(value, str) for value in annotations.values()):
        raise MalformedImageError("UnexpectedType", "expected annotations as strings, got others", key="annotations")
    return TargetArtifact(target["mediaType"], target["digest"], target["size"], MappingProxyType(annotations))


def _malformed(code: str, expected: str, got: dict[str, Any]) -> MalformedImageError:
    names = ", ".join(repr(name)[:40] for name in list(got)[:10]) or "none"
    return MalformedImageError(code, f"{expected}, got {names}")
