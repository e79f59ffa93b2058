"""What a person or a program gets back: sentences with their status and their citations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ingest.document import Span, StoredPassage
from ingest.scope import NOW, Scope


class SentenceStatus(StrEnum):
    """How far the documents carry a sentence: their own words, their content, or neither.

    A person vouches for a verified one, which names her sources; the machine alone would not have found it there.
    """

    QUOTED = "quoted"
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Citation:
    """Chapter and verse: ``quote`` is the text of ``span`` in the canonical text of that revision.

    ``document_id`` and ``revision`` (its number) open the document; ``source`` is the file, ``page`` one-based
    or None; ``passage`` the 1-based number of the passage among those shown to the model.
    """

    document_id: str
    source: str
    title: str
    revision: int
    revision_id: str
    section_path: tuple[str, ...]
    page: int | None
    span: Span
    quote: str
    passage: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """``span`` is where the sentence stands in ``Answer.text`` (code points)."""

    text: str
    span: Span
    status: SentenceStatus
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage with what each retriever thought of it.

    ``similarity`` is the cosine in [-1, 1] (None while it has no vector), ``lexical`` its BM25 score (None when it
    is not among the best by words), ``score`` the fused one by which ``rank`` (from 1) is given. ``copies`` say the
    same under the same headings in other documents.
    """

    stored: StoredPassage
    similarity: float | None
    lexical: float | None
    score: float
    rank: int
    copies: tuple[StoredPassage, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftCount:
    """Tokens that one source of drafts guessed and, of these, those that the model confirmed.

    Sources are "text" (prompt and answer), "document" (documents around the passages), "answer" (earlier answers) and
    "successor" (what followed each token in them).
    """

    source: str
    drafted: int
    accepted: int


@dataclass(frozen=True, slots=True)
class AnswerStats:
    """Counts in tokens, times in seconds. ``target_steps`` are forward passes after the prompt's own.

    ``cached_tokens`` are those of the prompt that were known from an earlier one; ``drafts`` parts drafted and accepted
    tokens by source.
    """

    prompt_tokens: int
    output_tokens: int
    target_steps: int
    drafted_tokens: int
    accepted_tokens: int
    ttft_s: float
    decode_tokens_per_s: float
    total_s: float
    cached_tokens: int = 0
    drafts: tuple[DraftCount, ...] = ()

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a forward pass confirmed, mean; 0 when there was none."""
        return self.output_tokens / self.target_steps if self.target_steps else 0.0


class Origin(StrEnum):
    """Who found the words: the model, the machine that quoted the documents, or a person who verified the answer."""

    MODEL = "model"
    QUOTES = "quotes"
    CURATED = "curated"


class Freshness(StrEnum):
    """Whether a curated answer still holds: not once a cited document has changed or is gone, nor past its expiry."""

    CURRENT = "current"
    STALE = "stale"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class DraftedRun:
    """Words of an answer that were guessed by reading them elsewhere, and that the model then confirmed.

    ``passage`` counts from 1: they stand in that passage or in its document around it. None: they were read in another
    text, such as the question, the answer so far or an earlier answer.
    """

    span: Span
    passage: int | None


@dataclass(frozen=True, slots=True)
class CuratedMark:
    """The curated answer that a question has: to which question it was given, by whom, when (UTC seconds), until when.

    One that is no longer `Freshness.CURRENT` is not served; its mark on another answer tells that there was one.
    """

    id: str
    question: str
    owner: str
    verified_at: float
    expires_at: float | None
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. When ``abstained``, ``text`` says so and ``nearest`` names where to look.

    With `Origin.QUOTES` the text ends with quotations; before them may stand what the model said and nothing carries.
    ``drafted`` tells which words were guessed by reading them elsewhere, in order.
    """

    text: str
    abstained: bool
    sentences: tuple[Sentence, ...]
    passages: tuple[RetrievedPassage, ...]
    nearest: tuple[RetrievedPassage, ...]
    stats: AnswerStats
    finish_reason: str
    origin: Origin = Origin.MODEL
    curated: CuratedMark | None = None
    drafted: tuple[DraftedRun, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation."""

    question: str
    answer: str


class Mode(StrEnum):
    """How a question is answered: by the model, by the nearest sentences alone, or by whole passages as written."""

    ANSWER = "answer"
    QUOTE = "quote"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which collection, after which turns (oldest first).

    ``scope`` says as of when, and which labels whoever asks holds. A question of a ``batch``, for whose answer nobody
    sits and waits, is the same question all the same.
    """

    text: str
    collection: str
    history: tuple[Turn, ...] = ()
    max_output_tokens: int | None = None
    temperature: float = 0.0
    seed: int = 0
    scope: Scope = NOW
    mode: Mode = Mode.ANSWER
    batch: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """First event of a stream: the passages the answer will be built from."""

    passages: tuple[RetrievedPassage, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the answer's text, whole characters only."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """Last event of a stream. ``answer.text`` equals the deltas put together."""

    answer: Answer


AnswerEvent = PassagesFound | TextDelta | AnswerDone
