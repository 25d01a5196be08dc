"""Structures, always through bytes and both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.errors import ConfigError, ImageTooLargeError, MalformedImageError
from iotsign.formats.mcuboot import Dependency, ImageFlag, ImageHeader, ImageVersion, Tlv, TlvType
from iotsign.formats.mcuboot._boot_record import BootRecord
from iotsign.formats.mcuboot._tlv import INFO_MAGIC, is_vendor_type, pack_area, unpack_area
from iotsign.formats.mcuboot._trailer import MAGIC, SwapType, Trailer, TrailerLayout

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
VERSIONS = st.builds(ImageVersion, U8, U8, U16, U32)


@given(VERSIONS)
def test_versions_round_trip(version: ImageVersion) -> None:
    assert ImageVersion.from_bytes(version.to_bytes()) == version
    assert ImageVersion.parse(str(version)) == version


def test_version_bytes() -> None:
    assert ImageVersion(1, 2, 0x0304, 0x05060708).to_bytes() == bytes.fromhex("0102 0403 08070605")
    assert ImageVersion(1, 2, 3, 9).security_counter == 0x01020003
    assert ImageVersion.parse("7") == ImageVersion(7)
    assert ImageVersion(1, 2, 3, 4) < ImageVersion(1, 2, 3, 5) < ImageVersion(1, 2, 4) < ImageVersion(2)


@pytest.mark.parametrize("text", ["", "v1", "01.0", "1.2.3.4", "1..2", "-1", "1+2", "1.2.3+", " 1", "1\n", "१"])
def test_other_version_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ImageVersion.parse(text)
    assert caught.value.code == "VersionMalformed"


@pytest.mark.parametrize("text", ["256", "1.256", "1.1.65536", "1.1.1+4294967296", "9" * 5000])
def test_version_numbers_that_do_not_fit(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ImageVersion.parse(text)
    assert caught.value.code == "VersionOutOfRange"


@given(
    st.builds(ImageHeader, U32, st.integers(32, 0xFFFF), U16, U32, U32, VERSIONS, U32),
)
def test_headers_round_trip(header: ImageHeader) -> None:
    data = header.to_bytes()
    assert len(data) == 32
    assert ImageHeader.from_bytes(data + b"more") == header


def test_header_bytes() -> None:
    flags = ImageFlag.RAM_LOAD | ImageFlag.COMPRESSED_LZMA2
    header = ImageHeader(0x20000000, 0x200, 0x14, 0x1234, flags, ImageVersion(1, 2, 3, 4))
    expected = "3db8f396 00000020 0002 1400 34120000 20040000 01020300 04000000 00000000"
    assert header.to_bytes() == bytes.fromhex(expected)


def test_flag_names() -> None:
    header = ImageHeader(0, 32, 0, 1, 0x80000010, ImageVersion())
    assert header.flag_names == ["NON_BOOTABLE", "0x80000000"]
    assert ImageHeader(0, 32, 0, 1, ImageFlag.ENCRYPTED_AES256, ImageVersion()).content_key_size == 32


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "Truncated"),
        (bytes(31), "Truncated"),
        (bytes(32), "BadMagic"),
        (ImageHeader(0, 31, 0, 1, 0, ImageVersion()).to_bytes(), "BadHeaderSize"),
    ],
)
def test_bad_headers(data: bytes, code: str) -> None:
    with pytest.raises(MalformedImageError) as caught:
        ImageHeader.from_bytes(data)
    assert caught.value.code == code
    assert "offset" in caught.value.data


@given(st.lists(st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=20))
def test_areas_round_trip(tlvs: list[Tlv]) -> None:
    area = pack_area(tlvs, INFO_MAGIC)
    back = unpack_area(area, INFO_MAGIC, 0)
    assert [(tlv.type, tlv.data) for tlv in back] == [(tlv.type, tlv.data) for tlv in tlvs]
    assert all(area[tlv.offset : tlv.offset + 2] == tlv.type.to_bytes(2, "little") for tlv in back)


def test_types_are_16_bits_wide() -> None:
    area = pack_area([Tlv(0xBEA0, b"x")], INFO_MAGIC)
    assert area == bytes.fromhex("0769 0900 a0be 0100 78")
    assert unpack_area(area, INFO_MAGIC, 0)[0].type == 0xBEA0


def test_names_of_types() -> None:
    assert Tlv(0x10, b"").type_name == "SHA256"
    assert [Tlv(type_, b"").type_name for type_ in (0x74, 0x75, 0x80, 0x81)] == ["UUID_VID", "UUID_CID"] * 2
    assert Tlv(0x0110, b"").type_name == "UNKNOWN"
    assert [number for number in (0x9F, 0xA0, 0xFF, 0x100, 0x19F, 0x1A0, 0xFFFE, 0xFFFF, 0x100A0, -1)
            if is_vendor_type(number)] == [0xA0, 0xFF, 0x1A0, 0xFFFE]  # fmt: skip


@pytest.mark.parametrize(
    ("area", "code"),
    [
        ("0869 0400", "BadTlvInfoMagic"),
        ("0769 0500", "BadTlvAreaSize"),
        ("0769 0700 100000", "TruncatedTlv"),
        ("0769 0900 1000 0200 00", "TruncatedTlv"),
        ("0769 0800 1000 ffff", "TruncatedTlv"),
    ],
)
def test_bad_areas(area: str, code: str) -> None:
    # threat 15
    with pytest.raises(MalformedImageError) as caught:
        unpack_area(bytes.fromhex(area), INFO_MAGIC, 100)
    assert caught.value.code == code
    assert caught.value.data["offset"] >= 100


def test_an_area_has_at_most_65535_bytes() -> None:
    assert len(pack_area([Tlv(0xA0, bytes(65527))], INFO_MAGIC)) == 65535
    with pytest.raises(ImageTooLargeError):
        pack_area([Tlv(0xA0, bytes(65528))], INFO_MAGIC)


def test_dependency_bytes() -> None:
    dependency = Dependency(3, ImageVersion(1, 2, 3, 4))
    assert dependency.to_bytes() == bytes.fromhex("03000000 0102 0300 04000000")
    assert Dependency.from_bytes(dependency.to_bytes()) == dependency


@pytest.mark.parametrize("max_align", [8, 16, 32])
@pytest.mark.parametrize("confirmed", [False, True])
def test_trailers_round_trip(max_align: int, *, confirmed: bool) -> None:
    layout = TrailerLayout(align=4, max_align=max_align, max_sectors=10, overwrite_only=False, saved_key_size=0)
    data = layout.to_bytes(0xFF, confirmed=confirmed)
    assert len(data) == layout.size == 10 * 3 * 4 + 4 * max_align + max(16, max_align)
    trailer = Trailer.from_bytes(data)
    assert trailer is not None
    assert trailer.max_align == max_align
    assert trailer.image_ok == (1 if confirmed else 0xFF)
    assert (trailer.copy_done, trailer.swap_info, trailer.swap_size) == (0xFF, 0xFF, 0xFFFFFFFF)
    assert trailer.swap_type is (SwapType.PERMANENT if confirmed else SwapType.TEST)


def test_where_the_trailers_fields_are() -> None:
    data = bytearray(64)
    data[-16:] = MAGIC
    data[-24], data[-32], data[-40], data[-48] = 1, 2, 3, 4
    trailer = Trailer.from_bytes(bytes(data))
    assert trailer is not None
    assert (trailer.image_ok, trailer.copy_done, trailer.swap_info, trailer.swap_size) == (1, 2, 3, 4)


def test_what_is_no_trailer() -> None:
    assert Trailer.from_bytes(bytes(15)) is None
    short = Trailer.from_bytes(MAGIC)
    assert short is not None
    assert short.max_align is None
    other = Trailer.from_bytes((64).to_bytes(2, "little") + bytes(300))
    assert other is not None
    assert other.swap_type is SwapType.NONE


def test_trailer_sizes() -> None:
    assert TrailerLayout(8, 8, 128, overwrite_only=True, saved_key_size=16).size == 32
    assert TrailerLayout(1, 8, 0, overwrite_only=False, saved_key_size=113).size == 2 * 120 + 32 + 16


RECORD = BootRecord("SPE", "1.2.3", bytes(range(32)), "SHA256", bytes(32))


def test_boot_record_is_canonical_cbor() -> None:
    import cbor2

    data = RECORD.to_bytes()
    assert cbor2.loads(data) == {1: "SPE", 4: "1.2.3", 5: bytes(range(32)), 6: "SHA256", 2: bytes(32)}
    assert cbor2.dumps(cbor2.loads(data)) == data
    assert data.endswith(bytes(32))


@given(st.text(max_size=3), st.binary(max_size=255), st.binary(max_size=255))
def test_boot_records_round_trip(sw_type: str, signer_id: bytes, measurement: bytes) -> None:
    record = BootRecord(sw_type, "1.2.3", signer_id, "SHA512", measurement)
    assert BootRecord.from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xbf" + RECORD.to_bytes()[1:],  # indefinite map
        RECORD.to_bytes()[:-1],
        RECORD.to_bytes() + b"\0",
        RECORD.to_bytes().replace(b"\x01\x63SPE", b"\x01\x7fSPE"),  # indefinite text
        RECORD.to_bytes().replace(b"\x01\x63SPE", b"\x01\x78\x03SPE"),  # longer head than needed
        RECORD.to_bytes().replace(b"\x01\x63SPE", b"\x01\x63\xff\xff\xff"),
        RECORD.to_bytes().replace(b"\x01\x63SPE", b"\x01\x6dthirteen char"),
        b"\xa5\x01" + b"\x81" * 100000,  # nested arrays
        b"\xa5\x01\x7b" + b"\x40" + bytes(7),  # length 2**62
        b"\xa5\x01\x63SPE\x01\x63SPE\x04\x60",  # a key twice
        b"\xa5\x01",
    ],
)
def test_other_cbor_is_refused(data: bytes) -> None:
    # threat 18
    with pytest.raises(MalformedImageError) as caught:
        BootRecord.from_bytes(data)
    assert caught.value.code == "BadBootRecord"


def test_a_boot_record_role_has_12_characters() -> None:
    with pytest.raises(ConfigError):
        BootRecord("thirteen char", "1", b"", "SHA256", b"")


def test_tlv_types_are_those_of_the_header() -> None:
    assert (TlvType.ENCEC256, TlvType.DECOMP_SIGNATURE, TlvType.UUID_CID) == (0x32, 0x72, 0x75)
