"""What tests of several rooms share: keys and certificates, the real command line, firmware others published."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import settings
from server_process import Server

from iotsign.algorithms import KeyType

if TYPE_CHECKING:
    from simulated_board import Workshop

settings.register_profile("iotsign", deadline=None)  # a busy machine is no failure
settings.load_profile("iotsign")


@pytest.fixture(scope="session", autouse=True)
def no_emulator_left() -> Iterator[None]:
    """Whatever this worker has tested, no emulator of its own may still run."""
    yield
    children = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    names = [Path(f"/proc/{child}/comm").read_text().strip() for group in children for child in group]
    assert not [name for name in names if name.startswith("qemu-system")]


IOTSIGN = Path(sys.executable).with_name("iotsign")
NOT_BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2035, 1, 1, tzinfo=UTC)


def _generate(key_type: KeyType) -> Any:
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if key_type in (KeyType.P256, KeyType.P384):
        return ec.generate_private_key(ec.SECP256R1() if key_type is KeyType.P256 else ec.SECP384R1())
    return rsa.generate_private_key(65537, int(key_type.value[3:]))


def _write_private(path: Path, key: Any) -> None:
    path.touch(0o600)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[KeyType], tuple[Path, Path]]:
    """Give the files of a private and a public key, made when first asked for and then kept."""
    directory = tmp_path_factory.mktemp("key-files")

    def files(key_type: KeyType) -> tuple[Path, Path]:
        private, public = directory / f"{key_type.value}.pem", directory / f"{key_type.value}.pub.pem"
        if not public.exists():
            key = _generate(key_type)
            _write_private(private, key)
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, spki))
        return private, public

    return files


def _certificate(
    subject: str, key: Any, issuer: str, issuer_key: Any, *, ca: bool, purpose: Any, not_after: datetime
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = x509.CertificateBuilder(
        name(issuer), name(subject), key.public_key(), x509.random_serial_number(), NOT_BEFORE, not_after
    )
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    builder = builder.add_extension(
        x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="session")
def trust_directory(
    key_files: Callable[[KeyType], tuple[Path, Path]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Make a directory with root, intermediate and a signer's certificate for the P-256 key of `key_files`."""

    def make(
        purpose: Any = ExtendedKeyUsageOID.CODE_SIGNING, not_after: datetime = NOT_AFTER, root: bool = True
    ) -> Path:
        directory = tmp_path_factory.mktemp("trust")
        private, _ = key_files(KeyType.P256)
        key = serialization.load_pem_private_key(private.read_bytes(), None)
        root_key, ca_key = _generate(KeyType.P384), _generate(KeyType.P256)
        certificates = {
            "intermediate": _certificate(
                "Intermediate", ca_key, "Root", root_key, ca=True, purpose=None, not_after=NOT_AFTER
            ),
            "signer": _certificate(
                "Signer", key, "Intermediate", ca_key, ca=False, purpose=purpose, not_after=not_after
            ),
        }
        if root:
            certificates["root"] = _certificate(
                "Root", root_key, "Root", root_key, ca=True, purpose=None, not_after=NOT_AFTER
            )
        for name, certificate in certificates.items():
            (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return directory

    return make


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> "Workshop":
    """The boot loader on the host, keys, and images that imgtool signed."""
    from simulated_board import Workshop  # it takes longer to load than most tests

    return Workshop.make(tmp_path_factory.mktemp("workshop"))


@pytest.fixture
def iotsign(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the real command in `tmp_path`; standard streams are pipes unless given."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
        if options["stdin"] is None:
            del options["stdin"]
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("cwd", tmp_path)
        options.setdefault("timeout", 60)
        return subprocess.run([IOTSIGN, *map(str, arguments)], **options)

    return run


MICROBIT_HEX = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
NRF_IMAGES = (
    "nrf52840dk_default",
    "nrf52840dk_acl_502",
    "nrf52840dk_legacy",
    "nrf5340dk_default",
    "nrf5340dk_acl_502",
    "nrf52dk_default",
)


@pytest.fixture(params=NRF_IMAGES)
def nrf_hex(request: pytest.FixtureRequest) -> Path:
    """Each of the six Zephyr HCI images of PyPI's zephyr_4.4.0_hci: Intel HEX for nRF52 and nRF5340.

    Those for the nRF5340 hold two programs, at 0x0 and at 0x1000000 for the network core.
    """
    import zephyr_4_4_0_hci

    path: Path = getattr(zephyr_4_4_0_hci.firmware, request.param).HEX_PATH
    return path


@pytest.fixture
def microbit_hex() -> Path:
    """MicroPython for the BBC micro:bit, from Debian's firmware-microbit-micropython.

    It holds the program at 0x0 and settings (UICR) at 0x100010c0.
    """
    if not MICROBIT_HEX.exists():
        pytest.skip("needs Debian's package firmware-microbit-micropython")
    return MICROBIT_HEX


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``iotsign serve --local`` as a process; tests share it, so each uses names of its own."""
    found = Server(tmp_path_factory.mktemp("service") / "data")
    yield found
    assert found.stop() == 0
