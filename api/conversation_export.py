"""A conversation as a Markdown file that a colleague can read: questions, answers, and the sources with their words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from api.schemas import AnswerBody, CitationBody, place_parts
from api.state.conversations import Conversation, StoredTurn

UNBACKED = "No passage backs: "


def as_markdown(conversation: Conversation, turns: Sequence[StoredTurn]) -> str:
    """The whole file. Answers stand in it as they were given."""
    day = datetime.fromtimestamp(conversation.created_at, UTC).date().isoformat()
    blocks = [f"# {_line(conversation.title) or 'Conversation'}", f"Begun {day}"]
    for turn in turns:
        blocks += [f"## {_line(turn.question)}", turn.text or "(no answer)"]
        if turn.answer is not None:
            blocks += _sources(AnswerBody.model_validate(turn.answer))
    return "\n\n".join(blocks) + "\n"


def file_name(title: str) -> str:
    """A name for the file that every system takes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', plain).strip('-').lower()[:60] or 'conversation'}.md"


def _sources(body: AnswerBody) -> Iterator[str]:
    """Each cited place once, with the words that are cited; then what is not backed."""
    cited: dict[tuple[str, int, tuple[int, int]], CitationBody] = {}
    for sentence in body.sentences:
        for citation in sentence.citations:
            cited.setdefault((citation.document, citation.revision, citation.span), citation)
    if cited:
        yield "\n".join(_source(number, citation) for number, citation in enumerate(cited.values(), 1))
    bare = [sentence.text for sentence in body.sentences if sentence.status == "unsupported"]
    if bare:
        yield UNBACKED + " ".join(f"“{_line(text)}”" for text in bare)


def _source(number: int, citation: CitationBody) -> str:
    name, *path = place_parts(citation.title, citation.section_path)
    place = " › ".join([f"{name}, revision {citation.revision}", *path])
    page = f", page {citation.page}" if citation.page is not None else ""
    return f"{number}. {_line(place)}{page} ({_line(citation.source)}): “{_line(citation.quote)}”"


def _line(text: str) -> str:
    """On one line, as headings and list items must be."""
    return " ".join(text.split())
