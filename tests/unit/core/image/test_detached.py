"""Detached signatures over a part of a flash."""

from typing import Any

import pytest
from core_images import Core, PrivateKey, Question
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

MESSAGE = bytes(range(256)) * 5
FLASH = b"\xee" * 100 + MESSAGE + b"\xff" * 50
ALGORITHMS = [
    ("p256", "p256"),
    ("p384", "p384"),
    ("rsa", "rsa2048"),
    ("pkcs1", "rsa3072"),
    ("pkcs1-sha1", "rsa2048"),
    ("ed25519", "ed25519"),
]


def sign(key: PrivateKey, verifier: str) -> bytes:
    hash_: hashes.HashAlgorithm = hashes.SHA256()
    if verifier == "p384":
        hash_ = hashes.SHA384()
    elif verifier.endswith("sha1"):
        hash_ = hashes.SHA1()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(MESSAGE)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(MESSAGE, ec.ECDSA(hash_))
    assert isinstance(key, rsa.RSAPrivateKey)
    if verifier == "rsa":
        return key.sign(MESSAGE, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
    return key.sign(MESSAGE, padding.PKCS1v15(), hash_)


def question(spki: bytes, signature: bytes, verifier: str, **options: Any) -> Question:
    fields: dict[str, Any] = {"offset": 100, "length": len(MESSAGE), "buffer_size": 64} | options
    return Question(FLASH, [spki], "detached", verifiers=[verifier], signature=signature, **fields)


@pytest.mark.parametrize("hardened", [False, True])
@pytest.mark.parametrize(("verifier", "signer"), ALGORITHMS)
def test_every_algorithm(
    core: Core,
    signing_keys: dict[str, PrivateKey],
    spki: dict[str, bytes],
    verifier: str,
    signer: str,
    hardened: bool,
) -> None:
    signature = sign(signing_keys[signer], verifier)
    key = spki[signer]
    broken = signature[:-30] + bytes([signature[-30] ^ 1]) + signature[-29:]
    answers = core.verify_all(
        [
            question(key, signature, verifier, hardened=hardened),
            question(key, signature, verifier, hardened=hardened, buffer_size=1),
            question(key, signature, verifier, hardened=hardened, buffer_size=4096),
            question(key, broken, verifier, hardened=hardened),
            question(key, signature, verifier, hardened=hardened, offset=99),
            question(key, signature, verifier, hardened=hardened, length=len(MESSAGE) - 1),
            question(key, signature, verifier, hardened=hardened, length=0),
            question(key, signature[:-1], verifier, hardened=hardened),
            question(key, b"", verifier, hardened=hardened),
        ]
    )
    expected = ["OK"] * 3 + ["SIGNATURE"] * 4 + ["MALFORMED"] * 2
    assert [answer.verdict for answer in answers] == [
        ("OK" if verdict == "OK" else "REFUSED") if hardened else verdict for verdict in expected
    ]


# threat 6
def test_every_pair_of_verifier_and_key(
    core: Core, signing_keys: dict[str, PrivateKey], spki: dict[str, bytes]
) -> None:
    for verifier, signer in ALGORITHMS:
        signature = sign(signing_keys[signer], verifier)
        for other, _ in ALGORITHMS:
            for name, key in spki.items():
                verdict = core.verify_all([question(key, signature, other)])[0].verdict
                assert (verdict == "OK") == ((other, name) == (verifier, signer)), (verifier, other, name)


# threat 15
@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (len(FLASH), 1),
        (len(FLASH) - 1, 2),
        (0, len(FLASH) + 1),
        (0, 2**32 - 1),
        (2**32 - 1, 1),
        (2**32 - 1, 2**32 - 1),
        (2**31, 2**31),
    ],
)
def test_ranges_outside_the_flash(core: Core, spki: dict[str, bytes], offset: int, length: int) -> None:
    for verifier in ("p256", "ed25519"):
        signature = bytes(64)
        answer = core.verify_all([question(spki[verifier], signature, verifier, offset=offset, length=length)])[0]
        assert answer.verdict == "MALFORMED"


def test_what_the_caller_gives(core: Core, signing_keys: dict[str, PrivateKey], spki: dict[str, bytes]) -> None:
    signature = sign(signing_keys["rsa2048"], "rsa")
    answers = core.verify_all(
        [
            question(spki["rsa2048"], signature, "rsa", buffer_size=0),
            question(spki["rsa2048"], signature, "rsa", work_size=2047),
            question(spki["rsa2048"][:-1], signature, "rsa"),
            question(b"", signature, "rsa"),
            question(spki["rsa2048"], signature, "rsa", fail_call=3),
            question(spki["rsa2048"], signature, "rsa", short_call=19),
        ]
    )
    verdicts = [answer.verdict for answer in answers]
    assert verdicts == ["SPACE", "SPACE", "MALFORMED", "MALFORMED", "READ", "READ"]


@pytest.mark.parametrize("kind", ["fail_call", "short_call"])
@pytest.mark.parametrize("hardened", [False, True])
def test_every_read_that_fails(
    core: Core, signing_keys: dict[str, PrivateKey], spki: dict[str, bytes], hardened: bool, kind: str
) -> None:
    signature = sign(signing_keys["p256"], "p256")
    options: dict[str, Any] = {"hardened": hardened, "buffer_size": 864}
    good = core.verify_all([question(spki["p256"], signature, "p256", **options)])[0]
    # parts of 864 bytes; of 384 bytes, so that there is room for the second reading of each
    assert (good.verdict, good.reads) == ("OK", 8 if hardened else 2)
    questions = [question(spki["p256"], signature, "p256", **options, **{kind: call}) for call in range(good.reads)]
    assert {answer.verdict for answer in core.verify_all(questions)} == {"REFUSED" if hardened else "READ"}


# threat 22
def test_flash_that_reads_differently_the_second_time(
    core: Core, signing_keys: dict[str, PrivateKey], spki: dict[str, bytes]
) -> None:
    signature = sign(signing_keys["p256"], "p256")
    options = {"hardened": True, "buffer_size": 864}
    questions = [question(spki["p256"], signature, "p256", change=(call, 500), **options) for call in range(12)]
    refused = [answer.verdict == "REFUSED" for answer in core.verify_all(questions)]
    assert refused == sorted(refused, reverse=True)
    # the change goes unseen only once both readings of the byte, an even and the next odd call, are over
    assert 0 < sum(refused) < len(refused)
    assert sum(refused) % 2 == 0
