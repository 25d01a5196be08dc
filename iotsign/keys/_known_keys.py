"""Test keys whose private halves are published with a boot loader or a signing tool.

Each is named by SHA-256 over its DER SubjectPublicKeyInfo; neither half of the keys themselves is kept here.
"""

from typing import Final

KNOWN_TEST_KEYS: Final = {
    # Source: MCUboot, sim/mcuboot-sys/csupport/keys.c (root_pub_der) and root-ec-p384.pem.
    "a14bcb1bf9bb821146ba32838217e476f5412621320534ffe490a1890c994660": "MCUboot root-rsa-2048.pem",
    "159d8b7930769d887f3ff0b4e9ec176b82313663f2ef76dc24f5e964da1bc482": "MCUboot root-rsa-3072.pem",
    "e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6": "MCUboot root-ec-p256.pem",
    "6bcd1e16d80e5fe13a5307e6f1de8344c7e50e537d9962ce35ef6db5e642fae8": "MCUboot root-ec-p384.pem",
    "c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c": "MCUboot root-ed25519.pem",
}
