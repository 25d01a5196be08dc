"""Keys named by URI: what signs, what verifies, and which keys must never be used.

The names load on first use, because OpenSSL behind them costs more start-up time than a command line that does not
touch keys should pay.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.keys._authority import (
        IssuedCertificate,
        certificate_pem,
        certify_self,
        certify_with,
        create_authority,
        issue_with,
        load_authority,
    )
    from iotsign.keys._chain import VerifiedChain, check_carried_chain, check_signing_certificate, verify_chain
    from iotsign.keys._details import CertificateDetails, KeyDetails, describe_certificate, describe_key
    from iotsign.keys._generate import check_key_target, generate_key, write_key_file
    from iotsign.keys._loading import (
        certificate_key,
        find_certificates,
        load_certificate,
        load_certificates,
        load_public_key,
        parse_certificates,
    )
    from iotsign.keys._private import Passphrase
    from iotsign.keys._public import PublicKey, verifying_once
    from iotsign.keys._sealing import seal_key
    from iotsign.keys._signer import Signer
    from iotsign.keys._trust_store import TrustStore
    from iotsign.keys._uri import key_file, open_signer
    from iotsign.keys._weaknesses import Weakness, find_weaknesses

__all__ = [
    "CertificateDetails",
    "IssuedCertificate",
    "KeyDetails",
    "Passphrase",
    "PublicKey",
    "Signer",
    "TrustStore",
    "VerifiedChain",
    "Weakness",
    "certificate_key",
    "certificate_pem",
    "certify_self",
    "certify_with",
    "check_carried_chain",
    "check_key_target",
    "check_signing_certificate",
    "create_authority",
    "describe_certificate",
    "describe_key",
    "find_certificates",
    "find_weaknesses",
    "generate_key",
    "issue_with",
    "key_file",
    "load_authority",
    "load_certificate",
    "load_certificates",
    "load_public_key",
    "open_signer",
    "parse_certificates",
    "seal_key",
    "verify_chain",
    "verifying_once",
    "write_key_file",
]

_HOMES: Final = {
    "CertificateDetails": "_details",
    "IssuedCertificate": "_authority",
    "KeyDetails": "_details",
    "Passphrase": "_private",
    "PublicKey": "_public",
    "Signer": "_signer",
    "TrustStore": "_trust_store",
    "VerifiedChain": "_chain",
    "Weakness": "_weaknesses",
    "certificate_key": "_loading",
    "certificate_pem": "_authority",
    "certify_self": "_authority",
    "certify_with": "_authority",
    "check_carried_chain": "_chain",
    "check_key_target": "_generate",
    "check_signing_certificate": "_chain",
    "create_authority": "_authority",
    "describe_certificate": "_details",
    "describe_key": "_details",
    "find_certificates": "_loading",
    "find_weaknesses": "_weaknesses",
    "generate_key": "_generate",
    "issue_with": "_authority",
    "key_file": "_uri",
    "load_authority": "_authority",
    "load_certificate": "_loading",
    "load_certificates": "_loading",
    "load_public_key": "_loading",
    "open_signer": "_uri",
    "parse_certificates": "_loading",
    "seal_key": "_sealing",
    "verify_chain": "_chain",
    "verifying_once": "_public",
    "write_key_file": "_generate",
}

__getattr__ = lazy_names(__name__, _HOMES)
