"""PublicKey: the diagonal passes and nothing else does."""

import hashlib

import pytest

from iotsign.algorithms import SIGNATURE_ALGORITHMS, KeyType, SignatureAlgorithm
from iotsign.errors import (
    KeyMismatchError,
    MalformedImageError,
    UnsupportedAlgorithmError,
    UntrustedImageError,
)
from iotsign.keys import Signer

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
