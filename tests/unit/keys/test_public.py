"""PublicKey: the diagonal passes and nothing else does."""

import base64
import hashlib
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from iotsign.algorithms import (
    SIGNATURE_ALGORITHMS,
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureAlgorithm,
    SignatureEncoding,
    choose_signature_algorithm,
    signature_algorithm,
)
from iotsign.errors import (
    IotsignError,
    KeyMismatchError,
    KeyRejectedError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
    UntrustedImageError,
)
from iotsign.keys import PublicKey, Signer
from iotsign.keys._der import CURVE_ORDERS, decode_ecdsa_signature, encode_ecdsa_signature

EC_VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric" / "EC"
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
RSA = signature_algorithm("SHA256withRSA")
MESSAGE = b"firmware"


def fits(key_type: KeyType, algorithm: SignatureAlgorithm) -> bool:
    return algorithm.encryption is key_type.encryption


PAIRS = [(key_type, algorithm) for key_type in KeyType for algorithm in SIGNATURE_ALGORITHMS]


@pytest.mark.parametrize(("key_type", "algorithm"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_only_the_diagonal_passes(
    signers: dict[KeyType, Signer], key_type: KeyType, algorithm: SignatureAlgorithm
) -> None:
    # threat 6
    signer = signers[key_type]
    if not fits(key_type, algorithm):
        with pytest.raises(UnsupportedAlgorithmError, match="family"):
            signer.sign(MESSAGE, algorithm)
        with pytest.raises(KeyMismatchError, match=key_type.value):
            signer.public_key.verify(MESSAGE, bytes(64), algorithm)
        return
    signature = signer.sign(MESSAGE, algorithm)
    for other_type, claimed in PAIRS:
        if (other_type, claimed) == (key_type, algorithm):
            signers[other_type].public_key.verify(MESSAGE, signature, claimed)
        else:
            with pytest.raises((UntrustedImageError, MalformedImageError)):
                signers[other_type].public_key.verify(MESSAGE, signature, claimed)


@pytest.mark.parametrize(
    ("key_type", "algorithm"), [pair for pair in PAIRS if fits(*pair)], ids=lambda value: getattr(value, "name", value)
)
def test_a_digest_of_another_length_is_an_error(
    signers: dict[KeyType, Signer], key_type: KeyType, algorithm: SignatureAlgorithm
) -> None:
    # threat 5
    signer = signers[key_type]
    signature = signer.sign(MESSAGE, algorithm)
    for length in (0, 1, 20, 31, 32, 33, 47, 48, 63, 64, 65):
        digest = hashlib.sha512(MESSAGE).digest().ljust(65, b"\0")[:length]
        if algorithm.hash is None:
            for call in (signer.sign_digest, lambda d, a: signer.public_key.verify_digest(d, signature, a)):
                with pytest.raises(UnsupportedAlgorithmError, match="whole messages"):
                    call(digest, algorithm)
        elif length != algorithm.hash.digest_size:
            with pytest.raises(MalformedImageError, match=f"got {length}$"):
                signer.public_key.verify_digest(digest, signature, algorithm)
            with pytest.raises(MalformedImageError, match=f"got {length}$"):
                signer.sign_digest(digest, algorithm)


EDGES = [(0, 0), (0, 1), (1, 0), (0, "n"), ("n", "n"), ("n", 1), (1, "n"), ("n+1", 1), (1, "n+1")]


@pytest.mark.parametrize("encoding", [SignatureEncoding.DER, SignatureEncoding.RAW])
@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384])
@pytest.mark.parametrize(("r", "s"), EDGES)
def test_ecdsa_numbers_out_of_range(
    signers: dict[KeyType, Signer], key_type: KeyType, encoding: SignatureEncoding, r: int | str, s: int | str
) -> None:
    # threat 1
    n = CURVE_ORDERS[key_type]
    numbers = [{"n": n, "n+1": n + 1}[value] if isinstance(value, str) else value for value in (r, s)]
    algorithm = choose_signature_algorithm(EncryptionAlgorithm.ECDSA, HashAlgorithm.SHA256, encoding=encoding)
    size = (n.bit_length() + 7) // 8
    raw = b"".join(number.to_bytes(size, "big") for number in numbers)
    signature = raw if encoding is SignatureEncoding.RAW else encode_ecdsa_signature(*numbers)
    with pytest.raises(MalformedImageError, match="expected 1 <= ") as caught:
        signers[key_type].public_key.verify(MESSAGE, signature, algorithm)
    assert caught.value.code == "SignatureOutOfRange"


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384])
def test_the_other_s_verifies_too(signers: dict[KeyType, Signer], key_type: KeyType) -> None:
    # threat 2: a signature's bytes are no identity
    signer, algorithm = signers[key_type], signature_algorithm("SHA256withECDSA")
    r, s = decode_ecdsa_signature(signer.sign(MESSAGE, algorithm), key_type)
    signer.public_key.verify(MESSAGE, encode_ecdsa_signature(r, CURVE_ORDERS[key_type] - s), algorithm)


@pytest.mark.parametrize(
    "name", ["SHA256withECDSA", "SHA256withECDSAinP1363Format", "SHA256withRSA", "SHA256withRSAandMGF1", "Ed25519"]
)
def test_every_flipped_bit_is_refused(signers: dict[KeyType, Signer], name: str) -> None:
    algorithm = signature_algorithm(name)
    signer = next(signers[key_type] for key_type in KeyType if fits(key_type, algorithm))
    signature = signer.sign(MESSAGE, algorithm)
    for index in range(8 * len(signature)):
        flipped = bytearray(signature)
        flipped[index // 8] ^= 1 << index % 8
        with pytest.raises((SignatureMismatchError, MalformedImageError)):
            signer.public_key.verify(MESSAGE, bytes(flipped), algorithm)


@pytest.mark.parametrize("name", [algorithm.name for algorithm in SIGNATURE_ALGORITHMS])
def test_a_signature_of_another_length_is_refused(signers: dict[KeyType, Signer], name: str) -> None:
    algorithm = signature_algorithm(name)
    signer = next(signers[key_type] for key_type in KeyType if fits(key_type, algorithm))
    signature = signer.sign(MESSAGE, algorithm)
    for wrong in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature * 2):
        with pytest.raises((SignatureMismatchError, MalformedImageError)):
            signer.public_key.verify(MESSAGE, wrong, algorithm)


def test_a_made_up_algorithm_is_refused(signers: dict[KeyType, Signer]) -> None:
    # threat 6
    made_up = SignatureAlgorithm("SHA1withECDSA", EncryptionAlgorithm.ECDSA, HashAlgorithm.SHA1, SignatureEncoding.DER)
    for call in (signers[KeyType.P256].public_key.verify, lambda m, _, a: signers[KeyType.P256].sign(m, a)):
        with pytest.raises(UnsupportedAlgorithmError, match="SHA1withECDSA"):
            call(MESSAGE, b"", made_up)


def test_verifying_takes_any_buffer(signers: dict[KeyType, Signer]) -> None:
    for name in ("SHA256withECDSA", "Ed25519"):
        algorithm = signature_algorithm(name)
        signer = next(signers[key_type] for key_type in KeyType if fits(key_type, algorithm))
        signature = signer.sign(memoryview(MESSAGE), algorithm)
        for message in (MESSAGE, bytearray(MESSAGE), memoryview(MESSAGE)):
            signer.public_key.verify(message, signature, algorithm)


def test_a_public_key_is_its_spki(signers: dict[KeyType, Signer]) -> None:
    for key_type, signer in signers.items():
        key = PublicKey(signer.public_key.spki_der)
        assert (key, key.key_type) == (signer.public_key, key_type)
        assert key.fingerprint == hashlib.sha256(key.spki_der).digest()
        assert serialization.load_pem_public_key(key.to_pem()).public_bytes(DER, SPKI) == key.spki_der
        assert (key.pkcs1_der is None) is (key.modulus_and_exponent is None) is (fits(key_type, RSA) is False)
        assert repr(key).count("object at") == 0


def test_a_compressed_point_is_stored_uncompressed(signers: dict[KeyType, Signer]) -> None:
    for key_type, head in (
        (KeyType.P256, "3039301306072a8648ce3d020106082a8648ce3d030107032200"),
        (KeyType.P384, "3046301006072a8648ce3d020106052b81040022033200"),
    ):
        whole = signers[key_type].public_key.spki_der
        size = 32 if key_type is KeyType.P256 else 48
        parity = 2 + (whole[-1] & 1)
        compressed = bytes.fromhex(head) + bytes((parity,)) + whole[-2 * size : -size]
        assert PublicKey(compressed) == signers[key_type].public_key


def spki(private_key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey) -> bytes:
    return private_key.public_key().public_bytes(DER, SPKI)


def rsa_spki(n: int, e: int = 65537) -> bytes:
    return rsa.RSAPublicNumbers(e, n).public_key().public_bytes(DER, SPKI)


@pytest.mark.parametrize(
    ("der", "error", "code"),
    [
        (b"", KeyRejectedError, "InvalidPublicKey"),
        (b"\x30\x03\x02\x01\x01", KeyRejectedError, "InvalidPublicKey"),
        (rsa_spki((1 << 2047) + 1 - 2), KeyRejectedError, "WeakRsaKey"),
        (rsa_spki((1 << 1023) + 1), KeyRejectedError, "WeakRsaKey"),
        (rsa_spki((1 << 2048) + 1), UnsupportedAlgorithmError, "UnsupportedKeyType"),
        (rsa_spki((1 << 8191) + 1), UnsupportedAlgorithmError, "UnsupportedKeyType"),
        (spki(ec.generate_private_key(ec.SECP521R1())), UnsupportedAlgorithmError, "UnsupportedKeyType"),
        (spki(ec.generate_private_key(ec.SECP256K1())), UnsupportedAlgorithmError, "UnsupportedKeyType"),
        (spki(x25519.X25519PrivateKey.generate()), UnsupportedAlgorithmError, "UnsupportedKeyType"),
    ],
    ids=["nothing", "no key", "2047 bits", "1024 bits", "2049 bits", "8192 bits", "P-521", "secp256k1", "X25519"],
)
def test_keys_that_never_become_public_keys(der: bytes, error: type[IotsignError], code: str) -> None:
    # threat 8
    with pytest.raises(error) as caught:
        PublicKey(der)
    assert caught.value.code == code


def test_other_forms_of_a_good_key_are_refused(signers: dict[KeyType, Signer]) -> None:
    whole = signers[KeyType.RSA2048].public_key.spki_der
    pss = whole.replace(bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06092a864886f70d01010a"))
    off_curve = bytearray(signers[KeyType.P256].public_key.spki_der)
    off_curve[-1] ^= 1
    infinity = bytes.fromhex("3019301306072a8648ce3d020106082a8648ce3d030107030200") + b"\0"
    for der in (whole + b"\0", signers[KeyType.RSA2048].public_key.pkcs1_der, pss, bytes(off_curve), infinity):
        assert der is not None
        with pytest.raises(KeyRejectedError):
            PublicKey(der)


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1"])
@pytest.mark.parametrize("seed", ["seed", "no-seed"])
def test_explicit_curve_parameters_are_refused(curve: str, seed: str) -> None:
    # threat 8
    pem = (EC_VECTORS / f"{curve}-pub-explicit-{seed}.pem").read_text()
    with pytest.raises(KeyRejectedError, match="named curve") as caught:
        PublicKey(base64.b64decode("".join(pem.splitlines()[1:-1])))
    assert caught.value.code == "ExplicitCurveParameters"
