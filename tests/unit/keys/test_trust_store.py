"""A directory of trusted certificates."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, KeyUnavailableError
from iotsign.keys import TrustStore


@pytest.fixture
def store(tmp_path: Path, mill: Any) -> Path:
    """A root, an intermediate CA as DER, and a signer."""
    (tmp_path / "root.pem").write_bytes(mill.root.pem)
    (tmp_path / "ca.der").write_bytes(mill.intermediate.certificate.public_bytes(serialization.Encoding.DER))
    (tmp_path / "signer.crt").write_bytes(mill.make("signer", mill.intermediate).pem)
    return tmp_path


def test_a_directory_is_sorted_by_role(store: Path, mill: Any) -> None:
    trust = TrustStore(store)
    assert trust.directory == store
    assert trust.roots == (mill.root.certificate,)
    assert trust.intermediates == (mill.intermediate.certificate,)
    assert [signer.subject.rfc4514_string() for signer in trust.signers] == ["CN=signer"]
    chain = trust.verify_chain(trust.signers[0], at=mill.AT)
    assert chain.certificates == (trust.signers[0], mill.intermediate.certificate, mill.root.certificate)


def test_a_signer_from_elsewhere(store: Path, mill: Any) -> None:
    trust = TrustStore(str(store))
    elsewhere = mill.make("elsewhere", mill.intermediate).certificate
    assert trust.verify_chain(elsewhere, at=mill.AT).certificates[0] == elsewhere
    with pytest.raises(CertificateError, match="path to a trusted root"):
        trust.verify_chain(mill.make("stranger", mill.make("x", None, mill.CA)).certificate, at=mill.AT)


def test_an_intermediate_is_no_root(store: Path, mill: Any) -> None:
    # threat 20
    (store / "root.pem").unlink()
    trust = TrustStore(store)
    assert trust.roots == ()
    with pytest.raises(CertificateError, match="path to a trusted root"):
        trust.verify_chain(trust.signers[0], at=mill.AT)


def test_a_pinned_signer_is_root_and_signer(tmp_path: Path, mill: Any) -> None:
    pinned = mill.make("pinned", None)
    (tmp_path / "pinned.PEM").write_bytes(pinned.pem + pinned.pem)
    trust = TrustStore(tmp_path)
    assert trust.roots == trust.signers == (pinned.certificate,)
    assert trust.verify_chain(pinned.certificate, at=mill.AT).certificates == (pinned.certificate,)


def test_what_is_passed_over(store: Path, mill: Any, key_pems: dict[KeyType, bytes]) -> None:
    before = TrustStore(store)
    (store / "README.txt").write_text("no certificate")
    (store / "key.pem").write_bytes(key_pems[KeyType.P256])
    (store / "private").mkdir()
    (store / "private" / "other-root.pem").write_bytes(mill.make("other", None, mill.CA).pem)
    (store / "sub.pem").mkdir()
    (store / "bundle.pem").write_bytes(key_pems[KeyType.P256] + mill.root.pem)
    after = TrustStore(store)
    assert (after.roots, after.intermediates, after.signers) == (before.roots, before.intermediates, before.signers)


def test_what_is_no_trust_directory(tmp_path: Path, store: Path, mill: Any) -> None:
    # threat 20
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, code in (
        (tmp_path / "absent", "TrustUnreadable"),
        (store / "root.pem", "TrustUnreadable"),
        (empty, "NoCertificates"),
    ):
        with pytest.raises(KeyUnavailableError) as caught:
            TrustStore(path)
        assert caught.value.code == code
    (store / "damaged.pem").write_bytes(mill.root.pem.replace(b"M", b"N", 1))
    with pytest.raises(KeyUnavailableError, match=r"damaged\.pem"):
        TrustStore(store)
