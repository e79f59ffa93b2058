"""Whatever happens in the middle: what was published answers, nothing answers twice, the next run completes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import event

from ingest.catalog import Catalog, CatalogUnusable
from ingest.sqlite_catalog import SqliteCatalog
from ingest.vectors import VectorStore
from tests.ingest.index import Index, answers, assert_clean, stored_index, write

KILLS = int(os.environ.get("DOCQA_TEST_KILLS", "10"))
WRITES = ("prepare", "publish", "discard", "upsert", "delete_revision")

BEFORE = {
    "changed.txt": "Changed\n\nalarm changed old\n\nalarm vanishing old",
    "same.txt": "Same\n\nalarm same",
}
AFTER = {
    "changed.txt": "Changed\n\nalarm changed new",
    "same.txt": BEFORE["same.txt"],
    "zed.txt": "Zed\n\nalarm zed",
}
OLD = ["alarm changed old", "alarm same", "alarm vanishing old"]
MIDDLE = ["alarm changed new", "alarm same"]
NEW = ["alarm changed new", "alarm same", "alarm zed"]


class Crash(BaseException):
    """The process ends here."""


class Crashing:
    """Passes everything on, until the ``fatal``-th write; then it crashes before or after doing it."""

    def __init__(self, part: object, countdown: list[int], after: bool) -> None:
        self._part = part
        self._countdown = countdown
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., object]:
        method: Callable[..., object] = getattr(self._part, name)
        if name not in WRITES:
            return method

        def counted(*arguments: object, **named: object) -> object:
            self._countdown[0] -= 1
            if self._countdown[0] == 0 and not self._after:
                raise Crash
            result = method(*arguments, **named)
            if self._countdown[0] == 0:
                raise Crash
            return result

        return counted


def crashing(index: Index, step: int, *, after: bool) -> Index:
    countdown = [step]
    return Index(
        cast(Catalog, Crashing(index.catalog, countdown, after)),
        cast(VectorStore, Crashing(index.vectors, countdown, after)),
        index.embedder,
        index.reader,
        index.splitter,
    )


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_at_any_write_of_an_update(tmp_path: Path, step: int, after: bool) -> None:
    files, data = tmp_path / "files", tmp_path / "data"
    with stored_index(data) as index:
        index.ingest(write(files, BEFORE))
        assert answers(index, "alarm") == OLD
    write(files, AFTER)
    with stored_index(data) as index:
        fatal = crashing(index, step, after=after)
        if step <= 6:
            with pytest.raises(Crash):
                fatal.ingest(files)
        else:
            assert fatal.ingest(files).added == ("zed.txt",), "an update has six writes: all were tried"
        # The service may still be answering from the same process.
        assert answers(index, "alarm") in (OLD, MIDDLE, NEW)
    with stored_index(data) as index:
        assert answers(index, "alarm") in (OLD, MIDDLE, NEW)
        report = index.ingest(files)
        assert not report.failed
        assert answers(index, "alarm") == NEW
        assert_clean(index)
        assert index.ingest(files).unchanged == tuple(sorted(AFTER))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, 5))
def test_a_crash_while_sweeping_what_a_crash_left(tmp_path: Path, step: int, after: bool) -> None:
    files = write(tmp_path / "files", BEFORE)
    with stored_index(tmp_path / "data") as index:
        index.ingest(files)
        write(files, AFTER)
        with pytest.raises(Crash):  # both prepared, their vectors written, not published
            crashing(index, 4, after=False).ingest(files)
        assert len(index.catalog.unpublished("default")) == 2
        with pytest.raises(Crash):
            crashing(index, step, after=after).ingest(files)
        assert answers(index, "alarm") == OLD
        index.ingest(files)
        assert answers(index, "alarm") == NEW
        assert_clean(index)


def test_a_disk_that_fills_up_fails_the_run_and_loses_nothing(tmp_path: Path) -> None:
    files = write(tmp_path / "files", BEFORE)
    with stored_index(tmp_path / "data") as index:
        index.ingest(files)
        catalog = index.catalog
        assert isinstance(catalog, SqliteCatalog)
        with catalog.database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        write(files, {**AFTER, "big.txt": "\n\n".join(f"filler {n} of many" for n in range(5_000))})
        limit = f"PRAGMA max_page_count = {pages + 20}"
        event.listen(catalog.database.engine, "checkout", lambda connection, *_: connection.execute(limit))
        with pytest.raises(CatalogUnusable, match="full"):
            index.ingest(files)
        assert answers(index, "alarm") == OLD
    with stored_index(tmp_path / "data") as index:
        assert not index.ingest(files).failed
        assert answers(index, "alarm") == NEW
        assert_clean(index)


@pytest.mark.timeout(180 + 30 * KILLS)
def test_a_process_that_is_killed_at_any_moment(tmp_path: Path) -> None:
    """A few kills; ``DOCQA_TEST_KILLS=200`` makes it as many. See `tests.ingest.kills`."""
    command = [sys.executable, "-m", "tests.ingest.kills", str(tmp_path), str(KILLS)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120 + 30 * KILLS, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{KILLS} kills" in ended.stdout


def test_damaged_computed_vectors_cost_time_and_nothing_else(tmp_path: Path) -> None:
    files = write(tmp_path / "files", BEFORE)
    with stored_index(tmp_path / "data") as index:
        index.ingest(files)
    (tmp_path / "data" / "embeddings.sqlite").write_bytes(b"torn" * 5_000)
    with stored_index(tmp_path / "data") as index:
        assert answers(index, "alarm") == OLD
        assert index.ingest(write(files, AFTER)).passages > 0
        assert answers(index, "alarm") == NEW


def test_a_damaged_catalog_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    with stored_index(tmp_path / "data") as index:
        index.ingest(write(tmp_path / "files", BEFORE))
    path = tmp_path / "data" / "catalog.sqlite"
    damaged = path.read_bytes()[:3_000]
    path.write_bytes(damaged)
    with pytest.raises(CatalogUnusable, match=r"catalog\.sqlite"), stored_index(tmp_path / "data") as index:
        index.ingest(tmp_path / "files")
    assert path.read_bytes()[:3_000] == damaged
