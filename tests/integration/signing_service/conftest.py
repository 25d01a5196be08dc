"""A folder of the signing service with a key, a profile, buckets and something to sign."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotsign.algorithms import KeyType
from iotsign.app.service import OpenService, ServiceSettings, open_service
from iotsign.keys import certify_self, open_signer
from iotsign.signer import Caller
from iotsign.stores.materials import create_key_file
from iotsign.stores.objects import DirectoryObjects, Versioning

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
PROGRAM = Path(__file__).parents[2] / "fakes" / "service_process.py"


LAMBDA = "AWSLambda-SHA384-ECDSA"
NOTATION = "Notation-OCI-SHA384-ECDSA"
PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
TARGET = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}


def furnish_own_chain(opened: OpenService, folder: Path, platform: str, size: int | None) -> None:
    """Put a profile of the service's own chain and something for it to sign into an empty service."""
    assert isinstance(opened.objects, DirectoryObjects)
    opened.service.call(ME, "PutSigningProfile", {"profileName": "release", "platformId": platform}, request_id="r")
    for bucket in ("source", "signed"):
        opened.objects.create_bucket(bucket, ME.account)
    opened.objects.set_versioning("source", Versioning.ENABLED)
    request: dict[str, Any] = {"profileName": "release"}
    if platform == NOTATION:
        request |= {"payload": json.dumps({"targetArtifact": TARGET}), "payloadFormat": PAYLOAD_TYPE}
    else:
        with opened.objects.stage() as staged:
            with zipfile.ZipFile(staged, "w") as archive, archive.open("app.bin", "w") as entry:
                for _ in range((size or 1 << 16) >> 16):
                    entry.write(bytes(1 << 16))
            stored = opened.objects.put("source", "app.zip", staged, etag="x")
        request["source"] = {"s3": {"bucketName": "source", "key": "app.zip", "version": stored.version}}
        request["destination"] = {"s3": {"bucketName": "signed"}}
    (folder / "request.json").write_text(json.dumps(request))


def furnish(opened: OpenService, folder: Path, private: Path, platform: str, size: int | None) -> None:
    """Put a key, a profile, buckets and a firmware into an empty service."""
    assert isinstance(opened.objects, DirectoryObjects)
    create_key_file(folder / "material.key")
    certificate = certify_self(open_signer(f"pem:{private}"), subject=None, days=30).certificate
    arn = opened.materials.import_key(ME.account, f"pem:{private}", [certificate])
    profile = {"profileName": "release", "platformId": platform, "signingMaterial": {"certificateArn": arn}}
    opened.service.call(ME, "PutSigningProfile", profile, request_id="r")
    for bucket in ("source", "signed"):
        opened.objects.create_bucket(bucket, ME.account)
    opened.objects.set_versioning("source", Versioning.ENABLED)
    with opened.objects.stage() as staged:
        if size is None:
            staged.write(b"firmware" * 1000)
        else:
            staged.truncate(size)
        stored = opened.objects.put("source", "app.bin", staged, etag="x")
    request = {
        "source": {"s3": {"bucketName": "source", "key": "app.bin", "version": stored.version}},
        "destination": {"s3": {"bucketName": "signed"}},
        "profileName": "release",
    }
    (folder / "request.json").write_text(json.dumps(request))


@pytest.fixture
def service_folder(tmp_path: Path, key_files: Any) -> Callable[..., Path]:
    """Make a folder; a size makes the firmware that many zeros."""

    def make(platform: str = "AmazonFreeRTOS-Default", size: int | None = None) -> Path:
        folder = tmp_path / "service"
        with open_service(ServiceSettings(folder)) as opened:
            if platform in (LAMBDA, NOTATION):
                furnish_own_chain(opened, folder, platform, size)
                return folder
            furnish(opened, folder, key_files(KeyType.P256)[0], platform, size)
        return folder

    return make


@pytest.fixture
def in_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Do a job in a process of its own."""

    def run(folder: Path, action: str, argument: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), str(folder), action, argument]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run
