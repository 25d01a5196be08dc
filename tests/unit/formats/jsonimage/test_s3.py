import pytest

from iotsign.errors import ConfigError
from iotsign.formats.jsonimage import S3Location


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("bucket/key@v1", S3Location("bucket", "key", "v1")),
        ("my-bucket.eu/a/b/c.bin@null", S3Location("my-bucket.eu", "a/b/c.bin", "null")),
        ("bkt/user@host/app.bin@3sL4kqtJlcpXroDTDmJ", S3Location("bkt", "user@host/app.bin", "3sL4kqtJlcpXroDTDmJ")),
        ("bkt/größe.bin@v", S3Location("bkt", "größe.bin", "v")),
    ],
)
def test_parse(text: str, location: S3Location) -> None:
    assert S3Location.parse(text) == location


# threat 24
@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket",
        "bucket/key",
        "bucket@v",
        "/key@v",
        "bu/key@v",
        "Bucket/key@v",
        "bucket_x/key@v",
        "-bucket/key@v",
        "bucket-/key@v",
        "a..b/key@v",
        "b" * 64 + "/key@v",
        "../key@v",
        "bucket/@v",
        "bucket/key@",
        "bucket/../key@v",
        "bucket/a/../../etc/passwd@v",
        "bucket/./key@v",
        "bucket/ke\ny@v",
        "bucket/ke\x00y@v",
        "bucket/key@v\x1b[2J",
        "bucket/" + "k" * 1025 + "@v",
        "bucket/" + "ü" * 513 + "@v",
        "bucket/key@" + "v" * 1025,
        "bucket/\udcff@v",
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match="S3 location") as caught:
        S3Location.parse(text)
    assert caught.value.code == "BadS3Location"


def test_names_that_utf8_cannot_encode_are_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        S3Location("bucket", "\ud800", "v")


def test_local_file_has_no_bucket() -> None:
    assert S3Location.local("app\udcff.bin") == S3Location("", "app�.bin", "")
