"""HTML pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.readers.html.blocks import blocks_of
from ingest.readers.html.content import content
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile


@dataclass(frozen=True, slots=True)
class HtmlReader:
    """Headings, paragraphs, lists, tables and code of a page's main part."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "html 3"
    suffixes: frozenset[str] = frozenset({".html", ".htm", ".xhtml"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        root = self._parse(file)
        title = root.findtext(".//title") or ""
        blocks = list(blocks_of(content(root)))
        return canonical_document(file, md.join(blocks), media_type="text/html", limits=self.limits, title=title)

    def _parse(self, file: SourceFile) -> HtmlElement:
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(file, declared=True)).replace("\x00", "\ufffd")
        parser = HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
        try:
            root: HtmlElement = document_fromstring(text, parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError) as error:
            raise file.unreadable(f"cannot be read as HTML ({error}): open and save it in a browser") from error
        if _depth(root) > self.limits.nesting:
            raise file.unreadable(
                f"is nested deeper than {self.limits.nesting} elements, which no page for people is: simplify it"
            )
        for node in root.iter():  # Only now, since character references may stand for anything.
            node.text, node.tail = normalise(node.text or ""), normalise(node.tail or "")
        return root


def _depth(root: HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest
