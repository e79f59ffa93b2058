"""OpenAI's chat completion bodies, with the citations in the places where integrators look for them.

The last user message is the question, the exchanges before it are its history. System messages are accepted and left
out: how answers are made from documents is not the caller's to change. Settings that only tune wording (``top_p``,
penalties, ``user``) are ignored as other servers do; what would change the shape of the answer is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import MAX_SEED, MAX_TURNS, CollectionName, SourceBody, SpanBody, place_parts, source_bodies
from qa.answer import Answer, AnswerStats, Citation, Question, Sentence, Turn

FinishReason = Literal["stop", "length"]
Link = Callable[[Citation], str]
"""The address of a citation's place in its document."""


class Unsupported(Exception):
    """A request for something that an answer from documents can't be."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


class TextPart(BaseModel):
    """A piece of a message."""

    type: Literal["text"]
    text: str


class MessageIn(BaseModel):
    """A message of the conversation so far."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """All of its text."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream carries besides the answer."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """OpenAI's request; ``collection`` is this product's own addition."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[MessageIn] = Field(min_length=1, max_length=1000)
    collection: CollectionName | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0.0, le=5.0, allow_inf_nan=False, description="0 unless given.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None

    def to_question(self, default_collection: str) -> Question:
        """The conversation as a question with its history. Raises `Unsupported`."""
        self._refuse_unsupported()
        turns: list[Turn] = []
        asked = ""
        for message in self.messages:
            if message.role == "user":
                asked = f"{asked}\n\n{message.text}" if asked else message.text
            elif message.role == "assistant":
                turns.append(Turn(asked, message.text))
                asked = ""
        if not asked.strip():
            raise Unsupported("messages", "the last message must be the user's, and not empty")
        return Question(
            text=asked.strip(),
            collection=self.collection or default_collection,
            history=tuple(turns[-MAX_TURNS:]),
            max_output_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature or 0.0,
            seed=self.seed or 0,
        )

    def _refuse_unsupported(self) -> None:
        format_type = (self.response_format or {}).get("type", "text")
        refused = {
            "n": self.n not in (None, 1),
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "stop": bool(self.stop),
            "logprobs": bool(self.logprobs),
            "response_format": format_type != "text",
        }
        for param, is_refused in refused.items():
            if is_refused:
                raise Unsupported(param, f"{param} is not supported: an answer is one text from the documents")


class UrlCitation(BaseModel):
    """Where in the answer the cited sentence stands, and what it cites."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(BaseModel):
    """OpenAI's wrapper around a citation."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class ContextCitation(BaseModel):
    """A citation with all that names its place; ``answer_span`` is its sentence in the answer."""

    cited_text: str
    document: str
    source: str
    title: str
    revision: int
    revision_id: str
    section_path: list[str]
    page: int | None
    span: SpanBody
    passage: int
    answer_span: SpanBody
    status: str


class AnswerContext(BaseModel):
    """What stands behind an answer."""

    citations: list[ContextCitation]
    abstained: bool
    nearest: list[SourceBody]


class Evidence(BaseModel):
    """The two members that carry citations: OpenAI's own, and the full ones."""

    annotations: list[Annotation]
    context: AnswerContext

    @classmethod
    def of(cls, answer: Answer, link: Link) -> Self:
        """The evidence of ``answer``."""
        cited = [(sentence, citation) for sentence in answer.sentences for citation in sentence.citations]
        return cls(
            annotations=[_annotation(sentence, citation, link) for sentence, citation in cited],
            context=AnswerContext(
                citations=[_context_citation(sentence, citation) for sentence, citation in cited],
                abstained=answer.abstained,
                nearest=source_bodies(answer.nearest),
            ),
        )


class MessageOut(Evidence):
    """The answer as a message."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: MessageOut
    logprobs: None = None
    finish_reason: FinishReason


class Usage(BaseModel):
    """Counts in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, stats: AnswerStats) -> Self:
        """The usage part of ``stats``."""
        total = stats.prompt_tokens + stats.output_tokens
        return cls(prompt_tokens=stats.prompt_tokens, completion_tokens=stats.output_tokens, total_tokens=total)


class ChatCompletion(BaseModel):
    """OpenAI's response."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage

    @classmethod
    def of(cls, answer: Answer, link: Link, *, id: str, created: int, model: str) -> Self:
        """The response that carries ``answer``."""
        evidence = Evidence.of(answer, link)
        message = MessageOut(content=answer.text, annotations=evidence.annotations, context=evidence.context)
        choice = Choice(message=message, finish_reason=finish_reason(answer))
        return cls(id=id, created=created, model=model, choices=[choice], usage=Usage.of(answer.stats))


class ModelCard(BaseModel):
    """A model that can be named in a request."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "docqa"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorDetail(BaseModel):
    """What went wrong; ``param`` is the member of the request that caused it."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(BaseModel):
    """OpenAI's error response."""

    error: ErrorDetail


def finish_reason(answer: Answer) -> FinishReason:
    """OpenAI's word for how ``answer`` ended; an abstention is a complete answer."""
    return "length" if answer.finish_reason == "length" else "stop"


def _annotation(sentence: Sentence, citation: Citation, link: Link) -> Annotation:
    return Annotation(
        url_citation=UrlCitation(
            start_index=sentence.span.start,
            end_index=sentence.span.end,
            title=" › ".join(place_parts(citation.title, citation.section_path)),
            url=link(citation),
        )
    )


def _context_citation(sentence: Sentence, citation: Citation) -> ContextCitation:
    return ContextCitation(
        cited_text=citation.quote,
        document=citation.document_id,
        source=citation.source,
        title=citation.title,
        revision=citation.revision,
        revision_id=citation.revision_id,
        section_path=list(citation.section_path),
        page=citation.page,
        span=(citation.span.start, citation.span.end),
        passage=citation.passage,
        answer_span=(sentence.span.start, sentence.span.end),
        status=sentence.status.value,
    )
