"""What the domain does in one transaction, as SQL."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    select,
    tuple_,
    update,
)

from iotsign.signer import JobQuery, JobRevocation, JobStatus, ProfileQuery, ProfileStatus, SigningJob, SigningProfile
from iotsign.stores.sql._prepared import Prepared
from iotsign.stores.sql._rows import job_row, profile_row, read_job, read_profile, to_microseconds
from iotsign.stores.sql._schema import JOBS, PROFILES

_JOB, _PROFILE = JOBS.c, PROFILES.c


def _set(*columns: str) -> dict[str, Any]:
    return {column: bindparam(f"new_{column}") for column in columns}


def _new(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    return {f"new_{column}": row[column] for column in columns}


_FILTERS: Final = ("owner", "invoker", "status", "platform_id", "requested_by")
_JobRow: Final[Any] = namedtuple("_JobRow", _JOB.keys())  # type: ignore[misc]  # the columns name the fields
_ProfileRow: Final[Any] = namedtuple("_ProfileRow", _PROFILE.keys())  # type: ignore[misc]

_SAME_PROFILE: Final = and_(_PROFILE.account == bindparam("account_"), _PROFILE.name == bindparam("name_"))
_FIND_PROFILE: Final = Prepared(select(PROFILES).where(_SAME_PROFILE))
_FIND_PROFILE_LOCKED: Final = Prepared(select(PROFILES).where(_SAME_PROFILE).with_for_update())
_SAVE_PROFILE: Final = Prepared(
    update(PROFILES).where(_SAME_PROFILE).values(**_set("status", "platform_id", "document"))
)
_FIND_JOB: Final = Prepared(select(JOBS).where(_JOB.job_id == bindparam("job_id_")))
_FIND_JOB_BY_TOKEN: Final = Prepared(
    select(JOBS).where(_JOB.invoker == bindparam("invoker_"), _JOB.token == bindparam("token_"))
)
_STILL_OURS: Final = and_(
    _JOB.job_id == bindparam("job_id_"),
    _JOB.status == JobStatus.IN_PROGRESS.value,
    _JOB.worker == bindparam("worker_"),
)
_ADVANCE: Final = Prepared(update(JOBS).where(_STILL_OURS).values(**_set("status", "document")))
_CLAIM: Final = Prepared(update(JOBS).where(_STILL_OURS).values(**_set("worker", "claimed_at")))
_NOT_REVOKED: Final = and_(
    _JOB.job_id == bindparam("job_id_"), _JOB.status == JobStatus.SUCCEEDED.value, _JOB.revoked_at.is_(None)
)
_REVOKE: Final = Prepared(update(JOBS).where(_NOT_REVOKED).values(**_set("revoked_at", "document")))


@cache
def _insert(table: Table, dialect: str) -> Prepared:
    """Insert a row unless one like it is there; each kind of database says that in its own way."""
    statement = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    return Prepared(statement.on_conflict_do_nothing())


class SqlTransaction:
    """One transaction; see `iotsign.signer.Transaction`.

    Args:
        cursor: The driver's.
        dialect: What SQL it takes.
        locks_rows: Whether a profile that was found must be locked.
    """

    def __init__(self, cursor: Any, dialect: Dialect, *, locks_rows: bool) -> None:
        self._cursor, self._dialect = cursor, dialect
        self._find_profile = _FIND_PROFILE_LOCKED if locks_rows else _FIND_PROFILE

    def profile(self, account: str, name: str) -> SigningProfile | None:
        """Find a profile; in a writing transaction nobody else changes it before the end."""
        row = self._run(self._find_profile, {"account_": account, "name_": name}).fetchone()
        return read_profile(_ProfileRow._make(row)) if row else None

    def profiles(self, query: ProfileQuery) -> Sequence[SigningProfile]:
        """List profiles, by name."""
        statement = select(PROFILES).where(
            _PROFILE.account == query.account, _PROFILE.status.in_([status.value for status in query.statuses])
        )
        if query.platform_id is not None:
            statement = statement.where(_PROFILE.platform_id == query.platform_id)
        if query.after is not None:
            statement = statement.where(_PROFILE.name > query.after)
        return self._profiles(statement.order_by(_PROFILE.name).limit(query.limit))

    def revoked_profiles(self) -> Sequence[SigningProfile]:
        """List the profiles that were revoked."""
        revoked = _PROFILE.status == ProfileStatus.REVOKED.value
        return self._profiles(select(PROFILES).where(revoked).order_by(_PROFILE.account, _PROFILE.name))

    def add_profile(self, profile: SigningProfile) -> bool:
        """Add a profile; False if the name is taken."""
        return self._changed(_insert(PROFILES, self._dialect.name), profile_row(profile))

    def save_profile(self, profile: SigningProfile) -> None:
        """Store a profile that was read in this transaction."""
        values = _new(profile_row(profile), "status", "platform_id", "document")
        self._run(_SAVE_PROFILE, {"account_": profile.account, "name_": profile.name, **values})

    def job(self, job_id: str) -> SigningJob | None:
        """Find a job."""
        return self._job(_FIND_JOB, {"job_id_": job_id})

    def job_by_token(self, invoker: str, token: str) -> SigningJob | None:
        """Find the job that an account asked for with a request token."""
        return self._job(_FIND_JOB_BY_TOKEN, {"invoker_": invoker, "token_": token})

    def jobs(self, query: JobQuery) -> Sequence[SigningJob]:
        """List jobs, newest first, or those that expire last."""
        asked = {
            "since": to_microseconds(query.since),
            "owner": query.owner,
            "invoker": query.invoker,
            "status": query.status.value if query.status else None,
            "platform_id": query.platform_id,
            "requested_by": query.requested_by,
            "expires_after": to_microseconds(query.expires_after) if query.expires_after else None,
            "expires_before": to_microseconds(query.expires_before) if query.expires_before else None,
            "after_time": to_microseconds(query.after[0]) if query.after else None,
            "after_id": query.after[1] if query.after else None,
            "limit": query.limit,
        }
        values = {name: value for name, value in asked.items() if value is not None}
        return self._jobs(_list_jobs(frozenset(values), query.revoked), values)

    def unfinished_jobs(self) -> Sequence[SigningJob]:
        """List the jobs in progress, oldest first."""
        return self._jobs_oldest_first(_JOB.status == JobStatus.IN_PROGRESS.value)

    def revoked_jobs(self) -> Sequence[SigningJob]:
        """List the jobs whose signature was revoked, oldest first."""
        return self._jobs_oldest_first(_JOB.revoked_at.is_not(None))

    def add_job(self, job: SigningJob) -> bool:
        """Add a job; False if its invoker has used its token before."""
        return self._changed(_insert(JOBS, self._dialect.name), job_row(job))

    def claim_job(self, job: SigningJob, worker: str, claimed_at: datetime) -> bool:
        """Take a job over from its worker; False if it ended or somebody else did."""
        return self._advance(_CLAIM, job, {"new_worker": worker, "new_claimed_at": to_microseconds(claimed_at)})

    def advance_job(self, job: SigningJob) -> bool:
        """Store how far a job is; False if it is no longer in progress with its worker."""
        return self._advance(_ADVANCE, job, _new(job_row(job), "status", "document"))

    def revoke_job(self, job_id: str, revocation: JobRevocation) -> bool:
        """Revoke the signature of a job that succeeded; False if it has been, or there is no such job."""
        job = self.job(job_id)
        if job is None:
            return False
        values = _new(job_row(replace(job, revocation=revocation)), "revoked_at", "document")
        return self._changed(_REVOKE, {"job_id_": job_id, **values})

    def _run(self, statement: Prepared, values: Mapping[str, Any]) -> Any:
        return statement.run(self._cursor, self._dialect, values)

    def _job(self, statement: Prepared, values: Mapping[str, Any]) -> SigningJob | None:
        row = self._run(statement, values).fetchone()
        return read_job(_JobRow._make(row)) if row else None

    def _jobs(self, statement: Prepared, values: Mapping[str, Any]) -> list[SigningJob]:
        return [read_job(_JobRow._make(row)) for row in self._run(statement, values)]

    def _jobs_oldest_first(self, condition: ColumnElement[bool]) -> list[SigningJob]:
        return self._jobs(Prepared(select(JOBS).where(condition).order_by(_JOB.created_at, _JOB.job_id)), {})

    def _profiles(self, statement: Select[Any]) -> list[SigningProfile]:
        return [read_profile(_ProfileRow._make(row)) for row in self._run(Prepared(statement), {})]

    def _advance(self, statement: Prepared, job: SigningJob, values: Mapping[str, Any]) -> bool:
        return self._changed(statement, {"job_id_": job.job_id, "worker_": job.worker, **values})

    def _changed(self, statement: Prepared, values: Mapping[str, Any]) -> bool:
        return bool(self._run(statement, values).rowcount == 1)


@lru_cache(maxsize=256)
def _list_jobs(asked: frozenset[str], revoked: bool | None) -> Prepared:  # noqa: FBT001 - a value of the query
    """List jobs by these members of a query: each set of them has a statement of its own, and an index to go by."""
    by_expiry = not asked.isdisjoint({"expires_after", "expires_before"})
    order = (_JOB.expires_at if by_expiry else _JOB.created_at, _JOB.job_id)
    conditions: dict[str, ColumnElement[bool]] = {
        "since": _JOB.created_at >= bindparam("since"),
        **{name: _JOB[name] == bindparam(name) for name in _FILTERS},
        "expires_after": _JOB.expires_at > bindparam("expires_after"),
        "expires_before": _JOB.expires_at < bindparam("expires_before"),
        "after_time": tuple_(*order) < tuple_(bindparam("after_time", type_=BigInteger), bindparam("after_id")),
    }
    wanted = [condition for name, condition in conditions.items() if name in asked]
    if revoked is not None:
        wanted.append(_JOB.revoked_at.is_not(None) if revoked else _JOB.revoked_at.is_(None))
    statement = select(JOBS).where(*wanted).order_by(*(column.desc() for column in order))
    return Prepared(statement.limit(bindparam("limit", type_=Integer)))
