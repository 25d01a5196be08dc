"""CMS SignedData as ASN.1, as far as a signature over a zip file needs it.

Names, certificates and attribute values stay as they are encoded, so that writing them again gives the same bytes. Each
of the following is a type: its ``clone()`` is an empty value.

Source: RFC 5652 §3 (ContentInfo), §5.1 to §5.3 (SignedData, EncapsulatedContentInfo, SignerInfo).
"""

from typing import Any, Final

from pyasn1.type import namedtype, tag, univ

__all__ = ["ALGORITHM_IDENTIFIER", "ATTRIBUTE", "ATTRIBUTES", "CONTENT_INFO", "SIGNER_INFO"]


def _sequence(*fields: tuple[str, Any], optional: str = "") -> Any:
    kinds = {True: namedtype.OptionalNamedType, False: namedtype.NamedType}
    types = (kinds[name == optional](name, kind) for name, kind in fields)
    return univ.Sequence(componentType=namedtype.NamedTypes(*types))


def _set_of(kind: Any) -> Any:
    return univ.SetOf(componentType=kind)


def _implicit(kind: Any, number: int) -> Any:
    return kind.subtype(implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number))


def _explicit(kind: Any, number: int) -> Any:
    return kind.subtype(explicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number))


ALGORITHM_IDENTIFIER: Final = _sequence(
    ("algorithm", univ.ObjectIdentifier()),
    ("parameters", univ.Any()),  # SHA-2 and ECDSA have none
    optional="parameters",
)
ATTRIBUTE: Final = _sequence(
    ("attrType", univ.ObjectIdentifier()),
    ("attrValues", _set_of(univ.Any())),
)
ATTRIBUTES: Final = _set_of(ATTRIBUTE)
"""What is signed: this set, with the tag of a SET OF."""
SIGNER_INFO: Final = _sequence(
    ("version", univ.Integer()),
    ("sid", _sequence(("issuer", univ.Any()), ("serialNumber", univ.Integer()))),
    ("digestAlgorithm", ALGORITHM_IDENTIFIER),
    ("signedAttrs", _implicit(ATTRIBUTES, 0)),
    ("signatureAlgorithm", ALGORITHM_IDENTIFIER),
    ("signature", univ.OctetString()),
)
_ENCAPSULATED_CONTENT_INFO: Final = _sequence(
    ("eContentType", univ.ObjectIdentifier()),
    ("eContent", _explicit(univ.OctetString(), 0)),  # a detached signature has none
    optional="eContent",
)
_SIGNED_DATA: Final = _sequence(
    ("version", univ.Integer()),
    ("digestAlgorithms", _set_of(ALGORITHM_IDENTIFIER)),
    ("encapContentInfo", _ENCAPSULATED_CONTENT_INFO),
    ("certificates", _implicit(_set_of(univ.Any()), 0)),
    ("signerInfos", _set_of(SIGNER_INFO)),
)
CONTENT_INFO: Final = _sequence(
    ("contentType", univ.ObjectIdentifier()),
    ("content", _explicit(_SIGNED_DATA, 0)),
)
