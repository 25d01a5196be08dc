"""As much of Amazon S3 as a signing round trip needs, over a directory; path style, signature version 4."""

from iotsign.server.s3._api import S3Api
from iotsign.server.s3._body import MAX_UPLOAD

__all__ = ["MAX_UPLOAD", "S3Api"]
