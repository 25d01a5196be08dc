"""Objects that are signed and made: in a directory, or in S3."""

from iotsign.stores.objects._directory import DEFAULT_TYPE, NULL_VERSION, DirectoryObjects
from iotsign.stores.objects._s3 import S3Objects, open_s3
from iotsign.stores.objects._stored import Bucket, StoredVersion, Versioning

__all__ = [
    "DEFAULT_TYPE",
    "NULL_VERSION",
    "Bucket",
    "DirectoryObjects",
    "S3Objects",
    "StoredVersion",
    "Versioning",
    "open_s3",
]
