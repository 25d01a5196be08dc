"""The tables, as the newest migration leaves them.

Times are microseconds since 1970 in UTC. What is never searched for stands in ``document``, as JSON.

PostgreSQL's indexes are partial, too; only the migration says so, because saying it here would load PostgreSQL's
dialect whenever SQLite is used.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text, text

METADATA: Final = MetaData()

PROFILES: Final = Table(
    "profiles",
    METADATA,
    Column("account", String(12), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("platform_id", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Index("profiles_by_status", "account", "status", "name"),
    Index(
        "profiles_revoked",
        "account",
        "name",
        sqlite_where=text("status = 'Revoked'"),
    ),
)

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("job_id", String(36), primary_key=True),
    Column("owner", String(12), nullable=False),
    Column("invoker", String(12), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("platform_id", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("token", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("jobs_by_token", "invoker", "token", unique=True),
    Index("jobs_by_time", "owner", "created_at", "job_id"),
    Index("jobs_by_status", "owner", "status", "created_at", "job_id"),
    Index("jobs_by_platform", "owner", "platform_id", "created_at", "job_id"),
    Index("jobs_by_principal", "owner", "requested_by", "created_at", "job_id"),
    Index("jobs_by_invoker", "invoker", "created_at", "job_id"),
    Index(
        "jobs_by_expiry",
        "owner",
        "expires_at",
        "job_id",
        sqlite_where=text("expires_at IS NOT NULL"),
    ),
    Index(
        "jobs_revoked",
        "owner",
        "created_at",
        "job_id",
        sqlite_where=text("revoked_at IS NOT NULL"),
    ),
    Index(
        "jobs_in_progress",
        "created_at",
        sqlite_where=text("status = 'InProgress'"),
    ),
)
