"""The verdict: what it rests on, and what a single changed byte does to it."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from iotsign.errors import (
    DigestMismatchError,
    IotsignError,
    KeyMismatchError,
    KeyUnavailableError,
    MalformedImageError,
    RollbackError,
    SignatureMismatchError,
    VerificationIncompleteError,
)
from iotsign.formats.mcuboot import (
    Compression,
    DecryptionKey,
    Floor,
    Image,
    ImageVersion,
    PublicKeyFormat,
    Tlv,
    TlvType,
    check_integrity,
    read_image,
    verify_image,
)
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, pack_area
from iotsign.keys import PublicKey

Make = Callable[..., bytes]
Keys = dict[str, PublicKey]


def with_tlvs(data: bytes, change: Callable[[list[Tlv]], Iterable[Tlv]]) -> bytes:
    """The image with another unprotected area."""
    image = read_image(io.BytesIO(data))
    start = image.tlv_offset + image.header.protected_tlv_size
    return data[:start] + pack_area(change(list(image.unprotected)), INFO_MAGIC) + data[image.end :]


def verdict(data: bytes, *keys: PublicKey, decryption_key: DecryptionKey | None = None, **options: Any) -> Any:
    return verify_image(io.BytesIO(data), keys, decryption_key=decryption_key, **options)


def test_each_signature_is_told(make: Make, keys: Keys) -> None:
    data = make(["p256", "ed25519", "rsa2048"])
    verified = verdict(data, keys["rsa2048"], keys["p256"])
    assert [checked.signer for checked in verified.signatures] == [keys["p256"], None, keys["rsa2048"]]
    assert verified.signers == (keys["p256"], keys["rsa2048"])
    assert verified.decompressed_signer is None


def test_no_key_is_no_verdict(make: Make) -> None:
    # threat 20
    with pytest.raises(VerificationIncompleteError) as caught:
        verdict(make())
    assert caught.value.code == "NoKey"
    assert caught.value.__cause__ is None


def test_an_unsigned_image(make: Make, keys: Keys) -> None:
    # threat 20
    with pytest.raises(SignatureMismatchError) as caught:
        verdict(make([]), keys["ed25519"])
    assert caught.value.code == "Unsigned"
    assert check_integrity(io.BytesIO(make([]))).digests


@pytest.mark.parametrize("format_", PublicKeyFormat)
@pytest.mark.parametrize("other", ["ed25519-other", "p256"])
def test_a_valid_signature_by_another_key(
    other: str, format_: PublicKeyFormat, make: Make, keys: Keys, rsa4096: PublicKey
) -> None:
    # threat 20
    with pytest.raises(KeyMismatchError):
        verdict(make(public_key_format=format_), keys[other], rsa4096)


def test_every_key_may_be_demanded(make: Make, keys: Keys) -> None:
    data = make(["p256", "ed25519"])
    assert verdict(data, keys["ed25519"], keys["p256"], require_all=True)
    assert verdict(data, keys["ed25519"], keys["rsa2048"])
    with pytest.raises(KeyMismatchError) as caught:
        verdict(data, keys["ed25519"], keys["rsa2048"], require_all=True)
    assert caught.value.code == "SignerMissing"


def test_a_bad_signature_that_names_a_given_key_counts_though_another_is_good(make: Make, keys: Keys) -> None:
    data = bytearray(make(["p256", "ed25519"]))
    data[-1] ^= 1
    assert verdict(bytes(data), keys["p256"])
    with pytest.raises(SignatureMismatchError, match="ED25519 at offset"):
        verdict(bytes(data), keys["p256"], keys["ed25519"])


def test_an_unnamed_signature(make: Make, keys: Keys) -> None:
    def unnamed(tlvs: list[Tlv]) -> list[Tlv]:
        return [tlv for tlv in tlvs if tlv.type != TlvType.KEYHASH]

    alone = with_tlvs(make(), unnamed)
    assert verdict(alone, keys["p256"], keys["ed25519"]).signers == (keys["ed25519"],)
    with pytest.raises(SignatureMismatchError):
        verdict(alone, keys["ed25519-other"])
    with pytest.raises(KeyMismatchError, match="unnamed"):
        verdict(alone, keys["p256"])
    with pytest.raises(MalformedImageError) as caught:
        verdict(with_tlvs(make(["p256", "ed25519"]), unnamed), keys["ed25519"])
    assert caught.value.code == "UnnamedSignature"


@pytest.mark.parametrize("type_", [TlvType.SEC_CNT, TlvType.DEPENDENCY, TlvType.BOOT_RECORD, 0xA0, 0x80, 0x1234])
def test_unprotected_records_are_not_believed(type_: int, make: Make, keys: Keys) -> None:
    # threat 16
    def add(tlvs: list[Tlv]) -> list[Tlv]:
        return [*tlvs, Tlv(type_, (99).to_bytes(4, "little"))]

    data = with_tlvs(make(), add)
    assert read_image(io.BytesIO(data)).security_counter is None
    with pytest.raises(MalformedImageError) as caught:
        verdict(data, keys["ed25519"])
    assert caught.value.code == "UnprotectedTlv"


@pytest.mark.parametrize("type_", [TlvType.SHA256, TlvType.SHA512])
def test_no_second_digest(type_: TlvType, make: Make, keys: Keys) -> None:
    def add(tlvs: list[Tlv]) -> list[Tlv]:
        return [*tlvs, Tlv(type_, bytes(32))]

    with pytest.raises((MalformedImageError, DigestMismatchError)):
        verdict(with_tlvs(make(), add), keys["ed25519"])


def test_records_that_contradict_each_other(make: Make, keys: Keys, decryption_keys: dict[str, DecryptionKey]) -> None:
    changes: dict[str, tuple[bytes, Callable[[list[Tlv]], list[Tlv]]]] = {
        "BadSigPure": (make(), lambda tlvs: [*tlvs, Tlv(TlvType.SIG_PURE, b"\x02")]),
        "UnexpectedContentKey": (make(), lambda tlvs: [*tlvs, Tlv(TlvType.ENCKW, bytes(24))]),
        "TlvTwice": (make(encrypt="kw128"), lambda tlvs: [*tlvs, Tlv(TlvType.ENCX25519, bytes(80))]),
        "ContentKeyMissing": (make(encrypt="kw128"), lambda tlvs: tlvs[:-1]),
        "DigestMissing": (make(), lambda tlvs: tlvs[1:]),
    }
    for code, (data, change) in changes.items():
        with pytest.raises(MalformedImageError) as caught:
            verdict(with_tlvs(data, change), keys["ed25519"], decryption_key=decryption_keys["kw128"])
        assert caught.value.code == code


def test_a_pure_mark_does_not_turn_ecdsa_pure(make: Make, keys: Keys) -> None:
    def add(tlvs: list[Tlv]) -> list[Tlv]:
        return [*tlvs, Tlv(TlvType.SIG_PURE, b"\x01")]

    with pytest.raises(KeyMismatchError):
        verdict(with_tlvs(make(["p256"]), add), keys["p256"])


def test_ecdsa_padding_must_be_zeros(make: Make, keys: Keys) -> None:
    def pad(filler: bytes) -> Callable[[list[Tlv]], list[Tlv]]:
        return lambda tlvs: [*tlvs[:-1], Tlv(tlvs[-1].type, tlvs[-1].data + filler)]

    data = make(["p256"])
    room = 72 - len(read_image(io.BytesIO(data)).signatures[0].tlv.data)
    assert verdict(with_tlvs(data, pad(bytes(room))), keys["p256"])
    for filler in (bytes(room + 1), bytes(room) + b"\x01"):
        with pytest.raises(SignatureMismatchError, match="zeros"):
            verdict(with_tlvs(data, pad(filler)), keys["p256"])
    for short in (b"", b"\x30"):
        with pytest.raises(SignatureMismatchError):
            verdict(with_tlvs(data, lambda tlvs, short=short: [*tlvs[:-1], Tlv(tlvs[-1].type, short)]), keys["p256"])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("floor", "code"),
    [
        (Floor(ImageVersion(1, 2, 3, 5)), "VersionRollback"),
        (Floor(security_counter=8), "SecurityCounterRollback"),
        (Floor(ImageVersion(1, 2, 3, 4), 7), None),
        (Floor(), None),
    ],
)
def test_rollback_is_refused_by_the_verifier(floor: Floor, code: str | None, make: Make, keys: Keys) -> None:
    # threat 21
    data = make(security_counter=7)
    if code is None:
        assert verdict(data, keys["ed25519"], floor=floor)
        return
    with pytest.raises(RollbackError) as caught:
        verdict(data, keys["ed25519"], floor=floor)
    assert caught.value.code == code


def test_a_missing_counter_is_a_rollback(make: Make, keys: Keys) -> None:
    # threat 21
    with pytest.raises(RollbackError):
        verdict(make(), keys["ed25519"], floor=Floor(security_counter=0))


def test_an_encrypted_image_without_its_key_has_no_verdict(
    make: Make, keys: Keys, decryption_keys: dict[str, DecryptionKey]
) -> None:
    data = make(encrypt="p256")
    with pytest.raises(VerificationIncompleteError) as caught:
        verdict(data, keys["ed25519"])
    assert isinstance(caught.value.__cause__, KeyUnavailableError)
    with pytest.raises(KeyMismatchError) as wrong:
        verdict(data, keys["ed25519"], decryption_key=decryption_keys["x25519"])
    assert wrong.value.code == "DecryptionKeyType"
    with pytest.raises(KeyMismatchError) as wrong:
        verdict(make(encrypt="kw128"), keys["ed25519"], decryption_key=decryption_keys["p256"])


def test_both_encryption_flags(make: Make, keys: Keys) -> None:
    data = bytearray(make(encrypt="kw128"))
    data[16] |= 0x0C
    with pytest.raises(MalformedImageError, match="both"):
        verdict(bytes(data), keys["ed25519"])


CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "p256": (["p256"], {}),
    "p384": (["p384"], {}),
    "rsa2048": (["rsa2048"], {"public_key_format": PublicKeyFormat.FULL}),
    "ed25519": (["ed25519"], {"security_counter": 1, "header_size": 48}),
    "pure": (["ed25519"], {"pure": True}),
    "two keys": (["p256", "ed25519"], {}),
    "compressed": (["ed25519"], {"compression": Compression.LZMA2, "firmware": b"firmware" * 40}),
    "ECIES-P256": (["ed25519"], {"encrypt": "p256"}),
    "X25519": (["ed25519"], {"encrypt": "x25519"}),
    "AES-KW": (["ed25519"], {"encrypt": "kw128"}),
    "clear": (["ed25519"], {"encrypt": "kw128", "clear": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_every_flipped_byte_changes_the_verdict(
    name: str, make: Make, keys: Keys, decryption_keys: dict[str, DecryptionKey]
) -> None:
    # threat 17: no byte of these images is on the list in docs/formats/mcuboot.md
    names, options = CASES[name]
    data = make(names, **options)
    decryption_key = decryption_keys.get(options.get("encrypt", ""))
    given = [keys[key] for key in names]

    def check(changed: bytes) -> None:
        verdict(changed, *given, decryption_key=decryption_key, require_all=True)

    check(data)
    assert survivors(data, range(len(data)), check) == []


def test_padding_and_trailer_are_on_the_list(make: Make, keys: Keys) -> None:
    # threat 17
    data = make(slot_size=512, max_sectors=2, confirm=True)
    end = read_image(io.BytesIO(data)).end
    lived = survivors(data, range(len(data)), lambda changed: verdict(changed, keys["ed25519"]), every_mask=False)
    assert lived == list(range(end, 512))


def test_signatures_by_keys_that_were_not_given_are_on_the_list(make: Make, keys: Keys) -> None:
    # threat 17
    data = make(["ed25519", "p256"])
    entry = read_image(io.BytesIO(data)).signatures[1]
    assert entry.key is not None
    lived = survivors(data, range(len(data)), lambda changed: verdict(changed, keys["ed25519"]), every_mask=False)
    assert set(range(entry.key.offset + 4, entry.tlv.offset)) <= set(lived)
    assert min(lived) >= entry.key.offset


def test_a_content_key_that_was_not_used_is_on_the_list(make: Make, keys: Keys) -> None:
    # threat 17
    data = make(encrypt="kw128", clear=True)
    wrapped = read_image(io.BytesIO(data)).encrypted_key
    assert wrapped is not None
    lived = survivors(data, range(len(data)), lambda changed: verdict(changed, keys["ed25519"]), every_mask=False)
    assert lived[-24:] == list(range(wrapped.offset + 4, len(data)))
    assert min(lived) >= wrapped.offset


def survivors(
    data: bytes, offsets: Iterable[int], check: Callable[[bytes], None], *, every_mask: bool = True
) -> list[int]:
    """Offsets at which some flip does not change the verdict. TLV heads are tried with all 255 masks."""
    image: Image = read_image(io.BytesIO(data))
    heads = {
        offset
        for tlv in (*image.protected, *image.unprotected)
        for offset in range(tlv.offset, tlv.offset + 4)
        if every_mask
    }
    lived = []
    for offset in offsets:
        for mask in range(1, 256) if offset in heads else (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[offset] ^= mask
            try:
                check(bytes(changed))
            except IotsignError:
                continue
            lived.append(offset)
            break
    return lived
