from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.discovery import Discovery, discover
from tests.ingest.index import write

SUFFIXES = frozenset({".md", ".txt"})


def sources(discovery: Discovery) -> list[str]:
    return sorted(file.source for file in discovery.files.values())


def test_a_folder_gives_its_files_with_paths_below_it(tmp_path: Path) -> None:
    write(tmp_path, {"b.md": "b", "a/x.txt": "x", "a/deep/er/y.MD": "y"})
    found = discover([tmp_path], SUFFIXES)
    assert sources(found) == ["a/deep/er/y.MD", "a/x.txt", "b.md"]
    assert found.files[f"{tmp_path}/a/x.txt"].path == tmp_path / "a" / "x.txt"
    assert found.files[f"{tmp_path}/b.md"].size == 1
    assert (found.failed, found.skipped) == ([], [])


def test_a_named_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.txt": "x", ".hidden.md": "h", "y.xyz": "y"})
    found = discover([tmp_path / "a" / "x.txt", tmp_path / ".hidden.md", tmp_path / "y.xyz"], SUFFIXES)
    assert sources(found) == [".hidden.md", "x.txt", "y.xyz"]


def test_what_a_folder_holds_besides_documents_is_skipped_and_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "a", ".git/config.md": "g", ".b.md": "b", "c.png": "c", "noend": "d", "~$a.md": "lock"})
    found = discover([tmp_path], SUFFIXES)
    assert sources(found) == ["a.md"]
    assert sorted(found.skipped) == [
        (".b.md", "is hidden"),
        (".git/", "is hidden"),
        ("c.png", "its format (.png) is not known"),
        ("noend", "its format (no ending) is not known"),
        ("~$a.md", "is a lock file of an office program"),
    ]


def test_links_are_followed_within_the_folder_alone(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.md": "a", "out/secret.md": "s"})
    (tmp_path / "in" / "same.md").symlink_to("a.md")
    (tmp_path / "in" / "leak.md").symlink_to(tmp_path / "out" / "secret.md")
    (tmp_path / "in" / "up.md").symlink_to("../out/secret.md")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "loop").symlink_to(".")
    found = discover([tmp_path / "in"], SUFFIXES)
    assert sources(found) == ["a.md", "same.md"]
    assert sorted(found.skipped) == [
        ("folder/", "is a link to a folder"),
        ("leak.md", "is a link that leads out of the folder"),
        ("loop/", "is a link to a folder"),
        ("up.md", "is a link that leads out of the folder"),
    ]


def test_a_folder_that_is_itself_a_link_is_looked_into(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.md": "a"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert sources(discover([tmp_path / "link"], SUFFIXES)) == ["a.md"]


def test_what_is_not_there_or_not_a_file_fails(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "gone.md").symlink_to("nowhere.md")
    found = discover([tmp_path, tmp_path / "missing"], SUFFIXES)
    assert sources(found) == []
    assert sorted(found.failed) == sorted(
        [
            (str(tmp_path / "missing"), "there is no such file or folder"),
            ("gone.md", "cannot be opened: No such file or directory"),
            ("pipe.md", "is not an ordinary file"),
        ]
    )


def test_two_files_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.md": "1", "two/a.md": "2"})
    found = discover([tmp_path / "one", tmp_path / "two"], SUFFIXES)
    assert [(file.root, file.source) for file in found.files.values()] == [
        (f"{tmp_path}/one", "a.md"),
        (f"{tmp_path}/two", "a.md"),
    ]
    assert found.folders == [f"{tmp_path}/one", f"{tmp_path}/two"]
    mixed = discover([tmp_path / "one", tmp_path / "two"], SUFFIXES, root="upload")
    ((source, reason),) = mixed.failed
    assert [file.path for file in mixed.files.values()] == [tmp_path / "one" / "a.md"]
    assert source == "a.md"
    assert str(tmp_path / "one" / "a.md") in reason


def test_the_same_file_twice_is_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "1"})
    found = discover([tmp_path, tmp_path / "a.md", tmp_path], SUFFIXES)
    assert sources(found) == ["a.md"]
    assert found.failed == []


def test_a_name_that_is_no_text_fails_and_can_be_printed(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
    except OSError:
        pytest.skip("the file system takes no such names")
    found = discover([tmp_path], SUFFIXES)
    assert found.failed == [("caf\ufffd.md", "its name is not valid UTF-8: rename it")]


def test_a_folder_that_cannot_be_opened_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.md": "a", "shut/b.md": "b"})
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = discover([tmp_path], SUFFIXES)
    assert sources(found) == ["a.md"]
    assert found.failed == [("shut/", "cannot be opened: Permission denied")]
    assert found.unsure == [f"{tmp_path}/shut/"]
