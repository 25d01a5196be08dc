"""The openssl command and other zip readers judge a signed Lambda zip."""

import hashlib
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from issuing_chain import FILES, IssuingChain, make_claims, make_zip

from iotsign.formats.awslambda import SIGNATURE_NAME, sign_zip

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> IssuingChain:
    return IssuingChain.make(tmp_path_factory.mktemp("chain"))


@pytest.fixture(scope="module")
def signed(chain: IssuingChain) -> bytes:
    output = io.BytesIO()
    source = io.BytesIO(make_zip(comment=b"comment"))
    sign_zip(source, output, chain.signer, certificates=chain.certificates, claims=make_claims())
    return output.getvalue()


def content_of(archive: zipfile.ZipFile) -> bytes:
    """What the signature covers, as Python's own reader sees it."""
    hash_ = hashlib.sha384()
    for entry in archive.infolist():
        if entry.filename != SIGNATURE_NAME.decode():
            hash_.update(entry.filename.encode() + archive.read(entry))
    return hash_.digest()


def cms_verify(directory: Path, chain: IssuingChain, pem: bytes, content: bytes, *options: str) -> str:
    (directory / "signature.pem").write_bytes(pem)
    (directory / "content").write_bytes(content)
    root = chain.trust / "root.pem"
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "PEM", "-in", "signature.pem", "-content", "content"]
    command += ["-CAfile", str(root), "-purpose", "any", "-attime", "1769861000", "-out", "/dev/null", *options]
    run = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert (run.returncode == 0) == ("CMS Verification successful" in run.stderr)
    return "" if run.returncode == 0 else run.stderr


def test_openssl_verifies_signature_and_chain(tmp_path: Path, chain: IssuingChain, signed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        pem, content = archive.read(SIGNATURE_NAME.decode()), content_of(archive)
    assert cms_verify(tmp_path, chain, pem, content) == ""
    assert "verification failure" in cms_verify(tmp_path, chain, pem, content[:-1] + b"\0")


def test_openssl_refuses_another_root(tmp_path: Path, chain: IssuingChain, signed: bytes) -> None:
    (tmp_path / "other").mkdir()
    other = IssuingChain.make(tmp_path / "other")
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        pem, content = archive.read(SIGNATURE_NAME.decode()), content_of(archive)
    assert "verify error" in cms_verify(tmp_path, other, pem, content)


def test_the_root_may_be_left_out(tmp_path: Path, chain: IssuingChain) -> None:
    output = io.BytesIO()
    certificates = chain.certificates[:-1]
    made = sign_zip(io.BytesIO(make_zip()), output, chain.signer, certificates=certificates, claims=make_claims())
    assert cms_verify(tmp_path, chain, made.signature, made.digest) == ""


def test_zipfile_sees_the_source_and_one_file_more(signed: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        assert archive.testzip() is None
        assert archive.comment == b"comment"
        assert {name: archive.read(name) for name in archive.namelist()[:-1]} == FILES
        assert archive.namelist() == [*FILES, SIGNATURE_NAME.decode()]


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs the unzip command")
def test_unzip_finds_no_error(tmp_path: Path, signed: bytes) -> None:
    file = tmp_path / "app.zip"
    file.write_bytes(signed)
    run = subprocess.run(["unzip", "-t", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "No errors detected" in run.stdout
