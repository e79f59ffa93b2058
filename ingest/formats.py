"""All formats that the product reads, by the ending of a file's name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.asciidoc.reader import AsciiDocReader
from ingest.readers.epub import EpubReader
from ingest.readers.html.reader import HtmlReader
from ingest.readers.mail import MailReader
from ingest.readers.markdown import MarkdownReader
from ingest.readers.pdf.reader import PdfReader
from ingest.readers.restructuredtext.reader import RestructuredTextReader
from ingest.readers.slides.reader import SlidesReader
from ingest.readers.spreadsheet.delimited import DelimitedReader
from ingest.readers.spreadsheet.excel import ExcelReader
from ingest.readers.text import TextReader
from ingest.readers.word.reader import DocxReader
from ingest.source_file import DEFAULT_LIMITS, Limits


def standard_readers(limits: Limits) -> tuple[Reader, ...]:
    """One reader per format, all within the same limits."""
    readers = (
        MarkdownReader(limits),
        RestructuredTextReader(limits),
        AsciiDocReader(limits),
        HtmlReader(limits),
        PdfReader(limits),
        EpubReader(limits),
        DocxReader(limits),
        ExcelReader(limits),
        SlidesReader(limits),
        DelimitedReader(limits),
        TextReader(limits),
    )
    return *readers, MailReader(limits, readers)


class Readers:
    """A `Reader` of all formats: hands each file to the reader that takes its ending."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, readers: Sequence[Reader] | None = None) -> None:
        """``limits`` hold for the standard readers; ``readers`` stand in for them. Later ones win an ending."""
        chosen = standard_readers(limits) if readers is None else readers
        self._by_suffix = {suffix: reader for reader in chosen for suffix in reader.suffixes}

    @property
    def version(self) -> str:
        """The versions of all readers."""
        return ", ".join(sorted({reader.version for reader in self._by_suffix.values()}))

    @property
    def suffixes(self) -> frozenset[str]:
        """Endings, lower case with the dot, of the files that can be read."""
        return frozenset(self._by_suffix)

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`, also for an ending that no reader takes."""
        suffix = PurePosixPath(source).suffix.lower() or path.suffix.lower()
        reader = self._by_suffix.get(suffix)
        if reader is None:
            named = f"ends in {suffix}, which is" if suffix else "has no ending, so its format is"
            raise UnreadableFile(source, f"{named} not known: convert it to one of {', '.join(sorted(self.suffixes))}")
        return reader.read(path, source)
