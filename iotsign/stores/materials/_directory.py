"""Signing material in a directory.

::

    ROOT/UUID/material.json    its ARN, and the key URI if the key stays where it is
    ROOT/UUID/key.pem          the private key, encrypted under the key file, if it was taken in
    ROOT/UUID/certificate.pem  the signer's certificate, then its issuers, if it has one
"""

import json
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iotsign.errors import KeyRejectedError, StoreError
from iotsign.keys import (
    Passphrase,
    PublicKey,
    certificate_key,
    certificate_pem,
    load_certificates,
    open_signer,
    seal_key,
)
from iotsign.signer import CertificateArn, Material
from iotsign.stores.materials._key_file import read_key_file

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_ABOUT: Final = "material.json"
_KEY: Final = "key.pem"
_CERTIFICATE: Final = "certificate.pem"


class DirectoryMaterials:
    """Keys and certificates by ARN; see `iotsign.signer.Materials`.

    Args:
        root: The directory; it is made when something is imported.
        key_file: What encrypts private keys.
        region: AWS region that stands in ARNs.
    """

    def __init__(self, root: Path, key_file: Path, *, region: str) -> None:
        self._root, self._key_file, self._region = root, key_file, region
        self._known: dict[str, Material] = {}
        self._lock = threading.Lock()

    def find(self, arn: str) -> Material | None:
        """Find material; a key is opened once and stays open.

        Raises:
            KeyFamilyError: Its key cannot be used, or the key file is missing, another's or readable by others.
            StoreError: It cannot be read.
        """
        with self._lock:
            if arn not in self._known:
                found = self._load(arn)
                if found is None:
                    return None
                self._known[arn] = found
            return self._known[arn]

    def import_key(
        self,
        account: str,
        uri: str,
        certificates: "Sequence[Certificate]",
        *,
        passphrase: Passphrase | None = None,
        by_reference: bool = False,
    ) -> str:
        """Take a private key in, encrypted under the key file, or note where it is.

        Args:
            account: Whose it is to be: twelve digits.
            uri: The key.
            certificates: The signer's own first, then its issuers; none for a bare key.
            passphrase: Called if the key is encrypted.
            by_reference: Leave the key where it is, and open it there when it signs.

        Returns:
            The ARN by which profiles name it.

        Raises:
            KeyFamilyError: The key cannot be read, must not sign, the certificate is about another one, or the key file
                cannot be used.
            StoreError: The system does not take it.
        """
        arn = CertificateArn(self._region, account, str(uuid.uuid4()))
        about: dict[str, Any] = {"arn": str(arn)}
        if by_reference:
            pem, public = None, open_signer(uri, passphrase=passphrase).public_key
            about["key"] = uri
        else:
            pem, public = seal_key(uri, read_key_file(self._key_file), passphrase=passphrase)
        _check_certificates(certificates, public)
        chain = b"".join(certificate_pem(certificate) for certificate in certificates)
        files = {_ABOUT: json.dumps(about).encode(), _KEY: pem, _CERTIFICATE: chain or None}
        self._write(arn.material_id, {name: content for name, content in files.items() if content is not None})
        return str(arn)

    def _write(self, name: str, files: dict[str, bytes]) -> None:
        home = ""
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            home = tempfile.mkdtemp(prefix=".import-", dir=self._root)  # mode 0700
            for file, content in files.items():
                descriptor = os.open(f"{home}/{file}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "wb") as out:  # noqa: PTH123 - a descriptor has no path
                    out.write(content)
                    out.flush()
                    os.fsync(descriptor)
            Path(home).rename(self._root / name)
        except OSError as error:
            message = f"cannot write signing material into {str(self._root)!r}: {error.strerror}"
            raise StoreError("MaterialUnwritable", message, path=str(self._root)) from error
        finally:
            if home:
                shutil.rmtree(home, ignore_errors=True)

    def _load(self, arn: str) -> Material | None:
        parsed = CertificateArn.parse(arn)
        home = self._root / parsed.material_id if parsed else None
        if home is None or not (home / _ABOUT).exists():
            return None
        about = self._about(home)
        if about.get("arn") != arn:
            return None
        if "key" in about:
            signer = open_signer(about["key"])
        else:
            signer = open_signer(f"pem:{home / _KEY}", passphrase=lambda: read_key_file(self._key_file))
        certificates = load_certificates(home / _CERTIFICATE) if (home / _CERTIFICATE).exists() else ()
        _check_certificates(certificates, signer.public_key)
        return Material(arn, signer, certificates[0] if certificates else None, tuple(certificates[1:]))

    @staticmethod
    def _about(home: Path) -> dict[str, Any]:
        try:
            about = json.loads((home / _ABOUT).read_bytes())
        except (OSError, ValueError) as error:
            message = f"cannot read the signing material {str(home)!r}: {error}"
            raise StoreError("MaterialUnreadable", message, path=str(home)) from error
        return about if isinstance(about, dict) else {}


def _check_certificates(certificates: "Sequence[Certificate]", key: PublicKey) -> None:
    if certificates and certificate_key(certificates[0]) != key:
        message = "expected a certificate about the signing key, got one about another key"
        raise KeyRejectedError("CertificateKeyMismatch", message)
