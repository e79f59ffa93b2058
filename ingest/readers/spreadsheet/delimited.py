"""Tables as text: comma-, semicolon- or tab-separated values."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.inline import escape
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_SEPARATOR_LINE = re.compile(r"\Asep=(.)\n")  # What spreadsheet programs write above a file for each other.


@dataclass(frozen=True, slots=True)
class DelimitedReader:
    """One table, of which the first row names the columns; what separates them is seen from the rows."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "csv 2"
    suffixes: frozenset[str] = frozenset({".csv", ".tsv"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        text = normalise(decode(file))
        csv.field_size_limit(self.limits.file_bytes)  # The default is too small for a page of text in quotes.
        try:
            rows = self._rows(text)
        except csv.Error as error:
            raise file.unreadable(f"cannot be read as a table ({error}): save it as CSV or XLSX again") from error
        table = md.table([[escape(" ".join(cell.split())) for cell in row] for row in rows if any(row)])
        return canonical_document(file, table.text, media_type="text/csv", limits=self.limits)

    def _rows(self, text: str) -> list[list[str]]:
        named = _SEPARATOR_LINE.match(text)
        if named:
            text = text[named.end() :]
        lines = text.splitlines(keepends=True)
        delimiter = named[1] if named else _delimiter(lines[:_SAMPLE_ROWS])
        return list(csv.reader(lines, delimiter=delimiter))


def _delimiter(lines: list[str]) -> str:
    """The sign that cuts most of the lines into the same number of columns, more than one."""

    def agreement(delimiter: str) -> int:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        return max((count for width, count in widths.items() if width > 1), default=0)

    return max(_DELIMITERS, key=agreement)
