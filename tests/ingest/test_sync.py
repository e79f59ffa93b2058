"""A collection equals its folders: added, updated, moved, removed, and nothing else touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest import vector_sync
from ingest.document import Revision
from ingest.labelling import LabelRules
from ingest.pipeline import PipelineConfig, Removal, Report
from ingest.scope import Scope
from tests.ingest.index import Index, answers, assert_clean, pipeline, write

FILES = {"a.txt": "Pump\n\nalarm one\n\nbattery", "b/c.txt": "Sensor\n\nalarm two"}


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "files", FILES)


def current(index: Index, source: str) -> Revision:
    (revision,) = [r for r in index.catalog.current("default") if r.source == source]
    return revision


def test_a_file_that_is_gone_is_removed_with_its_passages(index: Index, folder: Path) -> None:
    index.ingest(folder)
    (folder / "a.txt").unlink()
    report = index.ingest(folder)
    assert (report.removed, report.unchanged) == (("a.txt",), ("b/c.txt",))
    assert answers(index, "alarm") == ["alarm two"]
    assert_clean(index)
    (gone,) = index.catalog.removed("default")
    assert "battery" in index.catalog.document(gone.id).text


def test_a_file_that_comes_back_goes_on_with_its_history_and_embeds_nothing(index: Index, folder: Path) -> None:
    index.ingest(folder)
    before = current(index, "a.txt")
    (folder / "a.txt").unlink()
    index.ingest(folder)
    report = index.ingest(write(folder, FILES))
    assert (report.added, report.passages, report.reused) == (("a.txt",), 0, 3)
    after = current(index, "a.txt")
    assert (after.document_id, after.number) == (before.document_id, 2)


def test_a_moved_file_keeps_its_document_and_is_neither_read_nor_embedded(index: Index, folder: Path) -> None:
    index.ingest(folder)
    before = current(index, "a.txt")
    index.reader.read_files.clear()
    (folder / "deep").mkdir()
    (folder / "a.txt").rename(folder / "deep" / "renamed.txt")
    report = index.ingest(folder)
    assert report.moved == (("a.txt", "deep/renamed.txt"),)
    assert (report.added, report.removed, report.updated, report.unchanged) == ((), (), (), ("b/c.txt",))
    after = current(index, "deep/renamed.txt")
    assert (after.id, after.document_id) == (before.id, before.document_id)
    assert index.reader.read_files == []
    assert [(m.root, m.source) for m in index.catalog.moves(after.document_id)] == [(str(folder), "a.txt")]
    assert_clean(index)


def test_a_whole_folder_that_moved_keeps_its_documents(index: Index, folder: Path, tmp_path: Path) -> None:
    index.ingest(folder)
    before = {r.document_id for r in index.catalog.current()}
    folder.rename(tmp_path / "elsewhere")
    report = index.ingest(tmp_path / "elsewhere")
    assert len(report.moved) == 2
    assert (report.added, report.passages) == ((), 0)
    assert {r.document_id for r in index.catalog.current()} == before


def test_a_copy_is_added_embedded_once_and_cited_at_both_places(index: Index, folder: Path) -> None:
    index.ingest(folder)
    shutil.copy(folder / "a.txt", folder / "copy.txt")
    embedded = index.embedder.embedded
    report = index.ingest(folder)
    assert (report.added, report.moved, report.reused) == (("copy.txt",), (), 3)
    assert index.embedder.embedded == embedded
    assert answers(index, "alarm") == ["alarm one", "alarm one", "alarm two"]


def test_two_files_that_swap_their_names_swap_their_words(index: Index, folder: Path) -> None:
    index.ingest(folder)
    embedded = index.embedder.embedded
    write(folder, {"a.txt": FILES["b/c.txt"], "b/c.txt": FILES["a.txt"]})
    assert index.ingest(folder).updated == ("a.txt", "b/c.txt")
    assert current(index, "a.txt").title == "Sensor"
    assert index.embedder.embedded == embedded


def test_only_changed_passages_are_embedded(index: Index, tmp_path: Path) -> None:
    paragraphs = ["Manual", *(f"alarm {n}" for n in range(40))]
    folder = write(tmp_path, {"big.txt": "\n\n".join(paragraphs)})
    index.ingest(folder)
    paragraphs[7] = "alarm changed"
    paragraphs.insert(3, "alarm new")
    report = index.ingest(write(folder, {"big.txt": "\n\n".join(paragraphs)}))
    assert (report.updated, report.passages, report.reused) == (("big.txt",), 2, 40)


def test_the_same_name_below_another_folder_is_another_document(index: Index, folder: Path, tmp_path: Path) -> None:
    index.ingest(folder)
    other = write(tmp_path / "other", {"a.txt": "Other\n\nalarm other"})
    report = index.ingest(other)
    assert (report.added, report.updated, report.removed) == (("a.txt",), (), ())
    assert answers(index, "alarm") == ["alarm one", "alarm other", "alarm two"]
    assert sorted((r.root, r.number) for r in index.catalog.current() if r.source == "a.txt") == [
        (str(folder), 1),
        (str(other), 1),
    ]
    (other / "a.txt").unlink()
    assert index.ingest(other).removed == ("a.txt",)
    assert answers(index, "alarm") == ["alarm one", "alarm two"]


def test_a_part_of_a_folder_is_that_part_and_no_more(index: Index, folder: Path) -> None:
    index.ingest(folder)
    write(folder, {"b/c.txt": "Sensor\n\nalarm three", "b/d.txt": "New\n\nalarm four"})
    report = index.ingest(folder / "b")
    assert (report.updated, report.added, report.removed) == (("b/c.txt",), ("b/d.txt",), ())
    assert {r.root for r in index.catalog.current()} == {str(folder)}
    write(folder, {"a.txt": "Pump\n\nalarm six"})
    assert index.ingest(folder / "a.txt").updated == ("a.txt",)
    assert index.ingest(folder).unchanged == ("a.txt", "b/c.txt", "b/d.txt")


def test_a_folder_around_one_that_is_known_takes_it_over(index: Index, folder: Path) -> None:
    index.ingest(folder / "b")
    report = index.ingest(folder)
    assert (report.added, report.unchanged) == (("a.txt",), ("c.txt",))
    (folder / "b" / "c.txt").unlink()
    assert index.ingest(folder).removed == ("c.txt",)


def many(folder: Path, numbers: range) -> Path:
    return write(folder, {f"{n}.txt": f"Title{n}\n\nalarm {n}" for n in numbers})


def test_losing_most_of_a_folder_has_to_be_confirmed(index: Index, tmp_path: Path) -> None:
    folder = many(tmp_path / "files", range(12))
    index.ingest(folder)
    for n in range(7):
        (folder / f"{n}.txt").unlink()
    many(folder, range(20, 21))
    report = index.ingest(folder)
    assert (len(report.withheld), report.removed, report.added) == (7, (), ("20.txt",))
    assert len(answers(index, "alarm")) == 13
    report = index.ingest(folder, removal=Removal.ALL)
    assert (len(report.removed), report.withheld) == (7, ())
    assert len(answers(index, "alarm")) == 6


def test_a_folder_that_is_not_there_or_not_readable_removes_nothing(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.ingest(folder)
    folder.rename(tmp_path / "unmounted")
    report = index.ingest(folder)
    assert (report.removed, report.withheld, len(report.failed)) == ((), (), 1)
    (tmp_path / "unmounted").rename(folder)
    (folder / "b" / "c.txt").unlink()
    import os

    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        assert index.ingest(folder).removed == ()
    assert index.ingest(folder).removed == ("b/c.txt",)


def test_what_is_gone_stays_where_that_is_asked_for(index: Index, folder: Path) -> None:
    index.ingest(folder)
    (folder / "a.txt").unlink()
    report = index.ingest(folder, removal=Removal.NONE)
    assert (report.kept, report.removed) == (("a.txt",), ())
    assert answers(index, "alarm") == ["alarm one", "alarm two"]


def test_files_from_nowhere_are_known_by_the_name_they_came_under(index: Index, tmp_path: Path) -> None:
    for upload, words in (("one", "alarm one"), ("two", "alarm two")):
        batch = write(tmp_path / upload, {"a.txt": f"Pump\n\n{words}"})
        report = index.ingest(batch, removal=Removal.NONE, root="upload")
    assert report.updated == ("a.txt",)
    assert answers(index, "alarm") == ["alarm two"]


def test_a_removed_document_can_be_restored_and_an_old_revision_too(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.ingest(write(folder, {"a.txt": "Pump\n\nalarm new"}))
    document = current(index, "a.txt").document_id
    runs = pipeline(index)
    assert runs.restore(document, 1).number == 3
    assert answers(index, "alarm") == ["alarm one", "alarm two"]
    assert runs.remove(document) is not None
    assert answers(index, "alarm") == ["alarm two"]
    runs.restore(document, 2)
    assert answers(index, "alarm") == ["alarm new", "alarm two"]
    assert [r.number for r in index.catalog.history(document)] == [1, 2, 3, 4]
    with pytest.raises(KeyError):
        runs.restore(document, 9)
    assert_clean(index)


def test_history_is_swept_once_it_is_old(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    index.config = PipelineConfig(history_s=0.0)
    index.ingest(folder)
    document = current(index, "a.txt").document_id
    index.ingest(write(folder, {"a.txt": "Pump\n\nalarm new"}))
    assert len(index.catalog.history(document)) == 2, "an answer may still be citing it"
    assert index.store.count() == 6
    monkeypatch.setattr(vector_sync, "SPARE", -10)
    later = time.time() + 7_200
    monkeypatch.setattr(time, "time", lambda: later)
    index.ingest(folder)
    assert [r.number for r in index.catalog.history(document)] == [2]
    assert index.store.count() == 4, "what no revision says any more is not remembered either"


def test_labels_come_from_rules_and_front_matter(index: Index, tmp_path: Path) -> None:
    index.config = PipelineConfig(rules=LabelRules({"hr/*": ["HR"], "*.secret.txt": ["board", "hr"]}))
    folder = write(
        tmp_path,
        {
            "hr/deep/pay.txt": "Pay\n\nalarm pay",
            "plan.secret.txt": "Plan\n\nalarm plan",
            "own.md": "---\ntitle: x\nlabels: [Legal, 'hr']\n---\nalarm own",
            "list.md": "---\nlabels:\n  - legal\n  - sales\n---\nalarm list",
            "open.md": "---\ntitle: labels\n---\nalarm open",
        },
    )
    assert index.ingest(folder).failed == ()
    assert {r.source: r.labels for r in index.catalog.current()} == {
        "hr/deep/pay.txt": ("hr",),
        "plan.secret.txt": ("board", "hr"),
        "own.md": ("hr", "legal"),
        "list.md": ("legal", "sales"),
        "open.md": (),
    }
    assert_clean(index)


@pytest.mark.parametrize("labels", ["[a, b", "{a: b}", "no spaces here"])
def test_a_file_with_labels_that_make_no_sense_is_refused(index: Index, tmp_path: Path, labels: str) -> None:
    report = index.ingest(write(tmp_path, {"own.md": f"---\nlabels: {labels}\n---\nalarm own"}))
    ((_, reason),) = report.failed
    assert reason.startswith("its labels can't be understood")
    assert index.catalog.current() == []


def test_labels_that_change_take_effect_without_embedding(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.config = PipelineConfig(rules=LabelRules({"b/*": ["hr"]}))
    report: Report = index.ingest(folder)
    assert (report.updated, report.unchanged, report.passages) == (("b/c.txt",), ("a.txt",), 0)
    assert answers(index, "alarm") == ["alarm one"]
    hits = index.catalog.search("default", "alarm", 9, Scope(labels=frozenset({"hr"})))
    assert len(hits) == 2
    assert_clean(index)
