import io
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from iotsign.algorithms import HashAlgorithm, signature_algorithm
from iotsign.errors import (
    ConfigError,
    ImageTooLargeError,
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
)
from iotsign.formats.container_registry import container_named, recognise_container
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import Signer, open_signer

OAD = container_named("ti-cc13x2-oad")


def build(size: int = 300) -> bytes:
    core = struct.pack("<8sIBBHBBBBIII4sIHH", b"CC26x2R1", 0, 3, 1, 0xFFFE, 255, 255, 7, 0, 0xFFFFFFFF, size, 0x101,
                       b"0001", 0x5FFFF, 44, 0xFFFF)  # fmt: skip
    return core + struct.pack("<BHBIBI8s64s", 3, 0xFFFE, 255, 85, 1, 7, b"\xff" * 8, b"\xff" * 64) + bytes(size - 129)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return write(ec.generate_private_key(ec.SECP256R1()), tmp_path_factory.mktemp("keys") / "key.pem")


def write(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, path: Path) -> Signer:
    path.touch(0o600)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return open_signer(f"pem:{path}")


@pytest.fixture
def signed(signer: Signer) -> io.BytesIO:
    output = io.BytesIO()
    packed = OAD.sign(io.BytesIO(build()), output, [signer], {})
    assert packed.signatures[0].signer == signer.public_key
    assert packed.size == packed.payload_size == len(output.getvalue())
    return output


def test_it_is_recognised_opened_and_verified(signed: io.BytesIO, signer: Signer) -> None:
    assert recognise_container(signed.getvalue()[:64]) is OAD
    opened = OAD.open(signed, {})
    assert opened.summary == "SimpleLink OAD image CC26x2R1, type 7, 300 bytes"
    opened.check_platform({"imageId": "CC26x2R1"})
    with pytest.raises(KeyMismatchError, match="CC13x2R1"):
        opened.check_platform({"imageId": "CC13x2R1"})
    assert opened.check_integrity().startswith("CRC-32 0x")
    assert opened.check_floor() is None
    (found,) = opened.find_signers([signer.public_key], judge_by_openssl)
    assert found.signer == signer.public_key
    assert OAD.inspect(signed)["softwareVersion"] == b"0001"


def test_another_key_is_refused_and_named(signed: io.BytesIO, signer: Signer, tmp_path: Path) -> None:
    other = write(ec.generate_private_key(ec.SECP256R1()), tmp_path / "other.pem")
    with pytest.raises(KeyMismatchError, match="signed by key"):
        OAD.open(signed, {}).find_signers([other.public_key], judge_by_openssl)
    edwards = write(ed25519.Ed25519PrivateKey.generate(), tmp_path / "ed.pem")
    with pytest.raises(KeyMismatchError, match="P-256"):
        OAD.open(signed, {}).find_signers([edwards.public_key], judge_by_openssl)
    found = OAD.open(signed, {}).find_signers([other.public_key, signer.public_key], judge_by_openssl)
    assert found[0].signer == signer.public_key


@pytest.mark.parametrize("der", [True, False])
def test_the_offline_ceremony(der: bool, signed: io.BytesIO, signer: Signer) -> None:
    digest = io.BytesIO()
    assert OAD.write_message(io.BytesIO(build()), digest, signer.public_key, {}) is HashAlgorithm.SHA256
    raw = signer.sign_digest(digest.getvalue(), signature_algorithm("SHA256withECDSAinP1363Format"))
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    signature = utils.encode_dss_signature(r, s) if der else raw
    output = io.BytesIO()
    OAD.attach(io.BytesIO(build()), output, signer.public_key, signature, {})
    assert output.getvalue() == signed.getvalue()
    with pytest.raises(SignatureMismatchError):
        OAD.attach(io.BytesIO(build(301)), io.BytesIO(), signer.public_key, signature, {})


def test_resigning_replaces_and_extracting_keeps(signed: io.BytesIO, tmp_path: Path) -> None:
    other = write(ec.generate_private_key(ec.SECP256R1()), tmp_path / "other.pem")
    again = io.BytesIO()
    OAD.resign(signed, again, [other], {})
    assert OAD.open(again, {}).find_signers([other.public_key], judge_by_openssl)
    taken = io.BytesIO()
    assert OAD.extract(again, taken, {}) == 300
    assert taken.getvalue() == again.getvalue()


class ChangesOnceRead(io.BytesIO):
    """A file whose last byte changes when it has been read."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.seek(-1, io.SEEK_END)
        self.write(b"!")
        return data


def test_what_is_signed_again_is_what_was_checked(signed: io.BytesIO, signer: Signer) -> None:
    # threat 22
    again = io.BytesIO()
    OAD.resign(ChangesOnceRead(signed.getvalue()), again, [signer], {})
    assert again.getvalue()[-1:] == signed.getvalue()[-1:] != b"!"


def test_what_it_does_not_know_is_refused(signer: Signer) -> None:
    with pytest.raises(ConfigError, match="settings that an OAD image takes here, got slot_size"):
        OAD.sign(io.BytesIO(build()), io.BytesIO(), [signer], {"slot_size": 1})
    with pytest.raises(ConfigError, match="one signature"):
        OAD.sign(io.BytesIO(build()), io.BytesIO(), [signer, signer], {})
    with pytest.raises(ConfigError, match="SHA256, not with SHA384"):
        OAD.sign(io.BytesIO(build()), io.BytesIO(), [signer], {"hash": "SHA384"})
    with pytest.raises(ConfigError, match="depends on the signer's key"):
        OAD.write_message(io.BytesIO(build()), io.BytesIO(), None, {})
    with pytest.raises(MalformedImageError, match="DER or 64 bytes"):
        OAD.attach(io.BytesIO(build()), io.BytesIO(), signer.public_key, b"no signature", {})
    with pytest.raises(ImageTooLargeError):
        OAD.open(io.BytesIO(bytes((16 << 20) + 1)), {})
