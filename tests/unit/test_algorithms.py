import pytest

from iotsign.algorithms import (
    SIGNATURE_ALGORITHMS,
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureEncoding,
    choose_signature_algorithm,
    signature_algorithm,
)
from iotsign.errors import UnsupportedAlgorithmError


@pytest.mark.parametrize("name", ["SHA256", "sha-256", "sha256", "Sha_256"])
def test_a_hash_is_found_by_any_usual_spelling(name: str) -> None:
    assert HashAlgorithm.from_name(name) is HashAlgorithm.SHA256


def test_an_unknown_hash_is_named() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="MD5"):
        HashAlgorithm.from_name("MD5")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("SHA256withECDSA", "sig-sha256-ecdsa"),
        ("SHA1withRSA", "sig-sha1-rsa"),
        ("SHA256withRSA", "sig-sha256-rsa"),
        ("SHA384withECDSA", "sig-sha384-ecdsa"),
    ],
)
def test_the_ota_key_follows_the_name(name: str, key: str) -> None:
    assert signature_algorithm(name).ota_key == key


def test_names_are_unique_and_found() -> None:
    for algorithm in SIGNATURE_ALGORITHMS:
        assert signature_algorithm(algorithm.name) is algorithm


def test_a_name_is_matched_exactly() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="sha256withecdsa"):
        signature_algorithm("sha256withecdsa")


def test_the_default_encodings_are_those_of_aws() -> None:
    choose = choose_signature_algorithm
    assert choose(EncryptionAlgorithm.ECDSA, HashAlgorithm.SHA256).name == "SHA256withECDSA"
    assert choose(EncryptionAlgorithm.RSA, HashAlgorithm.SHA1).name == "SHA1withRSA"
    assert choose(EncryptionAlgorithm.ED25519, HashAlgorithm.SHA512).name == "Ed25519"
    pss = choose(EncryptionAlgorithm.RSA, HashAlgorithm.SHA256, encoding=SignatureEncoding.PSS)
    assert pss.salt_size == HashAlgorithm.SHA256.digest_size


def test_ecdsa_with_sha1_does_not_exist() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="SHA1"):
        choose_signature_algorithm(EncryptionAlgorithm.ECDSA, HashAlgorithm.SHA1)


def test_each_key_type_belongs_to_a_family() -> None:
    assert KeyType.P384.encryption is EncryptionAlgorithm.ECDSA
    assert KeyType.RSA3072.encryption is EncryptionAlgorithm.RSA
    assert KeyType.ED25519.encryption is EncryptionAlgorithm.ED25519
