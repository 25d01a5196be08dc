"""joserfc, an independent JOSE library, judges Notation envelopes."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from issuing_chain import EXPIRY, JOB, PAYLOAD, PROFILE, SIGNED_AT, IssuingChain, make_claims
from joserfc import jws
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import ECKey
from joserfc.registry import HeaderParameter

from iotsign.formats.notation import sign_payload

NAMES = {
    "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
    "io.cncf.notary.authenticSigningTime": f"{SIGNED_AT:%Y-%m-%dT%H:%M:%SZ}",
    "io.cncf.notary.expiry": f"{EXPIRY:%Y-%m-%dT%H:%M:%SZ}",
    "io.cncf.notary.verificationPlugin": "com.amazonaws.signer.notation.plugin",
    "com.amazonaws.signer.signingJob": JOB,
    "com.amazonaws.signer.signingProfileVersion": PROFILE,
}


class Registry(jws.JWSRegistry):
    """Understands the Notary Project's header parameters, which are long."""

    max_header_length = 4096


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> IssuingChain:
    return IssuingChain.make(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def envelope(chain: IssuingChain) -> dict[str, Any]:
    made = sign_payload(PAYLOAD, chain.signer, certificates=chain.certificates, claims=make_claims())
    loaded: dict[str, Any] = json.loads(made)
    return loaded


def judge(envelope: dict[str, Any], *, understood: set[str]) -> Any:
    leaf = x509.load_der_x509_certificate(base64.b64decode(envelope["header"]["x5c"][0]))
    key = ECKey.import_key(leaf.public_bytes(Encoding.PEM))
    registry = Registry({name: HeaderParameter(name, "str") for name in understood}, algorithms=["ES384"])
    return jws.deserialize_json(envelope, key, registry=registry)  # type: ignore[call-overload]


def test_it_verifies_and_every_attribute_is_critical(envelope: dict[str, Any]) -> None:
    judged = judge(envelope, understood=set(NAMES))
    assert judged.payload == PAYLOAD
    header = judged.members[0].protected
    assert header["alg"] == "ES384"
    assert header["cty"] == "application/vnd.cncf.notary.payload.v1+json"
    assert {name: header[name] for name in header["crit"]} == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_who_does_not_understand_an_attribute_refuses(envelope: dict[str, Any], name: str) -> None:
    with pytest.raises(JoseError):
        judge(envelope, understood=set(NAMES) - {name})


def test_another_payload_is_refused(envelope: dict[str, Any]) -> None:
    with pytest.raises(BadSignatureError):
        judge(envelope | {"payload": envelope["payload"].replace("A", "B", 1)}, understood=set(NAMES))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_verifies_the_chain(tmp_path: Path, chain: IssuingChain, envelope: dict[str, Any]) -> None:
    ders = [base64.b64decode(text) for text in envelope["header"]["x5c"]]
    leaf, *above = (x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders)
    (tmp_path / "leaf.pem").write_bytes(leaf)
    (tmp_path / "above.pem").write_bytes(b"".join(above))
    command = [
        "openssl",
        "verify",
        "-purpose",
        "any",
        "-attime",
        "1769861000",
        "-CAfile",
        str(chain.trust / "root.pem"),
    ]
    command += ["-untrusted", "above.pem", "leaf.pem"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "above.pem").read_bytes().endswith((chain.trust / "root.pem").read_bytes())
