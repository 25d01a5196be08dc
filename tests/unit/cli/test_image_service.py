"""`iotsign image` on what a signing service signed."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from issuing_chain import EXPIRY, JOB, PAYLOAD, PROFILE, SIGNED_AT, IssuingChain, make_claims, make_zip

from iotsign.cli import run
from iotsign.formats.awslambda import sign_zip
from iotsign.formats.notation import sign_payload
from iotsign.formats.revocations import RevocationList, RevokedJob, write_revocations

NOW = SIGNED_AT + timedelta(days=100)
LIST = RevocationList("eu-west-1", NOW - timedelta(days=1), NOW + timedelta(days=6), (), ())
Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip, an envelope, the root to trust, and revocation lists."""
    directory = tmp_path_factory.mktemp("service")
    chain = IssuingChain.make(directory)
    with (directory / "app.zip").open("w+b") as output:
        source = io.BytesIO(make_zip())
        sign_zip(source, output, chain.signer, certificates=chain.certificates, claims=make_claims())
    envelope = sign_payload(PAYLOAD, chain.signer, certificates=chain.certificates, claims=make_claims())
    (directory / "app.jws").write_bytes(envelope)
    lists = {
        "fresh": LIST,
        "stale": replace(LIST, valid_until=NOW),
        "elsewhere": replace(LIST, region="us-east-1"),
        "revoked": replace(LIST, jobs=(RevokedJob(JOB, NOW, "stolen"),)),
    }
    for name, content in lists.items():
        (directory / f"{name}.json").write_bytes(write_revocations(content))
    return directory


@pytest.fixture
def image(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(home)

    def call(*arguments: str, code: int = 0) -> tuple[str, str]:
        got = run(["image", *arguments])
        captured = capsys.readouterr()
        assert got == code, captured.err
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    return call


def verdict(image: Run, name: str, *options: str, code: int = 0) -> dict[str, Any]:
    out, _ = image("verify", name, "--trust", "trust", "--json", *options, code=code)
    about: dict[str, Any] = json.loads(out)
    return about


def at(moment: Any) -> tuple[str, str]:
    return "--at", moment.isoformat()


@pytest.mark.parametrize("name", ["app.zip", "app.jws"])
def test_the_word_of_each_verdict(image: Run, name: str) -> None:
    fresh = ("--revocations", "fresh.json")
    about = verdict(image, name, *fresh, "--strict", *at(NOW))
    assert (about["verdict"], about["warnings"]) == ("trusted", [])
    assert about["claims"]["jobArn"] == JOB
    assert about["certificate"]["subject"] == "CN=Signer"
    assert [step["name"] for step in about["steps"]][-2:] == ["validity", "revocation"]
    assert verdict(image, name, *at(NOW))["warnings"] == ["revocation not checked: no revocation list was given"]
    assert verdict(image, name, *fresh, *at(EXPIRY), code=1)["verdict"] == "untrusted"
    for given in ("stale", "elsewhere"):
        unknown = verdict(image, name, "--revocations", f"{given}.json", *at(NOW), code=1)
        assert (unknown["verdict"], unknown["exitCode"]) == ("unknown", 1)
        assert unknown["error"]["type"] == "VerificationIncompleteError"
    assert verdict(image, name, "--strict", *at(NOW), code=1)["verdict"] == "unknown"
    revoked = verdict(image, name, "--revocations", "revoked.json", *at(NOW), code=1)
    assert (revoked["verdict"], revoked["error"]["code"]) == ("untrusted", "SignatureRevoked")


def test_the_artifact_of_an_envelope_is_shown(image: Run) -> None:
    about = verdict(image, "app.jws", *at(NOW))
    assert about["targetArtifact"]["digest"].startswith("sha256:73c8")
    out, _ = image("verify", "app.jws", "--trust", "trust", *at(NOW))
    assert "target artifact sha256:73c8" in out


def test_inspect(image: Run) -> None:
    out, _ = image("inspect", "app.zip", "app.jws", "--json")
    zip_, envelope = map(json.loads, out.splitlines())
    assert zip_["container"] == "aws-lambda-zip"
    assert [entry["name"] for entry in zip_["entries"]][-1] == "META_INF/aws_signer_signature_v1.0.SF"
    assert envelope["targetArtifact"]["annotations"] == {"buildId": "123"}
    assert zip_["claims"] == envelope["claims"]
    assert zip_["certificates"] == envelope["certificates"]
    out, _ = image("inspect", "app.zip", "app.jws")
    for words in ("aws-lambda-zip", "notation-jws", PROFILE, "app/index.py", "CN=Signer", "see image verify"):
        assert words in out


def test_extract(image: Run, home: Path) -> None:
    _, err = image("extract", "app.zip", "--trust", "trust", *at(NOW), "-o", "source.zip")
    assert (home / "source.zip").read_bytes() == make_zip()
    assert "revocation not checked" in err
    image("extract", "app.jws", "-o", "payload.json")
    assert (home / "payload.json").read_bytes() == PAYLOAD
    image("extract", "app.zip", "--trust", "trust", *at(EXPIRY), "-o", "never.zip", code=1)
    assert not (home / "never.zip").exists()


@pytest.mark.parametrize("name", ["app.zip", "app.jws"])
def test_malformed_images(image: Run, home: Path, name: str) -> None:
    data = (home / name).read_bytes()
    for number, content in enumerate((data[: len(data) // 2], data[:-1], data + b"x", data[1:])):
        bad = home / f"bad-{number}"
        bad.write_bytes(content)
        out, err = image("verify", bad.name, "--trust", "trust", "--json", *at(NOW), code=3)
        assert (json.loads(out)["verdict"], err) == ("malformed", "")
        _, err = image("inspect", bad.name, code=3)
        assert err.startswith("error: ")
        _, err = image("extract", bad.name, "-o", "never", code=3)
        assert not (home / "never").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON", b"PK\x03\x04"])
def test_a_revocation_list_that_is_none(image: Run, home: Path, content: bytes) -> None:
    (home / "bad.json").write_bytes(content)
    _, err = image("verify", "app.zip", "--trust", "trust", "--revocations", "bad.json", code=3)
    assert err.startswith("error: ")
    image("verify", "app.zip", "--trust", "trust", "--revocations", "missing.json", code=5)


def test_signing_is_the_services_business(image: Run, home: Path) -> None:
    (home / "plain.zip").write_bytes(make_zip())
    key = ("-k", "pem:service.pem")
    _, err = image("sign", "plain.zip", "-p", "AWSLambda-SHA384-ECDSA", *key, "-o", "never", code=3)
    assert "signing service" in err
    assert "hint: iotsign serve" in err
    assert not (home / "never").exists()
