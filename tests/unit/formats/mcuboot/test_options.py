from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError
from iotsign.formats.mcuboot import Auto, Dependency, ImageOptions, ImageVersion, parse_uuid

V1 = ImageVersion(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"header_size": 31},
        {"header_size": 0x10000},
        {"slot_size": -1},
        {"load_addr": 1 << 32},
        {"rom_fixed": -1},
        {"load_addr": 1, "rom_fixed": 1},
        {"max_sectors": -1},
        {"align": 3},
        {"max_align": 4},
        {"erased_value": 1},
        {"content_key_size": 24},
        {"ecies_hash": HashAlgorithm.SHA1},
        {"security_counter": 1 << 32},
        {"pad": True},
        {"confirm": True},
        {"dependencies": (Dependency(256, V1),)},
        {"custom_tlvs": ((0x9F, b""),)},
        {"custom_tlvs": ((0xA0, b""), (0xA0, b""))},
        {"custom_tlvs": ((0xA0, bytes(0x10000)),)},
        {"vendor_id": bytes(15)},
        {"class_id": bytes(17)},
    ],
)
def test_contradictions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ImageOptions(version=V1, **wrong)


def test_derived_values() -> None:
    assert ImageOptions(version=ImageVersion(1, 2, 3, 4), security_counter=Auto.AUTO).counter == 0x01020003
    assert ImageOptions(version=V1).counter is None
    assert ImageOptions(version=V1, align=32).field_align == 32
    assert ImageOptions(version=V1, align=2).field_align == 8
    assert ImageOptions(version=V1, align=2, max_align=16).field_align == 16


def test_uuids() -> None:
    plain = "12345678-1234-5678-1234-567812345678"
    assert parse_uuid(plain) == parse_uuid(plain.replace("-", "")) == bytes.fromhex(plain.replace("-", ""))
    vendor = parse_uuid("example.com")
    assert vendor.hex() == "cfbff0d193755685968c48ce8b15ae17"
    assert parse_uuid("gateway", vendor) != parse_uuid("gateway")
    for text, namespace in (("", vendor), ("line\nbreak", vendor), ("gateway", None)):
        with pytest.raises(ConfigError):
            parse_uuid(text, namespace)
