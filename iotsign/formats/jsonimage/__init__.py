"""AWS signed objects: JSONEmbedded and JSONDetached, byte-exact.

Layouts and what a strict reader refuses stand in docs/formats/aws-json.md.
"""

from iotsign.formats.jsonimage._detached import pack_detached, read_detached
from iotsign.formats.jsonimage._embedded import PackedImage, pack_embedded, read_embedded
from iotsign.formats.jsonimage._image import (
    DETACHED,
    EMBEDDED,
    JSON_FORMATS,
    JsonImage,
    check_json_format,
    payload_hash,
)
from iotsign.formats.jsonimage._read import looks_like_json_image, read_json_image
from iotsign.formats.jsonimage._s3 import S3Location
from iotsign.formats.jsonimage._small import MAX_PREFIX, pack_small, read_small
from iotsign.formats.jsonimage._strictjson import load_object

__all__ = [
    "DETACHED",
    "EMBEDDED",
    "JSON_FORMATS",
    "MAX_PREFIX",
    "JsonImage",
    "PackedImage",
    "S3Location",
    "check_json_format",
    "load_object",
    "looks_like_json_image",
    "pack_detached",
    "pack_embedded",
    "pack_small",
    "payload_hash",
    "read_detached",
    "read_embedded",
    "read_json_image",
    "read_small",
]
