"""The use of a private key, in two stages: intend and sign.

`KeyUse.prepare` puts the intent on record and gives a token; `KeyUse.sign` spends it. Without a record there is no
token, and a token signs once, and only what it was given for.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from iotsign.algorithms import SignatureAlgorithm
from iotsign.errors import AccessDeniedError
from iotsign.keys import PublicKey, Signer
from iotsign.signer._domain import Domain
from iotsign.signer._job import SigningJob
from iotsign.signer._ports import AuditEvent, Material


@dataclass(frozen=True, slots=True)
class SigningToken:
    """Permission to sign one thing once.

    Attributes:
        value: Random; it says nothing.
    """

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Prepared:
    job: SigningJob
    signer: Signer
    algorithm: SignatureAlgorithm
    digest: bytes | None  # of what is signed, for an algorithm that signs digests
    message: bytes | None  # what is signed, for one that does not


class KeyUse:
    """Keeps what was intended until it is signed.

    Args:
        domain: What the service works with.
        leaves_process: Whether a signature is written somewhere before its outcome is on record. Then the intent must
            outlast a power cut before the key is used; if not, a power cut takes the signature along.
    """

    def __init__(self, domain: Domain, *, leaves_process: bool = True) -> None:
        self._domain, self._leaves_process = domain, leaves_process
        self._prepared: dict[str, _Prepared] = {}
        self._lock = threading.Lock()

    def prepare(
        self,
        job: SigningJob,
        material: Material,
        algorithm: SignatureAlgorithm,
        *,
        digest: bytes | None = None,
        message: bytes | None = None,
    ) -> SigningToken:
        """Put on record that something is going to be signed.

        Args:
            job: What for.
            material: By which key.
            algorithm: How.
            digest: What is signed, for an algorithm that signs digests.
            message: What is signed, for one that does not.

        Raises:
            StoreError: It is not on record; nothing may be signed.
        """
        what = {"digest": digest.hex()} if digest is not None else {"messageSize": len(message or b"")}
        details = {**material.name, "algorithm": algorithm.name, **what}
        self._record("SigningIntended", job, details, durable=self._leaves_process)
        self._domain.on_step("intended", job.job_id)
        token = SigningToken(secrets.token_hex(16))
        with self._lock:
            self._prepared[token.value] = _Prepared(job, material.signer, algorithm, digest, message)
        return token

    def sign(self, token: SigningToken) -> bytes:
        """Sign what a token was given for, and verify the signature.

        Raises:
            AccessDeniedError: No such token, or it was spent.
            KeyFamilyError: The key cannot sign.
            SignatureMismatchError: The key's own signature does not verify.
        """
        with self._lock:
            prepared = self._prepared.pop(token.value, None)
        if prepared is None:
            raise AccessDeniedError("TokenSpent", "expected a signing token that was not spent, got another")
        signer, algorithm = prepared.signer, prepared.algorithm
        if prepared.digest is not None:
            signature = signer.sign_digest(prepared.digest, algorithm)
            self._domain.on_step("signed", prepared.job.job_id)
            signer.public_key.verify_digest(prepared.digest, signature, algorithm)
        else:
            message = prepared.message or b""
            signature = signer.sign(message, algorithm)
            self._domain.on_step("signed", prepared.job.job_id)
            signer.public_key.verify(message, signature, algorithm)
        self._domain.on_step("verified", prepared.job.job_id)
        return signature

    def record_outcome(self, event: str, job: SigningJob, **details: str | None) -> None:
        """Put on record how it ended.

        Raises:
            StoreError: It is not on record; nothing may be released.
        """
        self._record(event, job, details)

    def _record(self, event: str, job: SigningJob, details: Mapping[str, object], *, durable: bool = True) -> None:
        about = {
            "profile": job.profile_name,
            "profileVersion": job.profile_version,
            "platformId": job.platform_id,
            **({"source": job.source.to_aws()["s3"]} if job.source else {}),
            **({"target": job.target.to_aws()["s3"]} if job.target else {}),
        }
        self._domain.audit.append(
            AuditEvent(
                event=event,
                time=self._domain.now(),
                subject=str(job.arn(self._domain.region)),
                account=job.invoker,
                principal=job.requested_by,
                request_id=job.request_id,
                details={**about, **details},
            ),
            durable=durable,
        )


class RecordingSigner:
    """A signer for one job, each of whose signatures is intended, made and verified.

    Attributes:
        uri: The material's ARN: what a signed object or a message may say of the key.
        public_key: The public half.
    """

    def __init__(self, use: KeyUse, job: SigningJob, material: Material) -> None:
        self.uri = material.arn
        self.public_key: PublicKey = material.signer.public_key
        self._use, self._job, self._material = use, job, material

    def sign(self, message: bytes | bytearray | memoryview, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a whole message.

        Raises:
            StoreError: The intent is not on record.
            KeyFamilyError: The key cannot sign.
            SignatureMismatchError: The key's own signature does not verify.
        """
        return self._use.sign(self._use.prepare(self._job, self._material, algorithm, message=bytes(message)))

    def sign_digest(self, digest: bytes, algorithm: SignatureAlgorithm) -> bytes:
        """Sign a digest.

        Raises:
            StoreError: The intent is not on record.
            KeyFamilyError: The key cannot sign.
            SignatureMismatchError: The key's own signature does not verify.
        """
        return self._use.sign(self._use.prepare(self._job, self._material, algorithm, digest=digest))
