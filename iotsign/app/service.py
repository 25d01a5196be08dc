"""The signing service over a folder: records, objects, signing material and the audit log.

::

    DIR/records.db       profiles and jobs (SQLite), unless a database URL says another place
    DIR/objects/         buckets, unless they are in S3
    DIR/materials/       certificates and encrypted private keys
    DIR/issuer/          the service's own certificate authority, for Lambda and Notation
    DIR/material.key     what encrypts them, unless a key file elsewhere is named
    DIR/iotsign.audit    the audit log
"""

import contextlib
import os
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from iotsign.app.configuration import ServerSettings
from iotsign.errors import ConfigError, StoreError, UntrustedImageError
from iotsign.keys import Passphrase, check_signing_certificate, load_certificates
from iotsign.platforms import Registry
from iotsign.signer import Clock, SigningService
from iotsign.stores.audit import FileAuditLog
from iotsign.stores.issuer import DirectoryIssuer
from iotsign.stores.materials import DirectoryMaterials, create_key_file
from iotsign.stores.objects import DirectoryObjects, S3Objects, open_s3
from iotsign.stores.sql import SqlRecords, open_records, sqlite_url

__all__ = [
    "AUDIT_LOG",
    "KEY_FILE",
    "ImportedMaterial",
    "OpenService",
    "ServiceSettings",
    "SystemClock",
    "import_material",
    "open_issuer",
    "open_materials",
    "open_service",
    "service_settings",
]

DEFAULT_REGION: Final = "us-east-1"
AUDIT_LOG: Final = "iotsign.audit"
KEY_FILE: Final = "material.key"

_BUCKET_OWNER: Final = re.compile(r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])=([0-9]{12})")


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Where the service keeps things.

    Attributes:
        directory: The folder.
        region: AWS region that stands in ARNs.
        database: URL of the records; by default SQLite in the folder.
        objects: ``s3:`` for AWS S3, ``s3:URL`` for another endpoint; by default buckets in the folder.
        bucket_owners: Whose each bucket in S3 is: ``BUCKET=ACCOUNT``; empty leaves that to S3's permissions.
        key_file: What encrypts private keys; by default in the folder.
        sync_objects: Whether objects survive a power cut, not only a crash.
    """

    directory: Path
    region: str = DEFAULT_REGION
    database: str | None = None
    objects: str | None = None
    bucket_owners: tuple[str, ...] = ()
    key_file: Path | None = None
    sync_objects: bool = True

    @property
    def key_path(self) -> Path:
        """Where the key file is."""
        return self.key_file or self.directory / KEY_FILE


@dataclass(frozen=True, slots=True)
class OpenService:
    """The service and what it stands on.

    Attributes:
        service: All operations.
        objects: The object store.
        materials: Keys and certificates.
        issuer: The service's own certificate authority.
        records: Profiles and jobs.
    """

    service: SigningService
    objects: DirectoryObjects | S3Objects
    materials: DirectoryMaterials
    issuer: DirectoryIssuer
    records: SqlRecords


def service_settings(server: ServerSettings, *, data: Path | None = None, region: str | None = None) -> ServiceSettings:
    """Take the settings of the service from the configuration.

    Args:
        server: Table ``server``.
        data: Another folder.
        region: Another region.
    """
    return ServiceSettings(
        directory=data or server.data,
        region=region or server.region,
        database=server.database,
        objects=server.objects,
        bucket_owners=server.bucket_owners,
        key_file=server.key_file,
    )


def open_materials(settings: ServiceSettings) -> DirectoryMaterials:
    """Open the signing material alone, to import into it."""
    return DirectoryMaterials(settings.directory / "materials", settings.key_path, region=settings.region)


def open_issuer(settings: ServiceSettings) -> DirectoryIssuer:
    """Open the service's own certificate authority alone, to see whom to trust."""
    directory = settings.directory / "issuer"
    return DirectoryIssuer(directory, settings.key_path, prepare_key_file=lambda: _make_key_file(settings))


@dataclass(frozen=True, slots=True)
class ImportedMaterial:
    """A key that the service has.

    Attributes:
        arn: By which profiles name it.
        key_file: The key file, if it was made for this.
        problems: What will keep platforms from signing with it.
    """

    arn: str
    key_file: Path | None
    problems: tuple[str, ...]


def import_material(
    settings: ServiceSettings,
    account: str,
    uri: str,
    certificates: Sequence[str | Path],
    *,
    passphrase: Passphrase | None = None,
    by_reference: bool = False,
) -> ImportedMaterial:
    """Hand a key and its certificate to the service.

    Args:
        settings: Where the service keeps things.
        account: Whose it is to be: twelve digits.
        uri: The private key.
        certificates: Files: the signer's own first, then its issuers; none for a bare key.
        passphrase: Called if the key is encrypted.
        by_reference: Leave the key where it is.

    Raises:
        KeyFamilyError: Key, certificate or key file cannot be used, or do not fit each other.
        StoreError: The system does not take it.
    """
    loaded = [certificate for file in certificates for certificate in load_certificates(file)]
    _make_home(settings.directory)
    made = None if by_reference else _make_key_file(settings)
    arn = open_materials(settings).import_key(account, uri, loaded, passphrase=passphrase, by_reference=by_reference)
    problems: list[str] = []
    try:
        if loaded:
            check_signing_certificate(loaded[0])
    except UntrustedImageError as error:
        problems.append(error.message)
    return ImportedMaterial(arn, made, tuple(problems))


@contextmanager
def open_service(
    settings: ServiceSettings,
    *,
    platforms: Registry | None = None,
    clock: Clock | None = None,
    on_step: Callable[[str, str], None] | None = None,
) -> Iterator[OpenService]:
    """Open the service; what is not there yet is made.

    Args:
        settings: Where things are.
        platforms: The signing platforms; by default the built-in ones.
        clock: The time; by default this machine's.
        on_step: Told each step of a job, as `SigningService` says.

    Raises:
        ConfigError: The database URL or the place of buckets is malformed.
        MissingDependencyError: A package is not installed.
        StoreError: Something cannot be opened or made.
    """
    home = settings.directory
    _make_home(home)
    with contextlib.ExitStack() as stack:
        records = open_records(settings.database or _own_database(home / "records.db"))
        stack.callback(records.close)
        objects = _open_objects(settings)
        materials = open_materials(settings)
        issuer = open_issuer(settings)
        audit = FileAuditLog(home / AUDIT_LOG)
        stack.callback(audit.close)
        service = SigningService(
            records=records,
            objects=objects,
            materials=materials,
            issuer=issuer,
            audit=audit,
            platforms=platforms or Registry(),
            clock=clock or SystemClock(),
            region=settings.region,
            worker=_worker_name(os.getpid()) or "",
            is_gone=_is_gone,
            on_step=on_step or (lambda _step, _job: None),
        )
        yield OpenService(service, objects, materials, issuer, records)


def _make_key_file(settings: ServiceSettings) -> Path | None:
    """Make a key file if there is none, and no key that another one has encrypted."""
    path = settings.key_path
    if path.exists() or any((settings.directory / "materials").glob("*/key.pem")):
        return None
    with contextlib.suppress(ConfigError):  # another process was faster
        create_key_file(path)
        return path
    return None


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("DirectoryUnwritable", f"cannot create {str(home)!r}: {error.strerror}") from error


def _own_database(path: Path) -> str:
    """The URL of the database in the folder; who may read it is said when it is made."""
    with contextlib.suppress(OSError):  # what cannot be made cannot be opened either, and is refused then
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite_url(path)


def _open_objects(settings: ServiceSettings) -> DirectoryObjects | S3Objects:
    owners = _bucket_owners(settings.bucket_owners)
    if settings.objects is None:
        if owners is not None:
            raise ConfigError("OwnersWithoutS3", "expected owners of buckets only where buckets are in S3")
        return DirectoryObjects(settings.directory / "objects", sync=settings.sync_objects)
    scheme, colon, endpoint = settings.objects.partition(":")
    if scheme != "s3" or not colon:
        message = f"expected s3: or s3:URL as the place of buckets, got {settings.objects!r}"
        raise ConfigError("UnknownObjectStore", message, objects=settings.objects)
    return open_s3(endpoint or None, region=settings.region, owners=owners)


def _bucket_owners(entries: Sequence[str]) -> dict[str, str] | None:
    owners: dict[str, str] = {}
    for entry in entries:
        match = _BUCKET_OWNER.fullmatch(entry)
        if match is None or match[1] in owners:
            message = f"expected the owner of each bucket once, as BUCKET=ACCOUNT with 12 digits, got {entry!r}"
            raise ConfigError("BadBucketOwner", message, bucket_owner=entry)
        owners[match[1]] = match[2]
    return owners or None


def _worker_name(pid: int) -> str | None:
    """Name a process of this machine: host, process id, and when it began; None if there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    started = status.rpartition(")")[2].split()[19]  # proc(5): field 22; the 20th behind the command's name
    return f"{socket.gethostname()}:{pid}:{started}"


def _is_gone(worker: str) -> bool:
    """Tell whether a process of this machine has ended; of other machines nothing is known."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    return host == socket.gethostname() and rest.isdecimal() and _worker_name(int(rest)) != worker
