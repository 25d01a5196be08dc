"""What is not a JSONEmbedded object: each defect has its code and its offset."""

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import MalformedImageError

Opener = Callable[..., int]
Embed = Callable[..., bytes]
PAYLOAD = bytes(range(256))


def refused(descriptor: int, fd_out: int | None = None) -> MalformedImageError:
    with pytest.raises(MalformedImageError) as caught:
        core.read_json_embedded(descriptor, lambda _: HashAlgorithm.SHA256, fd_out=fd_out)
    assert isinstance(caught.value.data["offset"], int)
    return caught.value


# threat 11
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "NotAnInteger"),
        ("Infinity", "NotAnInteger"),
        ("-Infinity", "NotAnInteger"),
        ("256.0", "NotAnInteger"),
        ("256e0", "NotAnInteger"),
        ("256E0", "NotAnInteger"),
        ("2.56e2", "NotAnInteger"),
        ("-256", "NotAnInteger"),
        ("+256", "NotAnInteger"),
        (".256", "NotAnInteger"),
        ('"256"', "NotAnInteger"),
        ("null", "NotAnInteger"),
        ("true", "NotAnInteger"),
        ("[256]", "NotAnInteger"),
        ("{}", "NotAnInteger"),
        ("", "NotAnInteger"),
        ("0256", "LeadingZero"),
        ("00", "LeadingZero"),
        ("0x100", "UnexpectedCharacter"),
        ("256 6", "UnexpectedCharacter"),
        ("256_", "UnexpectedCharacter"),
        ("9223372036854775808", "NumberTooLarge"),
        ("18446744073709551872", "NumberTooLarge"),  # 2^64 + 256
        ("9" * 10**5, "NumberTooLarge"),
        ("1" + "0" * 10**5, "NumberTooLarge"),
        ("[" * 200_000, "NotAnInteger"),
        ("9223372036854775807", "PayloadSizeMismatch"),
        ("0", "PayloadSizeMismatch"),
        ("255", "PayloadSizeMismatch"),
        ("257", "PayloadSizeMismatch"),
    ],
)
def test_raw_payload_size(opener: Opener, embed: Embed, value: str, code: str) -> None:
    assert refused(opener(embed(PAYLOAD, rawPayloadSize=value))).code == code


# threat 11
@pytest.mark.parametrize("key", ["signature", "signatureAlgorithm", "payload"])
@pytest.mark.parametrize("value", ["null", "1", "true", "{}", "[", "[" * 200_000, "{" * 200_000, "AAAA", "'AAAA'", ""])
def test_no_string(opener: Opener, embed: Embed, key: str, value: str) -> None:
    image = embed(PAYLOAD, **{key: value})
    error = refused(opener(image))
    assert error.code == "UnexpectedCharacter"
    assert error.data["offset"] == image.index(f'"{key}":'.encode()) + len(key) + 3


@pytest.mark.parametrize("key", ["signature", "signatureAlgorithm"])
@pytest.mark.parametrize("value", ["AA\\u0041A", "AA\\/A", "AAA\x00", "AAA\n", "AAA\x7f", "AAAé"])
def test_a_string_beyond_plain_ascii(opener: Opener, embed: Embed, key: str, value: str) -> None:
    assert refused(opener(embed(PAYLOAD, **{key: f'"{value}"'}))).code == "UnexpectedCharacter"


# threat 12
@pytest.mark.parametrize("key", ["signature", "payload"])
@pytest.mark.parametrize(
    ("value", "offset"),
    [
        ("AAA", 3),
        ("AA", 2),
        ("A", 1),
        ("AAAAA", 5),
        ("AA=", 3),
        ("AA==AA==", 2),
        ("AA==AAAA", 2),
        ("A===", 1),
        ("====", 0),
        ("AB==", 1),
        ("AAB=", 2),
        ("AA-_", 2),
        ("AA A", 2),
        (" AAAA", 0),
        ("AAAA ", 4),
        ("AAAA,", 4),
    ],
)
def test_base64_that_is_not_canonical(opener: Opener, embed: Embed, key: str, value: str, offset: int) -> None:
    image = embed(b"\0", **{key: f'"{value}"'})
    error = refused(opener(image))
    assert error.code == "NotCanonicalBase64"
    start = image.index(f'"{key}":"'.encode()) + len(key) + 4
    assert start <= error.data["offset"] <= start + offset


# threat 12
@pytest.mark.parametrize("value", ["AA\\u0041A", "AA\\/A", "AAA\x00", "AAA\n", "A\r\nAAA", "AAA\x7f", "AAAé"])
def test_a_payload_beyond_base64(opener: Opener, embed: Embed, value: str) -> None:
    assert refused(opener(embed(b"\0\0\0", payload=f'"{value}"'))).code == "NotCanonicalBase64"


# threat 12
@pytest.mark.parametrize("position", [0, 5, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 + 2])
@pytest.mark.parametrize("wrong", ["=", "-", "\\", "\n", "\x00", "é"])
def test_one_wrong_character_in_a_large_payload(opener: Opener, embed: Embed, position: int, wrong: str) -> None:
    payload = os.urandom(3 * 1024 * 1024)
    text = base64.b64encode(payload).decode()
    image = embed(payload, payload=f'"{text[:position]}{wrong}{text[position + 1 :]}"')
    error = refused(opener(image))
    assert error.code == "NotCanonicalBase64"
    start = image.index(b'"payload":"') + 11
    assert error.data["offset"] == start + position


# threat 11
@pytest.mark.parametrize("key", ["rawPayloadSize", "signature", "signatureAlgorithm", "payload"])
@pytest.mark.parametrize("large", [False, True])
def test_keys(opener: Opener, embed: Embed, key: str, *, large: bool) -> None:
    payload = os.urandom(5 * 1024 * 1024) if large else PAYLOAD
    image = embed(payload)
    name = f'"{key}":'.encode()
    start = image.index(name)
    end = image.index(b',"', start) if key != "payload" else len(image) - 1
    member = image[start:end]

    again = image[:-1] + b"," + member + b"}"
    error = refused(opener(again))
    assert (error.code, error.data["offset"]) == ("DuplicateKey", len(image) + 1)

    without = image.replace(member + b",", b"") if key != "payload" else image.replace(b"," + member, b"")
    error = refused(opener(without))
    assert error.code == "MissingKey"
    assert key in error.message

    for other in (key.upper(), key + "s", key[:-1], key + "\\u0000", " " + key, ""):
        unknown = refused(opener(image.replace(name, f'"{other}":'.encode())))
        assert unknown.code == ("UnexpectedCharacter" if "\\" in other else "UnknownKey")


def test_an_additional_key(opener: Opener, embed: Embed) -> None:
    image = embed(PAYLOAD)[:-1] + b',"payloadLocation":{"s3":{}}}'
    error = refused(opener(image))
    assert (error.code, error.data["offset"]) == ("UnknownKey", image.index(b"payloadLocation"))
    assert "payloadLocation" in error.message


@pytest.mark.parametrize("tail", [b" ", b"\n", b"}", b",", b"{}", b"\0", b"x" * 2**21])
@pytest.mark.parametrize("size", [3, 3 * 1024 * 1024])
def test_trailing_data(opener: Opener, embed: Embed, tail: bytes, size: int) -> None:
    image = embed(bytes(size))
    error = refused(opener(image + tail))
    assert (error.code, error.data["offset"]) == ("TrailingData", len(image))


@pytest.mark.parametrize("head", [b" ", b"\n", b"\xef\xbb\xbf", b"[", b'"', b"0", b"\0", b"[" * 200_000])
def test_bytes_before_the_object(opener: Opener, embed: Embed, head: bytes) -> None:
    error = refused(opener(head + embed(PAYLOAD)))
    assert (error.code, error.data["offset"]) == ("NotAnObject", 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"raw', b'{,"raw'),
        (b',"signature"', b',,"signature"'),
        (b',"signature"', b'"signature"'),
        (b',"signature"', b';"signature"'),
        (b'"signature":', b'"signature"'),
        (b'"signature":', b'"signature"::'),
        (b'"signature":', b"signature:"),
        (b'"}', b'",}'),
        (b'"}', b'"]'),
        (b'{"raw', b'{/**/"raw'),
        (b'{"raw', b'{\xc2\xa0"raw'),
        (b'{"raw', b'{\x0b"raw'),
    ],
)
def test_punctuation(opener: Opener, embed: Embed, old: bytes, new: bytes) -> None:
    image = embed(PAYLOAD)
    assert image.count(old) == 1
    assert refused(opener(image.replace(old, new))).code == "UnexpectedCharacter"


def test_empty_object(opener: Opener) -> None:
    assert refused(opener(b"{}")).code == "UnexpectedCharacter"


def test_strings_of_any_length_are_bounded(opener: Opener, embed: Embed) -> None:
    long = '"' + "A" * 10**6 + '"'
    for key, limit in (("signature", 4096), ("signatureAlgorithm", 63)):
        error = refused(opener(embed(PAYLOAD, **{key: long})))
        assert error.code == "StringTooLong"
        assert f"at most {limit} characters" in error.message
    assert refused(opener(b'{"' + b"k" * 10**6)).code == "StringTooLong"
    fitting = core.read_json_embedded(
        opener(embed(PAYLOAD, signature='"' + "A" * 4096 + '"')), lambda _: HashAlgorithm.SHA256
    )
    assert fitting.signature == bytes(3072)


def test_a_payload_larger_than_it_says_is_not_written_out(opener: Opener, embed: Embed, tmp_path: Path) -> None:
    """A reader that trusted the size for its disk is not filled up."""
    out = tmp_path / "out"
    image = embed(bytes(50 * 1024 * 1024), rawPayloadSize="10")
    error = refused(opener(image), fd_out=opener(out, os.O_WRONLY | os.O_CREAT))
    assert (error.code, out.stat().st_size) == ("PayloadSizeMismatch", 0)
    assert "expected a payload of 10 bytes" in error.message


# threat 17: of a signed object, what is not the signature's or payload's own content
def test_every_byte_flipped(opener: Opener, embed: Embed, tmp_path: Path) -> None:
    """Any changed byte of the envelope is refused, or changes what is read."""
    image = embed(PAYLOAD)
    path = tmp_path / "flipped"
    path.write_bytes(image)
    descriptor = opener(path, os.O_RDWR)
    original = core.read_json_embedded(descriptor, lambda _: HashAlgorithm.SHA256)
    for offset in range(len(image)):
        for bit in range(8):
            os.pwrite(descriptor, bytes([image[offset] ^ 1 << bit]), offset)
            os.lseek(descriptor, 0, os.SEEK_SET)
            try:
                found = core.read_json_embedded(descriptor, lambda _: HashAlgorithm.SHA256)
            except MalformedImageError:
                pass
            else:
                assert found != original, f"bit {bit} of byte {offset}"
        os.pwrite(descriptor, image[offset : offset + 1], offset)


def test_hostile_input_costs_little_time(opener: Opener, embed: Embed) -> None:
    """Megabytes of white space are read at some speed and refused at the end."""
    image = embed(PAYLOAD).replace(b'"payload"', b" " * 20_000_000 + b'"Payload"')
    began = time.monotonic()
    assert refused(opener(image)).code == "UnknownKey"
    assert time.monotonic() - began < 5
