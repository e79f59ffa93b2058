"""Compare the readers with others on real manuals: ``python scripts/compare_readers.py DIR``.

Debian's packages of its policy, of PostgreSQL, SQLite, Git and of the Debian handbook are downloaded and unpacked
below DIR. Where a manual comes as plain text too, that is what its other forms are measured against: ``recall`` is the
share of its runs of three words that a reader gives, ``precision`` the share of what a reader gives that stands in it,
``headings`` the share of its headings that are headings of the document, ``others`` how many more there are. Where
there are only pages of HTML, ``repeated`` is the share of characters in lines that stand on a tenth of all pages or
more: what surrounds the text. Other parsers are compared as far as they are installed (pypdf, pdfminer, pypdfium2,
html2text, trafilatura). Needs apt-get and dpkg-deb, not root.
"""

from __future__ import annotations

import argparse
import gzip
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from ingest.formats import Readers
from ingest.reader import UnreadableFile

PACKAGES = ("debian-policy", "postgresql-doc-15", "sqlite3-doc", "git-doc", "debian-handbook")
POLICY = "usr/share/doc/debian-policy"
PAIRS = (
    ("policy.pdf", "policy.txt"),
    ("policy.epub", "policy.txt"),
    ("fhs/fhs-3.0.pdf", "fhs/fhs-3.0.txt"),
    ("fhs/fhs-3.0.html", "fhs/fhs-3.0.txt"),
    ("copyright-format-1.0.html", "copyright-format-1.0.txt"),
    ("debconf_specification.html", "debconf_specification.txt"),
)
SITES = (
    "usr/share/doc/postgresql-doc-15/html",
    "usr/share/doc/sqlite3",
    "usr/share/doc/git/html",
    "usr/share/doc/debian-handbook/html/en-US",
)
EVERY = 10
"""Of the pages of a site, every tenth is read."""

_TARGET = re.compile(r"\]\([^)\s]*\)")
_UNDERLINED = re.compile(r"^(\S.*)\n([*=\-^~]{3,})$", re.MULTILINE)
_NUMBERED = re.compile(r"^\W*(?:(?:\d+|[A-Z])(?:\.\d+)*\.?\s+)?")


class Reading(NamedTuple):
    """What a reader made of a file: its text, the headings if it knows of any, and the seconds it took."""

    text: str
    headings: frozenset[str] | None
    seconds: float


Parser = Callable[[Path], tuple[str, frozenset[str] | None]]


def main() -> int:
    """Download what is missing, read, print; 1 when the packages can't be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    try:
        _fetch(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the manuals can't be fetched: {error}; `apt-get update` may help", file=sys.stderr)
        return 1
    print("| file | reader | recall | precision | headings | others | seconds |\n|---|---|---|---|---|---|---|")
    for name, reference in PAIRS:
        _compare(folder / POLICY / name, (folder / POLICY / reference).read_text("utf-8", "replace"))
    print("\n| pages | reader | characters | repeated | without a heading | ms a page |\n|---|---|---|---|---|---|")
    for site in SITES:
        _measure(sorted((folder / site).rglob("*.html"))[::EVERY], site)
    return 0


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(folder.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["dpkg-deb", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(folder)], check=True)
    for packed in (folder / POLICY).rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))


def _compare(path: Path, reference: str) -> None:
    wanted = _runs(reference)
    titles = {_bare(found[1]) for found in _UNDERLINED.finditer(reference)}
    for name, parse in _parsers(path.suffix):
        reading = _read(parse, path)
        got = _runs(_TARGET.sub("]", reading.text))
        shared = (wanted & got).total()
        headings = others = "-"
        if titles and reading.headings is not None:
            headings = f"{len(titles & reading.headings) / len(titles):.3f}"
            others = str(len(reading.headings - titles))
        recall, precision = shared / wanted.total(), shared / max(got.total(), 1)
        print(
            f"| {path.name} | {name} | {recall:.3f} | {precision:.3f} | {headings} | {others} | {reading.seconds:.1f} |"
        )


def _measure(pages: Sequence[Path], site: str) -> None:
    for name, parse in _parsers(".html"):
        readings = [_read(parse, page) for page in pages]
        lines = [[line.strip() for line in reading.text.split("\n") if line.strip()] for reading in readings]
        seen = Counter(line for page in lines for line in set(line for line in page if not line.startswith("```")))
        whole = sum(len(line) for page in lines for line in page)
        often = {line for line, count in seen.items() if count >= max(3, 0.1 * len(pages))}
        repeated = sum(len(line) for page in lines for line in page if line in often)
        bare = sum(reading.headings is not None and not reading.headings for reading in readings)
        ms = 1000 * sum(reading.seconds for reading in readings) / len(pages)
        share = repeated / max(whole, 1)
        known = "-" if any(reading.headings is None for reading in readings) else str(bare)
        print(f"| {len(pages)} of {site} | {name} | {whole:,} | {share:.4f} | {known} | {ms:.0f} |")


def _read(parse: Parser, path: Path) -> Reading:
    began = time.process_time()
    text, headings = parse(path)
    return Reading(text, headings, time.process_time() - began)


def _runs(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return Counter(zip(words, words[1:], words[2:], strict=False))


def _bare(heading: str) -> str:
    """A heading's words without its number."""
    return " ".join(re.findall(r"[^\W_]+", _NUMBERED.sub("", heading).casefold()))


def _parsers(suffix: str) -> Iterator[tuple[str, Parser]]:
    yield "docqa", _ours
    for name, parse in {".pdf": _PDF, ".html": _HTML}.get(suffix, {}).items():
        try:
            import_module(name)
        except ImportError:
            continue
        yield name, parse


def _ours(path: Path) -> tuple[str, frozenset[str] | None]:
    try:
        document = Readers().read(path, path.name)
    except UnreadableFile as error:
        print(error, file=sys.stderr)
        return "", frozenset()
    return document.text, frozenset(_bare(section.path[-1]) for section in document.sections)


def _pypdf(path: Path) -> tuple[str, None]:
    pages = import_module("pypdf").PdfReader(path).pages
    return "\n".join(page.extract_text() for page in pages), None


def _pdfminer(path: Path) -> tuple[str, None]:
    return import_module("pdfminer.high_level").extract_text(path), None


def _pypdfium2(path: Path) -> tuple[str, None]:
    with import_module("pypdfium2").PdfDocument(path) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document), None


def _headed(markdown: str) -> tuple[str, frozenset[str]]:
    return markdown, frozenset(_bare(found[1]) for found in re.finditer(r"^#+ (.*)$", markdown, re.MULTILINE))


def _html2text(path: Path) -> tuple[str, frozenset[str]]:
    return _headed(import_module("html2text").html2text(path.read_text("utf-8", "replace")))


def _trafilatura(path: Path) -> tuple[str, frozenset[str]]:
    page = path.read_text("utf-8", "replace")
    found = import_module("trafilatura").extract(page, output_format="markdown", include_tables=True)
    return _headed(found or "")


_PDF: dict[str, Parser] = {"pypdf": _pypdf, "pdfminer": _pdfminer, "pypdfium2": _pypdfium2}
_HTML: dict[str, Parser] = {"html2text": _html2text, "trafilatura": _trafilatura}

if __name__ == "__main__":
    sys.exit(main())
