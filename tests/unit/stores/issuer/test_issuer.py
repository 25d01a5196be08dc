"""The service's own certificate authority in a directory."""

import os
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import Certificate

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, ExpiredError, KeyFamilyError, StoreError
from iotsign.keys import TrustStore, load_certificates, open_signer
from iotsign.signer import Material, ProfileArn
from iotsign.stores.issuer import DirectoryIssuer
from iotsign.stores.materials import create_key_file

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE = ProfileArn("eu-west-1", "111122223333", "release", "AbCdEfGh12")


class Refused(Exception):
    """What was announced was not taken."""


def accept(_: tuple[Certificate, ...]) -> None:
    """Take an announcement."""


def refuse(_: tuple[Certificate, ...]) -> None:
    raise Refused


def kill(_: tuple[Certificate, ...]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], DirectoryIssuer]:
    create_key_file(tmp_path / "material.key")
    return lambda: DirectoryIssuer(tmp_path / "issuer", tmp_path / "material.key")


def signer(issuer: DirectoryIssuer, now: datetime = NOW, profile: ProfileArn = PROFILE) -> Material:
    found = issuer.signer(profile, now, accept)
    assert found is not None
    return found


def in_another_process(work: Callable[[], object]) -> int:
    """Do something in a process of its own, and give its status as `os.waitpid` does."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_chain_is_made_once(opened: Callable[[], DirectoryIssuer], tmp_path: Path) -> None:
    issuer = opened()
    assert issuer.roots() == []
    assert issuer.signer(PROFILE, NOW, refuse) is None
    assert issuer.establish(NOW, accept)
    assert not issuer.establish(NOW, refuse)
    assert not opened().establish(NOW, refuse)
    home = tmp_path / "issuer" / "0001"
    trust = TrustStore(home)
    assert list(trust.roots) == issuer.roots() == opened().roots()
    assert all(open_signer_type(file, tmp_path) is KeyType.P384 for file in (home / "private").iterdir())


def open_signer_type(file: Path, home: Path) -> KeyType:
    passphrase = (home / "material.key").read_bytes().strip()
    return open_signer(f"pem:{file}", passphrase=lambda: passphrase).public_key.key_type


def test_a_signer_leads_to_the_root_and_is_the_same_everywhere(opened: Callable[[], DirectoryIssuer]) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    first = signer(issuer)
    assert first is signer(issuer)
    assert first.certificate == signer(opened()).certificate
    assert first.certificate is not None
    assert first.signer.public_key.key_type is KeyType.P384
    assert first.certificate.not_valid_after_utc == NOW + timedelta(days=90)
    assert first.issuers[1] == issuer.roots()[0]


def test_no_key_lies_in_the_clear_and_nobody_else_reads(  # threat 31
    opened: Callable[[], DirectoryIssuer], tmp_path: Path
) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    signer(issuer)
    assert stat.S_IMODE((tmp_path / "issuer").stat().st_mode) == 0o700
    keys = [path for path in (tmp_path / "issuer").rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]
    assert len(keys) == 3
    for path in keys:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()


def test_a_root_key_that_was_taken_away_is_not_missed(opened: Callable[[], DirectoryIssuer], tmp_path: Path) -> None:
    opened().establish(NOW, accept)
    (tmp_path / "issuer" / "0001" / "private" / "root-key.pem").unlink()
    signer(opened())


def test_what_is_not_announced_is_not_kept(opened: Callable[[], DirectoryIssuer]) -> None:  # threat 33
    with pytest.raises(Refused):
        opened().establish(NOW, refuse)
    assert opened().roots() == []
    issuer = opened()
    issuer.establish(NOW, accept)
    with pytest.raises(Refused):
        issuer.rotate(NOW, refuse)
    with pytest.raises(Refused):
        issuer.signer(PROFILE, NOW, refuse)
    assert len(opened().roots()) == 1
    announced: list[Certificate] = []
    opened().signer(PROFILE, NOW, lambda chain: announced.append(chain[0]))
    assert [signer(opened()).certificate] == announced


@pytest.mark.parametrize("step", ["establish", "rotate", "issue"])
def test_a_process_killed_in_the_middle_leaves_nothing_half_made(
    opened: Callable[[], DirectoryIssuer], tmp_path: Path, step: str
) -> None:
    if step != "establish":
        opened().establish(NOW, accept)
    work = {
        "establish": lambda: opened().establish(NOW, kill),
        "rotate": lambda: opened().rotate(NOW, kill),
        "issue": lambda: opened().signer(PROFILE, NOW, kill),
    }[step]
    assert os.WTERMSIG(in_another_process(work)) == signal.SIGKILL
    assert len(opened().roots()) == (step != "establish")
    opened().establish(NOW, accept)
    signer(opened())
    opened().rotate(NOW, accept)
    signer(opened())
    assert len(opened().roots()) == 2
    assert not list((tmp_path / "issuer").rglob(".new*"))


def test_processes_that_start_together_make_one_chain(opened: Callable[[], DirectoryIssuer]) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: opened().establish(NOW, accept), range(4)))
        assert sorted(made) == [False, False, False, True]
        found = list(pool.map(lambda _: signer(opened()).certificate, range(8)))
    assert found == [found[0]] * 8
    assert len(opened().roots()) == 1


def test_a_rotation_elsewhere_is_noticed(
    opened: Callable[[], DirectoryIssuer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from iotsign.stores.issuer import _directory

    issuer = opened()
    with pytest.raises(StoreError, match="no issuing chain"):
        issuer.rotate(NOW, accept)
    issuer.establish(NOW, accept)
    old = signer(issuer)
    opened().rotate(NOW, accept)
    monkeypatch.setattr(_directory, "_LOOK_EVERY_S", 0.0)
    new = signer(issuer)
    assert new.issuers[1] == issuer.roots()[1] != old.issuers[1]


def test_a_certificate_is_renewed_when_a_third_of_it_is_left(opened: Callable[[], DirectoryIssuer]) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    first = signer(issuer)
    assert signer(issuer, NOW + timedelta(days=60, seconds=-1)) is first
    renewed = signer(issuer, NOW + timedelta(days=60))
    assert renewed.certificate != first.certificate
    assert signer(opened(), NOW + timedelta(days=60)).certificate == renewed.certificate


def test_no_certificate_outlives_the_chain(opened: Callable[[], DirectoryIssuer]) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    ends = signer(issuer).issuers[0].not_valid_after_utc
    last = signer(issuer, ends - timedelta(days=2)).certificate
    assert last is not None
    assert last.not_valid_after_utc <= ends
    for moment in (ends - timedelta(hours=5), NOW - timedelta(days=1)):
        with pytest.raises(ExpiredError, match="expected an issuing CA that is valid now"):
            signer(opened(), moment)
    issuer.rotate(ends, accept)
    signer(issuer, ends)


def test_a_signer_of_another_chain_does_not_sign(opened: Callable[[], DirectoryIssuer], tmp_path: Path) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    signer(issuer)
    issuer.rotate(NOW, accept)
    signer(issuer)
    old, new = (tmp_path / "issuer" / name / "signers" for name in ("0001", "0002"))
    (file,) = old.iterdir()
    file.replace(new / file.name)
    with pytest.raises(CertificateError):
        signer(opened())


def test_a_key_file_that_is_gone_is_named(opened: Callable[[], DirectoryIssuer], tmp_path: Path) -> None:
    opened().establish(NOW, accept)
    (tmp_path / "material.key").unlink()
    with pytest.raises(KeyFamilyError, match="cannot read the key file"):
        signer(opened())
    with pytest.raises(KeyFamilyError, match="cannot read the key file"):
        opened().rotate(NOW, accept)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    create_key_file(tmp_path / "material.key")
    (tmp_path / "issuer").write_bytes(b"a file")
    with pytest.raises(StoreError, match="the issuing chain"):
        DirectoryIssuer(tmp_path / "issuer", tmp_path / "material.key").establish(NOW, accept)


def test_every_certificate_is_kept(opened: Callable[[], DirectoryIssuer], tmp_path: Path) -> None:
    issuer = opened()
    issuer.establish(NOW, accept)
    made = [signer(issuer).certificate, signer(issuer, NOW + timedelta(days=70)).certificate]
    kept = [load_certificates(file)[0] for file in (tmp_path / "issuer" / "0001" / "issued").iterdir()]
    assert {*kept} == {*made}
