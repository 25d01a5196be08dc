"""Signing Lambda zips: what comes out, and what is refused."""

import io

import pytest
from issuing_chain import IssuingChain, make_claims, make_zip

from iotsign.errors import (
    ConfigError,
    KeyMismatchError,
    MalformedImageError,
    UnsupportedAlgorithmError,
)
from iotsign.formats.awslambda import sign_zip
from iotsign.keys import Signer


def sign(source: bytes, chain: IssuingChain, **claims: object) -> bytes:
    output = io.BytesIO()
    made = sign_zip(
        io.BytesIO(source),
        output,
        chain.signer,
        certificates=chain.certificates,
        claims=make_claims(**claims),  # type: ignore[arg-type]
    )
    assert made.size == len(output.getvalue())
    assert made.payload_size == len(source)
    assert made.signature in output.getvalue()
    return output.getvalue()


def test_the_same_source_gives_the_same_bytes(chain: IssuingChain) -> None:
    assert sign(make_zip(), chain) == sign(make_zip(), chain)


def test_the_sources_bytes_stay_as_they_are(chain: IssuingChain) -> None:
    source = make_zip(comment=b"comment")
    directory = source.index(b"PK\x01\x02")
    end = source.rindex(b"PK\x05\x06")
    signed = sign(source, chain)
    assert signed.startswith(source[:directory])
    assert source[directory:end] in signed
    assert signed.endswith(b"comment")


def test_an_empty_or_signed_zip_is_refused(chain: IssuingChain) -> None:
    with pytest.raises(MalformedImageError) as empty:
        sign(make_zip({}), chain)
    assert empty.value.code == "EmptyZip"
    with pytest.raises(MalformedImageError) as signed:
        sign(sign(make_zip(), chain), chain)
    assert signed.value.code == "AlreadySigned"


def test_only_the_certificates_key_signs(chain: IssuingChain, p256_signer: Signer) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        sign_zip(
            io.BytesIO(make_zip()),
            io.BytesIO(),
            p256_signer,
            certificates=chain.certificates,
            claims=make_claims(),
        )
    for certificates in (chain.certificates[1:], ()):
        with pytest.raises(KeyMismatchError):
            sign_zip(
                io.BytesIO(make_zip()), io.BytesIO(), chain.signer, certificates=certificates, claims=make_claims()
            )


@pytest.mark.parametrize(
    "claims",
    [
        {"expiry": make_claims().signing_time},
        {"signing_time": make_claims().signing_time.replace(tzinfo=None)},
        {"signing_time": make_claims().signing_time.replace(year=1949)},
        {"job": make_claims().profile_version_arn},
        {"profile": make_claims().job_arn},
        {"profile": "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"},
    ],
)
def test_claims_that_say_nothing_sensible(claims: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_claims(**claims)  # type: ignore[arg-type]
