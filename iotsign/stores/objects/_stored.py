"""What is known of buckets and of objects in a directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path


class Versioning(Enum):
    """Whether a bucket keeps versions; the value is S3's word."""

    NEVER = ""
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Attributes:
        name: Its name.
        owner: Account that it belongs to.
        created_at: When it was made.
        versioning: Whether it keeps versions.
    """

    name: str
    owner: str
    created_at: datetime
    versioning: Versioning


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object.

    Attributes:
        bucket: Its bucket.
        key: Its key; empty where a power cut took the note of it.
        version: Its version; ``null`` if it was put while the bucket kept none.
        size: In bytes.
        etag: As S3 gives it, without quotes: the MD5 of the content, in hex; of the parts' for a multipart upload.
        modified_at: When it was put.
        content_type: As it was put.
        metadata: The user's, by name without ``x-amz-meta-``.
        is_latest: Whether it is the newest version of its key.
        path: The file.
    """

    bucket: str
    key: str
    version: str
    size: int
    etag: str
    modified_at: datetime
    content_type: str
    metadata: Mapping[str, str]
    is_latest: bool
    path: Path
