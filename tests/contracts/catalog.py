"""What every catalog must do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ingest.catalog import Catalog, Move, document_id
from ingest.document import Document, PageMap, Passage, Revision, Section, Span
from ingest.scope import Scope


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def document(source: str, *paragraphs: str, title: str = "", pages: Sequence[int] = ()) -> Document:
    """A document whose paragraphs are its passages."""
    text = "\n\n".join(paragraphs)
    return Document(
        source=source,
        title=title or source,
        text=text,
        content_hash=f"hash of {text}",
        media_type="text/plain",
        pages=PageMap(tuple(pages)),
        sections=(Section(("Part",), 1, Span(0, len(text))),) if text else (),
    )


def passages_of(document: Document) -> list[Passage]:
    """One passage a paragraph."""
    passages: list[Passage] = []
    start = 0
    for ordinal, paragraph in enumerate(document.text.split("\n\n")):
        span = Span(start, start + len(paragraph))
        page = document.pages.page_at(start)
        pages = None if page is None else (page, page)
        passages.append(Passage(ordinal, span, paragraph, document.section_path_at(start), pages))
        start = span.end + 2
    return passages


def publish(catalog: Catalog, document: Document, collection: str = "default", recipe: str = "") -> Revision:
    """Prepare and publish; the revision that holds then."""
    prepared = catalog.prepare(collection, document, passages_of(document), recipe)
    catalog.publish(prepared)
    current = catalog.current_of(collection, document.source)
    assert current is not None
    return current


def found(catalog: Catalog, question: str, collection: str = "default", k: int = 10) -> list[str]:
    """Texts of the passages that a search finds, best first."""
    hits = catalog.search(collection, question, k)
    stored = catalog.passages([hit.passage_id for hit in hits])
    return [stored[hit.passage_id].passage.text for hit in hits]


class CatalogContract:
    """Subclasses provide the fixture ``catalog``, which reads the time from the fixture ``clock``."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def test_an_empty_catalog_holds_nothing(self, catalog: Catalog) -> None:
        assert catalog.collections() == []
        assert catalog.current() == []
        assert catalog.current_of("default", "a.md") is None
        assert catalog.search("default", "alarm", 5) == []
        assert catalog.passages(["x"]) == {}
        assert catalog.unpublished("default") == []

    def test_a_published_document_comes_back_whole(self, catalog: Catalog) -> None:
        original = document("manual.pdf", "Héllo 😀 world", "Second page", title="Manual", pages=(0, 15))
        revision = publish(catalog, original, recipe="reader 1")
        assert catalog.document(revision.id) == original
        assert [stored.passage for stored in catalog.passages_of(revision.id)] == passages_of(original)
        assert all(stored.revision == revision for stored in catalog.passages_of(revision.id))
        assert (revision.number, revision.title, revision.recipe) == (1, "Manual", "reader 1")
        assert revision.content_hash == original.content_hash
        assert revision.passage_count == 2

    def test_ids_are_the_same_in_every_catalog(self, catalog: Catalog) -> None:
        prepared = catalog.prepare(
            "default", document("a.md", "one", "two"), passages_of(document("a.md", "one", "two"))
        )
        assert prepared.revision.document_id == document_id("default", "a.md")
        assert prepared.revision.id == f"{document_id('default', 'a.md')}-1"
        assert prepared.passage_ids == (f"{prepared.revision.id}-00000", f"{prepared.revision.id}-00001")

    def test_nobody_sees_a_prepared_revision(self, catalog: Catalog) -> None:
        new = document("a.md", "alarm bell")
        prepared = catalog.prepare("default", new, passages_of(new))
        assert catalog.collections() == []
        assert catalog.current() == []
        assert catalog.current_of("default", "a.md") is None
        assert catalog.revision(prepared.revision.document_id, 1) is None
        assert catalog.search("default", "alarm", 5) == []
        assert catalog.passages(prepared.passage_ids) == {}
        assert [r.id for r in catalog.unpublished("default")] == [prepared.revision.id]
        assert catalog.unpublished("other") == []

    def test_publishing_replaces_the_predecessor(self, catalog: Catalog, clock: Clock) -> None:
        first = publish(catalog, document("a.md", "old alarm"))
        clock.now = 2_000.0
        new = document("a.md", "new alarm")
        prepared = catalog.prepare("default", new, passages_of(new))
        assert found(catalog, "alarm") == ["old alarm"]
        clock.now = 3_000.0
        replaced = catalog.publish(prepared)
        assert replaced is not None
        assert (replaced.id, replaced.valid_from, replaced.valid_to) == (first.id, 1_000.0, 3_000.0)
        assert catalog.revision(first.document_id, 1) == replaced
        current = catalog.current()
        assert [(r.number, r.valid_from, r.valid_to) for r in current] == [(2, 3_000.0, None)]
        assert found(catalog, "alarm") == ["new alarm"]
        assert found(catalog, "old") == []

    def test_the_first_publication_replaces_nothing(self, catalog: Catalog) -> None:
        new = document("a.md", "text")
        assert catalog.publish(catalog.prepare("default", new, passages_of(new))) is None

    def test_a_replaced_revision_stays_readable_for_citations(self, catalog: Catalog) -> None:
        old = document("a.md", "old words", "more")
        first = publish(catalog, old)
        publish(catalog, document("a.md", "new words"))
        assert catalog.document(first.id) == old
        assert [stored.passage.text for stored in catalog.passages_of(first.id)] == ["old words", "more"]
        assert catalog.passages([stored.id for stored in catalog.passages_of(first.id)]) == {}

    def test_a_clock_set_back_never_makes_a_revision_end_before_it_began(self, catalog: Catalog, clock: Clock) -> None:
        first = publish(catalog, document("a.md", "one"))
        clock.now = 10.0
        second = publish(catalog, document("a.md", "two"))
        ended = catalog.revision(first.document_id, 1)
        assert ended is not None
        assert ended.valid_to == second.valid_from == first.valid_from

    def test_publishing_twice_is_refused(self, catalog: Catalog) -> None:
        new = document("a.md", "text")
        prepared = catalog.prepare("default", new, passages_of(new))
        catalog.publish(prepared)
        with pytest.raises(KeyError):
            catalog.publish(prepared)

    def test_a_discarded_revision_is_gone(self, catalog: Catalog) -> None:
        new = document("a.md", "alarm")
        prepared = catalog.prepare("default", new, passages_of(new))
        catalog.discard(prepared.revision.id)
        catalog.discard(prepared.revision.id)
        assert catalog.unpublished("default") == []
        assert catalog.passages_of(prepared.revision.id) == []
        with pytest.raises(KeyError):
            catalog.document(prepared.revision.id)
        with pytest.raises(KeyError):
            catalog.publish(prepared)

    def test_a_replaced_revision_can_be_discarded_and_the_current_cannot(self, catalog: Catalog) -> None:
        first = publish(catalog, document("a.md", "old alarm"))
        second = publish(catalog, document("a.md", "new alarm"))
        catalog.discard(first.id)
        assert catalog.revision(first.document_id, 1) is None
        with pytest.raises(ValueError, match=second.id):
            catalog.discard(second.id)
        assert found(catalog, "alarm") == ["new alarm"]
        third = publish(catalog, document("a.md", "newest alarm"))
        assert third.number == 3

    def test_a_confirmed_revision_has_the_new_recipe_and_nothing_else_new(self, catalog: Catalog) -> None:
        first = publish(catalog, document("a.md", "old alarm"), recipe="reader 1")
        second = publish(catalog, document("a.md", "new alarm"), recipe="reader 1")
        generation = catalog.generation()
        catalog.confirm(second.id, "reader 2")
        assert catalog.current() == [replace(second, recipe="reader 2")]
        assert catalog.generation() == generation
        for gone in (first.id, "unknown"):
            with pytest.raises(KeyError):
                catalog.confirm(gone, "reader 2")

    def test_collections_are_apart(self, catalog: Catalog) -> None:
        mine = publish(catalog, document("a.md", "alarm here"), "mine")
        yours = publish(catalog, document("a.md", "alarm there"), "yours")
        assert mine.document_id != yours.document_id
        assert catalog.collections() == ["mine", "yours"]
        assert found(catalog, "alarm", "mine") == ["alarm here"]
        assert found(catalog, "alarm", "yours") == ["alarm there"]
        assert catalog.current("mine") == [mine]
        assert catalog.current_of("yours", "a.md") == yours

    def test_current_is_ordered_by_collection_and_source(self, catalog: Catalog) -> None:
        for collection, source in (("b", "z"), ("a", "y"), ("b", "a"), ("a", "x/y")):
            publish(catalog, document(source, "text"), collection)
        assert [(r.collection, r.source) for r in catalog.current()] == [
            ("a", "x/y"), ("a", "y"), ("b", "a"), ("b", "z"),
        ]  # fmt: skip

    def test_a_document_without_passages_is_a_document(self, catalog: Catalog) -> None:
        empty = document("empty.md")
        catalog.publish(catalog.prepare("default", empty, []))
        current = catalog.current_of("default", "empty.md")
        assert current is not None
        assert current.passage_count == 0
        assert catalog.passages_of(current.id) == []

    def test_passages_come_by_id_and_unknown_ids_are_left_out(self, catalog: Catalog) -> None:
        one = publish(catalog, document("a.md", "one", "two"))
        publish(catalog, document("b.md", "three"))
        ids = [stored.id for stored in catalog.passages_of(one.id)]
        stored = catalog.passages([ids[1], "unknown", 'it\'s "quoted"', ids[0], ids[0]])
        assert {id: p.passage.text for id, p in stored.items()} == {ids[0]: "one", ids[1]: "two"}
        assert all(id == p.id for id, p in stored.items())
        assert catalog.passages([]) == {}

    def test_the_generation_grows_with_publications_alone(self, catalog: Catalog) -> None:
        start = catalog.generation()
        new = document("a.md", "text")
        prepared = catalog.prepare("default", new, passages_of(new))
        assert catalog.generation() == start
        catalog.publish(prepared)
        assert catalog.generation() > start

    # Search

    def test_search_takes_any_word_and_puts_more_of_them_first(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "the battery", "the alarm and the battery", "nothing of it"))
        assert found(catalog, "Is the alarm on BATTERY?") == ["the alarm and the battery", "the battery"]

    def test_search_finds_by_title_and_section(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "hold the button", title="Corvo manual"))
        assert found(catalog, "corvo") == ["hold the button"]
        assert found(catalog, "part") == ["hold the button"]

    def test_search_finds_a_row_by_the_header_of_its_table(self, catalog: Catalog) -> None:
        table = document("a.md", "| E1 | loose plug |")
        row = replace(passages_of(table)[0], lead_in="| Code | Cause |")
        prepared = catalog.prepare("default", table, [row])
        catalog.publish(prepared)
        assert catalog.passages(prepared.passage_ids)[prepared.passage_ids[0]].passage == row
        assert found(catalog, "cause") == ["| E1 | loose plug |"]

    def test_scores_mean_the_same_in_collections_of_all_sizes(self, catalog: Catalog) -> None:
        for collection, others in (("small", 10), ("large", 300)):
            texts = ["the blue lamp blinks", *(f"lamp number {n} stays on" for n in range(others))]
            publish(catalog, document("a.md", *texts), collection=collection)
        small, large = (catalog.search(name, "blue", 1)[0].score for name in ("small", "large"))
        assert small == pytest.approx(large, rel=0.1)
        assert 0.3 < small < 3.0
        assert catalog.search("small", "which blue lamp blinks", 1)[0].score > 1.5 * small

    def test_search_returns_at_most_k_best_first_with_ties_by_id(self, catalog: Catalog) -> None:
        for source in ("c.md", "a.md", "b.md"):
            publish(catalog, document(source, "same alarm", "same alarm", "other", title="t"))
        every = catalog.search("default", "alarm", 100)
        assert len(every) == 6
        assert len({hit.score for hit in every}) == 1
        assert [hit.passage_id for hit in every] == sorted(hit.passage_id for hit in every)
        for k in range(8):
            assert catalog.search("default", "alarm", k) == every[:k]

    @pytest.mark.parametrize(
        ("question", "text"),
        [
            ("What does HB-423 mean?", "error HB-423 means no heartbeat"),
            ("what does hb423 mean", "error HB-423 means no heartbeat"),
            ("HB-423", "code HB423 on the display"),
            ("see TM-SEC-002", "policy TM-SEC-002 applies"),
            ("when does sp_close_month run", "call sp_close_month at night"),
            ("sp_close_month()", "call `sp_close_month` at night"),
            ("changes in FW 3.1", "with FW 3.1 it rings"),
            ("GET /v1/alarms", "the path /v1/alarms lists them"),
        ],
    )
    def test_search_finds_identifiers_before_their_parts(self, catalog: Catalog, question: str, text: str) -> None:
        publish(catalog, document("a.md", text))
        publish(
            catalog, document("b.md", "hb 424", "423 sec", "tm 002 sec", "close the month, sp", "FW 3.2 and 1", "v1")
        )
        assert found(catalog, question)[0] == text

    def test_a_version_is_not_another_that_begins_alike(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "with 3.10 it rings", "with 3.1 it rings"))
        assert found(catalog, "3.1") == ["with 3.1 it rings"]

    @pytest.mark.parametrize(
        "question",
        [
            "",
            "   ",
            "what is it?",
            '"',
            "*",
            "AND",
            "()",
            "NEAR(",
            "^",
            "-",
            "\x00",
            "🙂",
            "title:",
            "{title} : x*",
            "' --",
        ],
    )
    def test_search_survives_any_question(self, catalog: Catalog, question: str) -> None:
        publish(catalog, document("a.md", "alarm"))
        assert found(catalog, question) == []
        assert found(catalog, question + " alarm") == ["alarm"]

    def test_a_very_long_question_is_answered(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "alarm"))
        assert found(catalog, "alarm " + " ".join(f"word{i}" for i in range(5_000))) == ["alarm"]

    def test_scores_know_nothing_of_what_is_not_current_here(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "red alarm", "red light", "alarm bell alarm"))
        before = catalog.search("default", "red alarm", 10)
        publish(catalog, document("secret.md", *["alarm"] * 50), "other")
        noise = document("noise.md", *["red"] * 50)
        prepared = catalog.prepare("default", noise, passages_of(noise))
        assert catalog.search("default", "red alarm", 10) == before
        catalog.publish(prepared)
        assert catalog.search("default", "red alarm", 10) != before
        nothing = document("noise.md")
        catalog.publish(catalog.prepare("default", nothing, []))
        assert catalog.search("default", "red alarm", 10) == before

    # Places, removal and the past

    def test_a_removed_document_is_found_no_more_and_keeps_its_history(self, catalog: Catalog, clock: Clock) -> None:
        revision = publish(catalog, document("a.md", "alarm"))
        generation = catalog.generation()
        clock.now = 2_000.0
        ended = catalog.remove(revision.document_id)
        assert ended == replace(revision, valid_to=2_000.0)
        assert (catalog.current(), catalog.collections(), catalog.search("default", "alarm", 5)) == ([], [], [])
        assert catalog.removed() == catalog.history(revision.document_id) == [ended]
        assert catalog.generation() > generation
        assert catalog.remove(revision.document_id) is None
        clock.now = 500.0
        again = publish(catalog, document("a.md", "alarm"))
        assert (again.document_id, again.number, again.valid_from) == (revision.document_id, 2, 2_000.0)
        assert catalog.removed() == []

    def test_the_same_source_below_another_root_is_another_document(self, catalog: Catalog) -> None:
        first = publish(catalog, document("a.md", "alarm one"))
        other = document("a.md", "alarm two")
        catalog.publish(catalog.prepare("default", other, passages_of(other), root="/other"))
        second = catalog.current_of("default", "a.md", "/other")
        assert second is not None
        assert second.document_id == document_id("default", "a.md", 2) != first.document_id
        assert sorted(found(catalog, "alarm")) == ["alarm one", "alarm two"]

    def test_a_moved_document_keeps_id_and_revision(self, catalog: Catalog, clock: Clock) -> None:
        revision = publish(catalog, document("a.md", "alarm"))
        clock.now = 2_000.0
        catalog.move(revision.document_id, "/root", "b.md")
        assert catalog.current() == [replace(revision, root="/root", source="b.md")]
        assert catalog.document(revision.id).source == "b.md"
        assert catalog.moves(revision.document_id) == [Move(2_000.0, "", "a.md")]
        newcomer = publish(catalog, document("a.md", "alarm"))
        assert newcomer.document_id != revision.document_id
        with pytest.raises(ValueError, match="stands at the place"):
            catalog.move(newcomer.document_id, "/root", "b.md")
        with pytest.raises(KeyError):
            catalog.move(document_id("default", "unknown"), "", "c.md")

    def test_a_removed_document_whose_place_is_taken_cannot_come_back(self, catalog: Catalog) -> None:
        first = publish(catalog, document("a.md", "alarm one"))
        catalog.move(first.document_id, "", "b.md")
        publish(catalog, document("a.md", "alarm two"))
        catalog.remove(first.document_id)
        text = document("b.md", "alarm three")
        publish(catalog, document("c.md", "alarm"))
        other = catalog.current_of("default", "c.md")
        assert other is not None
        catalog.move(other.document_id, "", "b.md")
        prepared = catalog.prepare("default", text, passages_of(text), into=first.document_id)
        with pytest.raises(ValueError, match="stands at the place"):
            catalog.publish(prepared)
        assert catalog.current_of("default", "b.md") == replace(other, source="b.md")

    def test_what_held_then_is_found_as_of_then(self, catalog: Catalog, clock: Clock) -> None:
        first = publish(catalog, document("a.md", "old alarm", "old light"))
        clock.now = 2_000.0
        publish(catalog, document("a.md", "new alarm"))
        publish(catalog, document("b.md", "later alarm"))
        clock.now = 3_000.0
        catalog.remove(first.document_id)

        def at(time: float | None) -> list[str]:
            scope = Scope(as_of=time)
            hits = catalog.search("default", "alarm", 9, scope)
            stored = catalog.passages([hit.passage_id for hit in hits], scope)
            within = {p.id for p in catalog.passages_within("default", scope)}
            assert stored.keys() <= within
            return sorted(stored[hit.passage_id].passage.text for hit in hits)

        assert at(999.0) == []
        assert at(1_000.0) == at(1_999.0) == ["old alarm"]
        assert at(2_000.0) == ["later alarm", "new alarm"]
        assert at(3_000.0) == at(None) == ["later alarm"]

    def test_scores_of_the_past_know_nothing_of_later(self, catalog: Catalog, clock: Clock) -> None:
        publish(catalog, document("a.md", "red alarm", "red light", "alarm bell alarm"))
        before = catalog.search("default", "red alarm", 10)
        clock.now = 2_000.0
        publish(catalog, document("noise.md", *["red"] * 50))
        past = catalog.search("default", "red alarm", 10, Scope(as_of=1_500.0))
        assert [hit.passage_id for hit in past] == [hit.passage_id for hit in before]
        assert [hit.score for hit in past] == pytest.approx([hit.score for hit in before])

    def test_sweeping_takes_what_ended_before(self, catalog: Catalog, clock: Clock) -> None:
        first = publish(catalog, document("a.md", "one"))
        for now, words in ((2_000.0, "two"), (3_000.0, "three")):
            clock.now = now
            publish(catalog, document("a.md", words))
        assert [r.number for r in catalog.sweep(2_500.0)] == [1]
        assert [r.number for r in catalog.history(first.document_id)] == [2, 3]
        catalog.remove(first.document_id)
        catalog.sweep(9_000.0)
        assert catalog.history(first.document_id) == []
        assert publish(catalog, document("a.md", "four")).number == 4, "numbers are never given twice"

    # Labels

    def test_labels_decide_who_finds_what(self, catalog: Catalog) -> None:
        for labels in ((), ("hr",), ("hr", "legal"), ("board",)):
            text = document("-".join(labels) or "open", f"alarm {' '.join(labels)}")
            catalog.publish(catalog.prepare("default", text, passages_of(text), labels=labels))
        assert catalog.partitions("default") == [(), ("board",), ("hr",), ("hr", "legal")]

        def seen(*held: str) -> list[str]:
            scope = Scope(labels=frozenset(held))
            hits = catalog.search("default", "alarm", 9, scope)
            stored = catalog.passages([hit.passage_id for hit in hits], scope)
            assert len(stored) == len(hits)
            return sorted(p.revision.source for p in stored.values())

        assert seen() == ["open"]
        assert seen("hr") == ["hr", "hr-legal", "open"]
        assert seen("legal", "unknown") == ["hr-legal", "open"]
        everything = Scope(labels=None)
        assert len(catalog.search("default", "alarm", 9, everything)) == 4
        every = [p.id for p in catalog.passages_within("default", everything)]
        assert len(every) == 4
        assert len(catalog.passages(every)) == 1

    def test_what_may_not_be_read_changes_no_score(self, catalog: Catalog) -> None:
        publish(catalog, document("a.md", "red alarm", "red light", "alarm bell alarm"))
        mine = document("mine.md", "red alarm of mine", "nothing")
        catalog.publish(catalog.prepare("default", mine, passages_of(mine), labels=("mine",)))
        scopes = [Scope(), Scope(labels=frozenset({"mine"}))]
        before = [catalog.search("default", "red alarm", 10, scope) for scope in scopes]
        secret = document("secret.md", *["red alarm"] * 50)
        catalog.publish(catalog.prepare("default", secret, passages_of(secret), labels=("secret",)))
        assert [catalog.search("default", "red alarm", 10, scope) for scope in scopes] == before
        assert catalog.collections(Scope()) == ["default"]
        catalog.publish(catalog.prepare("closed", secret, passages_of(secret), labels=("secret",)))
        assert catalog.collections(Scope()) == ["default"]
        assert catalog.collections() == ["closed", "default"]

    def test_present_labels_hold_for_the_past_too(self, catalog: Catalog, clock: Clock) -> None:
        revision = publish(catalog, document("a.md", "open alarm"))
        clock.now = 2_000.0
        closed = document("a.md", "closed alarm")
        replaced = catalog.publish(catalog.prepare("default", closed, passages_of(closed), labels=("hr",)))
        assert replaced is not None
        assert replaced.labels == ()
        then = Scope(as_of=1_500.0)
        assert catalog.search("default", "alarm", 9, then) == []
        assert catalog.passages_within("default", then) == []
        assert len(catalog.search("default", "alarm", 9, Scope(1_500.0, frozenset({"hr"})))) == 1
        assert {r.labels for r in catalog.history(revision.document_id)} == {("hr",)}
        assert catalog.search("default", "alarm", 9) == []
