"""The CMS signature of a Lambda zip: what is read, and what is refused."""

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuing_chain import EXPIRY, SIGNED_AT, IssuingChain, make_claims, make_zip
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import char, univ, useful

from iotsign.errors import FormatError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.awslambda import _cms_names as names
from iotsign.formats.awslambda import check_content, extract_source, read_lambda_zip, sign_zip
from iotsign.formats.awslambda._asn1 import ATTRIBUTE, CONTENT_INFO
from iotsign.formats.awslambda._cms_read import read_signature
from iotsign.formats.awslambda._cms_write import _pem, write_signature

DIGEST = bytes(48)


@pytest.fixture(scope="module")
def pem(chain: IssuingChain) -> bytes:
    return write_signature(DIGEST, chain.signer, chain.certificates, make_claims())


def der_of(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def changed(pem: bytes, change: Callable[[Any], None]) -> bytes:
    info, _ = decoder.decode(der_of(pem), asn1Spec=CONTENT_INFO)
    change(info["content"])
    return _pem(encoder.encode(info))


def with_attribute(kind: str, *values: bytes) -> Callable[[Any], None]:
    """Replace a signed attribute, or add it; without values take it away."""

    def change(signed: Any) -> None:
        info = signed["signerInfos"][0]
        kept = [attribute for attribute in info["signedAttrs"] if str(attribute["attrType"]) != kind]
        info["signedAttrs"].clear()
        info["signedAttrs"].extend(kept)
        if values:
            attribute = ATTRIBUTE.clone()
            attribute["attrType"] = kind
            attribute["attrValues"].extend(values)
            info["signedAttrs"].append(attribute)

    return change


def refused(pem: bytes, error: type[FormatError] = MalformedImageError) -> str:
    with pytest.raises(error) as caught:
        read_signature(pem)
    return caught.value.code


def test_what_was_written_is_read(pem: bytes, chain: IssuingChain) -> None:
    signature, digest = read_signature(pem)
    assert signature.claims == make_claims()
    assert signature.certificates == chain.certificates
    assert digest == hashlib.sha384(DIGEST).digest()
    chain.signer.public_key.verify_digest(signature.digest, signature.value, signature.algorithm)


def test_ber_around_der_and_what_else_aws_is_said_to_write(pem: bytes, chain: IssuingChain) -> None:
    """Indefinite lengths, times with milliseconds, and the attribute that protects the algorithm."""
    fine = "20260131120001.806Z"

    def change(signed: Any) -> None:
        with_attribute(names.SIGNING_TIME, encoder.encode(useful.GeneralizedTime(fine)))(signed)
        with_attribute(names.ALGORITHM_PROTECTION, bytes.fromhex("3000"))(signed)

    der = der_of(changed(pem, change))
    signed_data = der[der.index(b"\xa0") + 4 :]
    ber = b"\x30\x80" + encoder.encode(univ.ObjectIdentifier(names.SIGNED_DATA)) + b"\xa0\x80" + signed_data + bytes(4)
    signature, _ = read_signature(_pem(ber))
    assert signature.claims == make_claims()
    assert signature.certificates == chain.certificates
    # and Windows line ends
    assert read_signature(pem.replace(b"\n", b"\r\n"))[0].claims == make_claims()
    assert read_signature(pem.replace(b"PKCS7", b"CMS"))[0].claims == make_claims()


@pytest.mark.parametrize(
    "kind",
    [names.CONTENT_TYPE, names.MESSAGE_DIGEST, names.SIGNING_TIME, names.EXPIRY, names.JOB_ARN,
     names.PROFILE_VERSION_ARN],
)  # fmt: skip
def test_a_signed_attribute_is_missing_or_strange(pem: bytes, kind: str) -> None:
    assert refused(changed(pem, with_attribute(kind))) == "AttributeMissing"
    integer = encoder.encode(univ.Integer(1))
    assert refused(changed(pem, with_attribute(kind, integer))) in ("BadAsn1", "BadTime", "BadAttribute")
    assert refused(changed(pem, with_attribute(kind, integer, encoder.encode(univ.Integer(2))))) == "BadAttribute"


def test_a_signed_attribute_twice(pem: bytes) -> None:
    def change(signed: Any) -> None:
        attributes = signed["signerInfos"][0]["signedAttrs"]
        twin = ATTRIBUTE.clone()
        twin["attrType"] = names.EXPIRY
        twin["attrValues"].append(encoder.encode(useful.GeneralizedTime("20990101000000Z")))
        attributes.append(twin)

    assert refused(changed(pem, change)) == "BadAttribute"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (names.EXPIRY, useful.GeneralizedTime("20250101000000Z")),
        (names.EXPIRY, useful.GeneralizedTime("202701010000Z")),
        (names.EXPIRY, useful.GeneralizedTime("20271301000000Z")),
        (names.SIGNING_TIME, useful.UTCTime("2601311200Z")),
        (names.JOB_ARN, char.UTF8String("arn:aws:s3:::bucket")),
        (names.PROFILE_VERSION_ARN, char.UTF8String("")),
        (names.MESSAGE_DIGEST, univ.OctetString(bytes(32))),
        (names.CONTENT_TYPE, univ.ObjectIdentifier(names.SIGNED_DATA)),
    ],
)
def test_attributes_that_say_nothing_sensible(pem: bytes, kind: str, value: Any) -> None:
    refused(changed(pem, with_attribute(kind, encoder.encode(value))))


def test_times_as_der_would_not_have_them(pem: bytes) -> None:
    def with_expiry(text: bytes) -> bytes:
        return changed(pem, with_attribute(names.EXPIRY, b"\x18" + bytes([len(text)]) + text))

    assert read_signature(with_expiry(b"20270131120001.800Z"))[0].claims == make_claims()
    for text in (b"20270131120001+0100", b"20270131120001", b"20270131120001,8Z", b"2027013112000", b""):
        refused(with_expiry(text))


def test_other_algorithms(pem: bytes) -> None:
    # threat 6
    def other(name: str, identifier: str) -> Callable[[Any], None]:
        def change(signed: Any) -> None:
            signed["signerInfos"][0][name]["algorithm"] = identifier

        return change

    sha256 = "2.16.840.1.101.3.4.2.1"
    for change in (other("digestAlgorithm", sha256), other("signatureAlgorithm", "1.2.840.10045.4.3.2")):
        assert refused(changed(pem, change), UnsupportedFormatError) == "UnsupportedAlgorithm"


def test_two_signers_or_none(pem: bytes) -> None:
    # threat 20
    assert refused(changed(pem, lambda signed: signed["signerInfos"].clear())) == "SignerCount"

    def twice(signed: Any) -> None:
        other = decoder.decode(encoder.encode(signed["signerInfos"][0]), asn1Spec=signed["signerInfos"].componentType)[
            0
        ]
        other["signature"] = b"other"
        signed["signerInfos"].append(other)

    assert refused(changed(pem, twice)) == "SignerCount"


def test_certificates_that_do_not_fit(pem: bytes, chain: IssuingChain) -> None:
    def without(number: int) -> Callable[[Any], None]:
        from cryptography.hazmat.primitives.serialization import Encoding

        def change(signed: Any) -> None:
            ders = [certificate.public_bytes(Encoding.DER) for certificate in chain.certificates]
            signed["certificates"].clear()
            signed["certificates"].extend(der for at, der in enumerate(ders) if at != number)

        return change

    def damaged(signed: Any) -> None:
        signed["certificates"].append(bytes.fromhex("3000"))

    assert refused(changed(pem, without(0))) == "ChainBroken"
    assert refused(changed(pem, without(1))) == "ChainBroken"
    assert refused(changed(pem, damaged)) == "InvalidCertificate"


def test_content_inside(pem: bytes) -> None:
    def change(signed: Any) -> None:
        signed["encapContentInfo"]["eContent"] = DIGEST

    assert refused(changed(pem, change)) == "NotDetached"


@pytest.mark.parametrize(
    "change",
    [
        lambda pem: pem[:-1] + b"x",
        lambda pem: b"\n" + pem,
        lambda pem: pem + pem,
        lambda pem: pem.replace(b"END PKCS7", b"END CMS"),
        lambda pem: pem.replace(b"PKCS7", b"CERTIFICATE"),
        lambda pem: pem.replace(b"-----\nM", b"-----\n M"),
        lambda pem: pem.replace(b"\n-----END", b"A\n-----END"),
        lambda pem: _pem(der_of(pem) + b"\0"),
        lambda pem: _pem(der_of(pem)[:-1]),
        lambda pem: _pem(b"\x30\x80" * 5000),
        lambda pem: _pem(b""),
        lambda pem: b"",
        lambda pem: pem + b"\n" * (1 << 16),
    ],
)
def test_what_is_no_signature(pem: bytes, change: Callable[[bytes], bytes]) -> None:
    refused(change(pem))


@given(
    files=st.dictionaries(st.from_regex(r"[a-zäß0-9]{1,8}(/[a-z]{1,4}){0,2}", fullmatch=True), st.binary(max_size=300)),
    comment=st.binary(max_size=20).filter(lambda comment: b"PK" not in comment),
    method=st.sampled_from([0, 8]),
)
def test_round_trip(chain: IssuingChain, files: dict[str, bytes], comment: bytes, method: int) -> None:
    source = make_zip(files or {"a": b""}, comment=comment, method=method)
    output, extracted = io.BytesIO(), io.BytesIO()
    made = sign_zip(io.BytesIO(source), output, chain.signer, certificates=chain.certificates, claims=make_claims())
    read = read_lambda_zip(output, made.size)
    assert check_content(output, read) == made.digest
    assert read.signature is not None
    assert (read.signature.claims.signing_time, read.signature.claims.expiry) == (SIGNED_AT, EXPIRY)
    assert extract_source(output, read, extracted) == len(source)
    assert extracted.getvalue() == source
