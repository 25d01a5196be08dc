"""What `iotsign key` says about keys and certificates."""

from typing import TYPE_CHECKING, Any, Final

from iotsign.cli._output import json_wanted, print_fields, print_json, warn

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import IssuedCertificate, KeyDetails

# JSON member, word for people; short ones, so that a SHA-256 fits into the 80 columns of a terminal
_KEY_WORDS: Final = {
    "kind": "kind",
    "keyType": "type",
    "publicKeySha256": "key SHA-256",
    "mcubootKeyHash": "MCUboot hash",
}
_CERTIFICATE_WORDS: Final = {
    "subject": "subject",
    "issuer": "issuer",
    "serialNumber": "serial number",
    "notBefore": "valid from",
    "notAfter": "valid until",
    "sha256": "SHA-256",
    "ca": "CA",
    "keyUsage": "key usage",
    "extendedKeyUsage": "extended usage",
}


def report_details(uri: str, details: "KeyDetails") -> None:
    """Print what a key URI names; what speaks against the key goes to stderr too."""
    for weakness in details.weaknesses:
        warn(weakness.message)
    key = details.public_key
    values = (details.kind, key.key_type.value, key.fingerprint, details.mcuboot_key_hash)
    about = dict(zip(_KEY_WORDS, values, strict=True))
    weaknesses = [{"code": weakness.code, "message": weakness.message} for weakness in details.weaknesses]
    certificates = [_about(certificate) for certificate in details.certificates]
    if json_wanted():
        print_json({"uri": uri, **about, "weaknesses": weaknesses, "certificates": certificates})
        return
    fields: list[tuple[str, object]] = [(word, about[member]) for member, word in _KEY_WORDS.items()]
    fields += [("must not sign", weakness["code"]) for weakness in weaknesses]
    print_fields(fields, title=uri)
    for certificate in certificates:
        _print_certificate("certificate", certificate)


def report_issued(path: str, issued: "IssuedCertificate") -> None:
    """Print what was issued, and the files that came into being."""
    files = [str(file) for file in issued.files]
    about = _about(issued.certificate)
    if json_wanted():
        issuers = [_about(issuer) for issuer in issued.issuers]
        print_json({"path": path, **about, "issuers": issuers, "files": files})
        return
    _print_certificate(path, about)
    if files:
        print_fields([("file", file) for file in files], title="also written")


def _about(certificate: "x509.Certificate") -> dict[str, Any]:
    from iotsign.keys import describe_certificate

    details = describe_certificate(certificate)
    values = (
        details.subject,
        details.issuer,
        f"{details.serial_number:x}",
        details.not_before.isoformat(),
        details.not_after.isoformat(),
        details.sha256,
        details.ca,
        details.key_usage,
        details.purposes,
    )
    return dict(zip(_CERTIFICATE_WORDS, values, strict=True))


def _print_certificate(title: str, about: dict[str, Any]) -> None:
    values = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in about.items()}
    print_fields([(word, values[member]) for member, word in _CERTIFICATE_WORDS.items()], title=title)
