"""Files read in processes of their own: what a file does there stays there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.discovery import SourceFound
from ingest.pipeline import Pipeline
from ingest.preparation import Failure, Preparation, Prepared
from ingest.progress import Progress
from ingest.reader import Reader
from ingest.workers import LARGE, WorkerLimits, Workers, WorkersUnusable
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.embedder import HashEmbedder
from tests.fakes.files import ParagraphSplitter, PlainReader
from tests.fakes.hostile import HostileReader, processes
from tests.fakes.vectors import MemoryVectors
from tests.ingest.index import write

LIMITS = WorkerLimits(processes=2, seconds=20, memory_bytes=200 * 1024 * 1024)
QUICK = WorkerLimits(processes=1, seconds=2, memory_bytes=200 * 1024 * 1024)


def found(folder: Path, files: Mapping[str, str]) -> list[SourceFound]:
    write(folder, files)
    return [SourceFound(folder / name, name, len(text)) for name, text in files.items()]


def prepared(
    folder: Path, files: Mapping[str, str], limits: WorkerLimits = LIMITS, reader: Reader | None = None
) -> dict[str, Prepared | Failure]:
    preparation = Preparation(reader or HostileReader(), ParagraphSplitter())
    return {file.source: done for file, done in Workers(preparation, limits).prepare_all(found(folder, files))}


def reason(outcome: Prepared | Failure) -> str:
    assert isinstance(outcome, Failure)
    return outcome.reason


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # Dead, though whoever inherited it has not taken note yet.


def test_workers_make_what_this_process_makes_in_the_same_order(tmp_path: Path) -> None:
    files = {f"{number:02}.txt": f"Title {number}\n\nalarm {number}" for number in range(20)}
    here = Preparation(PlainReader(), ParagraphSplitter())
    assert list(Workers(here, LIMITS).prepare_all(found(tmp_path, files))) == list(
        here.prepare_all(found(tmp_path, files))
    )


def test_a_file_that_harms_its_worker_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    files = {
        "a.txt": "good",
        "b.txt": "die here",
        "c.txt": "exit here",
        "d.txt": "eat all",
        "e.txt": "hide that all was eaten",
        "f.txt": "print something",
        "h.txt": "broken",
        "i.txt": "crash",
        "j.txt": "",
        "k.txt": "good again",
    }
    done = prepared(tmp_path, files)
    assert list(done) == list(files)
    good = [name for name, outcome in done.items() if isinstance(outcome, Prepared)]
    assert good == ["a.txt", "f.txt", "k.txt"]
    assert reason(done["b.txt"]).startswith("ended the program that read it (SIGSEGV)")
    assert reason(done["c.txt"]).startswith("ended the program that read it (exit code 9)")
    for name in ("d.txt", "e.txt"):
        assert reason(done[name]) == "needs more than 200 MB of memory to be read: split it or raise the limit"
    assert reason(done["h.txt"]) == "is damaged"
    assert reason(done["i.txt"]) == "could not be read (RecursionError: too deep)"
    assert reason(done["j.txt"]) == "holds no text"


def test_a_file_that_stalls_is_given_up(tmp_path: Path) -> None:
    began = time.monotonic()
    done = prepared(tmp_path, {"a.txt": "stall", "b.txt": "good"}, QUICK)
    assert reason(done["a.txt"]) == "took longer than 2 s to read: split it or raise the limit"
    assert isinstance(done["b.txt"], Prepared)
    assert time.monotonic() - began < 30


def test_one_process_reads_many_files_and_ends_with_them(tmp_path: Path) -> None:
    (tmp_path / "started").mkdir()
    reader = HostileReader(tmp_path / "started")
    prepared(tmp_path / "files", {f"{n}.txt": "good" for n in range(10)}, replace(LIMITS, processes=1), reader)
    (process,) = set(processes(tmp_path / "started").values())
    assert process != os.getpid()
    assert not alive(process)


def test_only_a_few_files_are_prepared_ahead(tmp_path: Path) -> None:
    asked: list[str] = []

    def files() -> Iterator[SourceFound]:
        for file in found(tmp_path, {f"{n}.txt": "good" for n in range(12)}):
            asked.append(file.source)
            yield file

    for number, _ in enumerate(Workers(Preparation(HostileReader(), ParagraphSplitter()), LIMITS).prepare_all(files())):
        assert len(asked) <= number + 1 + LIMITS.processes


def test_large_files_get_more_time(tmp_path: Path) -> None:
    small, large, huge = (tmp_path / name for name in ("small", "large", "huge"))
    for path, size in ((small, 4), (large, 3 * LARGE), (huge, 100 * LARGE)):
        with path.open("wb") as file:
            file.truncate(size)
    limits = WorkerLimits(seconds=100)
    allowed = [limits.seconds_for(path) for path in (small, large, huge, tmp_path / "gone")]
    assert [round(seconds) for seconds in allowed] == [100, 400, 1000, 100]


def test_nothing_to_read_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert list(Workers(Preparation(HostileReader(), ParagraphSplitter()), LIMITS).prepare_all([])) == []


def test_closing_ends_the_work_at_once(tmp_path: Path) -> None:
    (tmp_path / "started").mkdir()
    preparation = Preparation(HostileReader(tmp_path / "started"), ParagraphSplitter())
    files = found(tmp_path / "files", {"a.txt": "good", "b.txt": "stall", "c.txt": "stall", "d.txt": "good"})
    began = time.monotonic()
    with closing(Workers(preparation, LIMITS).prepare_all(files)) as outcomes:
        next(outcomes)
        while "b.txt" not in processes(tmp_path / "started"):
            time.sleep(0.01)
    assert time.monotonic() - began < LIMITS.seconds
    assert not any(map(alive, processes(tmp_path / "started").values()))


def test_who_waits_hears_for_which_file_and_may_end_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.workers.WAIT_S", 0.05)
    (tmp_path / "started").mkdir()
    heard: list[tuple[str, int]] = []

    def listen(now: Progress) -> None:
        heard.append((now.source, now.position))
        if now.source == "b.txt":
            raise InterruptedError

    preparer = HostileReader(tmp_path / "started")
    pipeline = Pipeline(preparer, ParagraphSplitter(), HashEmbedder(), MemoryCatalog(), MemoryVectors(), LIMITS)
    folder = write(tmp_path / "files", {"a.txt": "good", "b.txt": "stall", "c.txt": "good"})
    began = time.monotonic()
    with pytest.raises(InterruptedError):
        pipeline.ingest([folder], "default", listen)
    assert time.monotonic() - began < LIMITS.seconds
    assert ("a.txt", 1) in heard
    assert heard[-1] == ("b.txt", 2)
    assert not any(map(alive, processes(tmp_path / "started").values()))


def test_workers_that_cannot_start_are_no_fault_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(WorkersUnusable, match="ends with code 1"):
        prepared(tmp_path, {"a.txt": "good"})


def test_the_pipeline_publishes_what_workers_prepare(tmp_path: Path) -> None:
    catalog = MemoryCatalog()
    pipeline = Pipeline(HostileReader(), ParagraphSplitter(), HashEmbedder(), catalog, MemoryVectors(), LIMITS)
    folder = write(tmp_path, {"a.txt": "good\n\none", "b.txt": "die", "c/d.txt": "good\n\ntwo"})
    report = pipeline.ingest([folder], "default")
    assert report.added == ("a.txt", "c/d.txt")
    assert [refusal.source for refusal in report.failed] == ["b.txt"]
    assert [revision.passage_count for revision in catalog.current()] == [2, 2]
    again = pipeline.ingest([folder], "default")
    assert again.unchanged == ("a.txt", "c/d.txt")


PROGRAM = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background of a shell, it would be ignored
from tests.ingest.test_workers import stalled
stalled(Path(sys.argv[1]))
"""


def stalled(folder: Path) -> None:
    """Ingest a file that stalls; run in a process of its own."""
    reader, limits = HostileReader(folder), WorkerLimits(seconds=4)
    pipeline = Pipeline(reader, ParagraphSplitter(), HashEmbedder(), MemoryCatalog(), MemoryVectors(), limits)
    pipeline.ingest([write(folder / "files", {"a.txt": "stall"})], "default")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path, sent: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stderr=subprocess.DEVNULL) as process:
        while "a.txt" not in processes(tmp_path):
            assert process.poll() is None
            time.sleep(0.02)
        worker = processes(tmp_path)["a.txt"]
        assert alive(worker)
        process.send_signal(sent)
        assert process.wait(20) == -sent
    deadline = time.monotonic() + 20
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(worker)
