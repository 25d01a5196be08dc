"""The Notary Project's signatures over container images and other OCI artifacts, as AWS Signer makes them.

``sign_payload(payload, signer, *, certificates, claims, payload_type)`` signs, into a flattened JWS with ES384.
``read_envelope(data)`` reads one.
"""

from iotsign.formats.claims import SignatureClaims
from iotsign.formats.notation._names import LARGEST_ENVELOPE, LARGEST_PAYLOAD, MEDIA_TYPE, PAYLOAD_TYPE
from iotsign.formats.notation._payload import TargetArtifact, read_payload
from iotsign.formats.notation._read import Envelope, looks_like_envelope, read_envelope
from iotsign.formats.notation._sign import sign_payload

__all__ = [
    "LARGEST_ENVELOPE",
    "LARGEST_PAYLOAD",
    "MEDIA_TYPE",
    "PAYLOAD_TYPE",
    "Envelope",
    "SignatureClaims",
    "TargetArtifact",
    "looks_like_envelope",
    "read_envelope",
    "read_payload",
    "sign_payload",
]
