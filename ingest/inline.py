"""Formatted text within a paragraph, and its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from markdown_it import MarkdownIt

_INLINE = MarkdownIt("commonmark")
_SUSPECT = re.compile(r"[\\`*_<\[&]")
_SPECIAL = re.compile(
    r"\\(?=[\n!-/:-@\[-`{-~]|$)|`|(?<!\s)\*|\*(?!\s)|^\*|\*$|(?<![^\W_])_|_(?![^\W_])"
    r"|<(?=[a-zA-Z/!?])|\](?=\()|&(?=#?\w+;)",
    re.MULTILINE,
)
_BLANKS = re.compile(r"[ \t\n]+")  # Not \s: page marks and no-break spaces stay.
_SUPERSCRIPT = str.maketrans("0123456789+-−()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿⁱ")
_SUBSCRIPT = str.maketrans("0123456789+-−()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎")
_RAISABLE, _LOWERABLE = {chr(code) for code in _SUPERSCRIPT}, {chr(code) for code in _SUBSCRIPT}
_SAFE_TARGET = re.compile(r"(?:https?|mailto|ftp|tel):|(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    r"""Text in one form; ``"\n"`` is a line break that the author meant. ``link`` is the target, empty without one."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    link: str = ""
    image: bool = False

    @property
    def form(self) -> tuple[bool, bool, bool, str, bool]:
        """Everything but the text."""
        return self.bold, self.italic, self.code, self.link, self.image

    def saying(self, text: str) -> Run:
        """Another text in the same form (`dataclasses.replace` takes three times as long, and pages have many runs)."""
        return Run(text, *self.form)


_PLAIN = Run("")


def render(runs: Iterable[Run], *, line_break: str = "  \n") -> str:
    """Markdown of the runs on one line (but for line breaks), blanks collapsed and trimmed."""
    merged = [
        first.saying(first.text + "".join(run.text for run in group))
        for _, group in groupby((run for run in runs if run.text or run.image), key=lambda run: run.form)
        for first in [next(group)]
    ]
    # A sign may pair with one in another run, or with the marks of a form: all are escaped, or none has to be.
    whole = "".join(run.text for run in merged if not run.code)
    escaped = any(run.form != _PLAIN.form for run in merged) or escape(whole) != whole
    parts: list[str] = []
    for link, group in groupby(merged, key=lambda run: run.link):
        text = "".join(_formed(run, escaped=escaped) for run in group)
        parts.append(_linked(text, link) if link else text)
    lines = (_BLANKS.sub(" ", line).strip(" ") for line in "".join(parts).split("\n"))
    return line_break.join(line for line in lines if line)


def plain(runs: Iterable[Run]) -> str:
    """The text of the runs without their forms, blanks collapsed and trimmed."""
    return _BLANKS.sub(" ", "".join(run.text for run in runs)).strip(" ")


def escape(text: str) -> str:
    """``text`` as Markdown that shows as ``text``; unchanged wherever Markdown sees nothing special in it."""
    if not _SUSPECT.search(text):
        return text
    tokens = _INLINE.parseInline(text)[0].children or []
    if all(token.type in {"text", "softbreak"} for token in tokens):
        seen = "".join("\n" if token.type == "softbreak" else token.content for token in tokens)
        if seen.split() == text.split():
            return text
    return _escaped(text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def raised(text: str) -> str:
    """Superscript in plain characters, so that 10² never reads 102: Unicode's where it has them, else ``^(n-k)``.

    Words and references in brackets, which mean the same on the line, stay as they are.
    """
    if set(text) <= _RAISABLE:
        return text.translate(_SUPERSCRIPT)
    if len(text) == 1 and text.isalpha():
        return f"^{text}"
    return f"^({text})" if re.fullmatch(r"[\w\s+−*/-]*[\d+−*/-][\w\s+−*/-]*", text) else text


def lowered(text: str) -> str:
    """Subscript in plain characters where Unicode has them (``CO₂``), else the text as it is."""
    return text.translate(_SUBSCRIPT) if set(text) <= _LOWERABLE else text


def code_span(text: str) -> str:
    """Inline code, in a fence of backticks longer than any inside."""
    text = _BLANKS.sub(" ", text)
    ticks = "`" * (1 + max((len(found) for found in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _formed(run: Run, *, escaped: bool) -> str:
    if run.image:
        return f"![{_escaped(run.text.strip())}]()"
    core = run.text.strip()  # No-break spaces stay, but outside of the marks: inside, they would end no form.
    if not core:
        return run.text
    before, after = run.text.split(core, 1)
    mark = ("**" if run.bold else "") + ("*" if run.italic else "")
    if not run.code and escaped:
        core = _escaped(core)
    # Marks do not reach over a line break: each line stands for itself.
    lines = [code_span(line.strip()) if run.code and line.strip() else line.strip() for line in core.split("\n")]
    return before + "\n".join(f"{mark}{line}{mark[::-1]}" if line else "" for line in lines) + after


def _linked(text: str, target: str) -> str:
    core = text.strip()
    target = _BLANKS.sub("%20", target.strip())
    if not core or not _SAFE_TARGET.match(target):
        return text
    before, after = text.split(core, 1)
    if re.search(r"[()<>]", target):
        target = "<" + target.replace("<", "%3C").replace(">", "%3E") + ">"
    return f"{before}[{core}]({target}){after}"
