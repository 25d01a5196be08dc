"""The signing service's domain: AWS Signer's 19 operations, without HTTP, SQL or botocore.

`SigningService` is the door; what it needs of the world are the protocols below, which `iotsign.stores` implements.
"""

from iotsign.signer._arns import CertificateArn, JobArn, ProfileArn
from iotsign.signer._caller import Caller
from iotsign.signer._job import JobRevocation, JobStatus, SigningJob, SourceObject, TargetObject
from iotsign.signer._ports import (
    Announce,
    AuditEvent,
    AuditLog,
    BucketHead,
    Clock,
    Issuer,
    JobQuery,
    Material,
    Materials,
    ObjectStore,
    ProfileQuery,
    ReadTransaction,
    Records,
    Transaction,
)
from iotsign.signer._profile import (
    Overrides,
    Permission,
    Policy,
    ProfileRevocation,
    ProfileStatus,
    SigningProfile,
    Validity,
)
from iotsign.signer._service import SigningService

__all__ = [
    "Announce",
    "AuditEvent",
    "AuditLog",
    "BucketHead",
    "Caller",
    "CertificateArn",
    "Clock",
    "Issuer",
    "JobArn",
    "JobQuery",
    "JobRevocation",
    "JobStatus",
    "Material",
    "Materials",
    "ObjectStore",
    "Overrides",
    "Permission",
    "Policy",
    "ProfileArn",
    "ProfileQuery",
    "ProfileRevocation",
    "ProfileStatus",
    "ReadTransaction",
    "Records",
    "SigningJob",
    "SigningProfile",
    "SigningService",
    "SourceObject",
    "TargetObject",
    "Transaction",
    "Validity",
]
