"""The Notary Project's signatures over container images and other OCI artifacts, as AWS Signer makes them.

``sign_payload(payload, signer, *, certificates, claims, payload_type)`` signs, into a flattened JWS with ES384.
"""

from iotsign.formats.claims import SignatureClaims
from iotsign.formats.notation._names import LARGEST_PAYLOAD, MEDIA_TYPE, PAYLOAD_TYPE
from iotsign.formats.notation._payload import TargetArtifact, read_payload
from iotsign.formats.notation._sign import sign_payload

__all__ = [
    "LARGEST_PAYLOAD",
    "MEDIA_TYPE",
    "PAYLOAD_TYPE",
    "SignatureClaims",
    "TargetArtifact",
    "read_payload",
    "sign_payload",
]
