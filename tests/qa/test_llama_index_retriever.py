"""The retriever in LlamaIndex pipelines."""

from __future__ import annotations

import pytest
from llama_index.core.schema import MetadataMode, QueryBundle

from qa.llama_index_retriever import PassageRetriever
from tests.qa.library import Library, manuals

QUESTION = "How long does the pairing window of the Corvo 200 stay open?"


def test_nodes_are_the_passages_with_chapter_and_verse() -> None:
    library = manuals()
    expected = library.retriever().retrieve(QUESTION, "default", 3)
    nodes = PassageRetriever(library.retriever(), "default", k=3).retrieve(QUESTION)
    assert [node.node_id for node in nodes] == [found.stored.id for found in expected]
    for node, found in zip(nodes, expected, strict=True):
        assert (node.score, node.text) == (found.score, found.stored.passage.text)
        document = library.catalog.document(node.metadata["revision_id"])
        assert document.text[node.node.start_char_idx : node.node.end_char_idx] == node.text  # type: ignore[attr-defined]
        assert node.metadata["section"] == " > ".join(found.stored.passage.section_path)
        assert node.metadata["similarity"] == found.similarity


def test_a_model_sees_title_and_section_and_no_figures() -> None:
    (node,) = PassageRetriever(manuals().retriever(), "default", k=1).retrieve(QueryBundle(QUESTION))
    shown = node.node.get_content(MetadataMode.LLM)
    head, _, text = shown.partition("\n\n")
    assert head == "title: Corvo 200 Manual\nsection: Corvo 200 Manual > 1 Pairing\npage: 1"
    assert text == node.text


@pytest.mark.anyio
async def test_it_retrieves_without_blocking_the_event_loop() -> None:
    retriever = PassageRetriever(manuals().retriever(), "default")
    assert await retriever.aretrieve(QUESTION) == retriever.retrieve(QUESTION)


def test_an_empty_collection_gives_nothing() -> None:
    assert PassageRetriever(Library().retriever(), "default").retrieve(QUESTION) == []
