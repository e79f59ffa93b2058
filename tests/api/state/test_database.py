from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import URL, inspect, select, text

from api.state.database import Database, DatabaseUnusable, database_url
from api.state.migrations import steps
from api.state.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_sees(database: Database) -> None:
    with database.read() as connection:
        found = inspect(connection)
        assert set(found.get_table_names()) == {*metadata.tables, "schema_steps"}
        for name, table in metadata.tables.items():
            columns = {column["name"]: column for column in found.get_columns(name)}
            assert list(columns) == list(table.c.keys())
            for column in table.c:
                is_key = column.primary_key
                assert is_key or columns[column.name]["nullable"] is bool(column.nullable), (name, column.name)
            keys = found.get_pk_constraint(name)["constrained_columns"]
            assert set(keys) == {column.name for column in table.primary_key}
            unique = {tuple(entry["column_names"]) for entry in found.get_unique_constraints(name)}
            assert {(column.name,) for column in table.c if column.unique} <= unique
            assert connection.execute(select(table)).all() == []


def test_what_was_written_is_there_after_reopening(url: URL) -> None:
    first = Database(url)
    with first.write() as connection:
        connection.execute(text("INSERT INTO audit VALUES ('a', 1.5, 'me', 'did', 'it', '{}', NULL)"))
    first.close()
    again = Database(url)
    with again.read() as connection:
        assert connection.scalar(text("SELECT at FROM audit")) == 1.5
        assert connection.scalar(text("SELECT max(number) FROM schema_steps")) == steps()[-1].number
    again.close()


def test_several_may_open_it_at_once(url: URL) -> None:
    together = Barrier(4)

    def open_and_close(_: int) -> None:
        together.wait(10)
        Database(url).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_close, range(4)))


def test_many_new_files_may_each_be_opened_by_several(tmp_path: Path) -> None:
    # Of files opened by four at once without a second attempt, one in sixteen failed one of the four.
    together = Barrier(4)

    def open_and_close(_: int) -> None:
        for number in range(100):
            together.wait(10)
            Database(database_url(None, tmp_path / f"{number}.sqlite")).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_close, range(4)))


def test_a_file_that_stays_locked_is_named_when_the_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sqlite_database.BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "app.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnusable, match=r"app\.sqlite: database is locked"):
            Database(database_url(None, path))
    Database(database_url(None, path)).close()


def test_the_schema_of_a_newer_program_is_refused(url: URL) -> None:
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("INSERT INTO schema_steps VALUES (9999)"))
    database.close()
    with pytest.raises(DatabaseUnusable, match="9999"):
        Database(url)


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO audit VALUES ('a', 1, 'me', 'did', 'it', '{}', NULL)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit")) == 0


def test_a_file_that_is_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite"
    path.write_text("this is not a database, but long enough to be looked at as one" * 20, encoding="utf-8")
    with pytest.raises(DatabaseUnusable, match=r"app\.sqlite: file is not a database"):
        Database(database_url(None, path))
    assert path.read_text(encoding="utf-8").startswith("this is not")


@pytest.mark.parametrize(
    ("configured", "says"),
    [
        ("nonsense", "can't be read"),
        ("mysql://user:secret@host/name", "mysql databases are not supported"),
        ("postgresql://user:secret@127.0.0.1:9/name", r"postgresql\+psycopg://user:\*\*\*@127\.0\.0\.1:9/name"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(configured: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=says) as failed:
        Database(database_url(configured, tmp_path))
    assert "secret" not in str(failed.value)
