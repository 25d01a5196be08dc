"""Objects that are signed and made: in a directory, or in S3."""

from iotsign.stores.objects._directory import DEFAULT_TYPE, NULL_VERSION, DirectoryObjects
from iotsign.stores.objects._multipart import MAX_PARTS, MIN_PART_SIZE, MultipartUploads
from iotsign.stores.objects._s3 import S3Objects, open_s3
from iotsign.stores.objects._stored import Bucket, StoredVersion, Versioning

__all__ = [
    "DEFAULT_TYPE",
    "MAX_PARTS",
    "MIN_PART_SIZE",
    "NULL_VERSION",
    "Bucket",
    "DirectoryObjects",
    "MultipartUploads",
    "S3Objects",
    "StoredVersion",
    "Versioning",
    "open_s3",
]
