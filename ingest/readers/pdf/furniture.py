"""What surrounds the text: running heads and feet, lines of contents with their page numbers, "CHAPTER ONE"."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ingest.readers.pdf.pages import Page
from ingest.readers.pdf.words import Line, Word, lines_of

_MARGIN = 0.12
"""Share of the page's height at its top and foot in which running heads stand."""
_PAGE_NUMBER = re.compile(
    r"[-–—\s]*(?:(?:page|p\.|seite)\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of|von)\s*\d{1,4})?[-–—\s]*", re.IGNORECASE
)

_ENTRY = re.compile(r"\S\s+(\d{1,4})\s*$")
_OPENING = re.compile(r"chapter|part|appendix", re.IGNORECASE)
_ORDINAL = re.compile(r"\d{1,3}|[A-Z]|[IVX]{1,6}|[A-Z][A-Za-z]{2,11}(?:[- ][A-Za-z]{3,6})?")
_LEADER = re.compile(r"(?:\.\s?){4,}\s*(\d{1,4}|[ivxlc]{1,7})\s*$")

_Key = tuple[str, int]


def surrounding_words(pages: Sequence[Page], body: float) -> list[frozenset[Word]]:
    """For each page the words of its running head and foot, page number included, and of a table of contents.

    ``body`` is the size of running text: what is larger is a heading unless it is repeated word for word.
    """
    around: list[frozenset[Word]] = []
    contents: frozenset[Word] = frozenset()
    for words, page in zip(_running_words(pages, body), pages, strict=True):
        contents = _contents_words(page, len(pages), least=1 if contents else 3)
        around.append(words | contents | _opening_words(page))
    return around


def _contents_words(page: Page, pages: int, least: int) -> frozenset[Word]:
    """Words of lines with dots that lead to a page number, ``least`` or more, where these rise as those of contents do.

    Where they are most of a page, also of the entries among them without dots.
    """
    lines = lines_of(page.words, page.number)
    found = {at: match for at, line in enumerate(lines) if (match := _LEADER.search(line.text))}
    numbers = [int(match[1]) for match in found.values() if match[1].isdecimal()]
    if len(found) < least or numbers != sorted(numbers) or any(number > max(20, 2 * pages) for number in numbers):
        return frozenset()
    contents = [lines[at] for at in found]
    if numbers and len(found) >= 0.5 * len(lines):
        first, last = min(found), max(found)
        for at, line in enumerate(lines):
            entry = _ENTRY.search(line.text)
            before = at < first and entry and int(entry[1]) <= numbers[0]
            after = at > last and entry and numbers[-1] <= int(entry[1]) <= max(20, 2 * pages)
            if first < at < last or before or after:
                contents.append(line)
    headings = [line for line in lines if line.text.strip().casefold() in {"contents", "table of contents"}]
    return frozenset(word for line in [*headings, *contents] for word in line.words)


def _opening_words(page: Page) -> frozenset[Word]:
    """Words of the two lines that open a chapter, its number below the word "CHAPTER"; its name stands below them."""
    lines = lines_of(page.words, page.number)
    for word, number, name in zip(lines, lines[1:], lines[2:], strict=False):
        opens = _OPENING.fullmatch(word.text.strip()) and _ORDINAL.fullmatch(number.text.strip())
        if opens and max(word.size, number.size) <= name.size and name.size > word.size:
            return frozenset((*word.words, *number.words))
    return frozenset()


def _running_words(pages: Sequence[Page], body: float) -> list[frozenset[Word]]:
    margins = [_margin_lines(page) for page in pages]
    seen: Counter[_Key] = Counter()
    for lines in margins:
        seen.update({key for line in lines for key in _keys(line)})
    needed = 3 if len(pages) > 2 else 2
    numbered = _numbered_places(margins, body)

    def runs(line: Line) -> bool:
        if _near(seen, (line.text, _place(line))) >= needed:
            return True
        if line.size > 1.05 * body:
            return False
        if any(_near(seen, key) >= needed for key in _keys(line)):
            return True
        return _place(line) in numbered or bool(_PAGE_NUMBER.fullmatch(line.text))

    return [frozenset(word for line in lines if runs(line) for word in line.words) for lines in margins]


def inner_lines(page: Page) -> list[Line]:
    """The lines between the margins in which running heads and feet stand."""
    return lines_of((word for word in page.words if not _in_margin(word, page)), page.number)


def _margin_lines(page: Page) -> list[Line]:
    return lines_of((word for word in page.words if _in_margin(word, page)), page.number)


def _in_margin(word: Word, page: Page) -> bool:
    edge = _MARGIN * page.height
    return word.box.bottom < edge or word.box.top > page.height - edge


def _place(line: Line) -> int:
    return round(line.base / 3)


def _keys(line: Line) -> Iterator[_Key]:
    """The text as it is, and with its first or last number as distance from the page's own."""
    numbers = list(re.finditer(r"\d{1,4}", line.text))
    texts = {line.text}
    for found in numbers[:1] + numbers[-1:]:
        texts.add(f"{line.text[: found.start()]}#{int(found[0]) - line.page}{line.text[found.end() :]}")
    return ((text, _place(line)) for text in texts)


def _near(seen: Counter[_Key], key: _Key) -> int:
    text, place = key
    return seen[text, place - 1] + seen[text, place] + seen[text, place + 1]


def _numbered_places(margins: Sequence[Sequence[Line]], body: float) -> set[int]:
    """Places at which most pages carry their number beside other text, such as the chapter's name."""
    offsets: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for lines in margins:
        for line in lines:
            for number in {line.words[0].text, line.words[-1].text}:
                if line.size <= 1.05 * body and number.isdecimal() and len(number) <= 4:
                    offsets[_place(line)][int(number) - line.page] += 1
    least = max(3, len(margins) / 2)
    return {place for place, counts in offsets.items() if max(counts.values()) >= least}
