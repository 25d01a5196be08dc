"""Records in memory, SQLite and PostgreSQL: one contract."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memory_stores import MemoryRecords

from iotsign.stores.sql import open_records, sqlite_url


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server: the one that IOTSIGN_POSTGRESQL names, or one of our own."""
    given = os.environ.get("IOTSIGN_POSTGRESQL")
    if given:
        yield given
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs PostgreSQL: Debian's package postgresql, or a server that IOTSIGN_POSTGRESQL names")
    home = tmp_path_factory.mktemp("postgresql")
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        for directory in (home, *home.parents):
            if directory.owner() == "root" and directory.stat().st_mode & 0o001 == 0:
                directory.chmod(directory.stat().st_mode | 0o001)
        shutil.chown(home, "postgres")
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    tools = found[-1].parent
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
