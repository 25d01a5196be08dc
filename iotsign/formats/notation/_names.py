"""Names and limits of the Notary Project's JWS envelope, and of AWS Signer's attributes in it.

Source: Notary Project, "Signature Specification" 1.0 (payload, signed attributes) and "JWS Signature Envelope" 1.0;
RFC 7515 §4.1 and §7.2.2 (flattened JWS); AWS Signer's plugin for Notation (attribute names).
"""

from typing import Final

from iotsign.algorithms import signature_algorithm

MEDIA_TYPE: Final = "application/jose+json"
"""Of the envelope."""
PAYLOAD_TYPE: Final = "application/vnd.cncf.notary.payload.v1+json"
"""Of what is in it."""
LARGEST_PAYLOAD: Final = 4096
"""Bytes; the limit of AWS Signer's SignPayload."""
LARGEST_ENVELOPE: Final = 1 << 16
"""Bytes; a full payload and a chain of four P-384 certificates take under 12 KiB."""

ALGORITHM: Final = signature_algorithm("SHA384withECDSAinP1363Format")

SIGNING_SCHEME: Final = "io.cncf.notary.signingScheme"
SIGNING_TIME: Final = "io.cncf.notary.authenticSigningTime"
EXPIRY: Final = "io.cncf.notary.expiry"
PLUGIN: Final = "io.cncf.notary.verificationPlugin"
PLUGIN_VERSION: Final = "io.cncf.notary.verificationPluginMinVersion"  # optional
PROFILE_VERSION: Final = "com.amazonaws.signer.signingProfileVersion"
JOB: Final = "com.amazonaws.signer.signingJob"

SIGNING_AUTHORITY: Final = "notary.x509.signingAuthority"
AWS_PLUGIN: Final = "com.amazonaws.signer.notation.plugin"

CRITICAL: Final = (SIGNING_SCHEME, SIGNING_TIME, EXPIRY, PLUGIN, PROFILE_VERSION, JOB)
"""Header parameters that a verifier has to understand, as this envelope states them all."""
