"""Signing again, the offline ceremony, extraction and inspection."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm, signature_algorithm
from iotsign.errors import (
    ConfigError,
    DigestMismatchError,
    ImageTooLargeError,
    KeyMismatchError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
    VerificationIncompleteError,
)
from iotsign.formats.mcuboot import (
    AttachedSignature,
    Compression,
    DecryptionKey,
    EncryptionKey,
    Image,
    ImageOptions,
    ImageVersion,
    PublicKeyFormat,
    ResignOptions,
    TlvType,
    attach_signature,
    attach_to_image,
    decrypt_image,
    extract_payload,
    inspect_image,
    read_image,
    resign_image,
    verify_image,
    write_image_message,
    write_message,
)
from iotsign.formats.mcuboot._boot_record import BootRecord
from iotsign.keys import PublicKey, Signer

Make = Callable[..., bytes]
Keys = dict[str, PublicKey]
Signers = dict[str, Signer]
VERSION = ImageVersion(1, 2, 3, 4)


def resigned(data: bytes, *signers: Signer, key: DecryptionKey | None = None, **options: Any) -> bytes:
    output = io.BytesIO()
    resign_image(io.BytesIO(data), output, signers, ResignOptions(**options), decryption_key=key)
    return output.getvalue()


@pytest.mark.parametrize("new", ["p256", "p384", "rsa2048", "ed25519-other"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pure": True},
        {"security_counter": 7, "header_size": 100, "public_key_format": PublicKeyFormat.FULL},
        {"compression": Compression.LZMA2, "firmware": b"firmware" * 100, "boot_record": "SPE"},
        {"slot_size": 2048, "max_sectors": 2, "confirm": True},
        {"encrypt": "x25519", "slot_size": 4096, "pad": True},
    ],
)
def test_it_is_the_image_that_the_new_key_would_have_made(
    new: str,
    options: dict[str, Any],
    make: Make,
    signers: Signers,
    keys: Keys,
    decryption_keys: dict[str, DecryptionKey],
) -> None:
    data = make(**options)
    key = decryption_keys["x25519"] if "encrypt" in options else None
    changed = resigned(data, signers[new], key=key, max_sectors=options.get("max_sectors", 128))
    verified = verify_image(io.BytesIO(changed), [keys[new]], decryption_key=key)
    assert verified.signers == (keys[new],)
    before, after = read_image(io.BytesIO(data)), verified.image
    assert data[before.header.hdr_size : before.tlv_offset] == changed[after.header.hdr_size : after.tlv_offset]
    if options.get("slot_size"):
        assert len(changed) == len(data)
        assert changed[-64:] == data[-64:]
    if "pure" not in options and "encrypt" not in options and new != "rsa2048":
        assert changed == make([new], **options)
    with pytest.raises(KeyMismatchError):
        verify_image(io.BytesIO(changed), [keys["ed25519"]], decryption_key=key)


def test_pure_and_hash_can_be_chosen(make: Make, signers: Signers) -> None:
    pure = resigned(make(), signers["ed25519-other"], pure=True)
    assert pure == make(["ed25519-other"], pure=True)
    assert resigned(pure, signers["ed25519"], pure=False, hash=HashAlgorithm.SHA256) == make()
    assert resigned(pure, signers["ed25519"]) == make(pure=True)
    assert resigned(make(), signers["ed25519"], hash=HashAlgorithm.SHA512) == make(hash=HashAlgorithm.SHA512)
    full = resigned(make(), signers["ed25519"], public_key_format=PublicKeyFormat.FULL)
    assert full == make(public_key_format=PublicKeyFormat.FULL)
    with pytest.raises(UnsupportedAlgorithmError):
        resigned(make(), signers["ed25519"], hash=HashAlgorithm.SHA384)


def test_a_boot_record_names_the_new_key(make: Make, signers: Signers) -> None:
    changed = resigned(make(boot_record="SPE", vendor_id=bytes(16)), signers["p384"])
    data = read_image(io.BytesIO(changed)).protected_value(TlvType.BOOT_RECORD)
    assert data is not None
    record = BootRecord.from_bytes(data)
    assert record.description == "SHA384"
    assert len(record.signer_id) == len(record.measurement) == 48
    assert changed == make(["p384"], boot_record="SPE", vendor_id=bytes(16))


def test_an_unsigned_image_gets_its_first_signature(make: Make, signers: Signers) -> None:
    assert resigned(make([]), signers["ed25519"]) == make()
    assert resigned(make([]), signers["ed25519"], append=True) == make()
    compressed = make([], b"firmware" * 100, compression=Compression.LZMA2)
    assert resigned(compressed, signers["ed25519"]) == make(firmware=b"firmware" * 100, compression=Compression.LZMA2)


def test_signatures_are_added(make: Make, signers: Signers) -> None:
    assert resigned(make(["p256"]), signers["ed25519"], append=True) == make(["p256", "ed25519"])
    with pytest.raises(KeyMismatchError) as caught:
        resigned(make(["p256"]), signers["p256"], append=True)
    assert caught.value.code == "SignedAlready"
    with pytest.raises(UnsupportedAlgorithmError):
        resigned(make(["p256"]), signers["p384"], append=True)
    with pytest.raises(ConfigError, match="all pure"):
        resigned(make(), signers["ed25519-other"], append=True, pure=True)
    with pytest.raises(ConfigError, match="compressed"):
        resigned(make(firmware=b"x" * 1000, compression=Compression.LZMA2), signers["p256"], append=True)


def test_nothing_is_signed_that_was_not_checked(make: Make, signers: Signers) -> None:
    with pytest.raises(ConfigError, match="at least one key"):
        resigned(make())
    broken = bytearray(make())
    broken[40] ^= 1
    with pytest.raises(DigestMismatchError):
        resigned(bytes(broken), signers["p256"])
    with pytest.raises(VerificationIncompleteError):
        resigned(make(encrypt="p256"), signers["p256"])


def test_the_trailer_is_not_overwritten(make: Make, signers: Signers) -> None:
    size = len(make()) + 2 * 3 + 32 + 16
    data = make(slot_size=size, pad=True, max_sectors=2)
    with pytest.raises(ImageTooLargeError) as caught:
        resigned(data, signers["rsa2048"], max_sectors=2)
    assert caught.value.code == "SlotTooSmall"
    dirty = bytearray(make(slot_size=2048, pad=True, max_sectors=2))
    dirty[read_image(io.BytesIO(bytes(dirty))).end + 100] = 0
    with pytest.raises(ImageTooLargeError):
        resigned(bytes(dirty), signers["rsa2048"], max_sectors=2)


def test_shorter_signatures_leave_erased_bytes(make: Make, signers: Signers) -> None:
    for erased in (0, 0xFF):
        options = {"slot_size": 2048, "confirm": True, "erased_value": erased}
        assert resigned(make(["rsa2048"], **options), signers["ed25519"]) == make(**options)


def signed_elsewhere(message: bytes, signer: Signer, algorithm: str) -> AttachedSignature:
    chosen = signature_algorithm(algorithm)
    made = signer.sign(message, chosen) if chosen.hash is None else signer.sign_digest(message, chosen)
    return AttachedSignature(signer.public_key, made)


CEREMONIES = [
    ("p256", "SHA256withECDSA", {}),
    ("p384", "SHA384withECDSA", {"boot_record": "SPE"}),
    ("rsa2048", "SHA256withRSAandMGF1", {"security_counter": 4}),
    ("ed25519", "Ed25519", {}),
    ("ed25519", "Ed25519", {"pure": True, "header_size": 77}),
]


@pytest.mark.parametrize(("name", "algorithm", "options"), CEREMONIES)
def test_offline_ceremony(
    name: str, algorithm: str, options: dict[str, Any], make: Make, signers: Signers, keys: Keys
) -> None:
    given = ImageOptions(version=VERSION, pad_header=True, **options)
    message, output = io.BytesIO(), io.BytesIO()
    write_message(io.BytesIO(b"firmware" * 4), message, given, keys[name])
    attached = signed_elsewhere(message.getvalue(), signers[name], algorithm)
    image = attach_signature(io.BytesIO(b"firmware" * 4), output, given, attached)
    assert isinstance(image, Image)
    assert attached.uri == "attached:"
    assert verify_image(output, [keys[name]]).signers
    if name != "rsa2048":
        assert output.getvalue() == make([name], **options)
    with pytest.raises(SignatureMismatchError):
        attach_signature(io.BytesIO(b"firmwarE" * 4), io.BytesIO(), given, attached)


@pytest.mark.parametrize(("name", "algorithm", "options"), [CEREMONIES[0], CEREMONIES[3]])
def test_offline_ceremony_for_an_image(
    name: str, algorithm: str, options: dict[str, Any], make: Make, signers: Signers, keys: Keys
) -> None:
    data = make(["rsa2048"], **options)
    message, output = io.BytesIO(), io.BytesIO()
    write_image_message(io.BytesIO(data), message)
    attached = signed_elsewhere(message.getvalue(), signers[name], algorithm)
    attach_to_image(io.BytesIO(data), output, attached)
    assert verify_image(output, [keys[name], keys["rsa2048"]], require_all=True).signers
    foreign = AttachedSignature(
        keys["ed25519-other"], signed_elsewhere(b"else", signers["ed25519-other"], "Ed25519").signature
    )
    with pytest.raises(SignatureMismatchError):
        attach_to_image(io.BytesIO(data), io.BytesIO(), foreign)


def test_offline_ceremony_for_a_pure_image(make: Make, signers: Signers, keys: Keys) -> None:
    data = make(pure=True)
    message, output = io.BytesIO(), io.BytesIO()
    write_image_message(io.BytesIO(data), message)
    assert message.getvalue() == data[:64]
    attach_to_image(io.BytesIO(data), output, signed_elsewhere(message.getvalue(), signers["ed25519-other"], "Ed25519"))
    assert verify_image(output, [keys["ed25519"], keys["ed25519-other"]], require_all=True).signers


def test_offline_and_encrypted(
    signers: Signers,
    keys: Keys,
    encryption_keys: dict[str, EncryptionKey],
    decryption_keys: dict[str, DecryptionKey],
) -> None:
    given = ImageOptions(version=VERSION, pad_header=True)
    message, output = io.BytesIO(), io.BytesIO()
    write_message(io.BytesIO(b"x" * 33), message, given, keys["p256"], encryption_key=encryption_keys["p256"])
    attached = signed_elsewhere(message.getvalue(), signers["p256"], "SHA256withECDSA")
    attach_signature(io.BytesIO(b"x" * 33), output, given, attached, encryption_key=encryption_keys["p256"])
    assert verify_image(output, [keys["p256"]], decryption_key=decryption_keys["p256"]).signers


def test_no_offline_ceremony_for_compressed_images(keys: Keys) -> None:
    given = ImageOptions(version=VERSION, pad_header=True, compression=Compression.LZMA2)
    with pytest.raises(UnsupportedFormatError):
        write_message(io.BytesIO(b"x"), io.BytesIO(), given, keys["p256"])
    with pytest.raises(UnsupportedFormatError):
        attach_signature(io.BytesIO(b"x"), io.BytesIO(), given, AttachedSignature(keys["p256"], b""))


def test_extraction_checks_first(make: Make, decryption_keys: dict[str, DecryptionKey]) -> None:
    broken = bytearray(make())
    broken[40] ^= 1
    output = io.BytesIO()
    with pytest.raises(DigestMismatchError):
        extract_payload(io.BytesIO(bytes(broken)), output)
    assert output.getvalue() == b""
    compressed = make(firmware=b"firmware" * 100, compression=Compression.LZMA2_ARM_THUMB, encrypt="kw128")
    assert extract_payload(io.BytesIO(compressed), output, decryption_key=decryption_keys["kw128"]) == 800
    assert output.getvalue() == b"firmware" * 100


class Swapped(io.BytesIO):
    """A file that somebody changes once its payload has been read for the first time."""

    passes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if data == b"firmware" * 4:
            self.passes += 1
            return b"firmwarE" * 4 if self.passes > 1 else data
        return data


def test_what_is_used_is_what_was_checked(make: Make, signers: Signers) -> None:
    # threat 22
    for use in (
        lambda file: extract_payload(file, io.BytesIO()),
        lambda file: resign_image(file, io.BytesIO(), [signers["p256"]]),
        lambda file: resign_image(file, io.BytesIO(), [signers["ed25519"]], ResignOptions(pure=True)),
    ):
        file = Swapped(make())
        with pytest.raises(DigestMismatchError) as caught:
            use(file)
        assert caught.value.code == "InputChanged"
        assert file.passes == 2


def test_decryption_leaves_the_rest(make: Make, keys: Keys, decryption_keys: dict[str, DecryptionKey]) -> None:
    data, output = make(encrypt="p256", slot_size=4096, confirm=True), io.BytesIO()
    decrypt_image(io.BytesIO(data), output, decryption_key=decryption_keys["p256"])
    assert output.getvalue() == data[:32] + b"firmware" * 4 + data[64:]
    assert verify_image(output, [keys["ed25519"]]).payload == "clear"
    plain = io.BytesIO()
    decrypt_image(io.BytesIO(make()), plain)
    assert plain.getvalue() == make()


def test_inspection(make: Make) -> None:
    described = inspect_image(io.BytesIO(make(["p256"], security_counter=3, boot_record="SPE", vendor_id=bytes(16))))
    assert described["container"] == "mcuboot"
    assert described["security_counter"] == 3
    assert described["boot_record"]["sw_type"] == "SPE"
    assert described["signatures"][0]["type"] == "ECDSASIG"
    assert described["signatures"][0]["key_format"] == "KEYHASH"
    assert described["trailer"] == {}
    assert described["encryption"] is None
    encrypted = inspect_image(io.BytesIO(make(encrypt="x25519", slot_size=4096, confirm=True)))
    assert encrypted["encryption"] == "ENCX25519"
    assert encrypted["trailer"]["swap_type"] == "permanent"
    assert encrypted["trailer"]["key_field_len"] == 32
    assert "key_field_len" not in inspect_image(io.BytesIO(make(slot_size=4096, pad=True)))["trailer"]
    odd = inspect_image(io.BytesIO(make([]) + bytes(20)))
    assert odd["trailer"] == {"magic": bytes(16).hex()}
    broken = bytearray(make(custom_tlvs=((0xA0, b"not cbor"),)))
    broken[68] = TlvType.BOOT_RECORD
    assert inspect_image(io.BytesIO(bytes(broken)))["boot_record"] == {"raw": b"not cbor".hex()}
