"""reStructuredText files, also those that are written for Sphinx."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from lxml.html import HtmlElement

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.readers.html.blocks import blocks_of
from ingest.readers.html.content import content
from ingest.readers.html.parsing import parse_page
from ingest.readers.restructuredtext.markup import learn
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_LINE = 100_000
_SETTINGS = {
    "_disable_config": True,  # Files of settings could lie beside a document.
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 6,  # Never: what is wrong stays as it was written.
    "report_level": 2,
    "warning_stream": False,
    "line_length_limit": _LINE,  # It also bounds what substitutions within substitutions become.
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "embed_stylesheet": False,
    "stylesheet_path": None,
    "output_encoding": "unicode",
}
_NOT_TEXT = (".. include::", ".. raw::", ".. csv-table::")


@dataclass(frozen=True, slots=True)
class RestructuredTextReader:
    """Parsed by docutils, which may open no other file; what it does not know is kept as it was written."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "rst 2"
    suffixes: frozenset[str] = frozenset({".rst"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        text = normalise(decode(file))
        if max(map(len, text.split("\n"))) > _LINE:
            raise file.unreadable(f"has a line of more than {_LINE:,} characters: wrap it or save it as plain text")
        learn(text)
        try:
            tree = publish_doctree(text, settings_overrides=_SETTINGS)
            _without_messages(tree)
            page = publish_from_doctree(tree, writer="html5", settings_overrides=_SETTINGS)
        except Exception as error:  # Nesting without end, and what else its authors did not think of.
            advice = "simplify it, or save it as HTML or plain text"
            raise file.unreadable(f"cannot be read as reStructuredText ({type(error).__name__}): {advice}") from error
        root = parse_page(file, page, self.limits)
        _plain_elements(root)
        return canonical_document(
            file,
            md.join(blocks_of(content(root))),
            media_type="text/x-rst",
            limits=self.limits,
            title=tree.get("title", ""),
        )


def _without_messages(tree: nodes.document) -> None:
    """Put the author's own text in the place of what the parser says about it."""
    for problem in list(tree.findall(nodes.problematic)):
        problem.parent.replace(problem, nodes.Text(problem.astext()))
    for message in list(tree.findall(nodes.system_message)):
        quoted = [block for block in message.findall(nodes.literal_block) if not block.astext().startswith(_NOT_TEXT)]
        message.parent.replace(message, quoted)
    tree.parse_messages.clear()
    tree.transform_messages.clear()


def _plain_elements(root: HtmlElement) -> None:
    """Names that authors gave to sections and blocks are not what a web site means by them ("menu", "footer")."""
    for element in root.iter("*"):
        names = element.attrib.pop("class", "").split()
        element.attrib.pop("id", None)
        if "literal" in names and element.tag == "span":
            element.tag = "code"
        elif element.tag == "pre" and names[:1] == ["code"] and len(names) > 2:
            element.set("class", f"language-{names[1]}")
        elif "admonition-title" in names:
            element.tag = "caption"
        elif element.tag == "nav":
            element.drop_tree()
