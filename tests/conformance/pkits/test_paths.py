"""NIST's PKITS: paths it calls invalid are refused, valid ones accepted unless they need what we refuse by design.

Its certificates sign no code and its revocation lists are not ours to read, so the path is asked for, not the verdict
on a signer, and the tests of revocation are left out.
"""

from datetime import UTC, datetime
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509

from iotsign.errors import IotsignError, UntrustedImageError
from iotsign.keys import load_certificate
from iotsign.keys._chain import _check_form, _check_validity, _usable_key, find_path, is_ca, is_self_signed

CERTIFICATES = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data" / "certs"
AT = datetime(2011, 6, 1, tzinfo=UTC)

# the invalid paths whose fault is in revocation lists
REVOCATION = (
    "CRL", "Revoked", "IDP", "deltaCRL", "distributionPoint", "onlyContains", "onlySome", "cRLIssuer", "SeparateCert",
    "LongSerialNumber", "BasicSelfIssued", "cRLSign",
)  # fmt: skip
# what is invalid only for those who process certificate policies, and not marked as critical
POLICIES = ("MappingFromanyPolicy", "MappingToanyPolicy", "PolicyMappingTest")
# valid paths that are refused by design
STRICTER = {
    "ValidDSASignaturesTest4EE": "DSA",
    "ValidDSAParameterInheritanceTest5EE": "DSA",
    "ValidRolloverfromPrintableStringtoUTF8StringTest10EE": "names that are equal only in another string type",
    "ValidNameChainingWhitespaceTest3EE": "names that are equal only after folding white space",
    "ValidNameChainingWhitespaceTest4EE": "names that are equal only after folding white space",
    "ValidNameChainingCapitalizationTest5EE": "names that are equal only after folding capitals",
    "ValidUTF8StringCaseInsensitiveMatchTest11EE": "names that are equal only after folding capitals",
}
STRICTER_FAMILIES = {
    "nameConstraints": "name constraints",
    "Policy": "critical policy constraints and mappings",
}


@pytest.fixture(scope="module")
def authorities() -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """Roots and intermediates."""
    certificates = []
    for path in sorted(CERTIFICATES.glob("*.crt")):
        try:
            certificate = load_certificate(path)
            if is_ca(certificate) or "CACert" in path.name:
                certificates.append(certificate)
        except IotsignError:
            continue
    roots = [
        certificate
        for certificate in certificates
        if certificate.subject.rfc4514_string().startswith("CN=Trust Anchor")
    ]
    assert [is_self_signed(root) for root in roots] == [True]
    return roots, [certificate for certificate in certificates if certificate not in roots]


def refusal(name: str, authorities: tuple[list[x509.Certificate], list[x509.Certificate]]) -> str:
    """The code that names the failing step; empty if the path is valid."""
    try:
        certificate = load_certificate(CERTIFICATES / f"{name}.crt")
        _usable_key(certificate)
        _check_validity(certificate, AT)
        _check_form(certificate)
        find_path(certificate, *authorities, AT)
    except UntrustedImageError as error:
        return error.code
    except IotsignError as error:
        return error.code
    return ""


def names(prefix: str) -> list[str]:
    return sorted(path.stem for path in CERTIFICATES.glob(f"{prefix}*EE.crt"))


@pytest.mark.parametrize(
    "name", [name for name in names("Invalid") if not any(word in name for word in REVOCATION + POLICIES)]
)
def test_invalid_paths(name: str, authorities: tuple[list[x509.Certificate], list[x509.Certificate]]) -> None:
    assert refusal(name, authorities) != ""


@pytest.mark.parametrize("name", names("Valid"))
def test_valid_paths(name: str, authorities: tuple[list[x509.Certificate], list[x509.Certificate]]) -> None:
    stricter = name in STRICTER or any(word in name for word in STRICTER_FAMILIES)
    assert (refusal(name, authorities) != "") is stricter
