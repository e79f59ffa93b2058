"""The retriever for LlamaIndex pipelines: `pip install 'docqa[llama-index]'`.

    nodes = PassageRetriever(components.retriever, "default").retrieve("How long is an access token valid?")

Nodes carry chapter and verse as metadata; their ids and offsets are those of the passages in the catalog.
"""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ingest.scope import NOW, Scope
from qa.answer import RetrievedPassage
from qa.retriever import Retriever

FOR_READERS = ("title", "section", "page")
"""Metadata that a language model may see beside the text; the rest is for programs."""


class PassageRetriever(BaseRetriever):
    """Finds the ``k`` passages of ``collection`` in ``scope`` that are nearest to a query, best first.

    A node's score is that of the fused ranking, which orders but says nothing by itself; ``similarity`` in its
    metadata is the cosine (None when the passage was found by its words alone).
    """

    def __init__(self, retriever: Retriever, collection: str, k: int = 5, scope: Scope = NOW) -> None:
        super().__init__()
        self._retriever = retriever
        self._collection = collection
        self._k = k
        self._scope = scope

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.retrieve(query_bundle.query_str, self._collection, self._k, self._scope)
        return [NodeWithScore(node=_node(passage), score=passage.score) for passage in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(found: RetrievedPassage) -> TextNode:
    revision, passage = found.stored.revision, found.stored.passage
    metadata: dict[str, Any] = {
        "title": revision.title,
        "section": " > ".join(passage.section_path),
        "page": None if passage.pages is None else passage.pages[0],
        "document": revision.document_id,
        "source": revision.source,
        "revision": revision.number,
        "revision_id": revision.id,
        "similarity": found.similarity,
        "rank": found.rank,
    }
    programs = [name for name in metadata if name not in FOR_READERS or metadata[name] is None]
    return TextNode(
        id_=found.stored.id,
        text=passage.text,
        start_char_idx=passage.span.start,
        end_char_idx=passage.span.end,
        metadata=metadata,
        excluded_llm_metadata_keys=programs,
        excluded_embed_metadata_keys=programs,
    )
