"""The signing service over a folder: records, objects, signing material and the audit log.

::

    DIR/records.db       profiles and jobs (SQLite), unless a database URL says another place
    DIR/objects/         buckets, unless objects live in S3
    DIR/materials/       certificates and encrypted private keys
    DIR/material.key     what encrypts them, unless a key file elsewhere is named
    DIR/iotsign.audit    the audit log
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from iotsign.errors import StoreError
from iotsign.platforms import Registry
from iotsign.signer import Clock, SigningService
from iotsign.stores.audit import FileAuditLog
from iotsign.stores.materials import DirectoryMaterials
from iotsign.stores.objects import DirectoryObjects
from iotsign.stores.sql import SqlRecords, open_records, sqlite_url

__all__ = ["AUDIT_LOG", "KEY_FILE", "OpenService", "ServiceSettings", "SystemClock", "open_materials", "open_service"]

DEFAULT_REGION: Final = "us-east-1"
AUDIT_LOG: Final = "iotsign.audit"
KEY_FILE: Final = "material.key"


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
        key_file: What encrypts private keys; by default in the folder.
        sync_objects: Whether objects survive a power cut, not only a crash.
    """

    directory: Path
    region: str = DEFAULT_REGION
    database: str | None = None
    key_file: Path | None = None
    sync_objects: bool = True


@dataclass(frozen=True, slots=True)
class OpenService:
    """The service and what it stands on.

    Attributes:
        service: All operations.
        objects: The object store.
        materials: Keys and certificates.
        records: Profiles and jobs.
    """

    service: SigningService
    objects: DirectoryObjects
    materials: DirectoryMaterials
    records: SqlRecords


def open_materials(settings: ServiceSettings) -> DirectoryMaterials:
    """Open the signing material alone, to import into it."""
    key_file = settings.key_file or settings.directory / KEY_FILE
    return DirectoryMaterials(settings.directory / "materials", key_file, region=settings.region)


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
        ConfigError: The database URL is malformed.
        MissingDependencyError: A package is not installed.
        StoreError: Something cannot be opened or made.
    """
    home = settings.directory
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("DirectoryUnwritable", f"cannot create {str(home)!r}: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        records = open_records(settings.database or sqlite_url(home / "records.db"))
        stack.callback(records.close)
        objects = DirectoryObjects(home / "objects", sync=settings.sync_objects)
        materials = open_materials(settings)
        audit = FileAuditLog(home / AUDIT_LOG)
        stack.callback(audit.close)
        service = SigningService(
            records=records,
            objects=objects,
            materials=materials,
            audit=audit,
            platforms=platforms or Registry(),
            clock=clock or SystemClock(),
            region=settings.region,
            worker=_worker_name(os.getpid()) or "",
            is_gone=_is_gone,
            on_step=on_step or (lambda _step, _job: None),
        )
        yield OpenService(service, objects, materials, records)


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
