"""The pem: signer: which files it opens, which it refuses, and what it signs."""

import base64
import math
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from iotsign.algorithms import SIGNATURE_ALGORITHMS, KeyType, signature_algorithm
from iotsign.errors import (
    IotsignError,
    KeyRejectedError,
    KeyUnavailableError,
    MissingDependencyError,
    UnsupportedAlgorithmError,
)
from iotsign.keys import PublicKey, Signer, describe_key, generate_key, load_public_key, open_signer
from iotsign.keys._der import decode_ecdsa_signature
from iotsign.keys._private import PemSigner

VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric"
PASSPHRASE = b"correct horse"
ENCODINGS = [serialization.Encoding.PEM, serialization.Encoding.DER]
FORMATS = [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
WriteKey = Callable[..., Path]


def private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


FILES = [
    (key_type, form, encoding, encrypted)
    for key_type in KeyType
    for form in FORMATS
    for encoding in ENCODINGS
    for encrypted in (False, True)
    # Ed25519 has no form but PKCS#8, and the traditional encryption exists in PEM only
    if form is FORMATS[0] or (key_type is not KeyType.ED25519 and not (encrypted and encoding is ENCODINGS[1]))
    # OpenSSL takes its time with large RSA keys; the forms are those of RSA-2048
    if key_type not in (KeyType.RSA3072, KeyType.RSA4096) or (form, encrypted) == (FORMATS[0], False)
]


@pytest.mark.parametrize(("key_type", "form", "encoding", "encrypted"), FILES)
def test_every_form_of_every_key(
    key_pems: dict[KeyType, bytes], write_key: WriteKey, key_type: KeyType, form: Any, encoding: Any, encrypted: bool
) -> None:
    protection = serialization.BestAvailableEncryption(PASSPHRASE) if encrypted else serialization.NoEncryption()
    key = private_key(key_pems[key_type])
    path = write_key(key.private_bytes(encoding, form, protection))
    asked = []

    def passphrase() -> bytes:
        asked.append(True)
        return PASSPHRASE

    signer = open_signer(f"pem:{path}", passphrase=passphrase)
    assert signer.uri == f"pem:{path}"
    assert signer.public_key.key_type is key_type
    assert asked == [True] * encrypted
    algorithm = next(a for a in SIGNATURE_ALGORITHMS if a.encryption is key_type.encryption)
    signer.public_key.verify(b"firmware", signer.sign(b"firmware", algorithm), algorithm)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encrypted_key_needs_its_passphrase(
    key_pems: dict[KeyType, bytes], write_key: WriteKey, encoding: serialization.Encoding
) -> None:
    # threat 20
    protection = serialization.BestAvailableEncryption(PASSPHRASE)
    key = private_key(key_pems[KeyType.P256])
    uri = f"pem:{write_key(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, protection))}"
    for passphrase, code in ((lambda: b"", "PassphraseNeeded"), (lambda: b"wrong", "WrongPassphrase")):
        with pytest.raises(KeyUnavailableError) as caught:
            open_signer(uri, passphrase=passphrase)
        assert caught.value.code == code
    with pytest.raises(KeyUnavailableError, match="is encrypted; expected a passphrase, got none"):
        open_signer(uri)


def test_a_private_key_after_ec_parameters(key_pems: dict[KeyType, bytes], write_key: WriteKey) -> None:
    key = private_key(key_pems[KeyType.P256])
    form = serialization.PrivateFormat.TraditionalOpenSSL
    sec1 = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert open_signer(f"pem:{write_key(parameters + sec1)}").public_key.key_type is KeyType.P256


def test_the_lines_of_a_private_key_may_end_as_on_windows(key_pems: dict[KeyType, bytes], write_key: WriteKey) -> None:
    path = write_key(key_pems[KeyType.P256].replace(b"\n", b"\r\n"))
    assert open_signer(f"pem:{path}").public_key.key_type is KeyType.P256


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610, 0o601])
def test_a_key_file_open_to_others_is_refused(key_pems: dict[KeyType, bytes], write_key: WriteKey, mode: int) -> None:
    # threat 31
    path = write_key(key_pems[KeyType.P256], mode=mode)
    with pytest.raises(KeyRejectedError, match="chmod 600") as caught:
        open_signer(f"pem:{path}")
    assert caught.value.code == "KeyFileOpenToOthers"
    signer = open_signer(f"pem:{path}", allow_insecure=True)
    signer.sign(b"firmware", signature_algorithm("SHA256withECDSA"))
    assert [weakness.code for weakness in describe_key(f"pem:{path}").weaknesses] == ["KeyFileOpenToOthers"]


def test_a_link_is_as_open_as_its_target(key_pems: dict[KeyType, bytes], write_key: WriteKey, tmp_path: Path) -> None:
    # threat 31
    link = tmp_path / "link.pem"
    link.symlink_to(write_key(key_pems[KeyType.P256]))
    open_signer(f"pem:{link}")
    link.resolve().chmod(0o644)
    with pytest.raises(KeyRejectedError, match="open to group or others"):
        open_signer(f"pem:{link}")


def test_a_key_from_a_pipe(key_pems: dict[KeyType, bytes], tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o644)
    writer = threading.Thread(target=fifo.write_bytes, args=(key_pems[KeyType.P256],))
    writer.start()
    assert open_signer(f"pem:{fifo}").public_key.key_type is KeyType.P256
    writer.join()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        # threat 20
        (b"", "KeyFileEmpty"),
        (b"\0" * 100, "NotAPrivateKey"),
        (b"not a key", "NotAPrivateKey"),
        (b"x" * ((1 << 20) + 1), "KeyFileTooLarge"),
        (b"-----BEGIN PRIVATE KEY-----\n", "NotAPrivateKey"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "InvalidPrivateKey"),
        (b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n", "InvalidPrivateKey"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "InvalidPrivateKey"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n", "NotAPrivateKey"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "NotAPrivateKey"),
        (b"\x30\x00", "InvalidPrivateKey"),
        (b"\x30\x82\xff\xff\x02\x01\x00", "InvalidPrivateKey"),
    ],
)
def test_what_is_no_private_key(write_key: WriteKey, content: bytes, code: str) -> None:
    with pytest.raises(KeyUnavailableError) as caught:
        open_signer(f"pem:{write_key(content)}")
    assert caught.value.code == code


def test_a_file_with_two_private_keys(key_pems: dict[KeyType, bytes], write_key: WriteKey) -> None:
    with pytest.raises(KeyUnavailableError, match=r"one private key.*got PRIVATE KEY, PRIVATE KEY"):
        open_signer(f"pem:{write_key(key_pems[KeyType.P256] + key_pems[KeyType.P384])}")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    # threat 20
    for path, reason in ((tmp_path / "absent.pem", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(KeyUnavailableError, match=reason) as caught:
            open_signer(f"pem:{path}")
        assert caught.value.code == "KeyFileUnreadable"
    for path in (Path("/dev/null"), Path("/dev/zero")):
        with pytest.raises(KeyUnavailableError):
            open_signer(f"pem:{path}")


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1"])
@pytest.mark.parametrize("seed", ["seed", "no-seed"])
def test_explicit_curve_parameters_are_refused(write_key: WriteKey, curve: str, seed: str) -> None:
    # threat 8
    pem = (VECTORS / "EC" / f"{curve}-explicit-{seed}.pem").read_bytes()
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    for content in (pem, der):
        with pytest.raises(KeyRejectedError, match="named curve") as caught:
            open_signer(f"pem:{write_key(content)}", allow_insecure=True)
        assert caught.value.code == "ExplicitCurveParameters"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP256K1()),
        x25519.X25519PrivateKey.generate(),
    ],
)
def test_other_key_types_are_named(write_key: WriteKey, key: Any) -> None:
    pem = key.private_bytes(ENCODINGS[0], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(UnsupportedAlgorithmError, match="expected one of p256, p384"):
        open_signer(f"pem:{write_key(pem)}")


def test_an_rsa_key_that_is_too_short_is_refused(write_key: WriteKey) -> None:
    # threat 8
    key = rsa.generate_private_key(65537, 1024)
    pem = key.private_bytes(ENCODINGS[0], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(KeyRejectedError, match="at least 2048 bits, got 1024"):
        open_signer(f"pem:{write_key(pem)}", allow_insecure=True)


@pytest.mark.parametrize("number", ["p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_an_rsa_key_whose_numbers_do_not_belong_together_is_refused(
    number: str, key_pems: dict[KeyType, bytes], write_key: WriteKey
) -> None:
    key = private_key(key_pems[KeyType.RSA2048])
    der = key.private_bytes(ENCODINGS[1], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    value = getattr(key.private_numbers(), number)
    right, wrong = (changed.to_bytes((value.bit_length() + 7) // 8, "big") for changed in (value, value ^ 2))
    assert der.count(right) == 1
    with pytest.raises(KeyUnavailableError, match="damaged"):
        open_signer(f"pem:{write_key(der.replace(right, wrong))}")


def test_an_rsa_key_with_a_factor_that_is_no_prime_makes_no_signature(write_key: WriteKey) -> None:
    q = rsa.generate_private_key(65537, 2048).private_numbers().p
    while (p := rsa.generate_private_key(65537, 1024).public_key().public_numbers().n) * q < 1 << 2047:
        pass
    d = pow(65537, -1, math.lcm(p - 1, q - 1))
    fields = {"p": p, "q": q, "d": d, "dmp1": d % (p - 1), "dmq1": d % (q - 1), "iqmp": pow(q, -1, p)}
    numbers = rsa.RSAPrivateNumbers(**fields, public_numbers=rsa.RSAPublicNumbers(65537, p * q))
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    pem = key.private_bytes(ENCODINGS[0], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signer = open_signer(f"pem:{write_key(pem)}")
    with pytest.raises(KeyRejectedError, match="does not fit the public key"):
        signer.sign(b"firmware", signature_algorithm("SHA256withRSA"))


def test_a_private_key_with_a_foreign_public_half_is_refused(write_key: WriteKey) -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    form = serialization.PublicFormat.UncompressedPoint
    points = [k.public_key().public_bytes(serialization.Encoding.X962, form) for k in (key, other)]
    der = key.private_bytes(ENCODINGS[1], serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with pytest.raises(KeyUnavailableError, match="damaged or unsupported"):
        open_signer(f"pem:{write_key(der.replace(points[0], points[1]))}")


@pytest.mark.parametrize(
    ("key_type", "name"),
    [
        (KeyType.P256, "SHA256withECDSA"),
        (KeyType.P384, "SHA384withECDSA"),
        (KeyType.RSA2048, "SHA256withRSAandMGF1"),
        (KeyType.ED25519, "Ed25519"),
    ],
)
def test_a_faulty_signature_never_leaves(key_pems: dict[KeyType, bytes], key_type: KeyType, name: str) -> None:
    # threat 9: two signatures over one digest, one of them faulty, give a deterministic key away
    algorithm = signature_algorithm(name)
    key = private_key(key_pems[key_type])
    other = private_key(generate_key(key_type)).public_key()
    stranger = PublicKey(other.public_bytes(ENCODINGS[1], serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(KeyRejectedError, match="does not fit the public key") as caught:
        PemSigner("pem:x", key, stranger, ()).sign(b"firmware", algorithm)
    assert caught.value.code == "InconsistentKey"


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize(
    "path", sorted(p for p in VECTORS.rglob("*") if p.suffix in (".pem", ".der")), ids=lambda p: p.name
)
def test_whatever_the_file_only_our_errors_leave(path: Path, write_key: WriteKey) -> None:
    copy = write_key(path.read_bytes())
    for look in (open_signer, describe_key):
        try:
            look(f"pem:{copy}", passphrase=lambda: b"password")
        except IotsignError as error:
            assert error.message  # noqa: PT017
    try:
        load_public_key(copy)
    except IotsignError as error:
        assert error.message  # noqa: PT017


def rfc6979_vectors() -> list[tuple[str, str, str, str]]:
    """(curve, private key, hash, message and signature) for the curves that we have."""
    text = (VECTORS / "ECDSA" / "RFC6979" / "evppkey_ecdsa_rfc6979.txt").read_text()
    keys = dict(re.findall(r"PrivateKey=(P-\d+)_PRIV\n(-----BEGIN.*?-----END PRIVATE KEY-----)", text, re.DOTALL))
    signing = r"DigestSign = (SHA\d+)\nKey = (P-\d+)_PRIV\nNonceType = deterministic\nInput = \"(\w+)\"\nOutput = (\w+)"
    return [
        (keys[curve], hash_, message, output)
        for hash_, curve, message, output in re.findall(signing, text)
        if curve in ("P-256", "P-384") and hash_ in ("SHA256", "SHA384", "SHA512")
    ]


def test_the_vectors_of_rfc_6979(write_key: WriteKey) -> None:
    # threat 9
    vectors = rfc6979_vectors()
    assert len(vectors) == 2 * 3 * 2
    for pem, hash_, message, output in vectors:
        signer = open_signer(f"pem:{write_key(pem.encode())}")
        assert signer.sign(message.encode(), signature_algorithm(f"{hash_}withECDSA")) == bytes.fromhex(output)


@pytest.mark.parametrize("name", ["SHA256withECDSA", "SHA384withECDSAinP1363Format", "SHA256withRSA", "Ed25519"])
def test_the_same_input_gives_the_same_bytes(signers: dict[KeyType, Signer], name: str) -> None:
    # threat 9
    algorithm = signature_algorithm(name)
    signer = next(signer for key_type, signer in signers.items() if key_type.encryption is algorithm.encryption)
    assert len({signer.sign(b"firmware", algorithm) for _ in range(5)}) == 1


def test_ten_thousand_signatures_never_repeat_r(signers: dict[KeyType, Signer]) -> None:
    # threat 9
    algorithm, count = signature_algorithm("SHA256withECDSA"), 10_000
    signer = signers[KeyType.P256]
    seen = {
        decode_ecdsa_signature(signer.sign(number.to_bytes(4, "big"), algorithm), KeyType.P256)[0]
        for number in range(count)
    }
    assert len(seen) == count


def test_an_openssl_without_deterministic_ecdsa_is_named(
    signers: dict[KeyType, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise UnsupportedAlgorithm("deterministic ECDSA is not supported")

    monkeypatch.setattr(ec, "ECDSA", refuse)
    with pytest.raises(MissingDependencyError, match=r"OpenSSL 3\.2"):
        signers[KeyType.P256].sign(b"firmware", signature_algorithm("SHA256withECDSA"))
