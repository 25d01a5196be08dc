"""Test keys whose private halves are published with a boot loader or a signing tool.

Each is named by SHA-256 over its DER SubjectPublicKeyInfo; neither half of the keys themselves is kept here.
"""

from typing import Final

KNOWN_TEST_KEYS: Final = {
    # Source: MCUboot, sim/mcuboot-sys/csupport/keys.c (root_pub_der), root-ec-p384.pem, root-ed25519-unknown.pem,
    # boot/cypress/BlinkyApp/keys; TF-M ships the same roots.
    "a14bcb1bf9bb821146ba32838217e476f5412621320534ffe490a1890c994660": "MCUboot root-rsa-2048",
    "159d8b7930769d887f3ff0b4e9ec176b82313663f2ef76dc24f5e964da1bc482": "MCUboot root-rsa-3072",
    "e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6": "MCUboot root-ec-p256",
    "6bcd1e16d80e5fe13a5307e6f1de8344c7e50e537d9962ce35ef6db5e642fae8": "MCUboot root-ec-p384",
    "c1907fa4eac7fae3840a78902b6f0710b037e9968e5c6274a12a28790c7d4e3c": "MCUboot root-ed25519",
    "b1d87d60173352b9a4808979790fc699fb4c4f83b49cf1970edd96ff4adc36a6": "MCUboot root-ed25519-unknown",
    "6d480226638605f9f4cee9790630d5be3374d0deb0a43f19434bf60c9cc47c36": "MCUboot cypress-test-ec-p256",
    # Source: Trusted Firmware-M, bl2/ext/mcuboot/keys.c (rsa_pub_key, rsa_pub_key_1, ecdsa_pub_key_1).
    "f7ff201419cb1554a5d17c9b7adc83b61a995646c02808da2135a24e5424df72": "TF-M root-RSA-2048_1",
    "0e2aa51f06578eac107065a8577507876aa047ef1dc74f7250a6ff7b590ba11d": "TF-M root-RSA-3072",
    "ebfe363948e8eff9252314dc84e827f37aca7d3a0bb34140eb4f08b548a4ccbd": "TF-M root-RSA-3072_1",
    "82a5b443594853d4bf0fdd89a914a5dc16f867548207d7077e74d80c063efda9": "TF-M root-EC-P256_1",
    "4ec3fb3193234e2ed4456e84507ba591bbe2456ea38d1cd80287cfdec268ab6f": "TF-M root-EC-P384_1",
    # Source: esptool, test/secure_images.
    "ea65882064b6349fa1cba7a6cca5653734b2fe9190095f561c199c2525c4a886": "esptool rsa_secure_boot_signing_key",
    "df594d59bf90e79dd7d9eaa3a277e5c6f9465f6a47bd118e18a2cb6be9db9acd": "esptool rsa_secure_boot_signing_key2",
    "11f0c4dad080f1f8967c52ba6268623e283f83ef7a6031d044525941c6f88321": "esptool rsa_secure_boot_signing_key3",
    "2cf2f4c0243f8ce6e73cba224730dd0308d18c8e285226859e0185be9e9577c8": "esptool rsa_secure_boot_signing_key4",
    "c9aa0de6e3f9c806b4bbd78753f8960a543353c272005d6b903ed05fbcb2e8f4": "esptool ecdsa256_secure_boot_signing_key",
    "be6673e2e2088fe37a7c0d9ad42a4ad1669578a450e9daac387392cbca87e473": "esptool ecdsa256_secure_boot_signing_key2",
    "10a122f30a2d0953225750cc11d58b91d40750e6d47588c8e6e7e001b0cf10d7": "esptool ecdsa256_secure_boot_signing_key3",
    "bc719addcb27b375edec12ae4ce3cc4b3d21961482f98cbf464a5abb180fe4f1": "esptool ecdsa256_secure_boot_signing_key4",
    "5938c05dfb34e93c48d3241a4135a0fbdb1a33b3acf05581555dea5e4a87a240": "esptool ecdsa256_secure_boot_signing_key_v2",
    "f59288721ff1c6dd1d0346e23d30444524bd6e53919f3cbfe0dfb6e9bd0633b1": "esptool ecdsa384_secure_boot_signing_key",
    "7063d5577350185d8a751a3cdc6c32c3724683eeef1f84c7df4ebd9629ed41a7": "esptool ecdsa384_secure_boot_signing_key2",
    "b397c28cb2c63aeda0c8c903bf63786ddfd7739e5480542371abd949a8874029": "esptool ecdsa384_secure_boot_signing_key3",
    "cabd3956fb11652c36f92bc4066c0520bb5281c5d42e95041a019cf62e9a6d62": "esptool ecdsa384_secure_boot_signing_key4",
    # Source: SimpleLink CC13xx/CC26xx SDK, tools/common/oad/public.pem.
    "48dbe7b45462c33670f654ddc535c9227ea749c4bcf5cfe1b0dc7f8e51e3c70e": "SimpleLink SDK oad private.pem",
    # Source: ESP-IDF, examples/security/security_features_app/test and tools/test_apps/security/secure_boot.
    "92895e95537f078f65037da9671c9b1b9d6cc908866dc55b9a7cf26c52ceafbe": "ESP-IDF test_secure_boot_signing_key",
    "a5a147a5910b1b73fc66af39f3b5c7c68e59170e28ca67c96de2685b45315f48": "ESP-IDF test_ecdsa_key",
}
