"""What the tools for assistants take and give; `search` and `fetch` as assistants that do research expect them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints

from api.links import Links
from api.schemas import AnswerBody, CitationBody, CollectionName, RequestBody, SourceBody, place_parts

MAX_SNIPPET = 500
MAX_TEXT = 40_000
"""Characters of a document that `fetch` gives, at most."""
MAX_RESULTS = 20
MAX_CITATIONS = 50

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class SearchArguments(RequestBody):
    """Arguments of `search`."""

    query: Words = Field(description="A question or some words, in the language of the documents.")


class FetchArguments(RequestBody):
    """Arguments of `fetch`."""

    id: str = Field(max_length=80, description="The id of a result of `search` or of a citation of `ask`.")


class AskArguments(RequestBody):
    """Arguments of `ask`."""

    question: Words = Field(description="One whole question, which can be understood without an earlier one.")
    collection: CollectionName | None = Field(None, description="Which documents to ask; left out: the usual ones.")


class SearchResult(BaseModel):
    """A passage that was found, by its beginning."""

    id: str
    title: str
    url: str
    text: str

    @classmethod
    def of(cls, source: SourceBody, links: Links) -> Self:
        """The result for a passage."""
        return cls(
            id=place_id(source.document, source.revision, source.span),
            title=" › ".join(place_parts(source.title, source.section_path)),
            url=links.place(source.document, source.revision, source.span),
            text=cut(source.text),
        )


class SearchResults(BaseModel):
    """What `search` gives, the best first."""

    results: list[SearchResult]


class FetchResult(BaseModel):
    """What `fetch` gives: a document's text, of a long one the part around the place that was named."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str]


class ToolCitation(BaseModel):
    """Where a sentence of an answer stands in the documents, word for word."""

    id: str
    title: str
    url: str
    quote: str
    page: int | None

    @classmethod
    def of(cls, citation: CitationBody, links: Links) -> Self:
        """The citation as a tool gives it."""
        return cls(
            id=place_id(citation.document, citation.revision, citation.span),
            title=" › ".join(place_parts(citation.title, citation.section_path)),
            url=links.place(citation.document, citation.revision, citation.span),
            quote=cut(citation.quote),
            page=citation.page,
        )


class ToolSentence(BaseModel):
    """A sentence of the answer; ``citations`` are indexes into those of the answer."""

    text: str
    status: str = Field(description="`quoted`, `supported`, `unsupported`, or `verified` by a person.")
    citations: list[int]


class AskResult(BaseModel):
    """What `ask` gives."""

    answer: str
    abstained: bool = Field(description="The documents do not hold the answer; `nearest` says where to look.")
    sentences: list[ToolSentence]
    citations: list[ToolCitation]
    nearest: list[SearchResult]

    @classmethod
    def of(cls, body: AnswerBody, links: Links) -> Self:
        """The answer as a tool gives it: each cited place once."""
        places: dict[str, ToolCitation] = {}
        sentences = []
        for sentence in body.sentences:
            cited = [ToolCitation.of(citation, links) for citation in sentence.citations]
            for citation in cited:
                if len(places) < MAX_CITATIONS:
                    places.setdefault(citation.id, citation)
            known = list(places)
            indexes = [known.index(citation.id) for citation in cited if citation.id in places]
            sentences.append(ToolSentence(text=sentence.text, status=sentence.status, citations=indexes))
        return cls(
            answer=body.answer,
            abstained=body.abstained,
            sentences=sentences,
            citations=list(places.values()),
            nearest=[SearchResult.of(source, links) for source in body.nearest[:MAX_RESULTS]],
        )


def place_id(document: str, revision: int, span: tuple[int, int]) -> str:
    """The id under which `fetch` finds a place."""
    return f"{document}@{revision}:{span[0]}-{span[1]}"


def cut(text: str) -> str:
    """The beginning of ``text``."""
    return text if len(text) <= MAX_SNIPPET else text[: MAX_SNIPPET - 1].rstrip() + "…"
