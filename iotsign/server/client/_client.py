"""What a client does, wherever the service is; pages, and waiting for a job."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, Final, Protocol

from iotsign.errors import SignerError

PAGE: Final = 25
"""Most entries that a service gives at a time."""

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class Buckets(Protocol):
    """The buckets that jobs read and write."""

    def upload(self, bucket: str, key: str, file: IO[bytes]) -> str:
        """Put an object and give its version.

        Raises:
            SignerError: The bucket cannot be used, or keeps no versions.
            StoreError: It cannot be written.
        """

    def download(self, bucket: str, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object for reading.

        Raises:
            SignerError: It cannot be used.
            StoreError: It cannot be read.
        """


class SigningClient(Protocol):
    """Calls AWS Signer's operations.

    Attributes:
        buckets: Where jobs find and leave objects.
    """

    @property
    def buckets(self) -> Buckets:
        """Where jobs find and leave objects."""

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation.

        Args:
            operation: Its name, as AWS spells it.
            request: The members of its input shape.

        Returns:
            The members of its output shape.

        Raises:
            SignerError: The service refuses.
            StoreError: The service or its store cannot be reached.
        """

    def finish(self, job_id: str) -> None:
        """Take up a job that was left behind, where that is the client's business.

        Raises:
            StoreError: A store failed.
        """


def call_pages(
    client: SigningClient, operation: str, request: Mapping[str, Any], *, max_items: int | None = None
) -> dict[str, Any]:
    """Call an operation that lists, until there is no more, and put the pages together.

    Args:
        client: Whom to ask.
        operation: Its name.
        request: Its members; a ``nextToken`` says where to begin.
        max_items: How many entries are enough; then ``nextToken`` of the answer says where to go on.

    Raises:
        SignerError: The service refuses.
        StoreError: The service or its store cannot be reached.
    """
    asked, left = dict(request), max_items
    found: dict[str, Any] = {}
    while True:
        if left is not None:
            asked["maxResults"] = min(left, PAGE)
        page = client.call(operation, asked)
        token = page.pop("nextToken", None)
        for name, value in page.items():
            found[name] = found.get(name, []) + value if isinstance(value, list) else value
            if left is not None and isinstance(value, list):
                left -= len(value)
        if not token or (left is not None and left <= 0):
            return found | ({"nextToken": token} if token else {})
        asked["nextToken"] = token


def wait_for_job(client: SigningClient, job_id: str, *, timeout_s: float) -> dict[str, Any]:
    """Wait until a job has ended, and describe it; it may have failed.

    Args:
        client: Whom to ask.
        job_id: The job.
        timeout_s: How long at most, in seconds.

    Raises:
        SignerError: There is no such job, or it is still in progress.
        StoreError: The service or its store cannot be reached.
    """
    deadline, pause = time.monotonic() + timeout_s, _FIRST_PAUSE_S
    client.finish(job_id)
    while (job := client.call("DescribeSigningJob", {"jobId": job_id}))["status"] == "InProgress":
        left = deadline - time.monotonic()
        if left <= 0:
            message = f"signing job {job_id} is still in progress after {timeout_s:g} seconds"
            raise SignerError("JobInProgress", message, job=job_id)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    return job
