from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, count
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import embedding_ahead
from ingest.discovery import SourceFound
from ingest.document import Document, PageMap, Passage, Span
from ingest.embedder import EmbedderUnusable, Vectors
from ingest.embedding_ahead import GROUP, EmbeddingAhead, Item
from ingest.embedding_store import EmbeddingStore, RememberingEmbedder
from ingest.preparation import Failure, Prepared
from tests.fakes.embedder import HashEmbedder

PATIENCE_S = 60


def file(name: str) -> SourceFound:
    return SourceFound(Path(name), name, 1)


def item(name: str, passages: int) -> Item:
    """A document whose passages are words of its name and their number."""
    words = [f"{name} {number}" for number in range(passages)]
    text = "\n".join(words)
    document = Document(name, name, text, name, "text/plain", PageMap(), ())
    spans = [Span(text.index(word), text.index(word) + len(word)) for word in words]
    made = tuple(Passage(n, span, text[span.start : span.end], (), None) for n, span in enumerate(spans))
    return file(name), Prepared(document, made)


def nobody(_: SourceFound) -> None:
    pass


@settings(deadline=None, max_examples=15)
@given(sizes=st.lists(st.integers(0, 300), max_size=6))
def test_the_same_items_in_the_same_order_each_embedded_before(sizes: list[int]) -> None:
    embedder = HashEmbedder(8)
    remembering = RememberingEmbedder(embedder, EmbeddingStore())
    items: list[Item] = [
        item(f"file{index}", size) if size else (file(f"file{index}"), Failure("damaged"))
        for index, size in enumerate(sizes)
    ]
    ahead = EmbeddingAhead(remembering, lambda *_: True)
    seen: list[Item] = []
    for found, outcome in chain.from_iterable(ahead.through(iter(items), nobody)):
        seen.append((found, outcome))
        texts = [f"{found.source}\n{p.text}" for p in outcome.passages] if isinstance(outcome, Prepared) else []
        assert remembering.embed_counted(texts)[1] == 0
    assert seen == items
    assert ahead.embedded == embedder.embedded == sum(sizes)


def test_what_will_not_be_written_is_not_embedded() -> None:
    embedder = HashEmbedder(8)
    ahead = EmbeddingAhead(
        RememberingEmbedder(embedder, EmbeddingStore()),
        lambda found, prepared: found.source == prepared.document.title == "b",
    )
    assert [len(group) for group in ahead.through(iter([item("a", 5), item("b", 7)]), nobody)] == [2]
    assert embedder.embedded == ahead.embedded == 7


class Waiting(HashEmbedder):
    """Tells when a text with a word is being embedded, and waits then until it may go on."""

    def __init__(self, word: str) -> None:
        super().__init__(8)
        self.word, self.begun, self.go_on = word, Event(), Event()

    def embed(self, texts: Sequence[str]) -> Vectors:
        if any(self.word in text for text in texts):
            self.begun.set()
            assert self.go_on.wait(PATIENCE_S)
        return super().embed(texts)


def test_the_next_group_is_embedded_while_the_first_is_written() -> None:
    embedder = Waiting("second")
    ahead = EmbeddingAhead(RememberingEmbedder(embedder, EmbeddingStore()), lambda *_: True)
    with closing(ahead.through(iter([item("first", GROUP), item("second", 5)]), nobody)) as through:
        assert [found.source for found, _ in next(through)] == ["first"]
        assert embedder.begun.wait(PATIENCE_S)
        embedder.go_on.set()
        assert [found.source for found, _ in next(through)] == ["second"]


def test_two_calls_of_the_embedder_overlap() -> None:
    together = Barrier(2)

    class Pair(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            together.wait(PATIENCE_S)
            return np.zeros((len(texts), 8), np.float32)

    ahead = EmbeddingAhead(RememberingEmbedder(Pair(8), EmbeddingStore()), lambda *_: True)
    list(ahead.through(iter([item("a", 2 * embedding_ahead._BATCH)]), nobody))
    assert ahead.embedded == 2 * embedding_ahead._BATCH


def test_what_the_group_before_says_is_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_ahead, "_WAIT_S", 0.01)
    embedder = Waiting("a 0")
    ahead = EmbeddingAhead(RememberingEmbedder(embedder, EmbeddingStore()), lambda *_: True)
    items = [item("a", GROUP), item("a", GROUP)]
    # The first group is waited for, and so not embedded, when the second one has begun.
    assert [len(group) for group in ahead.through(iter(items), lambda _: embedder.go_on.set())] == [1, 1]
    assert ahead.embedded == embedder.embedded == GROUP


def test_what_was_read_does_not_wait_for_what_takes_long_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def slowly() -> Iterator[Item]:
        for name in ("first", "second"):
            yield item(name, 2)
            assert written[-1:] == [name], "the reader is asked for more only then"

    clock = count(step=2 * embedding_ahead.PATIENCE_S)
    monkeypatch.setattr(embedding_ahead, "monotonic", lambda: next(clock))
    ahead = EmbeddingAhead(RememberingEmbedder(HashEmbedder(8), EmbeddingStore()), lambda *_: True)
    for group in ahead.through(slowly(), nobody):
        written += [found.source for found, _ in group]
    assert written == ["first", "second"]


def test_who_waits_is_told_and_breaking_off_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Waiting("long")

    class Stopping(Event):
        """Lets the embedder go on once the work is to end."""

        def set(self) -> None:
            super().set()
            embedder.go_on.set()

    def break_off(found: SourceFound) -> None:
        assert found.source == "long"
        assert embedder.begun.wait(PATIENCE_S)
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding_ahead, "_WAIT_S", 0.01)
    monkeypatch.setattr(embedding_ahead, "Event", Stopping)
    ahead = EmbeddingAhead(RememberingEmbedder(embedder, EmbeddingStore()), lambda *_: True)
    with pytest.raises(KeyboardInterrupt):
        list(ahead.through(iter([item("long", 3 * GROUP)]), break_off))
    assert 0 < embedder.embedded < GROUP


def test_what_the_embedder_raises_is_raised() -> None:
    class Unusable(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise EmbedderUnusable("no weights")

    def items() -> Iterator[Item]:
        yield item("a", 1)

    ahead = EmbeddingAhead(RememberingEmbedder(Unusable(8), EmbeddingStore()), lambda *_: True)
    with pytest.raises(EmbedderUnusable, match="no weights"):
        list(ahead.through(items(), nobody))
