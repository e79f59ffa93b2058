"""From the text of a page to its elements, within limits."""

from __future__ import annotations

import re

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, XHTMLParser, document_fromstring, xhtml_to_html

from ingest.canonical import normalise
from ingest.source_file import Limits, SourceFile

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def parse_page(file: SourceFile, text: str, limits: Limits, *, xhtml: bool = False) -> HtmlElement:
    """The root of the page ``text``, which ``file`` is or holds. Raises `UnreadableFile`.

    ``xhtml`` says that it should be XML, in which any element may be closed at once.
    """
    text = _DECLARATION.sub("", text).replace("\x00", "\ufffd")
    root = _as_xml(text) if xhtml else None
    if root is None:
        parser = HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
        try:
            root = document_fromstring(text, parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError) as error:
            raise file.unreadable(f"cannot be read as HTML ({error}): open and save it in a browser") from error
    if _depth(root) > limits.nesting:
        raise file.unreadable(
            f"is nested deeper than {limits.nesting} elements, which no page for people is: simplify it"
        )
    for node in root.iter():  # Only now, since character references may stand for anything.
        node.text, node.tail = normalise(node.text or ""), normalise(node.tail or "")
    return root


def _as_xml(text: str) -> HtmlElement | None:
    """The page as XML; None where it is none, or one with signs that only HTML or a definition of its own explains."""
    parser = XHTMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
    try:
        root: HtmlElement = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if next(root.iter(etree.Entity), None) is not None:
        return None
    xhtml_to_html(root)
    return root if any(isinstance(node.tag, str) and node.tag == "body" for node in root) else None


def _depth(root: HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest
