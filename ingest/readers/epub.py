"""Electronic books (.epub): https://www.w3.org/TR/epub-33/."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.inline import escape
from ingest.markdown_sections import lowered, sections_of
from ingest.reader import UnreadableFile
from ingest.readers.html.blocks import blocks_of
from ingest.readers.html.content import content
from ingest.readers.html.parsing import parse_page
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile
from ingest.zip_package import PackageKind

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_KIND = PackageKind("an EPUB book", ".epub", _CONTAINER, "an e-book editor", declares=True)
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})


@dataclass(frozen=True, slots=True)
class EpubReader:
    """The chapters in reading order, each read as a page of HTML."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "epub 2"
    suffixes: frozenset[str] = frozenset({".epub"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        _KIND.check(file, self.limits)
        try:
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                title, chapters = self._chapters(file, archive)
        except UnreadableFile:
            raise
        except Exception as error:  # The parsers fail in as many ways as files are damaged.
            raise _KIND.damaged(file, error) from error
        text = _below_title(title, "\n\n".join(chapter for chapter in chapters if chapter))
        return canonical_document(file, text, media_type="application/epub+zip", limits=self.limits, title=title)

    def _chapters(self, file: SourceFile, archive: zipfile.ZipFile) -> tuple[str, list[str]]:
        """The book's title and the Markdown of its chapters."""
        package = _package_path(archive)
        root = _xml(archive.read(package))
        title = next((node.text for node in root.iter("{*}title") if node.text and node.text.strip()), "")
        locked = _encrypted(archive)
        chapters: list[str] = []
        for name in _reading_order(root, posixpath.dirname(package)):
            if name in locked:
                raise file.unreadable("is protected against copying (DRM): get a copy without that")
            if name not in archive.namelist():
                raise file.unreadable(f"is incomplete (its chapter {name} is missing): get or save it again")
            chapters.append(self._chapter(file, archive.read(name)))
        return " ".join(normalise(title).split()), chapters

    def _chapter(self, file: SourceFile, data: bytes) -> str:
        if not data.strip():
            return ""
        page = parse_page(file, decode(replace(file, data=data), declared=True), self.limits, xhtml=True)
        return md.join(blocks_of(content(page)))


def _xml(data: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(data, parser)


def _package_path(archive: zipfile.ZipFile) -> str:
    """Where in the archive the list of the book's parts is. Raises ValueError."""
    for node in _xml(archive.read(_CONTAINER)).iter("{*}rootfile"):
        if path := node.get("full-path"):
            return path
    raise ValueError("no list of parts")


def _reading_order(package: etree._Element, folder: str) -> Iterator[str]:
    """Names in the archive of the pages to read, without the table of contents."""
    parts = {node.get("id"): node for node in package.iter("{*}item")}
    for reference in package.iter("{*}itemref"):
        part = parts.get(reference.get("idref"))
        if part is None or part.get("media-type") not in _PAGES or "nav" in (part.get("properties") or "").split():
            continue
        yield _name(part.get("href") or "", folder)


def _name(address: str, folder: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(urlsplit(address).path)))


def _encrypted(archive: zipfile.ZipFile) -> frozenset[str]:
    """Parts that are encrypted; fonts often are, for reasons of licence."""
    if _ENCRYPTION not in archive.namelist():
        return frozenset()
    found = _xml(archive.read(_ENCRYPTION)).iter("{*}CipherReference")
    return frozenset(_name(node.get("URI") or "", "") for node in found)


def _below_title(title: str, text: str) -> str:
    """The chapters under the book's title, unless the text begins with a title of its own."""
    tops = [section for section in sections_of(text) if section.level == 1]
    own = len(tops) == 1 and not text[: tops[0].span.start].strip()
    return text if own or not title or not text else f"{md.heading(1, escape(title)).text}\n\n{lowered(text, 1)}"
