"""Every grantable action × principal × version pin, tried by every kind of caller (threat 32)."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any, Final

import pytest

from iotsign.errors import SignerError
from iotsign.signer import BucketHead, Caller

OWNER, OTHER, THIRD = "111122223333", "444455556666", "777788889999"
START, PAYLOAD = "signer:StartSigningJob", "signer:SignPayload"
GET, REVOKE = "signer:GetSigningProfile", "signer:RevokeSignature"
PLATFORMS: Final = {
    "AmazonFreeRTOS-Default": (START, GET, REVOKE),
    "AWSLambda-SHA384-ECDSA": (START, GET, REVOKE),
    "Notation-OCI-SHA384-ECDSA": (PAYLOAD, GET, REVOKE),
}
PRINCIPALS: Final = {
    "account": OTHER,
    "role": f"arn:aws:iam::{OTHER}:role/ci",
    "role with path": f"arn:aws:iam::{OTHER}:role/build/ci",
    "other account": THIRD,
    "other account's role": f"arn:aws:iam::{THIRD}:role/build/ci",
}
PINS: Final = ("any version", "this version", "another version")
ENVELOPE: Final = {
    "payload": b'{"targetArtifact":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:'
    + b"ab" * 32
    + b'","size":16724}}',
    "payloadFormat": "application/vnd.cncf.notary.payload.v1+json",
}


def session(account: str, path: str) -> Caller:
    """Who has taken a role; what it signs with names the role without its path."""
    name = path.rpartition("/")[2]
    return Caller(account, f"arn:aws:sts::{account}:assumed-role/{name}/s", f"arn:aws:iam::{account}:role/{path}")


CALLERS: Final = [
    Caller(OTHER, f"arn:aws:iam::{OTHER}:user/ci"),
    session(OTHER, "ci"),
    session(OTHER, "build/ci"),
    session(OTHER, "build/other"),
    Caller(THIRD, f"arn:aws:iam::{THIRD}:user/ci"),
    session(THIRD, "build/ci"),
]


class Table:
    """A profile with one grant, a job that succeeded, and buckets of the other accounts."""

    def __init__(self, world: Any, platform: str) -> None:
        self.world, self.platform = world, platform
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as file:
            file.writestr("app.py", "pass\n")
        self.content = made.getvalue()
        if platform == "AmazonFreeRTOS-Default":
            self.version = world.profile(platform)["profileVersion"]
        else:
            self.version = world.call("PutSigningProfile", profileName="release", platformId=platform)["profileVersion"]
        if platform.startswith("Notation"):
            self.job = world.call("SignPayload", profileName="release", **ENVELOPE)["jobId"]
        else:
            self.job = world.start(world.objects.put("source", "a.zip", self.content))["jobId"]
            world.service.run_job(self.job)

    @contextmanager
    def granted(self, action: str, principal: str, pin: str) -> Iterator[None]:
        statement = {"profileName": "release", "action": action, "principal": principal, "statementId": "s"}
        version = {} if pin == "any version" else {"profileVersion": self.version}
        revision = self.world.call("AddProfilePermission", **statement, **version)
        profile = self.world.records.profile(OWNER, "release")
        if pin == "another version":  # as if the profile had been replaced since
            self.world.records.save_profile(replace(profile, version="0123456789"))
        yield
        self.world.records.save_profile(profile)
        self.world.call("RemoveProfilePermission", profileName="release", statementId="s", **revision)

    def attempt(self, caller: Caller, action: str) -> str:
        """The code of the refusal, or ``allowed``."""
        world, owner = self.world, {"profileName": "release", "profileOwner": OWNER}
        try:
            if action == START:
                world.objects.heads |= {
                    "their-source": BucketHead(caller.account, True),
                    "their-signed": BucketHead(caller.account, False),
                }
                source = world.objects.put("their-source", "a.zip", self.content)
                target = {"s3": {"bucketName": "their-signed"}}
                world.start(source, token=str(uuid.uuid4()), caller=caller, destination=target, **owner)
            elif action == PAYLOAD:
                world.call("SignPayload", caller, **owner, **ENVELOPE)
            elif action == GET:
                world.call("GetSigningProfile", caller, **owner)
            else:
                world.call("RevokeSignature", caller, jobId=self.job, jobOwner=OWNER, reason="x")
        except SignerError as error:
            return error.code
        return "allowed"

    def answers(self, action: str) -> set[str]:
        """What a caller that may, is answered."""
        if action != REVOKE:
            return {"allowed"}
        supported = self.platform != "AmazonFreeRTOS-Default"
        return {"allowed", "SignatureAlreadyRevoked"} if supported else {"RevocationNotSupported"}


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_grant_covers_one_action_one_principal_one_version(  # threat 32
    world: Any, platform: str, principal: str
) -> None:
    table = Table(world, platform)
    for action, pin in product(PLATFORMS[platform], PINS):
        with table.granted(action, PRINCIPALS[principal], pin):
            for caller, wanted in product(CALLERS, PLATFORMS[platform]):
                answer = table.attempt(caller, wanted)
                named = PRINCIPALS[principal] in (caller.account, caller.role)
                may = named and wanted == action and pin != "another version"
                expected = table.answers(wanted) if may else {"NotAuthorized"}
                assert answer in expected, (action, pin, caller, wanted)
