import pytest

DESCRIPTOR = """\
platformId = "My-Board"
displayName = "My board"
partner = "Me"
target = "SHA256-ECDSA"
category = "AWSIoT"
maxSizeInMB = 8192
revocationSupported = false

[signingConfiguration.hashAlgorithmOptions]
allowedValues = ["SHA256"]
defaultValue = "SHA256"

[signingConfiguration.encryptionAlgorithmOptions]
allowedValues = ["ECDSA"]
defaultValue = "ECDSA"

[signingImageFormat]
supportedFormats = ["JSONEmbedded"]
defaultFormat = "JSONEmbedded"

[iotsign]
keyTypes = ["p256"]
otaSignatureKeys = ["sig-sha256-ecdsa"]
notes = ["For tests."]

[iotsign.certificate]
signingMaterial = "optional"
keyUsage = ["digitalSignature"]
extendedKeyUsage = ["codeSigning"]
"""


@pytest.fixture
def descriptor() -> str:
    """A whole descriptor, with a size limit beyond any of AWS's."""
    return DESCRIPTOR
