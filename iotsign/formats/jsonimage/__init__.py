"""AWS signed objects: JSONEmbedded and JSONDetached, byte-exact.

Layouts and what a strict reader refuses stand in docs/formats/aws-json.md. The names load on first use: a native
container needs none of them.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
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
    from iotsign.formats.jsonimage._read import read_json_image
    from iotsign.formats.jsonimage._recognise import looks_like_json_image
    from iotsign.formats.jsonimage._s3 import S3Location
    from iotsign.formats.jsonimage._small import MAX_PREFIX, SmallObjects, pack_small
    from iotsign.formats.jsonimage._strictjson import load_object

__all__ = [
    "DETACHED",
    "EMBEDDED",
    "JSON_FORMATS",
    "MAX_PREFIX",
    "JsonImage",
    "PackedImage",
    "S3Location",
    "SmallObjects",
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
]

_HOMES: Final = {
    "DETACHED": "_image",
    "EMBEDDED": "_image",
    "JSON_FORMATS": "_image",
    "JsonImage": "_image",
    "MAX_PREFIX": "_small",
    "PackedImage": "_embedded",
    "S3Location": "_s3",
    "SmallObjects": "_small",
    "check_json_format": "_image",
    "load_object": "_strictjson",
    "looks_like_json_image": "_recognise",
    "pack_detached": "_detached",
    "pack_embedded": "_embedded",
    "pack_small": "_small",
    "payload_hash": "_image",
    "read_detached": "_detached",
    "read_embedded": "_embedded",
    "read_json_image": "_read",
}

__getattr__ = lazy_names(__name__, _HOMES)
