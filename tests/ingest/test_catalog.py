from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from ingest.catalog import Catalog, CatalogUnusable
from ingest.document import Document
from ingest.sqlite_catalog import SqliteCatalog
from tests.contracts.catalog import CatalogContract, Clock, document, found, passages_of, publish
from tests.fakes.catalog import MemoryCatalog


class TestMemoryCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, clock: Clock) -> Catalog:
        return MemoryCatalog(clock)


class TestSqliteCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, tmp_path: Path, clock: Clock) -> Iterator[Catalog]:
        catalog = SqliteCatalog(tmp_path / "data" / "catalog.sqlite", clock)
        yield catalog
        catalog.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    first = SqliteCatalog(path)
    publish(first, document("a.md", "old alarm"))
    kept = publish(first, document("a.md", "new alarm"))
    waiting = document("b.md", "later")
    prepared = first.prepare("default", waiting, passages_of(waiting))
    first.close()
    again = SqliteCatalog(path)
    assert again.current() == [kept]
    assert found(again, "alarm") == ["new alarm"]
    assert [r.id for r in again.unpublished("default")] == [prepared.revision.id]
    again.publish(prepared)
    assert found(again, "later") == ["later"]
    again.close()


def test_search_knows_word_forms_and_accents(catalog: SqliteCatalog) -> None:
    publish(catalog, document("a.md", "Calibrating the sensors", "Café in Zürich"))
    assert found(catalog, "how is a sensor calibrated") == ["Calibrating the sensors"]
    assert found(catalog, "cafe zurich") == ["Café in Zürich"]
    assert found(catalog, "Zu\u0308rich") == ["Café in Zürich"]


def test_the_full_text_index_is_whole_after_many_updates(catalog: SqliteCatalog, tmp_path: Path) -> None:
    for round in range(20):
        for source in ("a.md", "b.md", "c.md"):
            publish(catalog, document(source, f"alarm {round}", f"{source} light {round * 7}", "Ünïcode\x00 🙂 end"))
    catalog.close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as connection:
        (rows,) = connection.execute("SELECT count(*) FROM lexical_1_docsize").fetchone()
        assert rows == 9
        terms = "CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, lexical_1, instance)"
        connection.execute(terms)
        indexed = {row for (row,) in connection.execute("SELECT DISTINCT doc FROM temp.terms")}
        current = {
            row
            for (row,) in connection.execute(
                "SELECT row FROM passages JOIN revisions ON revisions.id = revision_id WHERE valid_to IS NULL"
            )
        }
        assert indexed == current
    connection.close()


def test_a_failed_publication_changes_nothing(catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    old = publish(catalog, document("a.md", "old alarm"))
    new = document("a.md", "new alarm")
    prepared = catalog.prepare("default", new, passages_of(new))

    def fail(*_: object) -> None:
        raise RuntimeError("pulled the plug")

    generation = catalog.generation()
    with monkeypatch.context() as patch:
        patch.setattr("ingest.lexical_index.add", fail)
        with pytest.raises(RuntimeError, match="plug"):
            catalog.publish(prepared)
    assert catalog.current() == [old]
    assert found(catalog, "alarm") == ["old alarm"]
    assert catalog.generation() == generation
    catalog.publish(prepared)
    assert found(catalog, "alarm") == ["new alarm"]


def test_a_document_never_has_two_current_revisions_even_by_hand(catalog: SqliteCatalog, tmp_path: Path) -> None:
    publish(catalog, document("a.md", "one"))
    publish(catalog, document("a.md", "two"))
    connection = sqlite3.connect(tmp_path / "catalog.sqlite")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE revisions SET valid_to = NULL")
    connection.close()


def test_readers_in_other_threads_see_one_state_or_the_next(catalog: SqliteCatalog) -> None:
    def version(number: int) -> Document:
        return document("a.md", *[f"alarm version{number} part{part}" for part in range(5)])

    publish(catalog, version(0))
    done = Event()
    mixtures: list[list[str]] = []
    seen: set[str] = set()

    def read() -> int:
        rounds = 0
        while not done.is_set() or rounds == 0:
            before = catalog.generation()
            stored = catalog.passages([hit.passage_id for hit in catalog.search("default", "alarm", 10)])
            if catalog.generation() == before:
                texts = [passage.passage.text for passage in stored.values()]
                versions = {text.split()[1] for text in texts}
                seen.update(versions)
                if len(texts) != 5 or len(versions) != 1:
                    mixtures.append(texts)
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for number in range(1, 40):
            publish(catalog, version(number))
        done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert mixtures == []
    assert seen
    assert len(found(catalog, "version39")) == 5


def test_threads_may_publish_at_once(catalog: SqliteCatalog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: publish(catalog, document(f"{n % 4}.md", f"alarm {n}"), f"c{n % 2}"), range(40)))
    assert len(catalog.current()) == 4
    assert len(catalog.search("c0", "alarm", 100)) + len(catalog.search("c1", "alarm", 100)) == 4


def test_another_process_reads_while_this_one_writes(catalog: SqliteCatalog, tmp_path: Path) -> None:
    publish(catalog, document("a.md", "alarm one"))
    read = (
        "import sys; from pathlib import Path; from ingest.sqlite_catalog import SqliteCatalog;"
        "catalog = SqliteCatalog(Path(sys.argv[1]));"
        "print(len(catalog.search('default', 'alarm', 9)), [r.number for r in catalog.current()])"
    )
    with catalog.database.write() as connection:
        connection.exec_driver_sql("UPDATE state SET generation = generation + 1")
        output = subprocess.run(
            [sys.executable, "-c", read, str(tmp_path / "catalog.sqlite")], capture_output=True, text=True, check=True
        )
    assert output.stdout == "1 [1]\n"


def test_a_file_that_is_no_catalog_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogUnusable, match=r"catalog\.sqlite: file is not a database"):
        SqliteCatalog(path)


def test_a_catalog_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    SqliteCatalog(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CatalogUnusable, match="schema version 99"):
        SqliteCatalog(path)
