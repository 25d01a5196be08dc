import hashlib

import pytest

from iotsign.errors import ConfigError, DigestMismatchError, ImageTooLargeError, MalformedImageError
from iotsign.formats import ti


def test_the_prefix_is_the_sha256_of_the_body() -> None:
    image = ti.add_sha256_prefix(b"body")
    assert image == hashlib.sha256(b"body").digest() + b"body"
    assert ti.split_sha256_prefix(image) == b"body"


def test_a_wrong_prefix_is_a_digest_mismatch() -> None:
    with pytest.raises(DigestMismatchError, match="prefix says"):
        ti.split_sha256_prefix(ti.add_sha256_prefix(b"body") + b"!")
    with pytest.raises(MalformedImageError, match="more than 32 bytes"):
        ti.split_sha256_prefix(bytes(32))


def test_the_limit_counts_the_prefix() -> None:
    ti.add_sha256_prefix(bytes(ti.MAX_CC3220SF_SIZE - 32))
    with pytest.raises(ImageTooLargeError, match="524288"):
        ti.add_sha256_prefix(bytes(ti.MAX_CC3220SF_SIZE - 31))


@pytest.mark.parametrize("name", ["tisigner.crt.der", "/certs/ota.der"])
def test_certificate_names_of_a_device(name: str) -> None:
    assert ti.check_certificate_name(name) == name


@pytest.mark.parametrize("name", ["", "/", "../root.der", "a//b", "a/./b", "a" * 181, "café.der", "a\nb"])
def test_certificate_names_that_are_none(name: str) -> None:
    # threat 24
    with pytest.raises(ConfigError, match="certificate name"):
        ti.check_certificate_name(name)
