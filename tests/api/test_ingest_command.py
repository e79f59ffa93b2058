from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from api.cli import ingest as command
from api.cli.main import app
from api.data_lock import DataLock
from api.job_progress import JobProgress
from ingest.progress import Phase, Progress
from ingest.sqlite_catalog import SqliteCatalog
from tests.fakes.embedder import HashEmbedder
from tests.ingest.index import write

Docqa = Callable[..., Result]


@pytest.fixture
def docqa(monkeypatch: pytest.MonkeyPatch) -> Docqa:
    """Runs the command in the working directory, which is empty, with everything real but the model."""
    embedder = HashEmbedder()
    monkeypatch.setattr("api.components.LocalComponents.embedder", embedder)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["ingest", *arguments], prog_name="docqa")

    return run


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    return write(
        tmp_path / "manuals", {"pump.md": "# Pump\n\nThe alarm rings.\n", "de/sensor.txt": "Sensor\n\nIt beeps.\n"}
    )


def counts(result: Result) -> tuple[int, ...]:
    """Added, updated and unchanged documents, and embedded passages; nothing else happened."""
    nothing_else = "0 moved, 0 removed, 0 failed, 0 skipped"
    found = re.match(
        rf"default: (\d) added, (\d) updated, (\d) unchanged, {nothing_else}\n(\d) passages", result.stdout
    )
    assert found is not None, result.output
    return tuple(map(int, found.groups()))


def test_it_counts_what_it_did(docqa: Docqa, manuals: Path) -> None:
    first = docqa("manuals")
    assert first.exit_code == 0, first.output
    assert counts(first) == (2, 0, 0, 2)
    second = docqa("manuals")
    assert counts(second) == (0, 0, 2, 0)
    write(manuals, {"pump.md": "# Pump\n\nThe alarm flashes.\n"})
    third = docqa("manuals")
    assert counts(third) == (0, 1, 1, 1)


def test_failed_files_are_named_with_reasons_and_the_exit_code_is_3(docqa: Docqa, manuals: Path) -> None:
    write(manuals, {"empty.md": "", "picture.png": "x", "\x1b[31mred.md": ""})
    (manuals / "damaged.pdf").write_bytes(b"%PDF-1.7 nothing")
    result = docqa("manuals", "missing")
    assert result.exit_code == 3
    assert "2 added, 0 updated, 0 unchanged, 0 moved, 0 removed, 4 failed, 1 skipped" in result.stdout
    lines = result.stdout.splitlines()
    assert "failed: missing: there is no such file or folder" in lines
    assert "skipped: picture.png: its format (.png) is not known" in lines
    assert any(line.startswith("failed: damaged.pdf: ") for line in lines)
    assert any(line.startswith("failed: empty.md: is empty") for line in lines)
    assert "\x1b" not in result.output


@pytest.mark.usefixtures("manuals")
def test_json_holds_the_whole_report_and_nothing_else(docqa: Docqa) -> None:
    write(Path("manuals"), {"empty.md": "", ".hidden": ""})
    result = docqa("manuals", "--json", "--collection", "Handbooks")
    assert result.exit_code == 3
    report = json.loads(result.stdout)
    assert report["collection"] == "Handbooks"
    assert report["added"] == ["de/sensor.txt", "pump.md"]
    assert (report["updated"], report["unchanged"], report["restored"]) == ([], [], [])
    assert [refusal["source"] for refusal in report["failed"]] == ["empty.md"]
    assert report["skipped"] == [{"source": ".hidden", "reason": "is hidden"}]
    assert report["passages"] == 2
    assert report["seconds"] >= 0
    catalog = SqliteCatalog(Path("data/catalog.sqlite"))
    assert catalog.collections() == ["Handbooks"]
    catalog.close()


@pytest.mark.usefixtures("manuals")
def test_a_collection_with_an_impossible_name_is_refused(docqa: Docqa) -> None:
    result = docqa("manuals", "--collection", "../up")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "collection" in result.stderr.lower()


@pytest.mark.usefixtures("manuals")
def test_a_data_folder_in_use_is_left_alone(docqa: Docqa) -> None:
    lock = DataLock(Path("data/.lock"))
    lock.acquire()
    try:
        result = docqa("manuals")
    finally:
        lock.release()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "in use" in result.stderr
    assert docqa("manuals").stdout.startswith("default: 2 added")


def test_what_is_gone_from_the_folder_is_gone_from_the_index(docqa: Docqa, manuals: Path) -> None:
    write(manuals, {f"part{n}.md": f"# Part\n\nNumber {n}.\n" for n in range(10)})
    docqa("manuals")
    (manuals / "pump.md").rename(manuals / "pump-2.md")
    (manuals / "part9.md").unlink()
    result = docqa("manuals")
    assert result.exit_code == 0
    assert "1 moved, 1 removed" in result.stdout
    assert {"moved: pump.md -> pump-2.md", "removed: part9.md"} <= set(result.stdout.splitlines())
    for n in range(8):
        (manuals / f"part{n}.md").unlink()
    kept = docqa("manuals", "--keep-removed")
    assert (kept.exit_code, kept.stdout.count("kept though its file is gone")) == (0, 8)
    doubtful = docqa("manuals", "--json")
    assert doubtful.exit_code == 4
    assert len(json.loads(doubtful.stdout)["withheld"]) == 8
    assert "8 removed" in docqa("manuals", "--yes").stdout


@pytest.mark.usefixtures("manuals")
def test_lost_vectors_are_made_anew(docqa: Docqa) -> None:
    docqa("manuals")
    shutil.rmtree("data/chroma")
    result = docqa("manuals")
    assert "2 unchanged" in result.stdout
    assert "vectors made anew for 2 documents" in result.stdout


def test_without_a_terminal_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = Progress(Phase.INGESTING, "a\x1b[0m.md", 2, 9, 25, 100, 1_300)
    with command.shown_progress() as show:
        show(moment)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(command, "PLAIN_INTERVAL_S", 0.0)
        show(moment)
    line = capsys.readouterr().err
    assert re.fullmatch(r"ingesting 2 of 9, 1,300 passages, [\d,]+ a second, 0 s left: a\[0m\.md\n", line)


@pytest.mark.parametrize(
    ("rate", "left", "says"),
    [
        (0.0, None, "1,300 passages"),
        (12.4, 89.0, "1,300 passages, 12 a second, 89 s left"),
        (1_200.0, 91.0, "1,300 passages, 1,200 a second, 2 min left"),
        (12.4, 9_000.0, "1,300 passages, 12 a second, 2 h left"),
    ],
)
def test_progress_tells_rate_and_time_left(rate: float, left: float | None, says: str) -> None:
    now = JobProgress(Phase.INGESTING, "a.md", 2, 9, 25, 100, 1_300, rate, left)
    assert command._pace_text(now) == says


def test_on_a_terminal_progress_is_a_bar() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with command._bar(console) as show:
        show(Progress(Phase.RESTORING, "old.md", 1, 1, 0, 0, 7))
        show(Progress(Phase.INGESTING, "[bold]x.md", 3, 9, 10, 100, 1_300))
    drawn = screen.getvalue()
    assert "restoring" in drawn
    assert "1,300 passages" in drawn
    assert "2/9" in drawn
    assert "[bold]x.md" in drawn
