"""Keys that must not sign."""

import hashlib
import math
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from iotsign.algorithms import KeyType
from iotsign.errors import KeyRejectedError
from iotsign.keys import PublicKey, Signer, describe_key, find_weaknesses, generate_key, open_signer
from iotsign.keys._known_keys import KNOWN_TEST_KEYS
from iotsign.keys._weaknesses import _primes_below

PRIMORIAL = math.prod(_primes_below(702))  # of the library that ROCA is about, for primes of 1024 bits
WriteKey = Callable[..., Path]

# published with MCUboot as root_pub_der of sim/mcuboot-sys/csupport/keys.c
MCUBOOT_ED25519 = bytes.fromhex(
    "302a300506032b6570032100d4b31ba49a3add3f825d10ca7f31b50b0de87f37ccc49f1a403a5c1320ffb4e0"
)


def is_prime(number: int) -> bool:
    if any(number % prime == 0 for prime in _primes_below(2000)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(12):
        x = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def next_prime(number: int) -> int:
    number |= 1
    while not is_prime(number):
        number += 2
    return number


def roca_prime() -> int:
    """k · M + (65537^a mod M), at the upper end of 1024 bits so that two of them make 2048."""
    residue = pow(65537, secrets.randbelow(1 << 62), PRIMORIAL)
    k = (1 << 1024) // PRIMORIAL - 1 - secrets.randbelow(1 << 40)
    while not is_prime(k * PRIMORIAL + residue):
        k -= 1
    return k * PRIMORIAL + residue


def public_key(n: int, e: int = 65537) -> PublicKey:
    key = rsa.RSAPublicNumbers(e, n).public_key()
    return PublicKey(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def private_pem(p: int, q: int) -> bytes:
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def codes(key: PublicKey) -> list[str]:
    return [weakness.code for weakness in find_weaknesses(key)]


def test_sound_keys_have_no_weakness(signers: dict[KeyType, Signer]) -> None:
    assert {codes(signer.public_key) == [] for signer in signers.values()} == {True}


def test_a_roca_key_signs_nothing(write_key: WriteKey) -> None:
    # threat 8
    p, q = roca_prime(), roca_prime()
    assert codes(public_key(p * q)) == ["RocaKey"]
    path = write_key(private_pem(p, q))
    with pytest.raises(KeyRejectedError, match="CVE-2017-15361") as caught:
        open_signer(f"pem:{path}")
    assert caught.value.code == "RocaKey"
    assert [weakness.code for weakness in describe_key(f"pem:{path}").weaknesses] == ["RocaKey"]


def test_close_primes_sign_nothing(write_key: WriteKey) -> None:
    # threat 8
    p = next_prime(secrets.randbits(1024) | 7 << 1021)  # so large that every product below has 2048 bits
    q = next_prime(p + (1 << 500))
    with pytest.raises(KeyRejectedError, match="too close") as caught:
        open_signer(f"pem:{write_key(private_pem(p, q))}")
    assert caught.value.code == "CloseRsaPrimes"
    far = next_prime(p - (1 << 1021))
    assert codes(public_key(p * far)) == []


def test_small_factors_are_found() -> None:
    # threat 8
    assert codes(public_key(16381 * ((1 << 2034) + 1))) == ["SmallRsaFactor"]
    assert codes(public_key((1 << 2047) + 2)) == ["SmallRsaFactor"]


def test_a_square_is_found() -> None:
    # threat 8
    p = next_prime(3 << 1022)
    assert codes(public_key(p * p)) == ["CloseRsaPrimes"]


def test_an_exponent_is_odd_and_at_least_three(signers: dict[KeyType, Signer]) -> None:
    # threat 8
    whole = signers[KeyType.RSA2048].public_key.spki_der
    assert whole.endswith(bytes.fromhex("0203010001"))
    for exponent in ("000001", "000002", "000004", "010000"):
        with pytest.raises(KeyRejectedError) as caught:
            PublicKey(whole[:-3] + bytes.fromhex(exponent))
        assert caught.value.code == "InvalidPublicKey"
    key = rsa.generate_private_key(3, 2048)
    assert codes(public_key(key.public_key().public_numbers().n, 3)) == []


def test_published_test_keys_are_named_by_hash() -> None:
    # threat 8
    assert {len(digest) for digest in KNOWN_TEST_KEYS} == {64}
    assert all(bytes.fromhex(digest).hex() == digest for digest in KNOWN_TEST_KEYS)
    assert len(set(KNOWN_TEST_KEYS.values())) == len(KNOWN_TEST_KEYS)
    (weakness,) = find_weaknesses(PublicKey(MCUBOOT_ED25519))
    assert (weakness.code, weakness.message) == ("PublicTestKey", "its private half is public: MCUboot root-ed25519")


def test_a_published_test_key_signs_nothing(write_key: WriteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    # threat 8; the key stands for a published one, whose private half stays out of this repository
    pem = generate_key(KeyType.P256)
    public = serialization.load_pem_private_key(pem, None).public_key()
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    monkeypatch.setitem(KNOWN_TEST_KEYS, hashlib.sha256(spki).hexdigest(), "a boot loader's example")
    path = write_key(pem)
    with pytest.raises(KeyRejectedError, match="its private half is public: a boot loader's example"):
        open_signer(f"pem:{path}")
