"""The client of a folder: the domain is called in this process, and there is no server."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Final

from iotsign.app.service import OpenService, ServiceSettings, open_service
from iotsign.errors import AccessDeniedError, ResourceNotFoundError, StoreError
from iotsign.platforms import Registry
from iotsign.server._in_process import call_in_process
from iotsign.server.client._caller import find_account, local_caller
from iotsign.server.client._client import Buckets
from iotsign.server.client._remote import open_s3_buckets
from iotsign.signer import Caller
from iotsign.stores.objects import DirectoryObjects, Versioning

_CHUNK: Final = 1 << 20


class DirectoryBuckets:
    """The buckets of a folder; one that is not there is made for the first object that is put into it.

    Args:
        objects: The folder.
        account: Whose buckets are used.
    """

    def __init__(self, objects: DirectoryObjects, account: str) -> None:
        self._objects = objects
        self._account = account

    def upload(self, bucket: str, key: str, file: IO[bytes]) -> str:
        """Put an object and give its version; see `Buckets`."""
        try:
            self._check(bucket)
        except ResourceNotFoundError:
            self._objects.create_bucket(bucket, self._account)
            self._objects.set_versioning(bucket, Versioning.ENABLED)
        with self._objects.stage() as staged:
            shutil.copyfileobj(file, staged, _CHUNK)
            return self._objects.put(bucket, key, staged).version

    @contextmanager
    def download(self, bucket: str, key: str) -> Iterator[IO[bytes]]:
        """Open an object for reading; see `Buckets`."""
        self._check(bucket)
        path = self._objects.find(bucket, key).path
        try:
            file = path.open("rb")
        except OSError as error:
            raise StoreError("ObjectUnreadable", f"s3://{bucket}/{key}: {error.strerror}") from error
        with file:
            yield file

    def _check(self, bucket: str) -> None:
        if self._objects.find_bucket(bucket).owner != self._account:
            raise AccessDeniedError("AccessDenied", f"the bucket {bucket} belongs to another account", bucket=bucket)


class LocalClient:
    """Calls the domain; see `SigningClient`. A job that was started is done before the call returns.

    Args:
        opened: The domain and its stores.
        caller: Who asks.
        buckets: Where jobs find and leave objects.
    """

    def __init__(self, opened: OpenService, caller: Caller, buckets: Buckets) -> None:
        self._service = opened.service
        self._caller = caller
        self.buckets = buckets

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation; see `SigningClient`."""
        return call_in_process(self._service, self._caller, operation, request)

    def finish(self, job_id: str) -> None:
        """Do a job that a process left behind; one that a process works on is left to it."""
        if job_id in self._service.recover():
            self._service.run_job(job_id)


@contextmanager
def open_local(
    settings: ServiceSettings, *, account: str | None = None, platforms: Registry | None = None, make: bool = False
) -> Iterator[LocalClient]:
    """Open a service's folder.

    Args:
        settings: Where the service keeps things.
        account: Whose profiles and jobs; by default the only one of the folder's access file.
        platforms: The signing platforms; by default the built-in ones.
        make: Make the folder if it is not there.

    Raises:
        ConfigError: The settings are wrong, or there are several accounts.
        KeyRejectedError: Others can read the access file.
        MissingDependencyError: A package is not installed.
        StoreError: The folder is not there, or cannot be used.
    """
    folder = settings.directory
    if not make and not folder.is_dir():
        hint = "name it with --data; `iotsign key import` or `iotsign serve --local` make one"
        message = f"{folder}: expected the folder of a signing service, got none"
        raise StoreError("NoSuchFolder", message, path=str(folder), hint=hint)
    caller = local_caller(find_account(folder, account))
    with open_service(settings, platforms=platforms) as opened:
        if isinstance(opened.objects, DirectoryObjects):
            yield LocalClient(opened, caller, DirectoryBuckets(opened.objects, caller.account))
            return
        endpoint = (settings.objects or "").partition(":")[2] or None
        with open_s3_buckets(endpoint, region=settings.region) as buckets:
            yield LocalClient(opened, caller, buckets)
