"""AWS Lambda's signed zip files: a zip with its signature in one more entry, ``META_INF/aws_signer_signature_v1.0.SF``.

``sign_zip(source, output, signer, *, certificates, claims)`` signs. The signature is a PEM CMS SignedData: SHA-384 with
ECDSA P-384.
"""

from iotsign.formats.awslambda._content import LARGEST_CONTENT, SIGNATURE_NAME
from iotsign.formats.awslambda._sign import SignedZip, sign_zip
from iotsign.formats.claims import SignatureClaims

__all__ = ["LARGEST_CONTENT", "SIGNATURE_NAME", "SignatureClaims", "SignedZip", "sign_zip"]
