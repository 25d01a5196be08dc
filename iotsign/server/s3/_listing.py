"""Pages of objects and of their versions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from xml.etree.ElementTree import Element

from iotsign.errors import ValidationError
from iotsign.server.s3._route import S3Call
from iotsign.server.s3._xml import element, xml
from iotsign.stores.objects import StoredVersion

MAX_KEYS = 1000


@dataclass(slots=True)
class _Page:
    versions: list[StoredVersion] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""  # key or common prefix that the next page comes after

    def __len__(self) -> int:
        return len(self.versions) + len(self.prefixes)


def _page(versions: Iterable[StoredVersion], prefix: str, delimiter: str, limit: int) -> _Page:
    page = _Page()
    for version in versions:
        end = version.key.find(delimiter, len(prefix)) if delimiter else -1
        common = version.key[: end + len(delimiter)] if end >= 0 else ""
        if common and page.prefixes and page.prefixes[-1] == common:
            continue
        if len(page) == limit:
            page.truncated = True
            break
        if common:
            page.prefixes.append(common)
        else:
            page.versions.append(version)
        page.last = common or version.key
    return page


def stamp(moment: datetime) -> str:
    """Write a time as S3's XML does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


class _Writer:
    def __init__(self, call: S3Call) -> None:
        encoding = call.query.get("encoding-type", "")
        if encoding not in {"", "url"}:
            raise ValidationError("InvalidArgument", f"expected url as encoding-type, got {encoding[:32]!r}")
        self.encoding = encoding

    def text(self, value: str) -> str:
        """A key, encoded if the client asked for it."""
        return quote(value, safe="/-_.~") if self.encoding else value

    def common(self, call: S3Call, page: _Page, limit: int) -> Iterator[Element]:
        """What all listings say."""
        yield element("Name", call.bucket)
        yield element("Prefix", self.text(call.query.get("prefix", "")))
        if delimiter := call.query.get("delimiter", ""):
            yield element("Delimiter", self.text(delimiter))
        yield element("MaxKeys", limit)
        if self.encoding:
            yield element("EncodingType", self.encoding)
        yield element("IsTruncated", str(page.truncated).lower())

    def prefixes(self, page: _Page) -> Iterator[Element]:
        """The common prefixes."""
        for prefix in page.prefixes:
            yield element("CommonPrefixes", element("Prefix", self.text(prefix)))

    def object(self, version: StoredVersion) -> Iterator[Element]:
        """What is said of every object."""
        yield element("Key", self.text(version.key))
        yield element("LastModified", stamp(version.modified_at))
        yield element("ETag", f'"{version.etag}"')
        yield element("Size", version.size)
        yield element("StorageClass", "STANDARD")


def list_objects(call: S3Call, versions: Iterable[StoredVersion]) -> bytes:
    """Answer ListObjectsV2.

    Args:
        call: The request.
        versions: All versions below its prefix: by key, newest first.

    Raises:
        ValidationError: A parameter is malformed.
    """
    writer, limit = _Writer(call), call.integer("max-keys", MAX_KEYS, MAX_KEYS)
    after = call.query.get("continuation-token") or call.query.get("start-after", "")
    delimiter = call.query.get("delimiter", "")
    rest = (version for version in versions if version.is_latest and _is_behind(version.key, after, delimiter))
    page = _page(rest, call.query.get("prefix", ""), delimiter, limit)
    content = [*writer.common(call, page, limit), element("KeyCount", len(page))]
    if page.truncated:
        content.append(element("NextContinuationToken", page.last))
    content += [element("Contents", *writer.object(version)) for version in page.versions]
    return xml("ListBucketResult", *content, *writer.prefixes(page))


def _is_behind(key: str, after: str, delimiter: str) -> bool:
    if delimiter and after.endswith(delimiter) and key.startswith(after):
        return False  # the page before ended with this common prefix
    return key > after


def list_versions(call: S3Call, versions: Iterable[StoredVersion]) -> bytes:
    """Answer ListObjectVersions; arguments as for `list_objects`.

    Raises:
        ValidationError: A parameter is malformed.
    """
    writer, limit = _Writer(call), call.integer("max-keys", MAX_KEYS, MAX_KEYS)
    after, after_version = call.query.get("key-marker", ""), call.query.get("version-id-marker", "")
    delimiter = call.query.get("delimiter", "")
    page = _page(_behind(versions, after, after_version, delimiter), call.query.get("prefix", ""), delimiter, limit)
    content = [*writer.common(call, page, limit)]
    content += [element("KeyMarker", writer.text(after)), element("VersionIdMarker", after_version)]
    if page.truncated:
        content.append(element("NextKeyMarker", writer.text(page.last)))
        if page.versions and page.versions[-1].key == page.last:
            content.append(element("NextVersionIdMarker", page.versions[-1].version))
    for version in page.versions:
        latest = element("IsLatest", str(version.is_latest).lower())
        content.append(element("Version", *writer.object(version), element("VersionId", version.version), latest))
    return xml("ListVersionsResult", *content, *writer.prefixes(page))


def _behind(
    versions: Iterable[StoredVersion], after: str, after_version: str, delimiter: str
) -> Iterator[StoredVersion]:
    found = False  # the version that the page before ended with
    for version in versions:
        if version.key == after and after_version:
            if found:
                yield version
            found = found or version.version == after_version
        elif _is_behind(version.key, after, delimiter):
            yield version
