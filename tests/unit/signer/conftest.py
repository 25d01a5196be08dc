"""The service over stores in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from memory_stores import MemoryAudit, MemoryMaterials, MemoryObjects, MemoryRecords, SetClock

from iotsign.algorithms import KeyType
from iotsign.keys import certify_self, open_signer
from iotsign.platforms import Registry
from iotsign.signer import BucketHead, Caller, Material, SigningService, SourceObject
from iotsign.stores.issuer import DirectoryIssuer
from iotsign.stores.materials import create_key_file

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")


class World:
    """A service, what it stands on, and a caller."""

    def __init__(self, key_files: Callable[[KeyType], tuple[Path, Path]], home: Path) -> None:
        self.home = home
        self._key_files = key_files
        self.records, self.objects, self.audit = MemoryRecords(), MemoryObjects(), MemoryAudit()
        self.materials, self.clock = MemoryMaterials(), SetClock()
        self.steps: list[str] = []
        self.on_step: Callable[[str, str], None] = lambda _step, _job: None
        self.gone: set[str] = set()
        self.service = self.another("worker-1")
        self.objects.heads = {
            "source": BucketHead(ME.account, True),
            "signed": BucketHead(ME.account, False),
            "theirs": BucketHead("444455556666", True),
        }

    def another(self, worker: str) -> SigningService:
        """Start one more process over the same stores."""

        def step(name: str, job_id: str) -> None:
            self.steps.append(name)
            self.on_step(name, job_id)

        return SigningService(
            records=self.records,
            objects=self.objects,
            materials=self.materials,
            issuer=self.issuer(),
            audit=self.audit,
            platforms=Registry(),
            clock=self.clock,
            region="eu-west-1",
            worker=worker,
            is_gone=self.gone.__contains__,
            on_step=step,
        )

    def issuer(self) -> DirectoryIssuer:
        """Open the service's own certificate authority, as one more process does."""
        key_file = self.home / "material.key"
        if not key_file.exists():
            create_key_file(key_file)
        return DirectoryIssuer(self.home / "issuer", key_file)

    def call(self, operation: str, caller: Caller = ME, **request: Any) -> dict[str, Any]:
        return self.service.call(caller, operation, request, request_id="request-1")

    def material(
        self, key_type: KeyType = KeyType.P256, *, certificate: x509.Certificate | None = None, bare: bool = False
    ) -> str:
        """Import a key; its certificate is self-signed unless another is given."""
        arn = f"arn:aws:acm:eu-west-1:{ME.account}:certificate/00000000-0000-4000-8000-{len(self.materials.known):012}"
        signer = open_signer(f"pem:{self._key_files(key_type)[0]}")
        issued = certificate or certify_self(signer, subject=None, days=30, now=self.clock.now()).certificate
        self.materials.known[arn] = Material(arn, signer, None if bare else issued)
        return arn

    def profile(
        self, platform: str = "AmazonFreeRTOS-Default", name: str = "release", key: KeyType = KeyType.P256, **more: Any
    ) -> dict[str, Any]:
        return self.call(
            "PutSigningProfile",
            profileName=name,
            platformId=platform,
            signingMaterial={"certificateArn": self.material(key)},
            **more,
        )

    def firmware(self, content: bytes = b"firmware" * 100) -> SourceObject:
        return self.objects.put("source", "app.bin", content)

    def start(self, source: SourceObject, /, token: str = "token", caller: Caller = ME, **more: Any) -> dict[str, Any]:
        request = {
            "source": source.to_aws(),
            "destination": {"s3": {"bucketName": "signed", "prefix": "out/"}},
            "profileName": "release",
            "clientRequestToken": token,
        }
        return self.call("StartSigningJob", caller, **(request | more))

    def sign(self, source: SourceObject | None = None, **more: Any) -> dict[str, Any]:
        """Start a job, do its work, and describe it."""
        job_id = self.start(source or self.firmware(), **more)["jobId"]
        self.service.run_job(job_id)
        return self.call("DescribeSigningJob", jobId=job_id)

    def signed(self, job: dict[str, Any]) -> bytes:
        """Give the signed object of a described job."""
        where = job["signedObject"]["s3"]
        return self.objects.get(where["bucketName"], where["key"])


@pytest.fixture
def world(key_files: Callable[[KeyType], tuple[Path, Path]], tmp_path: Path) -> World:
    return World(key_files, tmp_path)
