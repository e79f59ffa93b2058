"""What every reader must do."""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.document import Document, Section
from ingest.reader import Reader, UnreadableFile


def check_document(document: Document) -> None:
    """Assert what holds for the document of any file."""
    text = document.text
    assert text.strip()
    assert document.title.strip()
    assert not any(character in text for character in "\r\f\v\x00\ufeff")
    _check_pages(document)
    _check_sections(document.sections, text)


def _check_pages(document: Document) -> None:
    starts = document.pages.starts
    assert list(starts) == sorted(starts)
    if starts:
        assert starts[0] == 0
        assert starts[-1] <= len(document.text)


def _check_sections(sections: tuple[Section, ...], text: str) -> None:
    for section in sections:
        assert len(section.path) <= section.level
        assert text[section.span.start : section.span.end].strip()
    for one, two in pairwise(sections):
        assert one.span.start < two.span.start
        # Sections nest: the next one lies inside this one, or begins where this one or one around it ends.
        assert one.span.contains(two.span) == (two.level > one.level)
        if two.level > one.level:
            assert two.path[: len(one.path)] == one.path
        else:
            assert one.span.end == two.span.start
    if sections:
        assert max(section.span.end for section in sections) == len(text)


class ReaderContract:
    """Subclasses provide the fixtures ``reader`` and ``good``, a file that the reader takes."""

    def test_it_names_its_version_and_endings(self, reader: Reader) -> None:
        assert reader.version
        assert reader.suffixes
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.suffixes)

    def test_the_document_is_well_formed(self, reader: Reader, good: Path) -> None:
        document = reader.read(good, "folder/name")
        check_document(document)
        assert document.source == "folder/name"
        assert document.content_hash == hashlib.sha256(good.read_bytes()).hexdigest()

    def test_the_same_bytes_give_the_same_document(self, reader: Reader, good: Path, tmp_path: Path) -> None:
        copy = tmp_path / f"copy{good.suffix}"
        copy.write_bytes(good.read_bytes())
        os.utime(copy, (0, 0))
        assert reader.read(copy, "a") == reader.read(good, "a")

    @pytest.mark.parametrize("content", [b"", b" \n\t\n"])
    def test_an_empty_file_is_named(self, reader: Reader, good: Path, tmp_path: Path, content: bytes) -> None:
        empty = tmp_path / f"empty{good.suffix}"
        empty.write_bytes(content)
        with pytest.raises(UnreadableFile, match="empty") as raised:
            reader.read(empty, "docs/empty")
        assert raised.value.source == "docs/empty"

    def test_a_missing_file_is_named(self, reader: Reader, good: Path, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFile, match="cannot be opened"):
            reader.read(tmp_path / f"missing{good.suffix}", "missing")

    def test_a_folder_is_no_file(self, reader: Reader, good: Path, tmp_path: Path) -> None:
        folder = tmp_path / f"folder{good.suffix}"
        folder.mkdir()
        with pytest.raises(UnreadableFile):
            reader.read(folder, "folder")

    def test_a_pipe_is_not_waited_for(self, reader: Reader, good: Path, tmp_path: Path) -> None:
        pipe = tmp_path / f"pipe{good.suffix}"
        os.mkfifo(pipe)
        with pytest.raises(UnreadableFile, match="not an ordinary file"):
            reader.read(pipe, "pipe")

    def test_binary_rubbish_is_refused(self, reader: Reader, good: Path, tmp_path: Path) -> None:
        rubbish = tmp_path / f"rubbish{good.suffix}"
        rubbish.write_bytes(bytes(range(256)) * 40)
        with pytest.raises(UnreadableFile):
            reader.read(rubbish, "rubbish")
