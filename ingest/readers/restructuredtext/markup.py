"""Directives and roles that docutils does not know: those of Sphinx and of its many extensions.

No list of them is ever complete. So what a file uses is looked for beforehand, and what is new is given a meaning that
keeps its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes, utils
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import get_language
from docutils.parsers.rst.states import Inliner
from docutils.statemachine import StringList

from ingest.readers.html.content import names

_DIRECTIVE = re.compile(r"^[ \t]*\.\. (?:\|[^|\n]+\| )?([a-zA-Z][\w.+:-]*)::(?:\s|$)", re.MULTILINE)
_ROLE = re.compile(r":([a-zA-Z][\w.+:-]*):`")
_TITLE_AND_TARGET = re.compile(r"(.+?)\s*<[^<>]+>", re.DOTALL)

_SILENT = names(
    "toctree index highlight currentmodule module default-role default-domain tabularcolumns literalinclude "
    "contents sectionauthor codeauthor"
)
_CONDITIONS = frozenset({"only", "ifconfig", "container", "rst-class", "cssclass"})
_PHRASES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
    "seealso": "See also",
}
_CODE = frozenset({"code-block", "sourcecode"})
_PROSE_ROLES = names("ref doc term numref any abbr dfn guilabel menuselection index download")


def learn(text: str) -> None:
    """Give a meaning to every directive and role of ``text`` that has none."""
    language: Any = get_language("en")
    nowhere = utils.new_document("")
    reporter: Any = nowhere.reporter
    reporter.report_level = reporter.halt_level = 6
    for name in {found.lower() for found in _DIRECTIVE.findall(text)}:
        if name in _CODE:
            directives.register_directive(name, _Code)
        elif name in _SILENT or directives.directive(name, language, nowhere)[0] is None:
            directives.register_directive(name, _Silent if name in _SILENT else _Kept)
    known: Any = roles
    for name in {found.lower() for found in _ROLE.findall(text)}:
        if known.role(name, language, 0, reporter)[0] is None:
            known.register_local_role(name, _role(literal=name.rpartition(":")[2] not in _PROSE_ROLES))


class _AnyOptions(dict[str, Callable[[str], str]]):
    """A directive's options of any name."""

    def __missing__(self, name: str) -> Callable[[str], str]:
        return directives.unchanged


class _Kept(Directive):
    """Argument and content as they stand."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = _AnyOptions(name=directives.unchanged)

    def run(self) -> Sequence[nodes.Node]:
        name = self.name.lower()
        title, _, more = "".join(self.arguments).partition("\n")
        words = [_PHRASES.get(name, ""), "" if name in _CONDITIONS else title]
        lead = " ".join(word for word in words if word)
        body = nodes.container()
        for lines in (StringList(more.split("\n"), self.name), self.content):
            self.state.nested_parse(lines, self.content_offset, body)
        return [*([nodes.paragraph("", "", nodes.strong("", lead))] if lead else []), *body.children]


class _Code(_Kept):
    """A listing in the language that the argument names."""

    def run(self) -> Sequence[nodes.Node]:
        text = "\n".join(self.content)
        return [nodes.literal_block(text, text, classes=["code", *self.arguments[:1]])]


class _Silent(_Kept):
    """What tells a program something, not a reader."""

    def run(self) -> Sequence[nodes.Node]:
        return []


def _role(*, literal: bool) -> Callable[..., tuple[list[nodes.Node], list[nodes.Node]]]:
    """A reference shows its title; without one, its target is a name out of some program."""

    def role(
        name: str,
        raw: str,
        text: str,
        line: int,
        inliner: Inliner,
        options: Mapping[str, object] | None = None,
        content: Sequence[str] = (),
    ) -> tuple[list[nodes.Node], list[nodes.Node]]:
        shown = utils.unescape(text)
        titled = _TITLE_AND_TARGET.fullmatch(shown)
        shown = titled[1] if titled else shown.lstrip("~!")
        return [nodes.literal(raw, shown) if literal and not titled else nodes.Text(shown)], []

    return role
