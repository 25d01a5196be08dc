"""What the domain does in one transaction, as SQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Update, and_, bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from iotsign.signer import JobQuery, JobRevocation, JobStatus, ProfileQuery, SigningJob, SigningProfile
from iotsign.stores.sql._rows import job_row, profile_row, read_job, read_profile, to_microseconds
from iotsign.stores.sql._schema import JOBS, PROFILES

_JOB, _PROFILE = JOBS.c, PROFILES.c

# what each job needs is built once: building a statement takes longer than running it
_FIND_PROFILE: Final = select(PROFILES).where(
    _PROFILE.account == bindparam("account_"), _PROFILE.name == bindparam("name_")
)
_FIND_PROFILE_LOCKED: Final = _FIND_PROFILE.with_for_update()
_FIND_JOB: Final = select(JOBS).where(_JOB.job_id == bindparam("job_id_"))
_FIND_JOB_BY_TOKEN: Final = select(JOBS).where(_JOB.invoker == bindparam("invoker_"), _JOB.token == bindparam("token_"))
_STILL_OURS: Final = and_(
    _JOB.job_id == bindparam("job_id_"),
    _JOB.status == JobStatus.IN_PROGRESS.value,
    _JOB.worker == bindparam("worker_"),
)
_ADVANCE: Final = update(JOBS).where(_STILL_OURS).values(status=bindparam("status"), document=bindparam("document"))
_CLAIM: Final = update(JOBS).where(_STILL_OURS).values(worker=bindparam("worker"), claimed_at=bindparam("claimed_at"))
_INSERTS: Final[dict[str, dict[str, Any]]] = {
    name: {table.name: dialect.insert(table).on_conflict_do_nothing() for table in (JOBS, PROFILES)}
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}


class SqlTransaction:
    """One transaction; see `iotsign.signer.Transaction`."""

    def __init__(self, connection: Connection, *, locks_rows: bool) -> None:
        self._connection = connection
        self._locks_rows = locks_rows
        self._inserts = _INSERTS[connection.dialect.name]

    def profile(self, account: str, name: str) -> SigningProfile | None:
        """Find a profile; in a writing transaction nobody else changes it before the end."""
        statement = _FIND_PROFILE_LOCKED if self._locks_rows else _FIND_PROFILE
        row = self._connection.execute(statement, {"account_": account, "name_": name}).first()
        return read_profile(row) if row else None

    def profiles(self, query: ProfileQuery) -> Sequence[SigningProfile]:
        """List profiles, by name."""
        statement = select(PROFILES).where(
            _PROFILE.account == query.account, _PROFILE.status.in_([status.value for status in query.statuses])
        )
        if query.platform_id is not None:
            statement = statement.where(_PROFILE.platform_id == query.platform_id)
        if query.after is not None:
            statement = statement.where(_PROFILE.name > query.after)
        rows = self._connection.execute(statement.order_by(_PROFILE.name).limit(query.limit))
        return [read_profile(row) for row in rows]

    def revoked_profiles(self) -> Sequence[SigningProfile]:
        """List the profiles that were revoked."""
        statement = select(PROFILES).where(_PROFILE.status == "Revoked").order_by(_PROFILE.account, _PROFILE.name)
        return [read_profile(row) for row in self._connection.execute(statement)]

    def add_profile(self, profile: SigningProfile) -> bool:
        """Add a profile; False if the name is taken."""
        return self._added(self._inserts[PROFILES.name], profile_row(profile))

    def save_profile(self, profile: SigningProfile) -> None:
        """Store a profile that was read in this transaction."""
        row = profile_row(profile)
        same = and_(_PROFILE.account == row.pop("account"), _PROFILE.name == row.pop("name"))
        self._connection.execute(update(PROFILES).where(same).values(row))

    def job(self, job_id: str) -> SigningJob | None:
        """Find a job."""
        row = self._connection.execute(_FIND_JOB, {"job_id_": job_id}).first()
        return read_job(row) if row else None

    def job_by_token(self, invoker: str, token: str) -> SigningJob | None:
        """Find the job that an account asked for with a request token."""
        row = self._connection.execute(_FIND_JOB_BY_TOKEN, {"invoker_": invoker, "token_": token}).first()
        return read_job(row) if row else None

    def jobs(self, query: JobQuery) -> Sequence[SigningJob]:
        """List jobs, newest first, or those that expire last."""
        time = _JOB.expires_at if query.by_expiry else _JOB.created_at
        conditions = [_JOB.created_at >= to_microseconds(query.since)]
        for column, value in (
            (_JOB.owner, query.owner),
            (_JOB.invoker, query.invoker),
            (_JOB.status, query.status.value if query.status else None),
            (_JOB.platform_id, query.platform_id),
            (_JOB.requested_by, query.requested_by),
        ):
            if value is not None:
                conditions.append(column == value)
        conditions += _bounds(query)
        if query.after is not None:
            position = (to_microseconds(query.after[0]), query.after[1])
            conditions.append(tuple_(time, _JOB.job_id) < position)
        statement = select(JOBS).where(*conditions).order_by(time.desc(), _JOB.job_id.desc()).limit(query.limit)
        return [read_job(row) for row in self._connection.execute(statement)]

    def unfinished_jobs(self) -> Sequence[SigningJob]:
        """List the jobs in progress, oldest first."""
        return self._all(_JOB.status == JobStatus.IN_PROGRESS.value)

    def revoked_jobs(self) -> Sequence[SigningJob]:
        """List the jobs whose signature was revoked, oldest first."""
        return self._all(_JOB.revoked_at.is_not(None))

    def add_job(self, job: SigningJob) -> bool:
        """Add a job; False if its invoker has used its token before."""
        return self._added(self._inserts[JOBS.name], job_row(job))

    def claim_job(self, job: SigningJob, worker: str, claimed_at: datetime) -> bool:
        """Take a job over from its worker; False if it ended or somebody else did."""
        return self._advance(_CLAIM, job, {"worker": worker, "claimed_at": to_microseconds(claimed_at)})

    def advance_job(self, job: SigningJob) -> bool:
        """Store how far a job is; False if it is no longer in progress with its worker."""
        row = job_row(job)
        return self._advance(_ADVANCE, job, {"status": row["status"], "document": row["document"]})

    def revoke_job(self, job_id: str, revocation: JobRevocation) -> bool:
        """Revoke the signature of a job that succeeded; False if it has been, or there is no such job."""
        job = self.job(job_id)
        if job is None:
            return False
        row = job_row(replace(job, revocation=revocation))
        succeeded = and_(_JOB.status == JobStatus.SUCCEEDED.value, _JOB.revoked_at.is_(None))
        statement = update(JOBS).where(_JOB.job_id == job_id, succeeded)
        values = {"revoked_at": row["revoked_at"], "document": row["document"]}
        return self._connection.execute(statement.values(values)).rowcount == 1

    def _advance(self, statement: Update, job: SigningJob, values: dict[str, Any]) -> bool:
        still_ours = {"job_id_": job.job_id, "worker_": job.worker}
        return self._connection.execute(statement, values | still_ours).rowcount == 1

    def _all(self, condition: ColumnElement[bool]) -> Sequence[SigningJob]:
        statement = select(JOBS).where(condition).order_by(_JOB.created_at, _JOB.job_id)
        return [read_job(row) for row in self._connection.execute(statement)]

    def _added(self, statement: Any, row: dict[str, Any]) -> bool:
        result = self._connection.execute(statement, row, execution_options={"preserve_rowcount": True})
        return result.rowcount == 1


def _bounds(query: JobQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.revoked is not None:
        found.append(_JOB.revoked_at.is_not(None) if query.revoked else _JOB.revoked_at.is_(None))
    if query.expires_after is not None:
        found.append(_JOB.expires_at > to_microseconds(query.expires_after))
    if query.expires_before is not None:
        found.append(_JOB.expires_at < to_microseconds(query.expires_before))
    return found
