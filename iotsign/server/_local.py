"""A first account, key, bucket and profile on an empty folder."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iotsign.algorithms import KeyType
from iotsign.app.service import KEY_FILE, OpenService
from iotsign.errors import ConfigError
from iotsign.keys import certify_self, generate_key, open_signer, write_key_file
from iotsign.server.access import ACCESS_FILE, LOCAL_ACCOUNT, add_key, read_access
from iotsign.server.sigv4 import AccessKey
from iotsign.signer import Caller
from iotsign.stores.materials import create_key_file
from iotsign.stores.objects import DirectoryObjects, Versioning

ACCOUNT: Final = LOCAL_ACCOUNT
USER: Final = "local"
BUCKET: Final = "firmware"
PROFILE: Final = "local"
PLATFORM: Final = "AmazonFreeRTOS-Default"
_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class LocalStart:
    """What a shell needs to use the server.

    Attributes:
        key: The access key.
        region: The region.
        made: Whether all of it was made just now.
    """

    key: AccessKey
    region: str
    made: bool


def prepare_local(data: Path, region: str, opened: OpenService) -> LocalStart | None:
    """Make what is needed for a first signing job, unless the folder has an access file.

    Args:
        data: The service's folder.
        region: Its region.
        opened: Its stores.

    Returns:
        The access key of the local user; None if the folder has been set up without one.

    Raises:
        IotsignError: Something cannot be made.
    """
    file = data / ACCESS_FILE
    if file.exists():
        keys = [key for key in read_access(file).keys.values() if key.arn == f"arn:aws:iam::{ACCOUNT}:user/{USER}"]
        return LocalStart(keys[0], region, made=False) if keys else None
    if not isinstance(opened.objects, DirectoryObjects):
        raise ConfigError("BucketsElsewhere", "a first bucket can be made in the folder only, not in S3")
    opened.objects.create_bucket(BUCKET, ACCOUNT)
    opened.objects.set_versioning(BUCKET, Versioning.ENABLED)
    certificate_arn = _import_new_key(data, opened)
    caller = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/{USER}")
    profile = {
        "profileName": PROFILE,
        "platformId": PLATFORM,
        "signingMaterial": {"certificateArn": certificate_arn},
    }
    opened.service.call(caller, "PutSigningProfile", profile, request_id="serve-local")
    # last, because it is what says that the folder has been set up
    return LocalStart(add_key(file, account=ACCOUNT, user=USER, account_name="Local"), region, made=True)


def _import_new_key(data: Path, opened: OpenService) -> str:
    key_file = data / KEY_FILE
    if not key_file.exists():
        create_key_file(key_file)
    with tempfile.TemporaryDirectory(dir=data, prefix=".key-") as folder:
        path = Path(folder) / "key.pem"
        write_key_file(path, generate_key(KeyType.P256))
        uri = f"pem:{path}"
        issued = certify_self(open_signer(uri), subject="CN=iotsign local signing", days=_DAYS)
        return opened.materials.import_key(ACCOUNT, uri, [issued.certificate])
