"""One board and all that its tests need."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from iotsign.app import (
    DeviceSteps,
    Installed,
    InstallOptions,
    PayloadOptions,
    SigningOptions,
    Trust,
    VerifyOptions,
    install_image,
    sign_image,
)
from iotsign.device import Board, EmulatedBoard, SmpClient
from iotsign.device.provisioning import Provisioning
from iotsign.keys import load_public_key, open_signer
from iotsign.platforms import Registry

HEADER_SIZE = 0x200
PATIENCE_S = 60.0  # a busy machine is no failure


@dataclass(frozen=True)
class Keys:
    """The private keys of a bench."""

    boot: Path
    code_signer: Path


def make_key(path: Path) -> None:
    """Write a new P-256 key and its public half."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.touch(0o600)
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def public_half(private: Path, directory: Path) -> Path:
    """Write the public half of a key into a folder."""
    path = directory / f"{private.stem}.pub.pem"
    path.write_bytes(open_signer(f"pem:{private}").public_key.to_pem())
    return path


def page_of(keys: Keys, directory: Path) -> bytes:
    """Write the provisioning page of an emulated board."""
    return Provisioning(
        boot_keys=[load_public_key(public_half(keys.boot, directory)).spki_der],
        code_signer=load_public_key(public_half(keys.code_signer, directory)).spki_der,
        device_id="bench",
        attest_key=hashlib.sha256(b"bench").digest(),
    ).to_bytes()


@dataclass
class Bench:
    """One board and all that its tests need.

    Attributes:
        board: The board.
        client: The line to it.
        keys: The keys that it trusts.
        directory: For files of the test.
        firmware: The folder with its sample applications.
        emulated: The emulator; None for a real board.
    """

    board: Board
    client: SmpClient
    keys: Keys
    directory: Path
    firmware: Path
    emulated: EmulatedBoard | None

    def boot_image(self, version: str, sample: str = "confirming", key: Path | None = None) -> bytes:
        """Sign a sample application as an MCUboot image."""
        return self._sign(version, sample, key or self.keys.boot, None)

    def signed_object(self, version: str, sample: str = "confirming", key: Path | None = None) -> bytes:
        """Sign a sample application as a JSONEmbedded object around an MCUboot image."""
        return self._sign(version, sample, self.keys.boot, key or self.keys.code_signer)

    def _sign(self, version: str, sample: str, boot: Path, outer: Path | None) -> bytes:
        options = SigningOptions(
            Registry().get("MCUboot-ECDSA-P256"),
            image_format="JSONEmbedded" if outer else "native",
            payload=PayloadOptions("bin"),
            settings={"version": version, "header_size": HEADER_SIZE, "pad_header": True, "align": 8},
            boot_signer=open_signer(f"pem:{boot}") if outer else None,
        )
        target = self.directory / f"{sample}-{version}.img"
        sign_image(self.firmware / f"{sample}.bin", target, options, open_signer(f"pem:{outer or boot}"))
        return target.read_bytes()

    def install(self, image: bytes, *, force: bool = False, trial_s: float = 10.0, confirm: str = "app") -> Installed:
        """Install an image as `iotsign device flash` does."""
        path = self.directory / "install.img"
        path.write_bytes(image)
        trust = Trust.from_keys([public_half(self.keys.code_signer, self.directory)])
        options = InstallOptions(
            verify=VerifyOptions(trust=trust),
            force=force,
            confirm=confirm,
            trial_s=trial_s,
            connect_timeout_s=PATIENCE_S,
        )
        self.steps = DeviceSteps()
        return install_image(path, self.client, self.board, options, steps=self.steps)

    def running(self) -> str:
        """Version of the image in the primary slot."""
        self.client.connect(PATIENCE_S)
        return next(image.version for image in self.client.images() if image.slot == 0)
