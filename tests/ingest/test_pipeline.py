from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from ingest import vector_sync
from ingest.document import Document, Passage
from ingest.pipeline import Phase, Progress, Refusal
from tests.fakes.embedder import HashEmbedder
from tests.fakes.files import ParagraphSplitter, PlainReader
from tests.fakes.vectors import MemoryVectors
from tests.ingest.index import Index, answers, assert_clean, pipeline, write

FILES = {"a.txt": "Pump\n\nalarm one\n\nbattery", "b/c.txt": "Sensor\n\nalarm two"}


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "files", FILES)


def test_new_files_are_added_and_answer(index: Index, folder: Path) -> None:
    report = index.ingest(folder)
    assert report.added == ("a.txt", "b/c.txt")
    assert (report.updated, report.unchanged, report.failed, report.skipped) == ((), (), (), ())
    assert report.passages == 5
    assert answers(index, "alarm") == ["alarm one", "alarm two"]
    assert answers(index, "pump") == ["Pump", "alarm one", "battery"], "the title is searched with each passage"
    assert_clean(index)


def test_unchanged_files_are_neither_read_nor_embedded(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.reader.read_files.clear()
    embedded = index.embedder.embedded
    report = index.ingest(folder)
    assert report.unchanged == ("a.txt", "b/c.txt")
    assert (report.added, report.updated, report.passages) == ((), (), 0)
    assert index.reader.read_files == []
    assert index.embedder.embedded == embedded
    assert [revision.number for revision in index.catalog.current()] == [1, 1]


def test_content_decides_and_not_the_date(index: Index, folder: Path) -> None:
    index.ingest(folder)
    (folder / "a.txt").touch()
    assert index.ingest(folder).unchanged == ("a.txt", "b/c.txt")
    status = (folder / "a.txt").stat()
    write(folder, {"a.txt": "Pump\n\nalarm six\n\nbattery"})
    os.utime(folder / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert index.ingest(folder).updated == ("a.txt",)


def test_a_changed_file_is_updated_and_its_old_words_are_gone(index: Index, folder: Path) -> None:
    index.ingest(folder)
    write(folder, {"a.txt": "Pump\n\nalarm three"})
    report = index.ingest(folder)
    assert (report.added, report.updated, report.unchanged) == ((), ("a.txt",), ("b/c.txt",))
    assert answers(index, "alarm") == ["alarm three", "alarm two"]
    assert answers(index, "battery") == []
    assert_clean(index)
    old = index.catalog.revision(index.catalog.current()[0].document_id, 1)
    assert old is not None
    assert "battery" in index.catalog.document(old.id).text


def test_files_that_are_not_named_again_stay(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.ingest(write(folder.parent / "more", {"new.txt": "alarm four"}))
    assert answers(index, "alarm") == ["alarm four", "alarm one", "alarm two"]


def test_collections_are_apart(index: Index, folder: Path) -> None:
    index.ingest(folder, collection="one")
    index.ingest(folder / "a.txt", collection="two")
    assert answers(index, "alarm", "one") == ["alarm one", "alarm two"]
    assert answers(index, "alarm", "two") == ["alarm one"]
    assert_clean(index, "one")
    assert_clean(index, "two")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("broken by a bad copy", "is damaged"),
        ("crash", "could not be read (RecursionError: too deep)"),
        ("", "holds no text"),
        ("half a character \ud800", "could not be read (UnicodeEncodeError: "),
    ],
)
def test_a_bad_file_is_named_the_rest_goes_on_and_its_old_revision_stays(
    index: Index, folder: Path, content: str, reason: str
) -> None:
    index.ingest(folder)
    (folder / "a.txt").write_bytes(content.encode("utf-8", "surrogatepass"))
    write(folder, {"b/c.txt": "Sensor\n\nalarm five"})
    report = index.ingest(folder)
    assert report.updated == ("b/c.txt",)
    ((source, said),) = report.failed
    assert source == "a.txt"
    assert said.startswith(reason)
    assert answers(index, "alarm") == ["alarm five", "alarm one"]
    assert_clean(index)


def test_a_splitter_that_fails_costs_one_file(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = ParagraphSplitter.split

    def failing(self: ParagraphSplitter, document: Document) -> Sequence[Passage]:
        if document.source == "a.txt":
            raise ValueError("odd table")
        return split(self, document)

    monkeypatch.setattr(ParagraphSplitter, "split", failing)
    report = index.ingest(folder)
    assert report.added == ("b/c.txt",)
    assert report.failed == (Refusal("a.txt", "could not be split (ValueError: odd table)"),)


def test_a_file_of_unknown_format_fails_if_named_and_is_skipped_in_a_folder(index: Index, folder: Path) -> None:
    write(folder, {"image.png": "no text"})
    assert index.ingest(folder).skipped == (Refusal("image.png", "its format (.png) is not known"),)
    assert index.ingest(folder / "image.png").failed == (Refusal("image.png", "is of no known format"),)


def test_a_file_that_vanishes_midway_fails_alone(index: Index, folder: Path) -> None:
    def vanish(progress: Progress) -> None:
        if progress.phase is Phase.INGESTING:
            (folder / "b" / "c.txt").unlink(missing_ok=True)

    index.ingest(folder)
    report = pipeline(index).ingest([folder], "default", vanish)
    assert report.unchanged == ("a.txt",)
    assert report.failed == (Refusal("b/c.txt", "cannot be opened: No such file or directory"),)
    assert answers(index, "alarm") == ["alarm one", "alarm two"]


def test_a_new_version_of_the_reader_reads_again_and_embeds_only_what_it_reads_otherwise(
    index: Index, folder: Path
) -> None:
    class LouderReader(PlainReader):
        def read(self, path: Path, source: str) -> Document:
            document = super().read(path, source)
            return replace(document, text=document.text.replace("battery", "BATTERY"))

    index.ingest(folder)
    embedded = index.embedder.embedded
    index.reader = LouderReader("plain 2")
    report = index.ingest(folder)
    assert (report.updated, report.unchanged) == (("a.txt",), ("b/c.txt",))
    assert index.reader.read_files == ["a.txt", "b/c.txt"]
    assert index.embedder.embedded == embedded + 1, "one passage is new"
    index.reader.read_files.clear()
    assert index.ingest(folder).unchanged == ("a.txt", "b/c.txt")
    assert index.reader.read_files == [], "the new version is on record"


def test_a_new_version_of_the_splitter_splits_again(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.splitter = ParagraphSplitter("paragraphs 2")
    assert index.ingest(folder).unchanged == ("a.txt", "b/c.txt")
    assert {revision.recipe for revision in index.catalog.current()} == {"plain 1; paragraphs 2"}


def test_another_embedder_makes_the_vectors_anew_and_reads_no_file(index: Index, folder: Path) -> None:
    index.ingest(folder)
    index.reader.read_files.clear()
    index.embedder = HashEmbedder(512)
    index.vectors = MemoryVectors()
    report = index.ingest(folder)
    assert report.restored == ("a.txt", "b/c.txt")
    assert (report.unchanged, report.passages) == (("a.txt", "b/c.txt"), 5)
    assert index.reader.read_files == []
    assert answers(index, "alarm") == ["alarm one", "alarm two"]


def test_vectors_made_anew_give_the_same_answers(index: Index, folder: Path) -> None:
    index.ingest(folder)
    query = index.embedder.embed(["alarm battery"])[0]
    before = index.vectors.query("default", query, 10)
    index.vectors = MemoryVectors()
    assert [revision.source for revision in pipeline(index).mend("default")] == ["a.txt", "b/c.txt"]
    assert index.vectors.query("default", query, 10) == before
    assert pipeline(index).mend("default") == []


def test_what_a_crash_left_is_swept(index: Index, folder: Path) -> None:
    index.ingest(folder)
    document = PlainReader().read(folder / "a.txt", "a.txt")
    prepared = index.catalog.prepare("default", document, ParagraphSplitter().split(document))
    rows = index.embedder.embed(["alarm one", "alarm two"])
    index.vectors.upsert("default", [(prepared.revision.id, prepared.passage_ids[:2], rows)])
    index.vectors.upsert("default", [("of nobody", ["x", "y"], rows)])
    index.vectors.delete_revision("default", index.catalog.current()[1].id)
    report = index.ingest(folder)
    assert report.restored == ("b/c.txt",)
    assert answers(index, "alarm") == ["alarm one", "alarm two"]
    assert_clean(index)


def test_half_written_vectors_are_completed(index: Index, folder: Path) -> None:
    index.ingest(folder)
    first = index.catalog.current()[0]
    index.vectors.delete_revision("default", first.id)
    stored = index.catalog.passages_of(first.id)
    index.vectors.upsert("default", [(first.id, [stored[0].id], index.embedder.embed(["Pump"]))])
    assert index.ingest(folder).restored == ("a.txt",)
    assert_clean(index)


def test_progress_tells_file_passages_and_bytes(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_sync, "BATCH", 2)
    moments: list[Progress] = []
    pipeline(index).ingest([folder], "default", moments.append)
    sizes = [len(FILES["a.txt"]), len(FILES["b/c.txt"])]
    looked = [m for m in moments if m.phase is Phase.FINDING]
    moments = moments[len(looked) :]
    assert [(m.source, m.position, m.total) for m in looked] == [("a.txt", 1, 0), ("b/c.txt", 2, 0)]
    told = [(m.source, m.position, m.bytes_done, m.passages) for m in moments]
    assert told == [
        ("a.txt", 1, 0, 0),
        ("b/c.txt", 2, sizes[0], 0),
        ("b/c.txt", 2, sizes[0], 2),
        ("b/c.txt", 2, sizes[0], 5),
    ]
    assert {(m.phase, m.total, m.bytes_total) for m in moments} == {(Phase.INGESTING, 2, sum(sizes))}
    index.vectors = MemoryVectors()
    moments.clear()
    pipeline(index).ingest([folder], "default", moments.append)
    phases = [m.phase for m in moments]
    assert list(dict.fromkeys(phases)) == [Phase.RESTORING, Phase.FINDING, Phase.INGESTING]
    assert (phases.count(Phase.RESTORING), phases.count(Phase.INGESTING)) == (5, 2)


def test_a_document_of_many_batches_is_whole(index: Index, tmp_path: Path) -> None:
    paragraphs = [f"alarm number{n}" for n in range(3 * vector_sync.BATCH + 7)]
    index.ingest(write(tmp_path, {"big.txt": "\n\n".join(paragraphs)}))
    assert len(answers(index, "alarm")) == len(paragraphs)
    assert_clean(index)


def test_two_runs_do_not_mix(index: Index, folder: Path) -> None:
    runs = pipeline(index)
    inside, leave = Event(), Event()
    second_began = Event()

    def hold(progress: Progress) -> None:
        inside.set()
        assert leave.wait(10)

    first = Thread(target=runs.ingest, args=([folder], "default", hold))
    second = Thread(target=runs.ingest, args=([folder], "default", lambda _: second_began.set()))
    first.start()
    assert inside.wait(10)
    second.start()
    assert not second_began.wait(0.2)
    leave.set()
    first.join(10)
    second.join(10)
    assert second_began.is_set()
    assert [revision.number for revision in index.catalog.current()] == [1, 1]
