"""S3's calls over HTTP, as many as a signing round trip needs."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from datetime import datetime
from typing import Final, ParamSpec, TypeVar

from iotsign.errors import AccessDeniedError, ValidationError
from iotsign.server._exchange import Exchange
from iotsign.server.access import check_allowed
from iotsign.server.s3._body import Upload
from iotsign.server.s3._download import check_conditions, object_headers, send_object
from iotsign.server.s3._faults import answer_s3_fault
from iotsign.server.s3._listing import list_objects, list_versions, stamp
from iotsign.server.s3._route import S3Call, find_call
from iotsign.server.s3._xml import element, read_xml, xml
from iotsign.server.sigv4 import S3, Authenticated, Claim, Keyring, authenticate
from iotsign.stores.objects import (
    DEFAULT_TYPE,
    MAX_PARTS,
    Bucket,
    DirectoryObjects,
    MultipartUploads,
    StoredVersion,
    Versioning,
)

_MAX_DOCUMENT: Final = 1 << 20
_META: Final = "x-amz-meta-"
# headers that would change what an upload does; an upload that says more than we do is refused, not half done
_UNKNOWN_WISHES: Final = ("if-match", "if-none-match", "x-amz-copy-source", "x-amz-server-side-encryption")

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class S3Api:
    """Answers the requests that are signed for ``s3``; a bucket serves the account that made it.

    Args:
        objects: Where objects are.
        keyring: The access keys.
        region: The region that requests must be signed for.
        executor: Where files are read and written.
        clock: The time, with a time zone.
    """

    def __init__(
        self,
        objects: DirectoryObjects,
        keyring: Keyring,
        region: str,
        executor: Executor,
        clock: Callable[[], datetime],
    ) -> None:
        self._objects = objects
        self._uploads = MultipartUploads(objects)
        self._keyring = keyring
        self._region = region
        self._executor = executor
        self._clock = clock
        self._handlers: dict[str, Callable[[Exchange, S3Call, Authenticated], Awaitable[None]]] = {
            "ListBuckets": self._list_buckets,
            "CreateBucket": self._create_bucket,
            "HeadBucket": self._head_bucket,
            "PutBucketVersioning": self._put_bucket_versioning,
            "GetBucketVersioning": self._get_bucket_versioning,
            "GetBucketLocation": self._get_bucket_location,
            "ListObjectVersions": self._list_object_versions,
            "ListObjectsV2": self._list_objects,
            "PutObject": self._put_object,
            "GetObject": self._get_object,
            "HeadObject": self._get_object,
            "CreateMultipartUpload": self._create_upload,
            "UploadPart": self._upload_part,
            "CompleteMultipartUpload": self._complete_upload,
            "AbortMultipartUpload": self._abort_upload,
        }

    async def answer(self, exchange: Exchange, claim: Claim) -> None:
        """Answer a request whose claim has been read.

        Raises:
            IotsignError: It is refused, or something broke.
        """
        request = exchange.request
        caller = authenticate(
            request, keyring=self._keyring, service=S3, region=self._region, now=self._clock(), claim=claim
        )
        exchange.account, exchange.access_key_id = caller.key.account, caller.key.access_key_id
        call = find_call(request.method, caller.path, caller.query)
        exchange.operation = call.operation
        check_allowed(caller.key, f"s3:{call.operation}")
        if call.bucket and call.operation != "CreateBucket":
            await self._check_owner(call.bucket, caller)
        await self._handlers[call.operation](exchange, call, caller)

    async def refuse(self, exchange: Exchange, error: BaseException) -> None:
        """Answer with an error."""
        await answer_s3_fault(exchange, error)

    async def _run(
        self,
        function: Callable[_Parameters, _Result],
        *arguments: _Parameters.args,
        **options: _Parameters.kwargs,
    ) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: function(*arguments, **options))

    async def _check_owner(self, name: str, caller: Authenticated) -> Bucket:
        bucket = await self._run(self._objects.find_bucket, name)
        if bucket.owner != caller.key.account:
            raise AccessDeniedError("AccessDenied", "Access Denied")
        return bucket

    async def _document(self, exchange: Exchange, caller: Authenticated, *, checksums: bool = True) -> bytes:
        """Read a small body and check it as an upload's is."""
        with self._objects.stage() as file:
            upload = Upload(exchange.request, caller, limit=_MAX_DOCUMENT, checksums=checksums)
            await upload.store(exchange, file, self._executor)
            file.seek(0)
            return file.read()

    async def _respond(self, exchange: Exchange, body: bytes = b"", *headers: tuple[str, str]) -> None:
        content_type = [("content-type", "application/xml")] if body else []
        await exchange.respond(200, [*content_type, *headers, ("x-amz-request-id", exchange.request_id)], body)

    async def _list_buckets(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        account = caller.key.account
        buckets = [
            element("Bucket", element("Name", bucket.name), element("CreationDate", stamp(bucket.created_at)))
            for bucket in await self._run(self._objects.buckets, account)
        ]
        owner = element("Owner", element("ID", account), element("DisplayName", account))
        await self._respond(exchange, xml("ListAllMyBucketsResult", owner, element("Buckets", *buckets)))

    async def _create_bucket(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        document = await self._document(exchange, caller) if exchange.request.get("content-length", "0") != "0" else b""
        if document:
            wanted = read_xml(document, "CreateBucketConfiguration").findtext("LocationConstraint", "")
            if wanted not in {"", self._region}:
                message = f"expected {self._region} as location constraint, got {wanted[:64]!r}"
                raise ValidationError("InvalidArgument", message)
        await self._run(self._objects.create_bucket, call.bucket, caller.key.account)
        await self._respond(exchange, b"", ("location", f"/{call.bucket}"))

    async def _head_bucket(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        await self._respond(exchange, b"", ("x-amz-bucket-region", self._region))

    async def _put_bucket_versioning(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        document = read_xml(await self._document(exchange, caller), "VersioningConfiguration")
        status = document.findtext("Status", "")
        if status not in {"Enabled", "Suspended"} or document.findtext("MfaDelete", "Disabled") != "Disabled":
            raise ValidationError("MalformedXML", f"expected Enabled or Suspended as Status, got {status[:64]!r}")
        await self._run(self._objects.set_versioning, call.bucket, Versioning(status))
        await self._respond(exchange)

    async def _get_bucket_versioning(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        status = (await self._check_owner(call.bucket, caller)).versioning.value
        await self._respond(exchange, xml("VersioningConfiguration", *([element("Status", status)] if status else [])))

    async def _get_bucket_location(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        body = xml("LocationConstraint")
        if self._region != "us-east-1":  # which S3 spells as nothing
            body = body.replace(b" />", f">{self._region}</LocationConstraint>".encode())
        await self._respond(exchange, body)

    async def _list_object_versions(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        found = await self._run(self._objects.versions, call.bucket, call.query.get("prefix", ""))
        await self._respond(exchange, list_versions(call, found))

    async def _list_objects(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        if call.query["list-type"] != "2":
            raise ValidationError("InvalidArgument", f"expected list-type 2, got {call.query['list-type'][:32]!r}")
        found = await self._run(self._objects.versions, call.bucket, call.query.get("prefix", ""))
        await self._respond(exchange, list_objects(call, found))

    async def _put_object(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        refuse_wishes(exchange)
        request = exchange.request
        with self._objects.stage() as file:
            upload = Upload(request, caller)
            await upload.store(exchange, file, self._executor)
            stored = await self._run(
                self._objects.put,
                call.bucket,
                call.key,
                file,
                content_type=request.get("content-type", DEFAULT_TYPE),
                metadata=metadata_of(exchange),
                etag=upload.etag,
            )
        await self._respond(
            exchange,
            b"",
            ("etag", f'"{stored.etag}"'),
            ("x-amz-version-id", stored.version),
            *upload.checksums.items(),
        )

    async def _create_upload(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        refuse_wishes(exchange)
        upload_id = await self._run(
            self._uploads.create,
            call.bucket,
            call.key,
            content_type=exchange.request.get("content-type", DEFAULT_TYPE),
            metadata=metadata_of(exchange),
        )
        names = [element("Bucket", call.bucket), element("Key", call.key), element("UploadId", upload_id)]
        await self._respond(exchange, xml("InitiateMultipartUploadResult", *names))

    async def _upload_part(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        refuse_wishes(exchange)
        number = call.integer("partNumber", 0, MAX_PARTS + 1)
        with self._objects.stage() as file:
            upload = Upload(exchange.request, caller)
            await upload.store(exchange, file, self._executor)
            upload_id = call.query["uploadId"]
            await self._run(self._uploads.put_part, call.bucket, call.key, upload_id, number, file, etag=upload.etag)
        await self._respond(exchange, b"", ("etag", f'"{upload.etag}"'), *upload.checksums.items())

    async def _complete_upload(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:
        refuse_wishes(exchange)
        parts = read_parts(await self._document(exchange, caller, checksums=False))
        stored = await self._run(self._uploads.complete, call.bucket, call.key, call.query["uploadId"], parts)
        body = xml(
            "CompleteMultipartUploadResult",
            element("Location", f"/{call.bucket}/{call.key}"),
            element("Bucket", call.bucket),
            element("Key", call.key),
            element("ETag", f'"{stored.etag}"'),
        )
        await self._respond(exchange, body, ("x-amz-version-id", stored.version))

    async def _abort_upload(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        await self._run(self._uploads.abort, call.bucket, call.key, call.query["uploadId"])
        await exchange.respond(204, [("x-amz-request-id", exchange.request_id)])

    async def _get_object(self, exchange: Exchange, call: S3Call, caller: Authenticated) -> None:  # noqa: ARG002
        version: StoredVersion = await self._run(self._objects.find, call.bucket, call.key, call.query.get("versionId"))
        headers = [*object_headers(version), ("x-amz-request-id", exchange.request_id)]
        if not check_conditions(exchange, version):
            await exchange.respond(304, headers)
            return
        await send_object(exchange, version, headers, self._executor)


def metadata_of(exchange: Exchange) -> dict[str, str]:
    """The user's metadata in the head of an upload, by name without its prefix."""
    request = exchange.request
    return {name.removeprefix(_META): request.get(name) for name in request.names() if name.startswith(_META)}


def refuse_wishes(exchange: Exchange) -> None:
    """Refuse an upload whose head wishes for what this server does not do.

    Raises:
        ValidationError: It does (``NotImplemented``).
    """
    wishes = [name for name in exchange.request.names() if name.startswith(_UNKNOWN_WISHES)]
    if wishes:
        message = f"A header you provided implies functionality that is not implemented: {', '.join(wishes)}"
        raise ValidationError("NotImplemented", message)


def read_parts(document: bytes) -> list[tuple[int, str]]:
    """Read the parts that an upload is to be completed of: numbers and ETags.

    Raises:
        ValidationError: It is no such list (``MalformedXML``).
    """
    found: list[tuple[int, str]] = []
    for part in read_xml(document, "CompleteMultipartUpload"):
        number, etag = part.findtext("PartNumber", ""), part.findtext("ETag", "").strip().strip('"')
        if part.tag != "Part" or not (number.isascii() and number.isdigit() and len(number) < 6):
            raise ValidationError("MalformedXML", "expected parts, each with a number and an ETag")
        found.append((int(number), etag))
    if not found:
        raise ValidationError("MalformedXML", "expected at least one part")
    return found
