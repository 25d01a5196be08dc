"""AWS Lambda's signed zip files: a zip with its signature in one more entry, ``META_INF/aws_signer_signature_v1.0.SF``.

``sign_zip(source, output, signer, *, certificates, claims)`` signs. The signature is a PEM CMS SignedData: SHA-384 with
ECDSA P-384. ``read_lambda_zip(file, size)`` reads one, ``check_content`` checks that the content is what was signed.
"""

from iotsign.formats.awslambda._content import LARGEST_CONTENT, SIGNATURE_NAME
from iotsign.formats.awslambda._read import LambdaZip, check_content, describe_zip, extract_source, read_lambda_zip
from iotsign.formats.awslambda._sign import SignedZip, sign_zip
from iotsign.formats.claims import SignatureClaims

__all__ = [
    "LARGEST_CONTENT",
    "SIGNATURE_NAME",
    "LambdaZip",
    "SignatureClaims",
    "SignedZip",
    "check_content",
    "describe_zip",
    "extract_source",
    "read_lambda_zip",
    "sign_zip",
]
