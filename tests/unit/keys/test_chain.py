"""Certification paths: the good ones, and every step failing by its own name."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, ConfigError, ExpiredError, UntrustedImageError
from iotsign.keys import check_signing_certificate, verify_chain
from iotsign.keys._chain import is_ca, is_self_signed
from iotsign.keys._known_keys import KNOWN_TEST_KEYS
from iotsign.keys._loading import certificate_key

DER = serialization.Encoding.DER
CONSTRAINTS, ANY = x509.BasicConstraints, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
NAMES = x509.NameConstraints([x509.DNSName("example.com")], None)
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def code_of(mill: Any, certificate: x509.Certificate, *issuers: Any, at: datetime | None = None) -> str | None:
    """The code that names the failing step; None if the chain is valid."""
    cas = [issuer.certificate for issuer in issuers]
    try:
        verify_chain(certificate, roots=[mill.root.certificate], intermediates=cas, at=at or mill.AT)
    except UntrustedImageError as error:
        assert isinstance(error, (CertificateError, ExpiredError))  # noqa: PT017
        return error.code
    return None


def test_a_chain_is_found_and_returned(mill: Any) -> None:
    signer = mill.make("signer", mill.intermediate)
    cas = [mill.make("unrelated", mill.root, mill.CA).certificate, mill.intermediate.certificate]
    chain = verify_chain(signer.certificate, roots=[mill.root.certificate], intermediates=cas, at=mill.AT)
    assert chain.certificates == (signer.certificate, mill.intermediate.certificate, mill.root.certificate)
    assert (chain.key, chain.at) == (certificate_key(signer.certificate), mill.AT)


def test_a_signer_directly_below_the_root(mill: Any) -> None:
    assert code_of(mill, mill.make("signer", mill.root).certificate) is None


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_cas_of_every_family(mill: Any, key: Any) -> None:
    ca = mill.make("ca", mill.root, mill.CA, key=key)
    assert code_of(mill, mill.make("signer", ca).certificate, ca) is None


def with_(extensions: Sequence[Any], replacement: Any, *, critical: bool = True) -> list[Any]:
    """The usual extensions, one of them replaced, or one more."""
    kept = [(value, flag) for value, flag in extensions if type(value) is not type(replacement)]
    return [*kept, (replacement, critical)]


def without(extensions: Sequence[Any], kind: type) -> list[Any]:
    return [(value, flag) for value, flag in extensions if not isinstance(value, kind)]


def test_what_the_signers_certificate_must_say(mill: Any) -> None:
    usage, purpose = mill.key_usage, x509.ExtendedKeyUsage
    cases: list[tuple[Sequence[Any], str | None]] = [
        (mill.SIGNER, None),
        (with_(mill.SIGNER, purpose([ANY])), None),
        (with_(mill.SIGNER, purpose([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING])), None),
        (with_(mill.SIGNER, CONSTRAINTS(ca=False, path_length=None)), None),
        (with_(mill.SIGNER, x509.SubjectAlternativeName([x509.DNSName("a")])), None),
        (with_(mill.SIGNER, UNKNOWN, critical=False), None),
        (with_(mill.SIGNER, SERVER), "NoCodeSigning"),
        (without(mill.SIGNER, purpose), "NoCodeSigning"),
        (with_(mill.SIGNER, usage(content_commitment=True)), "NoDigitalSignature"),
        (without(mill.SIGNER, x509.KeyUsage), "NoDigitalSignature"),
        (with_(mill.SIGNER, CONSTRAINTS(ca=True, path_length=None)), "SignerIsCa"),
        (with_(mill.SIGNER, UNKNOWN), "UnsupportedExtension"),
        (with_(mill.SIGNER, NAMES, critical=False), "UnsupportedExtension"),
        ([], "NoDigitalSignature"),
    ]
    for extensions, code in cases:
        assert code_of(mill, mill.make("signer", mill.root, extensions).certificate) == code


def test_what_a_cas_certificate_must_say(mill: Any) -> None:
    usage, purpose = mill.key_usage, x509.ExtendedKeyUsage
    cases: list[tuple[Sequence[Any], str | None]] = [
        (mill.CA, None),
        (without(mill.CA, x509.KeyUsage), None),
        (with_(mill.CA, CONSTRAINTS(ca=True, path_length=0)), None),
        (with_(mill.CA, CONSTRAINTS(ca=True, path_length=0), critical=False), None),
        (with_(mill.CA, purpose([ExtendedKeyUsageOID.CODE_SIGNING])), None),
        (with_(mill.CA, purpose([ANY])), None),
        (with_(mill.CA, SERVER), "NoCodeSigning"),
        (with_(mill.CA, usage(digital_signature=True, crl_sign=True)), "NoCertificateSigning"),
        (with_(mill.CA, CONSTRAINTS(ca=False, path_length=None)), "IssuerIsNoCa"),
        (without(mill.CA, CONSTRAINTS), "IssuerIsNoCa"),
        (with_(mill.CA, UNKNOWN), "UnsupportedExtension"),
        (with_(mill.CA, NAMES), "UnsupportedExtension"),
        (with_(mill.CA, NAMES, critical=False), "UnsupportedExtension"),
        (with_(mill.CA, x509.PolicyConstraints(0, None)), "UnsupportedExtension"),
    ]
    for extensions, code in cases:
        ca = mill.make("ca", mill.root, extensions)
        assert code_of(mill, mill.make("signer", ca).certificate, ca) == code


@pytest.mark.parametrize(
    ("path_length", "below", "code"),
    [(0, 0, None), (0, 1, "PathTooLong"), (1, 1, None), (1, 2, "PathTooLong"), (None, 4, None)],
)
def test_the_length_of_a_path(mill: Any, path_length: int | None, below: int, code: str | None) -> None:
    top = mill.make("top", mill.root, with_(mill.CA, CONSTRAINTS(ca=True, path_length=path_length)))
    chain = [top]
    for number in range(below):
        chain.append(mill.make(f"ca {number}", chain[-1], mill.CA))
    assert code_of(mill, mill.make("signer", chain[-1]).certificate, *chain) == code


def test_a_self_issued_ca_does_not_count(mill: Any) -> None:
    top = mill.make("top", mill.root, with_(mill.CA, CONSTRAINTS(ca=True, path_length=0)))
    rolled = mill.make("top", top, mill.CA)
    assert code_of(mill, mill.make("signer", rolled).certificate, top, rolled) is None


def test_a_path_has_an_end(mill: Any) -> None:
    chain = [mill.root]
    for number in range(8):
        chain.append(mill.make(f"ca {number}", chain[-1], mill.CA))
    assert code_of(mill, mill.make("signer", chain[6]).certificate, *chain[1:]) is None
    assert code_of(mill, mill.make("signer", chain[7]).certificate, *chain[1:]) == "NoPathToRoot"


def test_a_maze_of_cas_has_an_end(mill: Any) -> None:
    cas = [mill.make("same name", None, mill.CA, issuer_name="same name") for _ in range(12)]
    signer = mill.make("signer", cas[0])
    assert code_of(mill, signer.certificate, *cas) == "NoPathToRoot"


def test_one_valid_path_is_enough(mill: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    expired = mill.make("ca", mill.root, mill.CA, key=key, years=(2020, 2021))
    valid = mill.make("ca", mill.root, mill.CA, key=key)
    other = mill.make("ca", mill.root, mill.CA)
    signer = mill.make("signer", valid)
    assert code_of(mill, signer.certificate, expired, other, valid) is None
    assert code_of(mill, signer.certificate, expired, other) == "Expired"
    assert code_of(mill, signer.certificate, other, expired) == "CertificateSignature"


def test_an_unknown_issuer(mill: Any) -> None:
    # threat 20
    other_root = mill.make("other root", None, mill.CA)
    signer = mill.make("signer", other_root)
    assert code_of(mill, signer.certificate) == "NoPathToRoot"
    assert code_of(mill, signer.certificate, other_root) == "NoPathToRoot"
    with pytest.raises(CertificateError, match="found none from its issuer CN=other root"):
        verify_chain(signer.certificate, roots=[], at=mill.AT)


def test_a_root_of_the_same_name_is_no_root(mill: Any) -> None:
    impostor = mill.make("root", None, mill.CA)
    assert code_of(mill, mill.make("signer", impostor).certificate, impostor) == "CertificateSignature"


def test_key_identifiers_choose_among_cas_of_one_name(mill: Any) -> None:
    def ca() -> Any:
        key = ec.generate_private_key(ec.SECP256R1())
        identifier = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        return mill.make("ca", mill.root, [*mill.CA, identifier], key=key)

    good, other = ca(), ca()
    wanted = x509.AuthorityKeyIdentifier.from_issuer_public_key(good.key.public_key())
    signer = mill.make("signer", good, [*mill.SIGNER, (wanted, False)])
    assert code_of(mill, signer.certificate, other, good) is None
    assert code_of(mill, signer.certificate, other) == "NoPathToRoot"


def test_a_pinned_signer_needs_no_ca(mill: Any) -> None:
    pinned = mill.make("pinned", None)
    chain = verify_chain(pinned.certificate, roots=[pinned.certificate], at=mill.AT)
    assert chain.certificates == (pinned.certificate,)
    assert code_of(mill, pinned.certificate) == "NoPathToRoot"
    signed_by_pinned = mill.make("signer", pinned)
    with pytest.raises(CertificateError) as caught:
        verify_chain(signed_by_pinned.certificate, roots=[pinned.certificate], at=mill.AT)
    assert caught.value.code == "IssuerIsNoCa"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime.fromisoformat("2029-12-31T23:59:59Z"), "NotYetValid"),
        (datetime.fromisoformat("2030-01-01T00:00:00Z"), None),
        (datetime.fromisoformat("2031-01-01T00:00:00Z"), None),
        (datetime.fromisoformat("2031-01-01T00:00:01Z"), "Expired"),
        (datetime.fromisoformat("2031-01-01T01:00:00+01:00"), None),
    ],
)
def test_the_time_of_the_signers_certificate(mill: Any, at: datetime, code: str | None) -> None:
    assert code_of(mill, mill.make("signer", mill.root).certificate, at=at) == code


def test_the_time_of_the_cas(mill: Any) -> None:
    old = mill.make("ca", mill.root, mill.CA, years=(2028, 2029))
    young = mill.make("ca", mill.root, mill.CA, years=(2032, 2033))
    for ca, code in ((old, "Expired"), (young, "NotYetValid")):
        signer = mill.make("signer", ca).certificate
        with pytest.raises(ExpiredError, match="CN=ca") as caught:
            verify_chain(signer, roots=[mill.root.certificate], intermediates=[ca.certificate], at=mill.AT)
        assert caught.value.code == code
        assert caught.value.data["not_after"] == ca.certificate.not_valid_after_utc.isoformat()
    expired_root = mill.make("root", None, mill.CA, years=(2028, 2029))
    with pytest.raises(ExpiredError, match="CN=root"):
        verify_chain(mill.make("signer", expired_root).certificate, roots=[expired_root.certificate], at=mill.AT)


def test_now_is_the_clocks_time(mill: Any) -> None:
    now = datetime.now().astimezone()
    current = mill.make("signer", None, years=(now.year - 1, now.year + 2))
    chain = verify_chain(current.certificate, roots=[current.certificate])
    assert abs(chain.at - now) < timedelta(minutes=5)
    with pytest.raises(ConfigError, match="expected a time with its zone, got 2030-01-01T00:00:00"):
        check_signing_certificate(current.certificate, at=datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("flipped", ["body", "signature"])
def test_a_flipped_bit_in_a_certificate(mill: Any, flipped: str) -> None:
    der = bytearray(mill.make("signer-signer-signer", mill.root).certificate.public_bytes(DER))
    der[der.index(b"signer-signer") if flipped == "body" else -1] ^= 1
    assert code_of(mill, x509.load_der_x509_certificate(bytes(der))) == "CertificateSignature"


def test_weak_hashes_and_keys_are_refused(mill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # threats 7 and 8
    weak = mill.make("signer", mill.root, hash_=hashes.SHA224()).certificate
    assert code_of(mill, weak) == "WeakCertificateHash"
    small = mill.make("ca", mill.root, mill.CA, key=rsa.generate_private_key(65537, 1024))
    assert code_of(mill, mill.make("signer", small).certificate, small) == "WeakRsaKey"
    curve = mill.make("ca", mill.root, mill.CA, key=ec.generate_private_key(ec.SECP521R1()))
    assert code_of(mill, mill.make("signer", curve).certificate, curve) == "UnsupportedKeyType"
    assert (
        code_of(mill, mill.make("signer", mill.root, key=rsa.generate_private_key(65537, 1024)).certificate)
        == "WeakRsaKey"
    )
    ca = mill.make("ca", mill.root, mill.CA)
    monkeypatch.setitem(KNOWN_TEST_KEYS, certificate_key(ca.certificate).fingerprint.hex(), "an example")
    assert code_of(mill, mill.make("signer", ca).certificate, ca) == "PublicTestKey"


def test_a_signature_of_another_family_than_the_issuers_key(mill: Any) -> None:
    impostor = mill.make("root", None, mill.CA, key=ed25519.Ed25519PrivateKey.generate())
    assert code_of(mill, mill.make("signer", impostor).certificate) == "CertificateSignature"


def test_malformed_extensions(mill: Any) -> None:
    extensions = [*mill.SIGNER, (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.19"), b"\x30\x03\x01\x01"), False)]
    certificate = mill.make("signer", mill.root, extensions).certificate
    assert code_of(mill, certificate) == "MalformedExtensions"
    with pytest.raises(CertificateError):
        is_ca(certificate)


def test_who_is_what(mill: Any) -> None:
    signer = mill.make("signer", mill.root).certificate
    assert [is_ca(c) for c in (signer, mill.intermediate.certificate, mill.root.certificate)] == [False, True, True]
    impostor = mill.make("root", mill.make("root", None, mill.CA), mill.CA).certificate
    certificates = (signer, mill.intermediate.certificate, mill.root.certificate, impostor)
    assert [is_self_signed(certificate) for certificate in certificates] == [False, False, True, False]


def test_what_is_checked_of_a_certificate_alone(mill: Any) -> None:
    signer = mill.make("signer", mill.make("unknown", None, mill.CA)).certificate
    key = check_signing_certificate(signer, at=mill.AT)
    assert key == certificate_key(signer)
    assert key.key_type is KeyType.P256
    nameless = x509.CertificateBuilder(
        subject_name=x509.Name([]),
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]),
        public_key=mill.root.key.public_key(),
        serial_number=1,
        not_valid_before=mill.AT,
        not_valid_after=mill.AT,
    ).sign(mill.root.key, hashes.SHA256())
    with pytest.raises(CertificateError, match=r"certificate \(no name\): expected key usage digitalSignature"):
        check_signing_certificate(nameless, at=mill.AT)
