"""An answer on a terminal: its sources as chapter and verse, and what each sentence rests on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import typer

from api.schemas import AnswerBody, CitationBody, CuratedMarkBody, SentenceBody, SourceBody, StatsBody, place_parts

COLOURS = {
    "quoted": typer.colors.GREEN,
    "supported": typer.colors.CYAN,
    "unsupported": typer.colors.YELLOW,
    "verified": typer.colors.GREEN,
}
EXCERPT = 160

# Documents and models may write escape sequences, which a terminal would obey.
_CONTROLS = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
del _CONTROLS[ord("\n")], _CONTROLS[ord("\t")]


def terminal_text(text: str) -> str:
    """``text`` without control characters, line breaks and tabs excepted."""
    return text.translate(_CONTROLS)


def answer_lines(body: AnswerBody) -> Iterator[str]:
    """What follows the answer's text."""
    if body.curated is not None:
        yield ""
        yield typer.style(terminal_text(_curated_line(body.curated)), bold=body.curated.freshness == "current")
    if body.abstained:
        yield from _nearest_lines(body.nearest)
    else:
        if body.origin == "quotes":
            yield ""
            yield typer.style("Quoted from the documents, not worded by the model.", dim=True)
        yield from _source_lines(body)
    yield ""
    yield typer.style(_stats_line(body.stats), dim=True)


def _curated_line(mark: CuratedMarkBody) -> str:
    day = datetime.fromtimestamp(mark.verified_at, UTC).date().isoformat()
    if mark.freshness == "current":
        return f"Verified by {mark.owner} on {day}."
    why = "a cited document has changed since" if mark.freshness == "stale" else "it has expired"
    return f"This is not the answer that {mark.owner} verified on {day}: {why}."


def _source_lines(body: AnswerBody) -> Iterator[str]:
    """Each cited passage once, under it the quotes and the status of the sentences that rest on it."""
    cited: dict[int, list[tuple[SentenceBody, CitationBody]]] = {}
    for sentence in body.sentences:
        for citation in sentence.citations:
            cited.setdefault(citation.passage, []).append((sentence, citation))
    if cited:
        yield ""
        yield typer.style("Sources", bold=True)
    for number in sorted(cited):
        first = cited[number][0][1]
        pages = {citation.page for _, citation in cited[number] if citation.page is not None}
        yield f" [{number}] {place_text(first.title, first.revision, first.section_path, sorted(pages))}"
        yield typer.style(f"     {terminal_text(first.source)}", dim=True)
        for sentence, citation in cited[number]:
            yield f"     {_status(sentence.status)} “{_excerpt(citation.quote)}”"
    bare = [sentence for sentence in body.sentences if sentence.status == "unsupported"]
    if bare:
        yield ""
        yield typer.style("Not found in the documents", bold=True)
    for sentence in bare:
        yield f"     {_status(sentence.status)} {_excerpt(sentence.text)}"


def _nearest_lines(nearest: Sequence[SourceBody]) -> Iterator[str]:
    if nearest:
        yield ""
        yield typer.style("Nearest sections", bold=True)
    for source in nearest:
        pages = [] if source.pages is None else sorted(set(source.pages))
        yield f" [{source.number}] {place_text(source.title, source.revision, source.section_path, pages)}"
        yield typer.style(f"     {terminal_text(source.source)}", dim=True)


def place_text(title: str, revision: int, section_path: Sequence[str], pages: Sequence[int] = ()) -> str:
    """Chapter and verse on one line."""
    name, *path = place_parts(title, section_path)
    place = " › ".join([f"{name}, revision {revision}", *path])
    if pages:
        numbers = f"{pages[0]}–{pages[-1]}" if len(pages) > 1 else f"{pages[0]}"
        place += f", page {numbers}"
    return terminal_text(" ".join(place.split()))


def _status(status: str) -> str:
    return typer.style(f"{status:<11}", fg=COLOURS.get(status))


def _excerpt(text: str) -> str:
    return textwrap.shorten(terminal_text(text), EXCERPT, placeholder=" …")


def _stats_line(stats: StatsBody) -> str:
    parts = [f"{stats.total_s:.1f} s"]
    if stats.output_tokens:
        parts.append(f"first word after {stats.ttft_s:.1f} s")
    if stats.decode_tokens_per_s:
        parts.append(f"{stats.decode_tokens_per_s:.1f} tokens/s")
    if stats.target_steps:
        parts.append(f"{stats.output_tokens / stats.target_steps:.1f} tokens a step")
    return ", ".join(parts)
