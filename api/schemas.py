"""Bodies of requests and responses on the native routes; `docqa ask --json` prints the same."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.as_of import moment_of
from ingest.comparison import Change, Hunk
from ingest.document import Document, Revision, Section, Span, StoredPassage
from ingest.scope import NOW, Scope
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    AnswerStats,
    Citation,
    CuratedMark,
    DraftedRun,
    Freshness,
    Mode,
    Origin,
    PassagesFound,
    Question,
    RetrievedPassage,
    Sentence,
    TextDelta,
    Turn,
)

MAX_TURNS = 20
MAX_TURN_LENGTH = 20_000
MAX_SEED = 2**53 - 1
"""The largest integer that JavaScript's numbers hold exactly."""

SpanBody = Annotated[tuple[int, int], Field(description="Half-open range of code points.")]
CollectionName = Annotated[str, StringConstraints(min_length=1, max_length=63)]


def _is_a_moment(text: str) -> str:
    moment_of(text)
    return text


Moment = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_is_a_moment),
    Field(
        description="Only what held then counts: a date, which counts to its end (UTC), or a time (RFC 3339).",
        examples=["2026-01-31"],
    ),
]


def scope_at(as_of: str | None) -> Scope:
    """What held then, or holds now, and everybody may read."""
    return NOW if as_of is None else Scope(as_of=moment_of(as_of))


class RequestBody(BaseModel):
    """A body from outside: unknown members are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TurnBody(RequestBody):
    """One earlier exchange of the conversation."""

    question: str = Field(min_length=1, max_length=MAX_TURN_LENGTH)
    answer: str = Field(max_length=MAX_TURN_LENGTH)


class AnswerRequest(RequestBody):
    """A question, and how it is to be answered."""

    question: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="At most `max_question_length` characters (2000 unless configured otherwise).",
        examples=["How often must the inlet filter of the Corvo 200 be changed?"],
    )
    collection: CollectionName | None = Field(
        None, description="Which documents to ask; the default collection if left out."
    )
    history: list[TurnBody] = Field(default=[], max_length=MAX_TURNS, description="Earlier exchanges, oldest first.")
    conversation: str | None = Field(
        None, max_length=64, description="Conversation of the caller to ask in: its turns are the history."
    )
    replace: bool = Field(False, description="Put question and answer in place of the conversation's last turn.")
    max_tokens: int | None = Field(None, ge=1, description="Tokens of the answer, at most.")
    temperature: float = Field(
        0.0, ge=0.0, le=5.0, allow_inf_nan=False, description="0 gives the same answer each time."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Makes an answer with a temperature repeatable.")
    as_of: Moment | None = None
    mode: Mode = Field(
        Mode.ANSWER,
        description="`quote` gives the nearest sentences, `search` the nearest passages whole, both letter for letter "
        "and without the language model.",
    )

    @model_validator(mode="after")
    def _history_comes_from_one_place(self) -> Self:
        if self.conversation is not None and self.history:
            raise ValueError("history: a conversation has its own")
        if self.conversation is None and self.replace:
            raise ValueError("replace: only a conversation has a last turn")
        return self

    def to_question(self, default_collection: str) -> Question:
        """The question as the product knows it."""
        return Question(
            text=self.question,
            collection=self.collection or default_collection,
            history=tuple(Turn(turn.question, turn.answer) for turn in self.history),
            max_output_tokens=self.max_tokens,
            temperature=self.temperature,
            seed=self.seed,
            mode=self.mode,
            scope=scope_at(self.as_of),
        )


class CitationBody(BaseModel):
    """Chapter and verse: ``quote`` is what stands at ``span`` in the canonical text of that revision."""

    document: str
    source: str
    title: str
    revision: int
    revision_id: str
    section_path: list[str]
    page: int | None
    span: SpanBody
    quote: str
    passage: int = Field(description="1-based number of the passage in `sources`.")

    @classmethod
    def of(cls, citation: Citation) -> Self:
        """The body of ``citation``."""
        return cls(
            document=citation.document_id,
            source=citation.source,
            title=citation.title,
            revision=citation.revision,
            revision_id=citation.revision_id,
            section_path=list(citation.section_path),
            page=citation.page,
            span=_span(citation.span),
            quote=citation.quote,
            passage=citation.passage,
        )


class SentenceBody(BaseModel):
    """A sentence of the answer, and how far the documents carry it."""

    text: str
    span: SpanBody
    status: str = Field(
        description="`quoted`, `supported` or `unsupported`; `verified` where a person vouches for it, who named the "
        "citations."
    )
    citations: list[CitationBody]

    @classmethod
    def of(cls, sentence: Sentence) -> Self:
        """The body of ``sentence``."""
        return cls(
            text=sentence.text,
            span=_span(sentence.span),
            status=sentence.status.value,
            citations=[CitationBody.of(citation) for citation in sentence.citations],
        )


class CopyBody(BaseModel):
    """Where else a passage stands."""

    document: str
    source: str
    title: str
    revision: int
    span: SpanBody

    @classmethod
    def of(cls, copy: StoredPassage) -> Self:
        """The body of a passage that says what another one says."""
        revision = copy.revision
        return cls(
            document=revision.document_id,
            source=revision.source,
            title=revision.title,
            revision=revision.number,
            span=_span(copy.passage.span),
        )


class SourceBody(BaseModel):
    """A passage that was retrieved for a question."""

    number: int = Field(description="1-based; `citations[].passage` refers to it.")
    document: str
    source: str
    title: str
    revision: int
    section_path: list[str]
    pages: tuple[int, int] | None = Field(description="First and last page; null for documents without pages.")
    span: SpanBody
    text: str
    also_in: list[CopyBody] = Field(default=[], description="Other documents that say the same at this place.")
    similarity: float | None = Field(description="Cosine between question and passage; null while it has no vector.")
    score: float

    @classmethod
    def of(cls, number: int, retrieved: RetrievedPassage) -> Self:
        """The body of the passage that stands at ``number`` in its list."""
        revision, passage = retrieved.stored.revision, retrieved.stored.passage
        return cls(
            number=number,
            document=revision.document_id,
            source=revision.source,
            title=revision.title,
            revision=revision.number,
            section_path=list(passage.section_path),
            pages=passage.pages,
            span=_span(passage.span),
            text=passage.text,
            also_in=[CopyBody.of(copy) for copy in retrieved.copies],
            similarity=retrieved.similarity,
            score=retrieved.score,
        )


class DraftBody(BaseModel):
    """Tokens that one source of drafts guessed, and those of them that the model confirmed."""

    source: str = Field(
        description="text (prompt and answer), document, answer (earlier ones), successor, or model (the draft model)."
    )
    drafted: int
    accepted: int


class DraftedBody(BaseModel):
    """Words that were guessed by reading them elsewhere, before the model confirmed them."""

    span: SpanBody
    passage: int | None = Field(
        description="1-based number in `sources`: read in that passage, or in its document around it. Null: read in "
        "another text, such as the question, the answer so far or an earlier answer."
    )

    @classmethod
    def of(cls, run: DraftedRun) -> Self:
        """The body of ``run``."""
        return cls(span=_span(run.span), passage=run.passage)


class StatsBody(BaseModel):
    """Counts in tokens, times in seconds."""

    prompt_tokens: int
    output_tokens: int
    target_steps: int = Field(description="Forward passes of the model after the prompt's own.")
    drafted_tokens: int
    accepted_tokens: int
    ttft_s: float
    decode_tokens_per_s: float
    total_s: float
    cached_tokens: int = Field(description="Tokens of the prompt that were known from an earlier one.")
    tokens_per_step: float = Field(description="Tokens that a forward pass confirmed, mean.")
    drafts: list[DraftBody] = Field(description="Drafted and accepted tokens by source.")

    @classmethod
    def of(cls, stats: AnswerStats) -> Self:
        """The body of ``stats``."""
        return cls.model_validate(stats, from_attributes=True)


class CuratedMarkBody(BaseModel):
    """The curated answer that the question has. Times are UTC seconds since the epoch."""

    id: str
    question: str = Field(description="The question to which it was given; the one that was asked asks the same.")
    owner: str = Field(description="Who verified it.")
    verified_at: float
    expires_at: float | None
    freshness: Freshness = Field(
        description="`current`: this is it. `stale` (a cited document has changed) or `expired`: this is another one."
    )

    @classmethod
    def of(cls, mark: CuratedMark) -> Self:
        """The body of ``mark``."""
        return cls.model_validate(mark, from_attributes=True)


class AnswerBody(BaseModel):
    """A finished answer."""

    id: str
    model: str
    collection: str
    question: str
    answer: str
    abstained: bool = Field(description="True when the documents do not hold the answer; `nearest` says where to look.")
    origin: Origin = Field(
        description="`quotes`: the documents are quoted, on request or because the model had nothing to show; "
        "`curated`: a person wrote and verified it."
    )
    curated: CuratedMarkBody | None = Field(None, description="Null: nobody has verified an answer to this question.")
    finish_reason: str
    sentences: list[SentenceBody]
    sources: list[SourceBody]
    nearest: list[SourceBody]
    stats: StatsBody
    drafted: list[DraftedBody] = Field(default=[], description="Where the words were drafted from, in order.")

    @classmethod
    def of(cls, answer: Answer, *, id: str, model: str, question: Question) -> Self:
        """The body of ``answer`` to ``question``."""
        return cls(
            id=id,
            model=model,
            collection=question.collection,
            question=question.text,
            answer=answer.text,
            abstained=answer.abstained,
            origin=answer.origin,
            curated=None if answer.curated is None else CuratedMarkBody.of(answer.curated),
            finish_reason=answer.finish_reason,
            sentences=[SentenceBody.of(sentence) for sentence in answer.sentences],
            sources=source_bodies(answer.passages),
            nearest=source_bodies(answer.nearest),
            stats=StatsBody.of(answer.stats),
            drafted=[DraftedBody.of(run) for run in answer.drafted],
        )


class SourcesEvent(BaseModel):
    """First event of a stream."""

    id: str
    model: str
    collection: str
    sources: list[SourceBody]


class DeltaEvent(BaseModel):
    """A further piece of the answer's text."""

    text: str


AnswerEventBody = SourcesEvent | DeltaEvent | AnswerBody
"""What a stream carries: one `SourcesEvent`, any number of `DeltaEvent`, one `AnswerBody`."""

EVENT_NAMES: Mapping[type[AnswerEventBody], str] = {
    SourcesEvent: "sources",
    DeltaEvent: "delta",
    AnswerBody: "answer",
}


def event_body(event: AnswerEvent, *, id: str, model: str, question: Question) -> AnswerEventBody:
    """The body of an event of the answer to ``question``."""
    match event:
        case PassagesFound(passages):
            sources = source_bodies(passages)
            return SourcesEvent(id=id, model=model, collection=question.collection, sources=sources)
        case TextDelta(text):
            return DeltaEvent(text=text)
        case AnswerDone(answer):
            return AnswerBody.of(answer, id=id, model=model, question=question)


def new_answer_id() -> str:
    """An id that no other answer has."""
    return f"ans_{uuid.uuid4().hex}"


class DocumentBody(BaseModel):
    """A document by the revision that holds now."""

    document: str
    collection: str
    source: str
    title: str
    revision: int
    media_type: str
    content_hash: str = Field(description="SHA-256 of the file.")
    passages: int
    valid_from: float = Field(description="UTC seconds since the epoch.")

    @classmethod
    def of(cls, revision: Revision) -> Self:
        """The body of the document whose current revision is ``revision``."""
        return cls(
            document=revision.document_id,
            collection=revision.collection,
            source=revision.source,
            title=revision.title,
            revision=revision.number,
            media_type=revision.media_type,
            content_hash=revision.content_hash,
            passages=revision.passage_count,
            valid_from=revision.valid_from,
        )


class DocumentsBody(BaseModel):
    """All documents of one or of all collections."""

    documents: list[DocumentBody]


class RevisionEntryBody(BaseModel):
    """One revision in a document's history."""

    revision: int
    source: str
    title: str
    media_type: str
    content_hash: str = Field(description="SHA-256 of the file.")
    passages: int
    valid_from: float = Field(description="UTC seconds since the epoch.")
    valid_to: float | None = Field(description="Null while the revision holds.")

    @classmethod
    def of(cls, revision: Revision) -> Self:
        """The body of ``revision``."""
        return cls(
            revision=revision.number,
            source=revision.source,
            title=revision.title,
            media_type=revision.media_type,
            content_hash=revision.content_hash,
            passages=revision.passage_count,
            valid_from=revision.valid_from,
            valid_to=revision.valid_to,
        )


class LineBody(BaseModel):
    """A line of canonical text, without its end."""

    change: Change
    text: str


class HunkBody(BaseModel):
    """Changed lines and the unchanged ones around them. Lines are counted from 1."""

    before: int = Field(description="The first line in the earlier text; the one behind it where there is none.")
    after: int = Field(description="The same in the later text.")
    lines: list[LineBody]

    @classmethod
    def of(cls, hunk: Hunk) -> Self:
        """The body of ``hunk``."""
        lines = [LineBody(change=line.change, text=line.text) for line in hunk.lines]
        return cls(before=hunk.before[0] + 1, after=hunk.after[0] + 1, lines=lines)


class DiffBody(BaseModel):
    """What changed between two revisions of a document."""

    document: str
    before: int = Field(description="The earlier revision.")
    after: int = Field(description="The later one.")
    hunks: list[HunkBody] = Field(description="In the order of the text; none where it is the same.")

    @classmethod
    def of(cls, before: Revision, after: Revision, hunks: Sequence[Hunk]) -> Self:
        """The body of the ``hunks`` between these revisions."""
        bodies = [HunkBody.of(hunk) for hunk in hunks]
        return cls(document=after.document_id, before=before.number, after=after.number, hunks=bodies)


class HistoryBody(BaseModel):
    """A document's revisions, the newest first."""

    document: str
    collection: str
    revisions: list[RevisionEntryBody]


class SectionBody(BaseModel):
    """A heading and what stands under it."""

    path: list[str]
    level: int
    span: SpanBody

    @classmethod
    def of(cls, section: Section) -> Self:
        """The body of ``section``."""
        return cls(path=list(section.path), level=section.level, span=_span(section.span))


class RevisionBody(BaseModel):
    """One revision's canonical text with its structure; every span of the service points into ``text``."""

    document: str
    collection: str
    source: str
    title: str
    revision: int
    media_type: str
    valid_from: float
    valid_to: float | None = Field(description="Null while the revision holds.")
    text: str
    sections: list[SectionBody]
    pages: list[int] = Field(description="Offset at which each page begins; empty without pages.")
    original: bool = Field(description="Whether `original` below this address has the file that it was read from.")

    @classmethod
    def of(cls, revision: Revision, document: Document, *, original: bool) -> Self:
        """The body of ``revision``, whose content is ``document``."""
        return cls(
            document=revision.document_id,
            collection=revision.collection,
            source=revision.source,
            title=revision.title,
            revision=revision.number,
            media_type=revision.media_type,
            valid_from=revision.valid_from,
            valid_to=revision.valid_to,
            text=document.text,
            sections=[SectionBody.of(section) for section in document.sections],
            pages=list(document.pages.starts),
            original=original,
        )


class CollectionsBody(BaseModel):
    """Names of the collections that hold documents."""

    collections: list[str]


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None


def place_parts(title: str, section_path: Sequence[str]) -> list[str]:
    """Title and section headings from the outside in; a path that begins with the title does not say it twice."""
    return [title, *(section_path[1:] if tuple(section_path[:1]) == (title,) else section_path)]


def source_bodies(passages: Sequence[RetrievedPassage]) -> list[SourceBody]:
    """The passages, numbered from 1."""
    return [SourceBody.of(number, passage) for number, passage in enumerate(passages, 1)]


def _span(span: Span) -> tuple[int, int]:
    return span.start, span.end
