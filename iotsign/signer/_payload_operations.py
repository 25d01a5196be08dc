"""SignPayload: a job from acceptance to release in one call.

The job is recorded when its signature is on record and before it is given away, so a signature that anybody has can be
described and revoked. Nothing is left to do for a call that was interrupted: its signature went nowhere.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from iotsign.errors import FormatError, IotsignError, ValidationError
from iotsign.keys import verifying_once
from iotsign.signer._authorisation import usable_profile
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain
from iotsign.signer._issuing import Issuing
from iotsign.signer._job import JobStatus, SigningJob
from iotsign.signer._job_operations import new_job, signing_platform
from iotsign.signer._key_use import KeyUse, RecordingSigner
from iotsign.signer._own_chain import JOB, PROFILE_VERSION, claims_of, pack_payload
from iotsign.signer._packing import signs_payloads
from iotsign.signer._workshop import SUCCEEDED


class PayloadOperations:
    """Signatures over payloads that come with the request."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._use, self._issuing = KeyUse(domain, leaves_process=False), Issuing(domain)

    def sign(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Sign a payload, and give the envelope.

        Raises:
            ResourceNotFoundError: There is no such profile.
            AccessDeniedError: It is another account's, which did not grant this.
            ValidationError: The profile is not active, its platform signs objects only, or the payload is not one of
                the platform's.
            StoreError: A store failed, or something is not on record; nothing is given away.
            IotsignError: The service's own chain cannot sign.
        """
        domain = self._domain
        with domain.records.reading() as transaction:
            profile = usable_profile(transaction, domain, caller, request, "signer:SignPayload")
        platform = signing_platform(domain, profile)
        if not signs_payloads(platform):
            message = f"SignPayload is not supported for platform {platform.platform_id}; use StartSigningJob"
            raise ValidationError("OperationNotSupported", message, platform=platform.platform_id)
        payload, job_id = request["payload"], str(uuid.uuid4())
        digest = hashlib.sha256(payload).hexdigest()
        token = f"payload {job_id}"
        job = new_job(domain, caller, profile, job_id, request_id=request_id, token=token, request_digest=digest)
        domain.on_step("accepted", job_id)
        try:
            envelope = self._sign(job, payload, request["payloadFormat"])
            self._keep(job, hashlib.sha256(envelope).hexdigest())
        except FormatError as error:
            raise ValidationError("InvalidPayload", error.message, member="payload") from error
        except IotsignError as error:
            self._use.record_outcome("SigningFailed", job, code=error.code, reason=error.message)
            domain.on_step("failed", job_id)
            raise
        domain.on_step("released", job_id)
        metadata = {PROFILE_VERSION: str(profile.version_arn), JOB: str(job.arn(domain.region))}
        return {"jobId": job_id, "jobOwner": job.owner, "metadata": metadata, "signature": envelope}

    def _sign(self, job: SigningJob, payload: bytes, payload_type: str) -> bytes:
        material = self._issuing.material(job)
        claims = claims_of(job, self._domain.region, self._domain.now())
        with verifying_once():
            return pack_payload(payload, payload_type, RecordingSigner(self._use, job, material), material, claims)

    def _keep(self, job: SigningJob, digest: str) -> None:
        domain = self._domain
        self._use.record_outcome("SigningSucceeded", job, signedObjectSha256=digest)
        domain.on_step("logged", job.job_id)
        done = replace(
            job, signed_digest=digest, status=JobStatus.SUCCEEDED, status_reason=SUCCEEDED, completed_at=domain.now()
        )
        domain.records.add_job(done)
        domain.on_step("succeeded", job.job_id)
