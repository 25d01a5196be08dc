"""Revocation lists."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iotsign.errors import ConfigError, MalformedImageError, RevokedError, VerificationIncompleteError
from iotsign.formats.revocations import (
    RevocationList,
    RevokedJob,
    RevokedProfileVersion,
    read_revocations,
    write_revocations,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
JOB = "arn:aws:signer:eu-west-1:111122223333:/signing-jobs/11111111-1111-4111-8111-111111111111"
PROFILE = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/release/0123456789"
OTHER_JOB, OTHER_PROFILE = JOB.replace("1-1111", "2-1111"), PROFILE.replace("0123", "3210")
LIST = RevocationList(
    region="eu-west-1",
    issued_at=NOW,
    valid_until=NOW + 7 * DAY,
    jobs=(RevokedJob(JOB, NOW, "wrong bu\u0131ld"),),
    profile_versions=(RevokedProfileVersion(PROFILE, NOW - DAY, "leaked"),),
)


def check(job: str, profile: str, *, signed: datetime = NOW, at: datetime = NOW) -> None:
    LIST.check(job_arn=job, profile_version_arn=profile, signed_at=signed, at=at)


def test_a_list_comes_back_as_it_was() -> None:
    assert read_revocations(write_revocations(LIST)) == LIST
    empty = replace(LIST, jobs=(), profile_versions=())
    assert read_revocations(write_revocations(empty)) == empty


def test_rounding_never_trusts_more() -> None:
    moment = NOW + timedelta(microseconds=999_999)
    odd = replace(LIST, profile_versions=(RevokedProfileVersion(PROFILE, moment, ""),))
    assert read_revocations(write_revocations(odd)).profile_versions[0].effective_from == NOW
    early = replace(LIST, profile_versions=(RevokedProfileVersion(PROFILE, datetime(1960, 1, 1, tzinfo=UTC), ""),))
    assert read_revocations(write_revocations(early)).profile_versions[0].effective_from.year == 1970


def test_what_is_on_the_list_is_revoked_whatever_its_age() -> None:
    for at in (NOW, NOW + 3650 * DAY):
        with pytest.raises(RevokedError, match="the signature was revoked at 2026-11-21"):
            check(JOB, OTHER_PROFILE, at=at)
        with pytest.raises(RevokedError, match="its profile was revoked from 2026-11-20"):
            check(OTHER_JOB, PROFILE, signed=NOW - DAY, at=at)
    check(OTHER_JOB, PROFILE, signed=NOW - DAY - timedelta(microseconds=1))
    check(OTHER_JOB, OTHER_PROFILE)


def test_a_stale_list_knows_nothing() -> None:  # threat 25
    check(OTHER_JOB, OTHER_PROFILE, at=NOW + 7 * DAY - timedelta(microseconds=1))
    with pytest.raises(VerificationIncompleteError, match="stale: it was valid until 2026-11-28"):
        check(OTHER_JOB, OTHER_PROFILE, at=NOW + 7 * DAY)


@pytest.mark.parametrize("elsewhere", [JOB.replace("eu-west-1", "us-east-1"), "nonsense"])
def test_a_list_knows_its_own_service_only(elsewhere: str) -> None:  # threat 25
    with pytest.raises(VerificationIncompleteError, match="about region eu-west-1"):
        check(elsewhere, OTHER_PROFILE)
    with pytest.raises(VerificationIncompleteError, match="about region eu-west-1"):
        check(OTHER_JOB, elsewhere)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"revocations-1", b"revocations-2"),
        (b'"region":"eu-west-1",', b""),
        (b'"region"', b'"area"'),
        (b'"region":"eu-west-1"', b'"region":1'),
        (b'"issuedAt":', b'"issuedAt":9999'),
        (b'"revokedAt":', b'"revokedAt":-'),
        (b'"jobs":[{', b'"jobs":[[],{'),
        (b'"reason":"leaked"', b'"reason":"leaked","reason":""'),
        (b'"validUntil":', b'"validUntil":1.5e'),
        (b"\n", b"\n\n"),
        (b"leaked", b"leak\xffed"),
    ],
)
def test_what_is_not_exactly_a_list_is_refused(old: bytes, new: bytes) -> None:  # threat 11
    data = write_revocations(LIST)
    assert old in data
    with pytest.raises(MalformedImageError):
        read_revocations(data.replace(old, new))


def test_a_list_is_valid_for_some_time() -> None:
    with pytest.raises(ConfigError, match="valid for some time"):
        write_revocations(replace(LIST, valid_until=NOW))
