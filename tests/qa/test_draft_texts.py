"""Documents around passages become draft texts, block by block and once."""

from __future__ import annotations

import pytest

from qa import draft_texts
from qa.answer import RetrievedPassage
from qa.draft_texts import DraftTexts
from tests.fakes.decoding import ByteTokenizer
from tests.qa.library import Library, manuals


class CountingTokenizer(ByteTokenizer):
    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, text: str) -> list[int]:
        self.encoded.append(text)
        return super().encode(text)


@pytest.fixture
def library() -> Library:
    return manuals()


@pytest.fixture
def found(library: Library) -> tuple[RetrievedPassage, ...]:
    return tuple(
        library.retriever().retrieve("How long does the pairing window of the Corvo 200 stay open?", "default", 4)
    )


def test_each_document_comes_once_with_its_tokens(library: Library, found: tuple[RetrievedPassage, ...]) -> None:
    tokenizer = CountingTokenizer()
    texts = DraftTexts(tokenizer)
    documents = {at.stored.revision.id: library.catalog.document(at.stored.revision.id) for at in found}
    made = texts.around(found, documents)
    assert [text.id for text in made] == [f"{revision}/0" for revision in dict.fromkeys(documents)]
    assert bytes(made[0].tokens).decode() == documents[found[0].stored.revision.id].text
    assert texts.around(found, documents) == made
    assert len(tokenizer.encoded) == len(made)


def test_long_documents_come_in_blocks(
    library: Library, found: tuple[RetrievedPassage, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_texts, "BLOCK", 40)
    monkeypatch.setattr(draft_texts, "BEYOND", 30)
    passage = found[0]
    revision, span = passage.stored.revision.id, passage.stored.passage.span
    text = library.catalog.document(revision).text
    made = DraftTexts(ByteTokenizer()).around([passage], {revision: library.catalog.document(revision)})
    first, last = span.start // 40, (min(span.end + 30, len(text)) - 1) // 40
    assert [at.id for at in made] == [f"{revision}/{block}" for block in range(first, last + 1)]
    joined = b"".join(bytes(at.tokens) for at in made).decode()
    assert joined == text[first * 40 : (last + 1) * 40]
    assert passage.stored.passage.text in joined


def test_the_texts_used_last_are_kept(
    library: Library, found: tuple[RetrievedPassage, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft_texts, "MOST_TEXTS", 1)
    documents = {at.stored.revision.id: library.catalog.document(at.stored.revision.id) for at in found}
    assert len(documents) > 1
    texts = DraftTexts(ByteTokenizer())
    made = texts.around(found, documents)
    assert list(texts._texts) == [made[-1].id]
