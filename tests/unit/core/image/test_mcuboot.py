"""Images that are good, and images with one defect each."""

import struct
from typing import Any

import pytest
from core_images import Core, ImageMaker, PrivateKey, Question, area, embedded_of, hash_of, tlv

SIGNERS = ["p256", "p384", "rsa2048", "rsa3072", "ed25519"]
COUNTER = tlv(0x50, struct.pack("<I", 7))
DEPENDENCY = tlv(0x40, bytes([2, 0, 0, 0]) + struct.pack("<BBHI", 9, 8, 7, 6))


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("signer", SIGNERS)
def test_good_images(
    core: Core, maker: ImageMaker, spki: dict[str, bytes], signing_keys: dict[str, PrivateKey], signer: str, embed: bool
) -> None:
    image = maker.make(signer, embed=embed, protected=COUNTER + DEPENDENCY + tlv(0x1A0, b"vendor"))
    answer = core.verify(image, [spki["other"], spki[signer]])
    assert answer.verdict == "OK"
    assert (answer.load_address, answer.header_size, answer.payload_size, answer.flags) == (0x20001000, 64, 300, 0)
    assert answer.version == (1, 2, 3, 4)
    assert answer.signed_size == 64 + 300 + 4 + 8 + 16 + 10
    assert answer.size == len(image)
    assert answer.security_counter == 7
    assert answer.dependencies == [(2, 9, 8, 7, 6)]
    assert answer.digest == hash_of(0x11 if signer == "p384" else 0x10, image[: answer.signed_size])
    # the same by the key's hash, which takes an image that embeds the key
    key_hash = hash_of(0x11 if signer == "p384" else 0x10, embedded_of(signing_keys[signer]))
    by_hash = core.verify(image, [(bytes(32),), (key_hash,)])
    assert by_hash.verdict == ("OK" if embed else "UNTRUSTED")
    assert core.verify(image, [spki[signer]], hardened=True).verdict == "OK"


@pytest.mark.parametrize("pure", [False, True])
@pytest.mark.parametrize("embed", [False, True])
def test_ed25519_with_sha512(core: Core, maker: ImageMaker, spki: dict[str, bytes], pure: bool, embed: bool) -> None:
    image = maker.make("ed25519", hash_type=0x12, pure=pure, embed=embed, protected=COUNTER)
    answer = core.verify(image, [spki["ed25519"]], hardened=pure)
    assert (answer.verdict, answer.security_counter, len(answer.digest)) == ("OK", 7, 64)
    assert core.verify(image, [spki["ed25519"]], verifiers=["ed25519"]).verdict == "UNSUPPORTED"


def test_trailing_bytes_of_the_slot_do_not_matter(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    image = maker.make(payload=b"")
    answer = core.verify(image + b"\xff" * 4096, [spki["p256"]])
    assert (answer.verdict, answer.size, answer.security_counter) == ("OK", len(image), None)


def test_ecdsa_signatures_filled_up_with_zeros(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    signed = maker.signed_part()
    records = maker.records(signed)
    start = _signature_at(records, 0x22)
    signature = records[start + 4 :]
    good = signed + area(0x6907, records[:start] + tlv(0x22, signature + bytes(3)))
    bad = signed + area(0x6907, records[:start] + tlv(0x22, signature + b"\0\0\1"))
    empty = signed + area(0x6907, records[:start] + tlv(0x22, b""))
    zeros = signed + area(0x6907, records[:start] + tlv(0x22, bytes(72)))
    answers = core.verify_all([Question(image, [spki["p256"]]) for image in (good, bad, empty, zeros)])
    assert [answer.verdict for answer in answers] == ["OK", "MALFORMED", "MALFORMED", "MALFORMED"]


# threat 17
@pytest.mark.parametrize(("signer", "embed", "pure"), [("p256", True, False), ("ed25519", False, True)])
def test_every_flipped_byte_is_refused(
    core: Core, maker: ImageMaker, spki: dict[str, bytes], signer: str, embed: bool, pure: bool
) -> None:
    image = maker.make(signer, embed=embed, pure=pure, payload=b"\x55" * 8, protected=COUNTER + DEPENDENCY)
    flips = [
        Question(image[:i] + bytes([image[i] ^ mask]) + image[i + 1 :], [spki[signer]])
        for i in range(len(image))
        for mask in (0x01, 0x80)
    ]
    answers = core.verify_all(flips)
    assert "OK" not in {answer.verdict for answer in answers}
    assert all(answer.is_empty for answer in answers)


# threat 15
def test_sizes_that_wrap_or_leave_the_flash(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    good = maker.make(protected=COUNTER)
    sizes32 = [0, 1, 299, 301, 2**16 - 1, 2**31, 2**32 - 64, 2**32 - 1]
    questions = []
    for field, code, values in [
        (8, "<H", [0, 1, 31, 32, 63, 65, 2**15, 2**16 - 1]),
        (10, "<H", [0, 1, 3, 4, 11, 13, 2**16 - 1]),
        (12, "<I", sizes32),
    ]:
        for value in values:
            image = bytearray(good)
            struct.pack_into(code, image, field, value)
            questions.append(Question(bytes(image), [spki["p256"]]))
    answers = core.verify_all(questions)
    assert {answer.verdict for answer in answers} == {"MALFORMED"}
    assert all(answer.is_empty for answer in answers)


def test_truncated_images(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    image = maker.make(payload=b"\x55" * 8, protected=COUNTER)
    answers = core.verify_all([Question(image[:length], [spki["p256"]]) for length in range(len(image))])
    assert {answer.verdict for answer in answers} == {"MALFORMED"}
    assert core.verify(b"\0" * len(image), [spki["p256"]]).verdict == "MALFORMED"


def test_tlv_areas_that_do_not_add_up(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    signed = maker.signed_part()
    records = maker.records(signed)
    cut = [signed + struct.pack("<HH", 0x6907, size) + records for size in (0, 3, 4, 5, 7, 8, 4 + len(records) - 1)]
    longer = signed + area(0x6907, records + tlv(1, b"")[:3])
    beyond = signed + area(0x6907, records + struct.pack("<HH", 1, 1))
    wrong_magic = signed + area(0x6908, records)
    protected = [
        maker.signed_part(protected=bytes_) for bytes_ in (b"\1", COUNTER + b"\0\0\0", struct.pack("<HH", 0x50, 4))
    ]
    mismatch = maker.signed_part(protected=COUNTER)
    offset = mismatch.index(struct.pack("<HH", 0x6908, 12))
    protected.append(mismatch[:offset] + struct.pack("<HH", 0x6908, 8) + mismatch[offset + 4 :])
    protected.append(mismatch[:offset] + struct.pack("<HH", 0x6907, 12) + mismatch[offset + 4 :])
    images = [*cut, longer, beyond, wrong_magic] + [part + area(0x6907, maker.records(part)) for part in protected]
    answers = core.verify_all([Question(image, [spki["p256"]]) for image in images])
    assert {answer.verdict for answer in answers} == {"MALFORMED"}


# threat 16
@pytest.mark.parametrize(
    "record", [COUNTER, DEPENDENCY, tlv(0x60, b"boot record"), tlv(0x1A0, b"vendor"), tlv(0x35, b"")]
)
def test_records_that_nothing_covers(core: Core, maker: ImageMaker, spki: dict[str, bytes], record: bytes) -> None:
    answer = core.verify(maker.make(extra=record), [spki["p256"]])
    assert answer.verdict == "MALFORMED"


@pytest.mark.parametrize("type_", [0x30, 0x31, 0x32, 0x33, 0x34])
def test_wrapped_keys_may_stand_there(core: Core, maker: ImageMaker, spki: dict[str, bytes], type_: int) -> None:
    answer = core.verify(maker.make(extra=tlv(type_, b"wrapped key")), [spki["p256"]])
    assert answer.verdict == "OK"


@pytest.mark.parametrize(
    ("protected", "verdict"),
    [
        (COUNTER + COUNTER, "MALFORMED"),
        (tlv(0x50, b"\1\2\3"), "MALFORMED"),
        (tlv(0x50, b"\1\2\3\4\5"), "MALFORMED"),
        (tlv(0x40, bytes(11)), "MALFORMED"),
        (DEPENDENCY * 5, "SPACE"),
    ],
)
def test_protected_records_of_the_wrong_form(
    core: Core, maker: ImageMaker, spki: dict[str, bytes], protected: bytes, verdict: str
) -> None:
    assert core.verify(maker.make(protected=protected), [spki["p256"]]).verdict == verdict
    four = core.verify(maker.make(protected=DEPENDENCY * 4), [spki["p256"]])
    assert (four.verdict, len(four.dependencies)) == ("OK", 4)


def test_digests(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    signed = maker.signed_part()
    sha256 = tlv(0x10, hash_of(0x10, signed))
    rest = maker.records(signed)[len(sha256) :]
    verdicts = {
        name: core.verify(signed + area(0x6907, records), [spki["p256"]], **options).verdict
        for name, records, options in [
            ("none", rest, {}),
            ("two", sha256 + sha256 + rest, {}),
            ("two kinds", sha256 + tlv(0x12, hash_of(0x12, signed)) + rest, {}),
            ("short", tlv(0x10, hash_of(0x10, signed)[:31]) + rest, {}),
            ("long", tlv(0x10, hash_of(0x10, signed) + b"\0") + rest, {}),
            ("wrong", tlv(0x10, bytes(32)) + rest, {}),
            ("without a verifier", sha256 + rest, {"verifiers": ["p384", "ed25519-sha512", "pkcs1-sha1"]}),
            ("of another hash", tlv(0x12, hash_of(0x12, signed)) + rest, {}),
        ]
    }
    assert verdicts == {
        "none": "MALFORMED",
        "two": "MALFORMED",
        "two kinds": "MALFORMED",
        "short": "MALFORMED",
        "long": "MALFORMED",
        "wrong": "DIGEST",
        "without a verifier": "UNSUPPORTED",
        "of another hash": "UNTRUSTED",
    }


# threat 20
def test_nobody_to_trust(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    image = maker.make()
    signed = maker.signed_part()
    assert core.verify(image, []).verdict == "UNTRUSTED"
    assert core.verify(image, [spki["other"], spki["p384"]]).verdict == "UNTRUSTED"
    assert core.verify(maker.unsigned(signed, b""), [spki["p256"]]).verdict == "UNSIGNED"
    assert core.verify(image, [], verifiers=[]).verdict == "UNSUPPORTED"
    assert core.verify(image, [b"no key"]).verdict == "KEY"
    assert core.verify(image, [(hash_of(0x10, spki["p256"])[:31],)]).verdict == "UNTRUSTED"
    # a signature without the record that says whose it is
    records = maker.records(signed)
    anonymous = records[36 + 36 :]
    assert core.verify(maker.unsigned(signed, anonymous), [spki["p256"]]).verdict == "UNTRUSTED"
    assert core.verify(maker.unsigned(signed, tlv(1, b"\1" * 31) + anonymous), [spki["p256"]]).verdict == "UNTRUSTED"


def test_several_signatures(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    signed = maker.signed_part()
    first, second = (maker.records(signed, signer)[36:] for signer in ("p256", "ed25519"))
    broken = second[:-30] + bytes([second[-30] ^ 1]) + second[-29:]
    both = [spki["p256"], spki["ed25519"]]
    cases = {
        "both": (first + second, both, "OK"),
        "the second is trusted": (first + second, both[1:], "OK"),
        "the first is trusted, the second broken": (first + broken, both[:1], "OK"),
        "both are trusted, the second is broken": (first + broken, both, "SIGNATURE"),
        "a key record serves one signature": (first[:36] + second[36:] + first[36:], both[:1], "KEY"),
    }
    answers = {
        name: core.verify(maker.unsigned(signed, records), anchors).verdict
        for name, (records, anchors, _) in cases.items()
    }
    assert answers == {name: verdict for name, (_, _, verdict) in cases.items()}


# threat 6
def test_every_pair_of_claimed_type_and_key(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    own_types = {"p256": 0x22, "p384": 0x22, "rsa2048": 0x20, "rsa3072": 0x23, "ed25519": 0x24}
    signed = maker.signed_part()
    for signer, own in own_types.items():
        for type_ in (0x20, 0x22, 0x23, 0x24):
            for embed in (False, True):
                records = maker.records(signed, signer, embed=embed)
                at = _signature_at(records, own)
                claimed = records[:at] + struct.pack("<H", type_) + records[at + 2 :]
                answer = core.verify(signed + area(0x6907, claimed), [spki[signer]])
                assert (answer.verdict == "OK") == (type_ == own), (signer, type_, embed)


def _signature_at(records: bytes, own: int) -> int:
    position = 0
    while True:
        type_, length = struct.unpack_from("<HH", records, position)
        if type_ == own:
            return position
        position += 4 + length


def test_keys_that_are_not_what_the_signature_says(
    core: Core, maker: ImageMaker, spki: dict[str, bytes], signing_keys: dict[str, PrivateKey]
) -> None:
    signed = maker.signed_part()
    records = maker.records(signed, "rsa3072", embed=True)
    at = _signature_at(records, 0x23)
    claimed = signed + area(0x6907, records[:at] + struct.pack("<H", 0x22) + records[at + 2 :])
    key_hash = hash_of(0x10, embedded_of(signing_keys["rsa3072"]))
    assert core.verify(claimed, [(key_hash,)]).verdict == "KEY"
    # a verifier of the right key, scheme or mode is missing
    assert core.verify(maker.make("rsa2048"), [spki["rsa2048"]], verifiers=["pkcs1"]).verdict == "UNSUPPORTED"
    assert core.verify(maker.make("p256"), [spki["p256"]], verifiers=["rsa"]).verdict == "UNSUPPORTED"
    pure = maker.records(signed, "p256")
    marked = signed + area(0x6907, pure + tlv(0x25, b"\1"))
    assert core.verify(marked, [spki["p256"]]).verdict == "UNSUPPORTED"


@pytest.mark.parametrize("mark", [b"", b"\0", b"\2", b"\1\1"])
def test_marks_of_pure_signatures(core: Core, maker: ImageMaker, spki: dict[str, bytes], mark: bytes) -> None:
    assert core.verify(maker.make(extra=tlv(0x25, mark)), [spki["p256"]]).verdict == "MALFORMED"
    twice = maker.make("ed25519", pure=True, extra=tlv(0x25, b"\1"))
    assert core.verify(twice, [spki["ed25519"]]).verdict == "MALFORMED"


def test_pure_and_digest_signatures_are_not_each_other(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    digest = maker.make("ed25519", hash_type=0x12, extra=tlv(0x25, b"\1"))
    assert core.verify(digest, [spki["ed25519"]]).verdict == "SIGNATURE"
    signed = maker.signed_part()
    records = maker.records(signed, "ed25519", pure=True)
    mark = tlv(0x25, b"\1")
    unmarked = signed + area(0x6907, records.replace(mark, b"", 1))
    assert core.verify(unmarked, [spki["ed25519"]]).verdict == "SIGNATURE"
    short = records[: -4 - 64] + tlv(0x24, records[-64:-1])
    assert core.verify(signed + area(0x6907, short), [spki["ed25519"]]).verdict == "MALFORMED"


@pytest.mark.parametrize("flag", [0x04, 0x08, 0x10, 0x20, 0x100, 0x200, 0x400, 0x800, 0x80000000])
def test_flags_are_accepted_by_name(core: Core, maker: ImageMaker, spki: dict[str, bytes], flag: int) -> None:
    image = maker.make(flags=flag)
    assert core.verify(image, [spki["p256"]]).verdict == "UNSUPPORTED"
    assert core.verify(image, [spki["p256"]], accepted_flags=0xFFFFFFFF ^ flag).verdict == "UNSUPPORTED"
    answer = core.verify(image, [spki["p256"]], accepted_flags=flag)
    assert (answer.verdict, answer.flags) == ("OK", flag)


def test_too_little_memory(
    core: Core, maker: ImageMaker, spki: dict[str, bytes], signing_keys: dict[str, PrivateKey]
) -> None:
    image = maker.make(embed=True)
    length = len(maker.records(maker.signed_part(), embed=True))  # of the order of the buffer that is needed
    assert core.verify(image, [spki["p256"]], buffer_size=0).verdict == "SPACE"
    assert core.verify(image, [spki["p256"]], buffer_size=1).verdict == "SPACE"
    assert core.verify(image, [spki["p256"]], buffer_size=72, work_size=0).verdict == "OK"
    key_hash = (hash_of(0x10, embedded_of(signing_keys["p256"])),)
    assert core.verify(image, [key_hash], buffer_size=90).verdict == "SPACE"
    assert core.verify(image, [key_hash], buffer_size=91).verdict == "SPACE"
    assert core.verify(image, [key_hash], buffer_size=length).verdict == "OK"
    assert core.verify(maker.make("rsa2048"), [spki["rsa2048"]], work_size=2047).verdict == "SPACE"


@pytest.mark.parametrize("kind", ["fail_call", "short_call"])
@pytest.mark.parametrize(
    ("signer", "options"), [("p256", {"embed": True}), ("ed25519", {"pure": True}), ("rsa2048", {})]
)
def test_every_read_that_fails(
    core: Core,
    maker: ImageMaker,
    spki: dict[str, bytes],
    signing_keys: dict[str, PrivateKey],
    kind: str,
    signer: str,
    options: dict[str, Any],
) -> None:
    image = maker.make(signer, protected=COUNTER + DEPENDENCY, **options)
    anchor: bytes | tuple[bytes] = spki[signer]
    if "embed" in options:
        anchor = (hash_of(0x10, embedded_of(signing_keys[signer])),)
    good = core.verify(image, [anchor], buffer_size=400)
    assert good.verdict == "OK"
    for hardened in (False, True):
        calls = good.reads * (1 + hardened)
        failures: list[dict[str, Any]] = [{kind: call} for call in range(calls)]
        questions = [Question(image, [anchor], buffer_size=400, hardened=hardened, **failure) for failure in failures]
        answers = core.verify_all(questions)
        assert {answer.verdict for answer in answers} == {"REFUSED" if hardened else "READ"}


# threat 22
@pytest.mark.parametrize(("signer", "options"), [("p256", {"embed": True}), ("ed25519", {"pure": True})])
def test_flash_that_reads_differently_later(
    core: Core,
    maker: ImageMaker,
    spki: dict[str, bytes],
    signing_keys: dict[str, PrivateKey],
    signer: str,
    options: dict[str, Any],
) -> None:
    image = maker.make(signer, payload=b"\x55" * 8, protected=COUNTER, **options)
    anchor: bytes | tuple[bytes] = spki[signer]
    if "embed" in options:
        anchor = (hash_of(0x10, embedded_of(signing_keys[signer])),)
    good = core.verify(image, [anchor])
    for hardened in (False, True):
        questions = [
            Question(image, [anchor], hardened=hardened, change=(call, offset))
            for offset in range(0, len(image), 2)
            for call in range(1 + offset % 3, good.reads * (1 + hardened), 3 + 3 * hardened)
        ]
        for answer in core.verify_all(questions):
            # a change after its last reading goes unseen; what is handed out is what was verified
            if answer.verdict == "OK":
                assert answer.security_counter == 7
                assert answer.digest == good.digest
                assert answer.version == good.version


# threat 22
def test_hardened_reads_twice_what_it_hashes_once(core: Core, maker: ImageMaker, spki: dict[str, bytes]) -> None:
    image = maker.make(protected=COUNTER)

    def refusals(*, hardened: bool) -> list[bool]:
        questions = [Question(image, [spki["p256"]], hardened=hardened, change=(call, 70)) for call in range(40)]
        answers = core.verify_all(questions)
        assert all(answer.is_empty for answer in answers if answer.verdict != "OK")
        return [answer.verdict != "OK" for answer in answers]

    once, twice = refusals(hardened=False), refusals(hardened=True)
    assert once == sorted(once, reverse=True)
    assert twice == sorted(twice, reverse=True)
    assert sum(twice) == sum(once) + 2  # the header's second reading, and that of the byte
    assert core.verify(image, [spki["other"]], hardened=True).verdict == "REFUSED"


# threat 22
def test_hardened_refuses_what_differs_between_its_two_verifications(
    core: Core, maker: ImageMaker, spki: dict[str, bytes]
) -> None:
    image = maker.make(protected=COUNTER)
    reads = core.verify(image, [spki["p256"]]).reads
    counter = image.index(COUNTER) + 4
    for offset in (5, counter):  # the load address, the security counter: what the first one has found is not believed
        answer = core.verify(image, [spki["p256"]], hardened=True, change=(reads + 3, offset))
        assert answer.verdict == "REFUSED"
        # the second one has succeeded, with what it read: the comparison of the two is what refuses
        assert (answer.load_address, answer.security_counter) not in {(0, None), (0x20001000, 7)}
