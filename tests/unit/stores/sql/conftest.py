"""Records in memory, SQLite and PostgreSQL: one contract."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory_stores import MemoryRecords

from iotsign.stores.sql import open_records, sqlite_url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a server: the one that IOTSIGN_POSTGRESQL names, or one of our own."""
    given = os.environ.get("IOTSIGN_POSTGRESQL")
    if given:
        yield given
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs PostgreSQL: Debian's package postgresql, or a server that IOTSIGN_POSTGRESQL names")
    # not below pytest's own folder, which is closed to the server's user
    with tempfile.TemporaryDirectory(prefix="iotsign-postgresql-") as folder:
        yield from _serve(Path(folder), found[-1].parent)


def _serve(home: Path, tools: Path) -> Iterator[str]:
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(home, "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    options = ["--auth=trust", "--username=iotsign", "--no-sync", "--no-locale", "--encoding=UTF8"]
    run: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": home, **user}
    subprocess.run([str(tools / "initdb"), *options, str(home / "data")], **run)
    control = [str(tools / "pg_ctl"), "-D", str(home / "data"), "-l", str(home / "log")]
    subprocess.run([*control, "-w", "-o", f"-k {home} -c listen_addresses= -F", "start"], **run)
    yield f"postgresql://iotsign@/postgres?host={home}"
    subprocess.run([*control, "-m", "immediate", "stop"], **run)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Open the same empty store, as often as asked."""
    if request.param == "memory":
        memory = MemoryRecords()
        yield lambda: memory
        return
    url = sqlite_url(tmp_path / "records.db")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        _drop_tables(url)
    opened = []

    def open_it() -> Any:
        opened.append(open_records(url))
        return opened[-1]

    yield open_it
    for records in opened:
        records.close()


def _drop_tables(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS jobs, profiles, alembic_version")
