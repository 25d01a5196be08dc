"""Making images: what is refused, and what comes out in the cases that no other tool knows."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import (
    ConfigError,
    FormatError,
    ImageTooLargeError,
    MalformedImageError,
    RollbackError,
    StoreError,
    UnsupportedAlgorithmError,
)
from iotsign.formats.mcuboot import (
    AttachedSignature,
    Auto,
    Compression,
    DecryptionKey,
    Dependency,
    ImageOptions,
    ImageVersion,
    PublicKeyFormat,
    check_integrity,
    create_image,
    extract_payload,
    load_decryption_key,
    read_image,
    verify_image,
)
from iotsign.keys import PublicKey, Signer

Make = Callable[..., bytes]
V1 = ImageVersion(1)


def test_the_same_input_gives_the_same_bytes(make: Make) -> None:
    for name in ("p256", "p384", "ed25519"):
        assert make([name]) == make([name])


def test_without_a_key_there_is_a_digest_only(make: Make) -> None:
    image = read_image(io.BytesIO(make([])))
    assert [tlv.type_name for tlv in image.unprotected] == ["SHA256"]
    with pytest.raises(UnsupportedAlgorithmError, match="pure"):
        make([], pure=True)


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (["p256"], {"hash": HashAlgorithm.SHA384}, "SHA384 to go with p256"),
        (["p384"], {"hash": HashAlgorithm.SHA256}, "SHA256 to go with p384"),
        (["rsa2048"], {"hash": HashAlgorithm.SHA512}, "SHA512"),
        (["ed25519"], {"hash": HashAlgorithm.SHA384}, "SHA384"),
        (["ed25519"], {"hash": HashAlgorithm.SHA256, "pure": True}, "SHA256 to go with ed25519"),
        (["p256", "p384"], {}, "one hash for all keys"),
        (["p256"], {"pure": True}, "ed25519 key for a pure signature"),
    ],
)
def test_keys_and_hashes_that_do_not_go_together(
    names: list[str], options: dict[str, Any], words: str, make: Make
) -> None:
    # threat 6
    with pytest.raises(UnsupportedAlgorithmError, match=words):
        make(names, **options)


@pytest.mark.parametrize("firmware", [b"", bytes(31), bytes(32)])
def test_no_firmware(firmware: bytes, make: Make) -> None:
    with pytest.raises(MalformedImageError):
        make(firmware=firmware, pad_header=False)
    with pytest.raises(MalformedImageError):
        make(firmware=b"")


def test_a_header_area_in_use(make: Make) -> None:
    with pytest.raises(MalformedImageError, match="--pad-header") as caught:
        make(firmware=bytes(31) + b"\x01" + b"firmware", pad_header=False)
    assert caught.value.code == "HeaderAreaInUse"


def test_an_image_is_no_firmware(make: Make) -> None:
    with pytest.raises(ConfigError, match="resign"):
        make(firmware=make())


def test_the_slot_must_hold_image_and_trailer(make: Make) -> None:
    whole = len(make()) + 128 * 3 + 4 * 8 + 16
    assert len(make(slot_size=whole, pad=True)) == whole
    assert len(make(slot_size=whole)) == len(make())
    with pytest.raises(ImageTooLargeError) as caught:
        make(slot_size=whole - 1)
    assert caught.value.data["slot"] == whole - 1


def test_tlvs_have_64_kib(make: Make) -> None:
    with pytest.raises(ImageTooLargeError):
        make(custom_tlvs=((0xA0, bytes(40000)), (0xA1, bytes(40000))))


def test_a_payload_has_4_gib(signers: dict[str, Signer], tmp_path: Any) -> None:
    # threat 15
    source = tmp_path / "app.bin"
    with source.open("wb") as file:
        file.truncate((4 << 30) + 1)
    with source.open("rb") as file, pytest.raises(ImageTooLargeError, match="4 GiB"):
        create_image(file, io.BytesIO(), ImageOptions(version=V1, pad_header=True), [signers["ed25519"]])


def test_a_full_disk_is_a_store_error(signers: dict[str, Signer]) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left"):
        create_image(io.BytesIO(b"x"), Full(), ImageOptions(version=V1, pad_header=True), [signers["ed25519"]])


def test_a_file_that_takes_a_part_at_a_time(make: Make, signers: dict[str, Signer]) -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            return super().write(bytes(data[:7]))

    output = Slow()
    options = ImageOptions(version=ImageVersion(1, 2, 3, 4), pad_header=True)
    create_image(io.BytesIO(b"firmware" * 4), output, options, [signers["ed25519"]])
    assert output.getvalue() == make()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"minimum_version": ImageVersion(1, 2, 3, 5)}, "VersionRollback"),
        ({"minimum_version": ImageVersion(2)}, "VersionRollback"),
        ({"minimum_security_counter": 1}, "SecurityCounterMissing"),
        ({"minimum_security_counter": 0}, "SecurityCounterMissing"),
        ({"minimum_security_counter": 8, "security_counter": 7}, "SecurityCounterRollback"),
        ({"minimum_security_counter": 0xFFFFFFFF, "security_counter": 0}, "SecurityCounterRollback"),
    ],
)
def test_rollback_is_refused_in_the_packer(options: dict[str, Any], code: str, make: Make) -> None:
    # threat 21
    with pytest.raises(RollbackError) as caught:
        make(**options)
    assert caught.value.code == code


def test_equal_is_no_rollback(make: Make) -> None:
    # threat 21
    assert make(minimum_version=ImageVersion(1, 2, 3, 4), minimum_security_counter=7, security_counter=7)


def test_a_release_sets_the_floor(make: Make, signers: dict[str, Signer]) -> None:
    # threat 21
    release = read_image(io.BytesIO(make(security_counter=5)))

    def sign(version: ImageVersion, counter: int | None) -> None:
        options = ImageOptions(version=version, security_counter=counter, pad_header=True)
        create_image(io.BytesIO(b"new"), io.BytesIO(), options, [signers["ed25519"]], release=release)

    sign(ImageVersion(1, 2, 3, 4), 5)
    sign(ImageVersion(2), 6)
    for version, counter in ((ImageVersion(1, 2, 3, 3), 5), (ImageVersion(2), 4), (ImageVersion(2), None)):
        with pytest.raises(RollbackError):
            sign(version, counter)


def test_an_encrypted_image_needs_no_padding_of_a_whole_block(make: Make) -> None:
    for size, stored in ((16, 16), (17, 32), (31, 32)):
        image = read_image(io.BytesIO(make(firmware=b"x" * size, encrypt="x25519")))
        assert image.header.img_size == stored


def test_an_incompressible_encrypted_image_stays_encrypted(
    make: Make, decryption_keys: dict[str, DecryptionKey]
) -> None:
    # imgtool writes such an image in plain, its flags saying encrypted
    data = make(firmware=b"tiny", encrypt="x25519", compression=Compression.LZMA2)
    assert b"tiny" not in data
    assert check_integrity(io.BytesIO(data), decryption_key=decryption_keys["x25519"]).payload == "encrypted"


def test_a_key_type_that_mcuboot_does_not_have(rsa4096: PublicKey) -> None:
    signer = AttachedSignature(rsa4096, b"")
    with pytest.raises(UnsupportedAlgorithmError, match="expected a key for MCUboot"):
        create_image(io.BytesIO(b"x"), io.BytesIO(), ImageOptions(version=V1, pad_header=True), [signer])


def test_a_payload_that_shrinks_too_well_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    # threat 14: what we would not read we do not write
    monkeypatch.setattr("iotsign.formats.mcuboot._compression.RATIO_FLOOR", 4096)
    with pytest.raises(FormatError, match="256 times"):
        make(firmware=bytes(1 << 20), compression=Compression.LZMA2)


OPTIONS = st.fixed_dictionaries(
    {
        "header_size": st.integers(32, 0x300),
        "align": st.sampled_from([1, 2, 4, 8, 16, 32]),
        "security_counter": st.none() | st.just(Auto.AUTO) | st.integers(0, 0xFFFFFFFF),
        "dependencies": st.lists(
            st.builds(Dependency, st.integers(0, 255), st.builds(ImageVersion, st.integers(0, 255))), max_size=3
        ).map(tuple),
        "custom_tlvs": st.dictionaries(st.sampled_from([0xA0, 0x1A5, 0xFFFE]), st.binary(max_size=50)).map(
            lambda tlvs: tuple(tlvs.items())
        ),
        "boot_record": st.none() | st.text("SPE", max_size=12),
        "vendor_id": st.none() | st.binary(min_size=16, max_size=16),
        "public_key_format": st.sampled_from(PublicKeyFormat),
        "compression": st.sampled_from(Compression),
        "erased_value": st.sampled_from([0, 0xFF]),
        "pad": st.booleans(),
        "clear": st.booleans(),
        "encrypt": st.sampled_from([None, "p256", "x25519", "kw128"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    OPTIONS,
    st.lists(st.sampled_from(["ed25519", "p256"]), min_size=1, max_size=2, unique=True),
    st.binary(min_size=1, max_size=200),
    st.integers(1, 20),
)
def test_what_is_made_verifies_and_comes_back(
    make: Make,
    keys: dict[str, PublicKey],
    decryption_keys: dict[str, DecryptionKey],
    options: dict[str, Any],
    names: list[str],
    piece: bytes,
    times: int,
) -> None:
    firmware = piece * times
    data = make(names, firmware, slot_size=0x10000, **options)
    key = decryption_keys[options["encrypt"]] if options["encrypt"] else None
    verified = verify_image(io.BytesIO(data), [keys[name] for name in names], decryption_key=key, require_all=True)
    assert verified.signers == tuple(keys[name] for name in names)
    assert verified.image.version == ImageVersion(1, 2, 3, 4)
    output = io.BytesIO()
    extract_payload(io.BytesIO(data), output, decryption_key=key)
    assert output.getvalue()[: len(firmware)] == firmware
    assert not any(output.getvalue()[len(firmware) :])
    assert len(data) == (0x10000 if options["pad"] else verified.image.end)


def test_a_key_encryption_key_is_as_long_as_the_key(make: Make) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        make(encrypt="kw256")
    key = load_decryption_key(bytes(range(32)))
    assert check_integrity(io.BytesIO(make(encrypt="kw256", content_key_size=32)), decryption_key=key).digests


@pytest.mark.parametrize("name", ["p256", "rsa2048", "kw128"])
def test_sha512_derivation_is_for_x25519(name: str, make: Make) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="X25519"):
        make(encrypt=name, ecies_hash=HashAlgorithm.SHA512)
