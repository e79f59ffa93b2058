from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.components import LocalComponents, VectorsMissing
from api.data_lock import DataLock
from api.settings import Settings
from ingest.document import Revision
from tests.fakes.embedder import HashEmbedder
from tests.ingest.index import write

Docqa = Callable[..., Result]


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> HashEmbedder:
    embedder = HashEmbedder()
    monkeypatch.setattr("api.components.LocalComponents.embedder", embedder)
    return embedder


@pytest.fixture
def docqa(tmp_path: Path, embedder: HashEmbedder) -> Docqa:
    """Runs a command over two manuals, one of them in its second revision, in the working directory."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="docqa")

    files = {"pump.md": "# Pump\n\nThe alarm rings.\n", "sensor.md": "# Sensor\n\nIt beeps.\n"}
    assert run("ingest", str(write(tmp_path / "manuals", files))).exit_code == 0
    write(tmp_path / "manuals", {"pump.md": "# Pump\n\nThe alarm flashes.\n"})
    assert run("ingest", str(tmp_path / "manuals")).exit_code == 0
    return run


def current() -> list[Revision]:
    with LocalComponents(Settings()) as components:
        return list(components.catalog.current())


def test_list_show_history_and_diff_tell_of_revisions(docqa: Docqa) -> None:
    listed = "default/pump.md  revision 2, 1 passages\ndefault/sensor.md  revision 1, 1 passages\n"
    assert docqa("documents").stdout == docqa("documents", "list").stdout == listed
    assert "The alarm flashes." in docqa("documents", "show", "pump.md").stdout
    assert "The alarm rings." in docqa("documents", "show", "pump.md", "--revision", "1").stdout
    history = docqa("documents", "history", "pump.md").stdout.splitlines()
    assert ["revision 1" in history[0], "revision 2" in history[1], history[1].endswith("until now")] == [True] * 3
    assert {"-The alarm rings.", "+The alarm flashes."} <= set(
        docqa("documents", "diff", "pump.md").stdout.splitlines()
    )
    assert docqa("documents", "diff", "pump.md", "2", "2").stdout == ""


def test_a_document_is_removed_and_restored(docqa: Docqa) -> None:
    assert docqa("documents", "remove", "pump.md").stdout == "removed: default/pump.md\n"
    assert [r.source for r in current()] == ["sensor.md"]
    assert docqa("documents", "list", "--removed").stdout == "default/pump.md  revision 2, 1 passages\n"
    assert "was removed already" in docqa("documents", "remove", "pump.md").stderr
    restored = docqa("documents", "restore", "pump.md", "--revision", "1").stdout
    assert restored == "restored: default/pump.md, revision 1 as revision 3\n"
    assert "The alarm rings." in docqa("documents", "show", "pump.md").stdout
    assert docqa("check").exit_code == 0


def test_a_move_is_part_of_the_history(docqa: Docqa, tmp_path: Path) -> None:
    (tmp_path / "manuals" / "pump.md").rename(tmp_path / "manuals" / "pump-200.md")
    docqa("ingest", str(tmp_path / "manuals"))
    assert "moved away from" in docqa("documents", "history", "pump-200.md").stdout
    body = json.loads(docqa("documents", "history", "pump-200.md", "--json").stdout)
    assert [r["revision"] for r in body["revisions"]] == [1, 2]
    assert [m["source"] for m in body["moves"]] == ["pump.md"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nothing.md"], "there is no document nothing.md"),
        (["show", "pump.md", "--revision", "7"], "there is no revision 7 of pump.md; there are: 1, 2"),
        (["diff", "sensor.md"], "has no revision before 1"),
        (["restore", "pump.md"], "revision 2 of pump.md holds already"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(docqa: Docqa, arguments: list[str], says: str) -> None:
    result = docqa("documents", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


def test_one_source_below_two_folders_has_to_be_named_by_id(docqa: Docqa, tmp_path: Path) -> None:
    docqa("ingest", str(write(tmp_path / "others", {"pump.md": "# Other pump\n\nIt hums.\n"})))
    refused = docqa("documents", "show", "pump.md")
    ids = [r.document_id for r in current() if r.source == "pump.md"]
    assert all(id in refused.stderr for id in ids)
    assert "It hums." in docqa("documents", "show", ids[1]).stdout


def test_check_names_what_is_missing_and_rebuild_makes_it(docqa: Docqa, embedder: HashEmbedder) -> None:
    assert docqa("check").stdout == "2 documents: all in place\n"
    with LocalComponents(Settings()) as components:
        components.vectors.delete_revision("default", current()[0].id)
        with components.catalog.database.write() as connection:
            connection.exec_driver_sql(
                "DELETE FROM lexical_1_docsize WHERE id = (SELECT max(id) FROM lexical_1_docsize)"
            )
    checked = docqa("check")
    assert checked.exit_code == 1
    assert "default/pump.md revision 2 has 0 vectors of 1" in checked.stdout
    assert "lexical_1 lacks 1 passages" in checked.stdout
    before = embedder.embedded
    assert docqa("rebuild").stdout == "default: made anew, 0 passages embedded\n"
    assert embedder.embedded == before
    assert docqa("check").exit_code == 0


def test_another_embedder_is_served_after_a_rebuild(docqa: Docqa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.components.LocalComponents.embedder", HashEmbedder(512))
    with LocalComponents(Settings()) as components, pytest.raises(VectorsMissing, match="docqa rebuild"):
        components.load(print)
    assert docqa("rebuild").stdout == "default: made anew, 2 passages embedded\n"
    assert docqa("check").exit_code == 0


def test_backup_beside_a_server_and_restore(docqa: Docqa, tmp_path: Path, embedder: HashEmbedder) -> None:
    lock = DataLock(Path("data/.lock"))
    lock.acquire()
    sent = write(Path("data/uploads"), {"default/hr/leave.txt": "Thirty days.", ".staging/1/half.txt": "a fi"})
    try:
        copied = docqa("backup", str(tmp_path / "copy"))
        assert copied.stdout.endswith("catalog.sqlite, embeddings.sqlite; 1 uploaded files\n"), copied.output
        assert "vectors are not checked" in docqa("check").stderr
        assert "in use by another docqa process" in docqa("restore", str(tmp_path / "copy"), "--replace").stderr
    finally:
        lock.release()
    before = current()
    docqa("documents", "remove", "pump.md")
    write(sent, {"default/hr/leave.txt": "Forty days.", "default/later.txt": "Later"})
    assert "exists already" in docqa("backup", str(tmp_path / "copy")).stderr
    assert "--replace" in docqa("restore", str(tmp_path / "copy")).stderr
    embedded = embedder.embedded
    restored = docqa("restore", str(tmp_path / "copy"), "--replace")
    assert restored.exit_code == 0, restored.output
    assert current() == before
    assert embedder.embedded == embedded, "the computed vectors were in the backup"
    assert docqa("check").exit_code == 0
    assert {path.name: path.read_text() for path in sent.rglob("*.txt")} == {"leave.txt": "Thirty days."}
    (aside,) = Path("data").glob("replaced-*")
    assert (aside / "uploads/default/later.txt").read_text() == "Later"
    for torn in ("uploads/default/hr/leave.txt", "catalog.sqlite"):
        (tmp_path / "copy" / torn).write_bytes(b"torn")
        assert f"{torn} is damaged" in docqa("restore", str(tmp_path / "copy"), "--replace").stderr
    assert current() == before


def test_who_holds_the_data_is_named(tmp_path: Path) -> None:
    import os

    from api.data_lock import DataLocked

    first, second = DataLock(tmp_path / ".lock"), DataLock(tmp_path / ".lock")
    first.acquire()
    with pytest.raises(DataLocked, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
