"""The chain's commands; and what the service signs is trusted where its roots are, unless it was revoked."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iotsign.app.service import OpenService, ServiceSettings, open_service
from iotsign.cli import run
from iotsign.errors import KeyFamilyError
from iotsign.formats.revocations import write_revocations
from iotsign.signer import Caller
from iotsign.stores.objects import DirectoryObjects

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
LAMBDA = "AWSLambda-SHA384-ECDSA"
NOTATION = "Notation-OCI-SHA384-ECDSA"


def sign(opened: OpenService, folder: Path, token: str, into: Path) -> str:
    """Sign what the folder describes, store it in a file, and give the job."""
    request: dict[str, Any] = json.loads((folder / "request.json").read_text())
    if "payload" in request:
        request["payload"] = request["payload"].encode()
        answer = opened.service.call(ME, "SignPayload", request, request_id="r")
        into.write_bytes(answer["signature"])
        return str(answer["jobId"])
    job_id = opened.service.call(ME, "StartSigningJob", request | {"clientRequestToken": token}, request_id="r")[
        "jobId"
    ]
    opened.service.run_job(job_id)
    assert isinstance(opened.objects, DirectoryObjects)
    (found,) = [version for version in opened.objects.versions("signed") if version.key == f"{job_id}.zip"]
    into.write_bytes(found.path.read_bytes())
    return str(job_id)


@pytest.mark.parametrize("platform", [LAMBDA, NOTATION])
def test_what_the_service_signs_is_trusted_by_its_roots(service_folder: Any, tmp_path: Path, platform: str) -> None:
    folder, trust = service_folder(platform), tmp_path / "trust"
    first, second, list_ = tmp_path / "first", tmp_path / "second", tmp_path / "revocations.json"
    data = ["--data", str(folder)]
    with open_service(ServiceSettings(folder)) as opened:
        job_id = sign(opened, folder, "1", first)
    assert run(["key", "export-trust", "-o", str(trust), *data]) == 0
    assert run(["image", "verify", str(first), "--trust", str(trust), "-p", platform]) == 0
    assert run(["key", "rotate-issuer", *data]) == 0
    with open_service(ServiceSettings(folder)) as opened:
        sign(opened, folder, "2", second)
        assert run(["image", "verify", str(second), "--trust", str(trust)]) == 1
        assert run(["key", "export-trust", "-o", str(trust), *data]) == 0
        for image in (first, second):
            assert run(["image", "verify", str(image), "--trust", str(trust)]) == 0
        opened.service.call(ME, "RevokeSignature", {"jobId": job_id, "reason": "wrong build"}, request_id="r")
        list_.write_bytes(write_revocations(opened.service.export_revocations(timedelta(days=1))))
        checked = ["--trust", str(trust), "--revocations", str(list_)]
        assert run(["image", "verify", str(first), *checked]) == 1
        assert run(["image", "verify", str(second), *checked]) == 0
        (profile,) = opened.service.call(ME, "ListSigningProfiles", {}, request_id="r")["profiles"]
        job = opened.service.call(ME, "DescribeSigningJob", {"jobId": job_id}, request_id="r")
        revoked = {"profileName": "release", "profileVersion": profile["profileVersion"], "reason": "leaked"}
        revoked |= {"effectiveTime": job["createdAt"]}
        opened.service.call(ME, "RevokeSigningProfile", revoked, request_id="r")
        list_.write_bytes(write_revocations(opened.service.export_revocations(timedelta(days=1))))
        assert run(["image", "verify", str(second), *checked]) == 1


def test_the_commands_say_what_they_did(
    service_folder: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = service_folder(NOTATION)
    data = ["--data", str(folder)]
    trust = ["key", "export-trust", "-o", str(tmp_path / "trust"), *data]
    for command in (trust, ["key", "rotate-issuer", *data]):
        assert run(command) == 5
        assert "iotsign serve makes" in capsys.readouterr().err
    with open_service(ServiceSettings(folder)) as opened:
        assert opened.service.establish_issuer()
    assert run(["key", "rotate-issuer", *data, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run([*trust, "--json"]) == 0
    roots = json.loads(capsys.readouterr().out)["roots"]
    assert len(roots) == 2
    assert roots[1] == str(tmp_path / "trust" / f"root-{made['rootKeyFingerprint'][:16]}.pem")
    assert run(["key", "show", f"pem:{roots[1]}"]) == 0
    capsys.readouterr()
    assert run(trust) == 0
    assert "wrote 2 root certificates" in capsys.readouterr().err


def test_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["key", "export-trust", "-o", str(tmp_path / "t")], ["key", "rotate-issuer"]):
        assert run([*command, "--data", str(tmp_path / "nothing")]) == 5
        assert "expected the folder of a signing service" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_a_lost_key_file_is_not_replaced(service_folder: Any) -> None:
    folder = service_folder()  # with an imported key, which only the lost one opens
    (folder / "material.key").unlink()
    with (
        open_service(ServiceSettings(folder)) as opened,
        pytest.raises(KeyFamilyError, match="cannot read the key file"),
    ):
        opened.service.establish_issuer()
    assert not (folder / "material.key").exists()
