"""Damaged, hostile and odd files: none stalls or crashes; each is read, or named with a reason for people."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ingest.archives.entries import ArchiveLimits
from ingest.discovery import Discovery, SourceFound
from ingest.document import Document
from ingest.formats import Readers
from ingest.preparation import Failure, Preparation, Prepared
from ingest.sections import StructureSplitter
from ingest.source_file import Limits
from ingest.workers import WorkerLimits, Workers
from tests.contracts.reader import check_document
from tests.ingest import hostile, hostile_archives
from tests.ingest.test_formats import GOOD

LIMITS = Limits(file_bytes=5_000_000, unpacked_bytes=20_000_000, characters=3_000_000)
ARCHIVES = ArchiveLimits(members=2_000, member_bytes=5_000_000, unpacked_bytes=20_000_000)
WORKERS = WorkerLimits(processes=2, seconds=60, memory_bytes=400 * 2**20)

REASON = re.compile(
    r"(?:is|has|holds|cannot|needs|unpacks|declares|merges) [^\n]+?"  # what is wrong with the file,
    r"(?:: | \(|; )[^\n]+"  # and what to do, or what exactly is wrong
)
JARGON = re.compile(r"Traceback|0x[0-9a-f]{4}|object at|site-packages|\.py\b|\bNone\b|errno", re.IGNORECASE)


def count_words(text: str) -> int:
    return len(text.split())


Outcomes = dict[str, Prepared | Failure]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("hostile")
    found: list[SourceFound] = []
    for number, (name, data) in enumerate(hostile.files().items()):
        path = folder / str(number)
        path.write_bytes(data)
        found.append(SourceFound(path, name, len(data)))
    sparse = folder / "sparse"
    with sparse.open("wb") as stream:
        stream.truncate(500 * 2**20)
    found += [SourceFound(sparse, f"sparse/500-mb{suffix}", 500 * 2**20) for suffix in GOOD]
    for name, target in (("zero", "/dev/zero"), ("loop", str(folder / "loop")), ("nowhere", "/no/such/file")):
        (folder / name).symlink_to(target)
        found.append(SourceFound(folder / name, f"links/{name}.txt", 0))
    os.mkfifo(folder / "pipe")
    found.append(SourceFound(folder / "pipe", "links/pipe.md", 0))
    preparation = Preparation(Readers(LIMITS), StructureSplitter(count_words))
    return {file.source: outcome for file, outcome in Workers(preparation, WORKERS).prepare_all(found)}


def failures(outcomes: Outcomes) -> dict[str, str]:
    return {name: outcome.reason for name, outcome in outcomes.items() if isinstance(outcome, Failure)}


def documents(outcomes: Outcomes) -> dict[str, Document]:
    return {name: outcome.document for name, outcome in outcomes.items() if isinstance(outcome, Prepared)}


def test_there_are_many_and_of_both_kinds(outcomes: Outcomes) -> None:
    assert len(outcomes) >= 500
    assert len(failures(outcomes)) >= 300
    assert len(documents(outcomes)) >= 100


def test_each_failure_has_a_reason_that_a_person_understands(outcomes: Outcomes) -> None:
    bad = {
        name: reason
        for name, reason in failures(outcomes).items()
        if not REASON.fullmatch(reason) or JARGON.search(reason) or len(reason) > 300
    }
    assert bad == {}


def test_none_stalls_its_worker_ends_it_or_takes_its_memory(outcomes: Outcomes) -> None:
    harmful = re.compile("took longer|ended the program|needs more than")
    assert {name: reason for name, reason in failures(outcomes).items() if harmful.match(reason)} == {}


def test_what_is_read_is_a_document_by_all_laws(outcomes: Outcomes) -> None:
    for outcome in outcomes.values():
        if isinstance(outcome, Prepared):
            check_document(outcome.document)
            for passage in outcome.passages:
                assert passage.text == passage.span.of(outcome.document.text)


def test_nothing_from_elsewhere_gets_in_or_out(outcomes: Outcomes) -> None:
    for name, document in documents(outcomes).items():
        assert "root:x:" not in document.text, name
        assert "hahahaha" not in document.text, name
    assert not list(Path("/tmp").glob("docqa-evil*"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sparse/500-mb.pdf", "is too large (500.0 MB, 4.8 MB are allowed): split it or raise the limit"),
        ("locked/password.pdf", "is protected with a password: save a copy without one"),
        ("locked/office.xlsx", "is protected with a password: save a copy without one"),
        ("locked/old.pptx", "is an old PowerPoint file (.ppt) by its content: save it as .pptx"),
        ("locked/zip.docx", "is an encrypted archive: save a copy without a password"),
        ("bombs/zip.epub", "unpacks to more than 19 MB: split it or make its pictures smaller"),
        ("links/zero.txt", "is not an ordinary file: take it out of the folder"),
        (
            "misnamed/epub.md",
            "is a zip archive or a new Office file by its content, which its name does not say: rename it to .epub",
        ),
    ],
)
def test_reasons_word_by_word(outcomes: Outcomes, name: str, reason: str) -> None:
    assert failures(outcomes)[name] == reason


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Discovery:
    """What is found in hostile archives; their members are left on the disk."""
    folder = tmp_path_factory.mktemp("archives")
    found: list[SourceFound] = []
    for number, (name, data) in enumerate(hostile_archives.archives().items()):
        path = folder / str(number)
        path.write_bytes(data)
        found.append(SourceFound(path, name, len(data)))
    preparation = Preparation(Readers(LIMITS), StructureSplitter(count_words), ARCHIVES)
    discovery = Discovery()
    for archive, contents in Workers(preparation, WORKERS).unpack_all(found, folder / "room"):
        if isinstance(contents, Failure):
            discovery.fail(archive.source, archive.root, contents.reason)
        else:
            discovery.enter(archive, contents)
    return discovery


def test_no_archive_stalls_its_worker_or_ends_it_and_all_of_them_are_told_of(archives: Discovery) -> None:
    names = hostile_archives.archives().keys()
    assert len(names) >= 200
    told = [file.source for file in archives.files.values()]
    told += [refusal.source for refusal in archives.failed + archives.skipped]
    assert {
        name for name in names if not any(source == name or source.startswith(f"{name}/") for source in told)
    } == set()
    for refusal in archives.failed:
        assert REASON.fullmatch(refusal.reason) or refusal.reason.startswith(("its name ", "stands ")), refusal
        assert not JARGON.search(refusal.reason), refusal
        assert not refusal.reason.startswith(("took longer", "ended the program", "needs more than")), refusal


def test_nothing_is_written_outside_and_no_more_than_is_allowed(archives: Discovery) -> None:
    assert not list(Path("/tmp").glob("docqa-evil*"))
    by_archive: dict[Path, int] = {}
    for file in archives.files.values():
        assert file.path.parent.parent.name == "room"
        assert re.fullmatch(r"\d+\.[a-z]+", file.path.name)
        by_archive[file.path.parent] = by_archive.get(file.path.parent, 0) + file.size
    assert max(by_archive.values()) <= ARCHIVES.unpacked_bytes


def test_members_are_read_like_files(archives: Discovery) -> None:
    preparation = Preparation(Readers(LIMITS), StructureSplitter(count_words))
    members = [file for file in archives.files.values() if file.source.startswith(("tricks", "odd-twice"))]
    read = {file.source: outcome for file, outcome in Workers(preparation, WORKERS).prepare_all(members)}
    good = [outcome for name, outcome in read.items() if name.endswith("/good.txt")]
    assert len(good) > 60
    for outcome in good:
        assert isinstance(outcome, Prepared)
        assert outcome.document.text == "good\n"
    assert "root:x:" not in "".join(outcome.document.text for outcome in read.values() if isinstance(outcome, Prepared))
