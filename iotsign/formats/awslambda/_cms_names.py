"""Object identifiers and limits of the CMS signature in a Lambda zip.

Source: RFC 5652 §4, §5.1, §11 (content types and attributes), RFC 5754 §2.2 and §3.3 (SHA-384, ECDSA with it), RFC 6211
§2 (algorithm protection). Those of AWS are unconfirmed: an independent implementation that says to have looked at AWS's
signatures uses them.
"""

from typing import Final

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
ECDSA_WITH_SHA384: Final = "1.2.840.10045.4.3.3"

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
ALGORITHM_PROTECTION: Final = "1.2.840.113549.1.9.52"
JOB_ARN: Final = "1.3.187.137.1.2"
EXPIRY: Final = "1.3.187.137.1.3"
PROFILE_VERSION_ARN: Final = "1.3.187.137.1.4"

PEM_LABEL: Final = "PKCS7"
LARGEST_SIGNATURE: Final = 1 << 16
"""Bytes of PEM; a chain of four P-384 certificates takes under 6 KiB."""
