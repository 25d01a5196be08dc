"""The S3 endpoint through an unmodified boto3 client."""

import base64
import hashlib
import io
import random
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from server_process import ACCOUNT, OTHER_ACCOUNT, Server


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def refused(call: Callable[..., Any], code: str, **request: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response


def test_buckets(s3: Any, bucket: str, server: Server) -> None:
    found = s3.list_buckets()
    assert bucket in [entry["Name"] for entry in found["Buckets"]]
    assert found["Owner"]["ID"] == ACCOUNT
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    refused(s3.create_bucket, "BucketAlreadyOwnedByYou", Bucket=bucket)
    theirs = server.client("s3", server.add_key(OTHER_ACCOUNT, "--user", "s3"))
    refused(theirs.create_bucket, "BucketAlreadyExists", Bucket=bucket)
    refused(theirs.list_objects_v2, "AccessDenied", Bucket=bucket)
    refused(theirs.put_object, "AccessDenied", Bucket=bucket, Key="k", Body=b"")
    assert bucket not in [entry["Name"] for entry in theirs.list_buckets()["Buckets"]]
    refused(s3.head_bucket, "404", Bucket="nobody-has-this")
    refused(s3.list_objects_v2, "NoSuchBucket", Bucket="nobody-has-this")
    refused(s3.create_bucket, "InvalidBucketName", Bucket="127.0.0.1")
    elsewhere = {"LocationConstraint": "eu-west-1"}
    refused(s3.create_bucket, "InvalidArgument", Bucket="abc-def", CreateBucketConfiguration=elsewhere)
    s3.create_bucket(Bucket=bucket + "x", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})


@pytest.mark.parametrize(
    "key", ["k", "a/b//c", "../../etc/passwd", "ä €😀", "a b+c&d=e?f#g%h", "a\nb", "x" * 1024, "%2e%2e/"]
)
def test_any_key(s3: Any, bucket: str, key: str) -> None:  # threat 24
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"content")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"content"
    assert s3.head_object(Bucket=bucket, Key=key, VersionId=version)["ContentLength"] == 7
    (listed,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert (listed["Key"], listed["VersionId"], listed["Size"], listed["IsLatest"]) == (key, version, 7, True)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_versions_and_metadata(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one", ContentType="text/x", Metadata={"build": "7 of 9"})
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    old = s3.get_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert old["Body"].read() == b"one"
    assert (old["ContentType"], old["Metadata"], old["VersionId"]) == (
        "text/x",
        {"build": "7 of 9"},
        first["VersionId"],
    )
    assert old["ETag"] == first["ETag"] == f'"{hashlib.md5(b"one").hexdigest()}"'
    listed = s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]
    assert [entry["VersionId"] for entry in listed] == [second["VersionId"], first["VersionId"]]
    refused(s3.get_object, "NoSuchVersion", Bucket=bucket, Key="k", VersionId="0" * 32)
    refused(s3.get_object, "NoSuchKey", Bucket=bucket, Key="none")
    refused(s3.head_object, "404", Bucket=bucket, Key="none")


def test_listings_in_pages(s3: Any, bucket: str) -> None:
    keys = ["a", "b/1", "b/2", "c", "c/1", "d"]
    for key in keys:
        for body in (b"1", b"2"):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    for size in (1, 2, 3, 100):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == keys
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        found = [entry for page in pages for entry in page.get("Versions", [])]
        assert [entry["Key"] for entry in found] == sorted(keys * 2)
        assert len({entry["VersionId"] for entry in found}) == 12
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
        )
        pages = list(pages)
        assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == ["a", "c", "d"]
        assert [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])] == ["b/", "c/"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, StartAfter="b/2")["Contents"]] == [
        "c",
        "c/1",
        "d",
    ]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3: Any, bucket: str, algorithm: str) -> None:
    body = b"firmware" * 1000
    answer = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    assert answer[f"Checksum{algorithm}"]
    wrong = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}[algorithm]
    value = base64.b64encode(bytes(wrong)).decode()
    refused(s3.put_object, "BadDigest", Bucket=bucket, Key="k2", Body=body, **{f"Checksum{algorithm}": value})
    refused(s3.head_object, "404", Bucket=bucket, Key="k2")


def test_content_md5(s3: Any, bucket: str) -> None:
    refused(s3.put_object, "BadDigest", Bucket=bucket, Key="k", Body=b"x", ContentMD5="A" * 22 + "==")
    refused(s3.put_object, "InvalidDigest", Bucket=bucket, Key="k", Body=b"x", ContentMD5="AAAA")


def test_ranges_and_conditions(s3: Any, bucket: str) -> None:
    body = random.Random(1).randbytes(1000)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=body)["ETag"]
    for wanted, first, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=10-", 10, 1000),
        ("bytes=-7", 993, 1000),
        ("bytes=990-5000", 990, 1000),
    ):
        answer = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
        assert answer["Body"].read() == body[first:end]
        assert answer["ContentRange"] == f"bytes {first}-{end - 1}/1000"
    for ignored in ("bytes=5-4", "lines=1-2", "bytes=-"):
        assert s3.get_object(Bucket=bucket, Key="k", Range=ignored)["ContentLength"] == 1000
    for beyond in ("bytes=1000-", "bytes=-0"):
        refused(s3.get_object, "InvalidRange", Bucket=bucket, Key="k", Range=beyond)
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["ContentLength"] == 1000
    refused(s3.get_object, "PreconditionFailed", Bucket=bucket, Key="k", IfMatch='"other"')
    refused(s3.get_object, "304", Bucket=bucket, Key="k", IfNoneMatch=etag)


@pytest.mark.parametrize("threads", [False, True])
def test_large_files_go_in_parts(s3: Any, bucket: str, tmp_path: Path, threads: bool) -> None:
    content = random.Random(2).randbytes(12 << 20)
    file = tmp_path / "large.bin"
    file.write_bytes(content)
    config = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=5 << 20, use_threads=threads)
    s3.upload_file(str(file), bucket, "large", Config=config, ExtraArgs={"Metadata": {"a": "b"}, "ContentType": "x/y"})
    head = s3.head_object(Bucket=bucket, Key="large")
    digests = b"".join(
        hashlib.md5(content[start : start + (5 << 20)]).digest() for start in range(0, len(content), 5 << 20)
    )
    assert head["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (head["Metadata"], head["ContentType"], head["ContentLength"]) == ({"a": "b"}, "x/y", len(content))
    s3.download_file(bucket, "large", str(tmp_path / "back"), Config=config)
    assert (tmp_path / "back").read_bytes() == content


def test_multipart_errors(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    here = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etags = [s3.upload_part(**here, PartNumber=number, Body=b"x" * number)["ETag"] for number in (1, 2)]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]

    def complete(code: str, parts: list[dict[str, Any]]) -> None:
        refused(s3.complete_multipart_upload, code, **here, MultipartUpload={"Parts": parts})

    complete("EntityTooSmall", parts)
    complete("InvalidPartOrder", parts[::-1])
    complete("InvalidPart", [{"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}])
    complete("InvalidPart", [{"PartNumber": 1, "ETag": "../../x"}])
    complete("InvalidPart", [{"PartNumber": 7, "ETag": etags[0]}])
    complete("MalformedXML", [])
    refused(s3.upload_part, "InvalidArgument", **here, PartNumber=0, Body=b"")
    refused(s3.upload_part, "InvalidArgument", **here, PartNumber=10_001, Body=b"")
    for other in (here | {"Key": "other"}, here | {"UploadId": "0" * 32}, here | {"UploadId": "../.."}):
        refused(s3.upload_part, "NoSuchUpload", **other, PartNumber=1, Body=b"")
    refused(s3.head_object, "404", Bucket=bucket, Key="k")
    s3.upload_part(**here, PartNumber=2, Body=b"again")
    complete("InvalidPart", parts)
    s3.abort_multipart_upload(**here)
    refused(s3.abort_multipart_upload, "NoSuchUpload", **here)
    refused(s3.create_multipart_upload, "NoSuchBucket", Bucket="nobody-has-this", Key="k")


def test_presigned_urls(server: Server, bucket: str) -> None:
    s3 = server.client("s3", signature_version="s3v4")  # boto3's default for these is still version 2
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    request = urllib.request.Request(put, data=b"by url", method="PUT")
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as response:
        assert response.read() == b"by url"


def test_streams_of_known_length(s3: Any, bucket: str) -> None:
    """boto3 asks with Expect: 100-continue before it sends a file."""
    s3.upload_fileobj(io.BytesIO(b"stream" * 1000), bucket, "stream")
    assert s3.get_object(Bucket=bucket, Key="stream")["ContentLength"] == 6000


def test_what_is_not_implemented_is_not_half_done(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused(s3.copy_object, "NotImplemented", Bucket=bucket, Key="k2", CopySource=f"{bucket}/k")
    refused(s3.put_object, "NotImplemented", Bucket=bucket, Key="k", Body=b"y", IfNoneMatch="*")
    refused(s3.put_object, "NotImplemented", Bucket=bucket, Key="k", Body=b"y", ServerSideEncryption="AES256")
    refused(s3.delete_object, "NotImplemented", Bucket=bucket, Key="k")
    refused(s3.get_bucket_acl, "NotImplemented", Bucket=bucket)
    refused(s3.list_objects, "NotImplemented", Bucket=bucket)
    refused(s3.put_object_tagging, "NotImplemented", Bucket=bucket, Key="k", Tagging={"TagSet": []})
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_values_that_are_none(s3: Any, bucket: str) -> None:
    wrong = {"Status": "On"}
    refused(s3.put_bucket_versioning, "MalformedXML", Bucket=bucket, VersioningConfiguration=wrong)
    with_mfa = {"Status": "Enabled", "MFADelete": "Enabled"}
    refused(s3.put_bucket_versioning, "MalformedXML", Bucket=bucket, VersioningConfiguration=with_mfa)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    refused(s3.list_object_versions, "InvalidArgument", Bucket=bucket, EncodingType="base64")
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_another_region_is_named(server: Server, bucket: str) -> None:
    client = server.client("s3", region="eu-west-1")
    assert refused(client.list_buckets, "AuthorizationHeaderMalformed")["Error"]["Region"] == "us-east-1"
