"""Files of all formats, good, wrong and damaged."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from ingest.formats import Readers
from ingest.reader import Reader, UnreadableFile
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract, check_document
from tests.fakes.reading import PlainReader
from tests.ingest.test_readers_asciidoc import SAMPLE as SAMPLE_ADOC
from tests.ingest.test_readers_docx import simple as simple_docx
from tests.ingest.test_readers_epub import book as simple_epub
from tests.ingest.test_readers_html import PAGE
from tests.ingest.test_readers_mail import mail
from tests.ingest.test_readers_markdown import SAMPLE
from tests.ingest.test_readers_pdf import simple as simple_pdf
from tests.ingest.test_readers_restructuredtext import SAMPLE as SAMPLE_RST
from tests.ingest.test_readers_sheets import CSV
from tests.ingest.test_readers_sheets import simple as simple_xlsx
from tests.ingest.test_readers_slides import simple as simple_pptx

GOOD = {
    ".md": SAMPLE.encode(),
    ".html": PAGE.encode(),
    ".pdf": simple_pdf(),
    ".docx": simple_docx(),
    ".xlsx": simple_xlsx(),
    ".pptx": simple_pptx(),
    ".csv": CSV,
    ".rst": SAMPLE_RST.encode(),
    ".adoc": SAMPLE_ADOC.encode(),
    ".epub": simple_epub(),
    ".eml": mail(),
    ".txt": b"A\n=\n\nb",
}


def read(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "on-disk"
    path.write_bytes(data)
    check_document(Readers().read(path, name))


class TestReaders(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return Readers()

    @pytest.fixture(params=sorted(GOOD))
    def good(self, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
        path = tmp_path / f"good{request.param}"
        path.write_bytes(GOOD[request.param])
        return path


def test_the_endings() -> None:
    assert Readers().suffixes >= {".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".txt"}


def test_the_ending_of_the_source_decides(tmp_path: Path) -> None:
    for suffix, data in GOOD.items():
        read(tmp_path, f"folder.x/NAME{suffix.upper()}", data)


@pytest.mark.parametrize("name", ["program.exe", "no-ending", "folder.d/none"])
def test_an_unknown_ending_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFile, match=r"not known: convert it to one of \.adoc, \.asciidoc, \.csv, \.docx"):
        read(tmp_path, name, b"text")


@pytest.mark.parametrize(
    ("suffix", "data", "reason"),
    [
        (".docx", GOOD[".pdf"], "is a PDF file by its content"),
        (".md", GOOD[".pdf"], r"rename it to \.pdf"),
        (".html", GOOD[".docx"], r"rename it to \.docx"),
        (".docx", GOOD[".xlsx"], "not a Word document"),
        (".csv", GOOD[".xlsx"], r"rename it to \.xlsx"),
        (".txt", GOOD[".epub"], r"rename it to \.epub"),
        (".txt", GOOD[".html"], r"rename it to \.html"),
        (".pdf", GOOD[".docx"], "zip archive or a new Office file"),
        (".pdf", GOOD[".md"], "not a PDF file"),
        (".docx", GOOD[".txt"], "damaged or incomplete"),
        (".txt", b"\x89PNG\r\n\x1a\n" + b"x" * 50, "PNG picture"),
        (".md", b"\x1f\x8b\x08\x00" + b"x" * 50, "gzip archive"),
        (".html", b"\x7fELF" + b"x" * 50, "a program"),
        (".txt", b"{\\rtf1 text}", "RTF"),
        (".txt", b"text\x00with\x00\x00zeros", "binary data"),
    ],
)
def test_a_wrong_ending_is_named(tmp_path: Path, suffix: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(tmp_path, f"name{suffix}", data)


@pytest.mark.parametrize("suffix", sorted(GOOD))
def test_limits_hold_for_all_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"name{suffix}"
    path.write_bytes(GOOD[suffix])
    with pytest.raises(UnreadableFile, match=r"too large .* split it or raise the limit"):
        Readers(Limits(file_bytes=len(GOOD[suffix]) - 1)).read(path, path.name)
    with pytest.raises(UnreadableFile, match="characters"):
        Readers(Limits(characters=3)).read(path, path.name)
    Readers(Limits(file_bytes=len(GOOD[suffix]))).read(path, path.name)


def test_other_readers_can_take_their_place(tmp_path: Path) -> None:
    readers = Readers(readers=[PlainReader()])
    path = tmp_path / "a.plain"
    path.write_text("text")
    assert readers.suffixes == {".plain"}
    assert readers.version == "plain 1"
    assert readers.read(path, "a.plain").text == "text\n"


@pytest.mark.parametrize("suffix", sorted(GOOD))
@pytest.mark.parametrize("seed", range(40))
def test_damage_is_named_or_harmless(tmp_path: Path, suffix: str, seed: int) -> None:
    data = damaged(GOOD[suffix], random.Random(f"{suffix} {seed}"))
    with contextlib.suppress(UnreadableFile):
        read(tmp_path, f"name{suffix}", data)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file cut, with bytes changed, doubled, moved or put in."""
    content = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not content:
            break
        start = chance.randrange(len(content))
        end = min(len(content), start + chance.randint(1, 200))
        match chance.randrange(6):
            case 0:
                del content[start:]
            case 1:
                del content[start:end]
            case 2:
                content[start:end] = chance.randbytes(end - start)
            case 3:
                content[start] ^= 1 << chance.randrange(8)
            case 4:
                content[start:start] = content[start:end] * chance.randint(1, 5)
            case _:
                content[start:start] = chance.choice(
                    [b"\x00" * 9, b"<<" * 50, b"[" * 200, b"9" * 30, b"endobj", b"\xff"]
                )
    return bytes(content)
