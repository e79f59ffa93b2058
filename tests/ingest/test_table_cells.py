"""Tables of the sample PDF and DOCX files, against their sources: each cell is found with the name of its column.

A passage is read as a person reads it: the header row in front of it (``lead_in``), then its own rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.catalog import passage_id
from ingest.document import Passage
from ingest.sections import StructureSplitter
from ingest.sqlite_catalog import SqliteCatalog
from tests.ingest.test_readers_corpus import JOBS, build, read, shown

MAX_TOKENS, FOUND_AMONG = 100, 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell with the name of its column and the first cell of its row."""

    column: str
    row: str
    cell: str


def count_words(text: str) -> int:
    return len(text.split())


def entries(markdown: str, *, printed: bool) -> Iterator[Entry]:
    """The cells of all tables of a text; the source dialect is that of canonical text."""
    for block in build.parse(markdown).blocks:
        if isinstance(block, build.Grid):
            header, *rows = ([shown(cell, printed=printed) for cell in row] for row in block.rows)
            for row in rows:
                yield from (Entry(name, row[0], cell) for name, cell in zip(header, row, strict=True) if cell)


def entries_of(passage: Passage) -> set[Entry]:
    header = passage.lead_in and passage.lead_in + "\n|" + "---|" * (passage.lead_in.count("|") - 1) + "\n"
    try:
        return set(entries(f"# x\n\n{header}{passage.text}", printed=False))
    except build.BuildError:  # A piece of something else that the dialect does not have.
        return set()


SOURCES = {job.target: list(entries(job.source.read_text(), printed=job.target.suffix == ".pdf")) for job in JOBS}


@pytest.fixture(scope="module")
def passages() -> dict[Path, list[Passage]]:
    splitter = StructureSplitter(count_words, max_tokens=MAX_TOKENS, window=120)
    return {target: list(splitter.split(read(target))) for target in SOURCES}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory, passages: dict[Path, list[Passage]]) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path_factory.mktemp("cells") / "catalog.sqlite")
    for target, cut in passages.items():
        catalog.publish(catalog.prepare("default", read(target), cut, "recipe"))
    yield catalog
    catalog.close()


def test_there_are_tables_and_some_are_cut() -> None:
    assert {target.suffix for target, cells in SOURCES.items() if cells} == {".pdf", ".docx"}
    assert sum(map(len, SOURCES.values())) > 1_000


@pytest.mark.parametrize("target", SOURCES, ids=lambda path: path.name)
def test_each_cell_stands_in_a_passage_with_its_column_name(target: Path, passages: dict[Path, list[Passage]]) -> None:
    held = set().union(*map(entries_of, passages[target]))
    assert [entry for entry in SOURCES[target] if entry not in held] == []


def test_some_of_these_tables_are_longer_than_a_passage(passages: dict[Path, list[Passage]]) -> None:
    assert sum(bool(passage.lead_in) for cut in passages.values() for passage in cut) > 30


def test_each_cell_is_found_by_its_column_and_its_row(
    catalog: SqliteCatalog, passages: dict[Path, list[Passage]]
) -> None:
    revisions = {revision.source: revision.id for revision in catalog.current("default")}
    lost: list[Entry] = []
    for target, cells in SOURCES.items():
        holders: defaultdict[Entry, set[str]] = defaultdict(set)
        for passage in passages[target]:
            for entry in entries_of(passage):
                holders[entry].add(passage_id(revisions[read(target).source], passage.ordinal))
        for entry in cells:
            question = f"{read(target).title}: {entry.column} of {entry.row}?"
            found = [hit.passage_id for hit in catalog.search("default", question, FOUND_AMONG)]
            if holders[entry].isdisjoint(found):
                lost.append(entry)
    assert lost == []
