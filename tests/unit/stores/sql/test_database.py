"""Opening, migrating and losing databases."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from iotsign.errors import ConfigError, MissingDependencyError, StoreError
from iotsign.stores.sql import SqlRecords, _migrate, _schema, _sqlite, open_records, sqlite_url


def test_migrations_end_where_the_tables_stand(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "records.db")
    open_records(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), _schema.METADATA) == []
        indexes = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'")}
    engine.dispose()
    assert {index.name for table in (_schema.JOBS, _schema.PROFILES) for index in table.indexes} <= indexes
    assert ScriptDirectory(str(_migrate._SCRIPTS)).get_current_head() == _migrate.HEAD


def test_a_database_of_a_newer_iotsign_is_left_alone(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "records.db")
    open_records(url).close()
    with sqlite3.connect(tmp_path / "records.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="expected a database of schema 0001 or older, got 9999"):
        open_records(url)


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    records = open_records(sqlite_url(tmp_path / "records.db"))
    with records.writing(), records.reading() as transaction:
        assert transaction.unfinished_jobs() == []
    records.close()


def test_writers_of_two_stores_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path / "records.db")
    first, second = open_records(url), open_records(url)  # as two processes have them

    def write(records: SqlRecords, name: str) -> None:
        with records.writing():
            order.append(name)

    order: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        with first.writing():
            with monkeypatch.context() as change:
                change.setattr(_sqlite, "BUSY_S", 0.05)
                with pytest.raises(StoreError, match=r"its writers took over 0\.05 s"):
                    pool.submit(write, first, "too late").result(60)
            waiting = pool.submit(write, second, "second")
            with pytest.raises(TimeoutError):
                waiting.result(0.05)
            order.append("first")
        waiting.result(60)
    assert order == ["first", "second"]
    first.close()
    second.close()


def test_a_database_in_memory_needs_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    turn = _sqlite.Turn(":memory:")
    with turn.taken():
        assert list(tmp_path.iterdir()) == []
    turn.close()


def test_writers_of_one_process_take_turns(tmp_path: Path) -> None:
    records = open_records(sqlite_url(tmp_path / "records.db"))
    inside, most = 0, 0

    def write(_: int) -> None:
        nonlocal inside, most
        with records.writing():
            inside += 1
            most = max(most, inside)
            time.sleep(0.001)
            inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert most == 1
    with pytest.raises(ZeroDivisionError), records.writing():
        _ = 1 / 0
    with records.writing() as transaction:  # whoever failed has given the turn back
        assert transaction.unfinished_jobs() == []
    records.close()


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", ""])
def test_urls_of_no_known_database_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        open_records(url)


def test_a_database_that_cannot_be_opened_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"this is no database, and quite long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="file is not a database"):
        open_records(sqlite_url(tmp_path / "records.db"))
    with pytest.raises(StoreError, match="unable to open"):
        open_records(sqlite_url(tmp_path / "nowhere" / "records.db"))


def test_a_server_that_does_not_answer_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the database of records failed"):
        open_records(f"postgresql://nobody@/nothing?host={tmp_path}")


def test_a_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependencyError) as caught:
        open_records("postgresql://nobody@/nothing")
    assert caught.value.data["hint"] == "install iotsign[postgresql]"


def test_a_missing_package_names_what_to_install() -> None:
    program = """
import sys
sys.modules["alembic"] = None
from iotsign.errors import MissingDependencyError
try:
    import iotsign.stores.sql
except MissingDependencyError as error:
    print(error.data["hint"])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert run.stdout == "install iotsign[server]\n", run


def test_an_sqlite_database_loads_no_other_dialect(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "records.db")
    open_records(url).close()  # migrations are written for all
    program = f"""
import sys
from iotsign.stores.sql import open_records
records = open_records({url!r})
with records.reading() as transaction:
    assert transaction.job("none") is None
print([name for name in sys.modules if name.startswith(("sqlalchemy.dialects.postgresql", "psycopg"))])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert run.stdout == "[]\n", run
