from __future__ import annotations

from dataclasses import replace

import pytest

from api.state.curated import CuratedStore
from api.state.database import Database
from ingest.document import Span
from qa.curated import CuratedSource
from tests.api.state.conftest import Clock

SOURCES = (CuratedSource("doc", 2, Span(5, 9), "f\u00fcnf"), CuratedSource("other", 1, Span(0, 1), "a"))


@pytest.fixture
def store(database: Database, clock: Clock) -> CuratedStore:
    return CuratedStore(database, clock)


def test_what_is_kept_comes_back_as_it_was(store: CuratedStore) -> None:
    made = store.create("default", "How many?", "Five.", SOURCES, "Ada", ["Number?"], 9_000.0)
    assert (made.sources, made.variants, made.expires_at, made.created_at) == (SOURCES, ("Number?",), 9_000.0, 1_001.0)
    assert store.find(made.id) == made
    changed = replace(made, text="Six.", variants=(), expires_at=None)
    assert store.replace(changed) == store.find(made.id) == changed
    store.delete(made.id)
    for gone in (lambda: store.find(made.id), lambda: store.delete(made.id), lambda: store.replace(made)):
        with pytest.raises(KeyError):
            gone()


def test_questions_and_pages_keep_to_their_collection(store: CuratedStore) -> None:
    first, second, other = (
        store.create(collection, f"Question {number}?", "So.", SOURCES, "Ada", [f"Variant {number}?"])
        for number, collection in enumerate(("default", "default", "staff"))
    )
    assert store.questions("default") == [
        (second.id, ["Question 1?", "Variant 1?"]),
        (first.id, ["Question 0?", "Variant 0?"]),
    ]
    assert store.page(10).items == (other, second, first)
    page = store.page(1, collection="default")
    assert page.items == (second,)
    assert store.page(1, page.next_cursor, "default").items == (first,)
