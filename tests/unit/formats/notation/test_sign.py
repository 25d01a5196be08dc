"""Signing Notation payloads: what comes out, and what is refused."""

import json

import pytest
from issuing_chain import PAYLOAD, IssuingChain, make_claims

from iotsign.errors import (
    ImageTooLargeError,
    IotsignError,
    KeyMismatchError,
    MalformedImageError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
)
from iotsign.formats.notation import LARGEST_PAYLOAD, read_payload, sign_payload
from iotsign.keys import Signer

DIGEST = "sha256:" + "0" * 64


def payload_of(size: int) -> bytes:
    """A payload of exactly so many bytes."""
    target = {"mediaType": "a/b", "digest": DIGEST, "size": 1, "annotations": {"a": ""}}
    short = json.dumps({"targetArtifact": target}).encode()
    target["annotations"] = {"a": "x" * (size - len(short))}
    return json.dumps({"targetArtifact": target}).encode()


def sign(payload: bytes, chain: IssuingChain) -> bytes:
    return sign_payload(payload, chain.signer, certificates=chain.certificates, claims=make_claims())


def test_the_same_payload_gives_the_same_bytes(chain: IssuingChain) -> None:
    assert sign(PAYLOAD, chain) == sign(PAYLOAD, chain)


def test_a_payload_of_4096_bytes_and_one_more(chain: IssuingChain) -> None:
    assert len(payload_of(LARGEST_PAYLOAD)) == LARGEST_PAYLOAD
    sign(payload_of(LARGEST_PAYLOAD), chain)
    with pytest.raises(ImageTooLargeError):
        sign(payload_of(LARGEST_PAYLOAD + 1), chain)


def test_another_payload_type_is_refused(chain: IssuingChain) -> None:
    with pytest.raises(UnsupportedFormatError):
        sign_payload(
            PAYLOAD, chain.signer, certificates=chain.certificates, claims=make_claims(), payload_type="text/plain"
        )


def test_only_the_certificates_key_signs(chain: IssuingChain, p256_signer: Signer) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        sign_payload(PAYLOAD, p256_signer, certificates=chain.certificates, claims=make_claims())
    for certificates in (chain.certificates[1:], ()):
        with pytest.raises(KeyMismatchError):
            sign_payload(PAYLOAD, chain.signer, certificates=certificates, claims=make_claims())


def test_a_payload_is_read() -> None:
    target = read_payload(PAYLOAD)
    assert (target.media_type, target.size) == ("application/vnd.oci.image.manifest.v1+json", 16724)
    assert target.digest.startswith("sha256:73c8")
    assert target.annotations == {"buildId": "123"}


TARGET = {"mediaType": "a/b", "digest": DIGEST, "size": 1}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"targetArtifact": []},
        {"targetArtifact": TARGET, "more": 1},
        {"targetArtifact": TARGET | {"more": 1}},
        {"targetArtifact": TARGET | {"size": "1"}},
        {"targetArtifact": TARGET | {"size": True}},
        {"targetArtifact": TARGET | {"size": -1}},
        {"targetArtifact": TARGET | {"digest": "sha256:0"}},
        {"targetArtifact": TARGET | {"digest": "md5:" + "0" * 32}},
        {"targetArtifact": TARGET | {"mediaType": "text"}},
        {"targetArtifact": TARGET | {"annotations": {"a": 1}}},
        {"targetArtifact": TARGET | {"annotations": []}},
        {"targetArtifact": {"mediaType": "a/b", "digest": DIGEST}},
    ],
)
def test_a_payload_that_is_no_descriptor(payload: dict[str, object]) -> None:
    with pytest.raises(MalformedImageError):
        read_payload(json.dumps(payload).encode())


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"targetArtifact":', PAYLOAD[:-1], PAYLOAD + b" "])
def test_a_payload_that_is_no_json(payload: bytes) -> None:
    with pytest.raises(IotsignError):
        read_payload(payload)
