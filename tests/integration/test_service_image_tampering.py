"""Every byte of a signed Lambda zip and of a Notation envelope flipped (threat 17).

What survives is listed, with the reason, in `docs/formats/aws-lambda.md`; of an envelope nothing does.
"""

import io
import struct
from collections.abc import Iterable
from datetime import timedelta

import pytest
from issuing_chain import PAYLOAD, SIGNED_AT, IssuingChain, make_claims, make_zip

from iotsign.app import Trust, VerifyOptions, verify_image
from iotsign.errors import FormatError, UntrustedImageError
from iotsign.formats.awslambda import sign_zip
from iotsign.formats.awslambda._zip import CENTRAL, read_zip
from iotsign.formats.notation import sign_payload

MASKS = (0x01, 0x80)
AT = SIGNED_AT + timedelta(days=1)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> IssuingChain:
    return IssuingChain.make(tmp_path_factory.mktemp("chain"))


def survivors(signed: bytes, offsets: Iterable[int], trust: Trust) -> set[int]:
    """The offsets at which a flip of some bit is not noticed."""
    options = VerifyOptions(trust, at=AT)

    def is_trusted(data: bytes) -> bool:
        try:
            return verify_image(io.BytesIO(data), options).trusted
        except (UntrustedImageError, FormatError):
            return False

    assert is_trusted(signed)
    found = set()
    for offset in offsets:
        for mask in MASKS:
            if is_trusted(signed[:offset] + bytes([signed[offset] ^ mask]) + signed[offset + 1 :]):
                found.add(offset)
                break
    return found


def fields_not_signed(signed: bytes) -> set[int]:
    """What a zip's headers say that no signature covers, by offset and length in each central directory record."""
    end = signed.rindex(b"PK\x05\x06")
    count, _, at = struct.unpack_from("<HII", signed, end + 10)
    offsets: set[int] = set()
    for _ in range(count):
        fields = CENTRAL.unpack_from(signed, at)
        # made by, version needed, internal attributes, permissions
        for start, length in ((4, 4), (36, 2), (38, 4)):
            offsets |= set(range(at + start, at + start + length))
        local = fields[16]
        offsets |= set(range(local + 4, local + 6))
        at += CENTRAL.size + sum(fields[10:13])
    return offsets | set(range(end + 22, len(signed)))


def signed_zip(chain: IssuingChain, method: int) -> bytes:
    output = io.BytesIO()
    source = make_zip({"a/": b"", "a/b": b"1" * 20}, comment=b"#", method=method)
    sign_zip(io.BytesIO(source), output, chain.signer, certificates=chain.certificates, claims=make_claims())
    return output.getvalue()


def test_a_stored_lambda_zip(chain: IssuingChain) -> None:
    """The root inside counts to the last bit, too, though the trusted one is the same."""
    signed = signed_zip(chain, 0)
    assert survivors(signed, range(len(signed)), Trust.from_directory(chain.trust)) == fields_not_signed(signed)


def test_a_deflated_lambda_zip(chain: IssuingChain) -> None:
    """What the bodies inflate to is signed, and not how."""
    signed = signed_zip(chain, 8)
    bodies: set[int] = set()
    for entry in read_zip(io.BytesIO(signed), len(signed)).entries[:-1]:
        bodies |= set(range(entry.body_offset, entry.end))
    found = survivors(signed, sorted(bodies), Trust.from_directory(chain.trust))
    # unused bits behind the last deflate block
    assert found
    assert found < bodies


def test_an_envelope(chain: IssuingChain) -> None:
    signed = sign_payload(PAYLOAD, chain.signer, certificates=chain.certificates, claims=make_claims())
    assert survivors(signed, range(len(signed)), Trust.from_directory(chain.trust)) == set()
