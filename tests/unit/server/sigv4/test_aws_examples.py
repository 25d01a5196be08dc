"""The worked examples of Amazon's documentation.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)": header, query, chunked examples.
"""

import hashlib
from datetime import UTC, datetime

from iotsign.server.sigv4 import S3, AccessKey, ChunkReader, PayloadMode, WireRequest, authenticate

KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "1" * 12, "arn")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
STAMP = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"


class Ring:
    def find(self, access_key_id: str) -> AccessKey | None:
        return KEY if access_key_id == KEY.access_key_id else None


def authorization(signed_headers: str, signature: str) -> str:
    credential = f"{KEY.access_key_id}/{SCOPE}"
    return f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={signed_headers},Signature={signature}"


def test_get_object() -> None:
    signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    headers = (
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", hashlib.sha256().hexdigest()),
        ("x-amz-date", STAMP),
        ("authorization", authorization("host;range;x-amz-content-sha256;x-amz-date", signature)),
    )
    request = WireRequest("GET", b"/test.txt", b"", headers)
    assert authenticate(request, keyring=Ring(), service=S3, region="us-east-1", now=NOW).key == KEY


def test_presigned_url() -> None:
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY.access_key_id}%2F{SCOPE.replace('/', '%2F')}"
        f"&X-Amz-Date={STAMP}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = WireRequest("GET", b"/test.txt", query.encode(), (("host", "examplebucket.s3.amazonaws.com"),))
    found = authenticate(request, keyring=Ring(), service=S3, region="us-east-1", now=NOW)
    assert (found.mode, found.query) == (PayloadMode.UNSIGNED, ())


def test_chunked_upload() -> None:
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date"
    names += ";x-amz-decoded-content-length;x-amz-storage-class"
    headers = (
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", STAMP),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
        ("authorization", authorization(names, seed)),
    )
    request = WireRequest("PUT", b"/examplebucket/chunkObject.txt", b"", headers)
    found = authenticate(request, keyring=Ring(), service=S3, region="us-east-1", now=NOW)
    reader = ChunkReader(found)
    chunks = [
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ]
    body = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (size, sign.encode(), b"a" * size) for size, sign in chunks)
    assert len(body) == 66824
    assert b"".join(reader.feed(body)) == b"a" * 66560
    reader.close()
