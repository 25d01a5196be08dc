"""Profiles and jobs."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "profiles",
        sa.Column("account", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("platform_id", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("profiles_by_status", "profiles", ["account", "status", "name"])
    _partial("profiles_revoked", "profiles", ["account", "name"], "status = 'Revoked'")
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(36), primary_key=True),
        sa.Column("owner", sa.String(12), nullable=False),
        sa.Column("invoker", sa.String(12), nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("platform_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("claimed_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("jobs_by_token", "jobs", ["invoker", "token"], unique=True)
    op.create_index("jobs_by_time", "jobs", ["owner", "created_at", "job_id"])
    op.create_index("jobs_by_status", "jobs", ["owner", "status", "created_at", "job_id"])
    op.create_index("jobs_by_platform", "jobs", ["owner", "platform_id", "created_at", "job_id"])
    op.create_index("jobs_by_principal", "jobs", ["owner", "requested_by", "created_at", "job_id"])
    op.create_index("jobs_by_invoker", "jobs", ["invoker", "created_at", "job_id"])
    _partial("jobs_by_expiry", "jobs", ["owner", "expires_at", "job_id"], "expires_at IS NOT NULL")
    _partial("jobs_revoked", "jobs", ["owner", "created_at", "job_id"], "revoked_at IS NOT NULL")
    _partial("jobs_in_progress", "jobs", ["created_at"], "status = 'InProgress'")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
