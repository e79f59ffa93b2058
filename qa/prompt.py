"""What the model is shown: the rules, the passages, a little of the conversation, the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from decoding.generator import Tokenizer
from ingest.contextual import heading_of
from qa.answer import RetrievedPassage, Turn

# Of an earlier turn; code points.
QUESTION_CHARS = 300
ANSWER_CHARS = 400

_LABEL = "Question:"
_OUR_TAG = re.compile(r"<(?=\s*/?\s*passage\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Half-open range of positions in a prompt's tokens."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """``tokens`` for the generator, made of ``messages`` of (role, content), and the ``passages`` that stand in them.

    ``passage_spans[i]`` is where the text of passage ``i`` stands, at most a token short at either end, where
    the tokenizer joined the edge to what is around it; None where its tokens were not found (a tokenizer may
    cut a text in another way inside a longer one). ``question_span`` is where the question stands, in the same manner.
    """

    messages: tuple[tuple[str, str], ...]
    tokens: tuple[int, ...]
    passages: tuple[RetrievedPassage, ...]
    passage_spans: tuple[TokenSpan | None, ...]
    question_span: TokenSpan | None


@cache
def system_prompt(name: str = "default") -> str:
    """The rules that the file ``qa/prompts/NAME.txt`` holds. Raises ValueError naming those there are."""
    folder = resources.files("qa") / "prompts"
    known = sorted(entry.name.removesuffix(".txt") for entry in folder.iterdir() if entry.name.endswith(".txt"))
    if name not in known:
        raise ValueError(f"no system prompt {name!r}; there are: {', '.join(known)}")
    return (folder / f"{name}.txt").read_text(encoding="utf-8").strip()


def build_prompt(
    question: str,
    history: Sequence[Turn],
    passages: Sequence[RetrievedPassage],
    tokenizer: Tokenizer,
    limit: int,
    system: str,
    room: int | None = None,
) -> Prompt:
    """Put together as many whole ``passages``, best first, as ``limit`` tokens allow, but at least one.

    ``history`` does not count there, so that a conversation costs no evidence; all together may take ``room`` tokens,
    as many as one likes if that is left out. Raises ValueError without passages.
    """
    if not passages:
        raise ValueError("a prompt needs at least one passage")
    for count in range(len(passages), 0, -1):
        messages = render_messages(question, history, passages[:count], system)
        tokens = tokenizer.chat_prompt(messages)
        counted = tokens
        if history:
            counted = tokenizer.chat_prompt(render_messages(question, (), passages[:count], system))
        if count == 1 or (len(counted) <= limit and (room is None or len(tokens) <= room)):
            break
    return Prompt(
        messages=tuple(messages),
        tokens=tuple(tokens),
        passages=tuple(passages[:count]),
        passage_spans=_passage_spans(tokens, passages[:count], tokenizer),
        question_span=_question_span(question, tokens, tokenizer),
    )


def render_messages(
    question: str,
    history: Sequence[Turn],
    passages: Sequence[RetrievedPassage],
    system: str,
) -> list[tuple[str, str]]:
    """The (role, content) messages. The rules come first and never change, so that their prefix can be kept.

    Earlier turns are quoted inside the user's message: whoever sends a history can't speak as the assistant.
    """
    blocks = [
        f'<passage number="{number}" section="{heading(passage)}">\n{_body(passage)}\n</passage>'
        for number, passage in enumerate(passages, start=1)
    ]
    if history:
        turns = [
            f"Q: {_shortened(turn.question, QUESTION_CHARS)}\nA: {_shortened(turn.answer, ANSWER_CHARS)}"
            for turn in history
        ]
        blocks.append("Earlier in this conversation:\n" + "\n".join(turns))
    blocks.append(_asked(question))
    return [("system", system), ("user", "\n\n".join(blocks))]


def heading(passage: RetrievedPassage) -> str:
    """Title and section path on one line, safe between double quotes."""
    line = heading_of(passage.stored.revision.title, passage.stored.passage.section_path)
    return _defused(" ".join(line.split())).replace('"', "'")


def _body(passage: RetrievedPassage) -> str:
    """The passage's text; a table that was cut gets its header row back, without which its cells say nothing."""
    lead_in = passage.stored.passage.lead_in.strip("\n")
    return f"{_defused(lead_in)}\n{_text(passage)}" if lead_in else _text(passage)


def _text(passage: RetrievedPassage) -> str:
    return _defused(passage.stored.passage.text.strip("\n"))


def _asked(question: str) -> str:
    return f"{_LABEL} {_defused(question.strip())}"


def _defused(text: str) -> str:
    """No text from outside can end a passage or begin one: its tags stay readable, but are none any more."""
    return _OUR_TAG.sub("‹", text)


def _shortened(text: str, limit: int) -> str:
    line = _defused(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _passage_spans(
    tokens: Sequence[int], passages: Sequence[RetrievedPassage], tokenizer: Tokenizer
) -> tuple[TokenSpan | None, ...]:
    spans: list[TokenSpan | None] = []
    begin = 0
    for passage in passages:
        span = _find(tokens, tokenizer.encode(_text(passage)), begin)
        spans.append(span)
        begin = span.end if span else begin
    return tuple(spans)


def _question_span(question: str, tokens: Sequence[int], tokenizer: Tokenizer) -> TokenSpan | None:
    """The last place that reads like the question: an earlier turn or a passage may hold the same words."""
    label, line = tokenizer.encode(_LABEL), tokenizer.encode(_asked(question))
    backwards = _find(tokens[::-1], line[::-1], 0)
    if backwards is None:
        return None
    start, end = len(tokens) - backwards.end + len(label), len(tokens) - backwards.start
    return TokenSpan(start, end) if start < end else None


def _find(tokens: Sequence[int], wanted: Sequence[int], begin: int) -> TokenSpan | None:
    """Where ``wanted`` stands from ``begin`` on, if need be without its first or last token."""
    for first, last in ((0, 0), (0, 1), (1, 0), (1, 1)):
        needle = list(wanted[first : len(wanted) - last])
        if not needle:
            continue
        for start in range(begin, len(tokens) - len(needle) + 1):
            if tokens[start] == needle[0] and list(tokens[start : start + len(needle)]) == needle:
                return TokenSpan(start, start + len(needle))
    return None
