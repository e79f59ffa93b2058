from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Passage, Span
from qa.answer import Sentence, SentenceStatus
from qa.citations import cite
from qa.evidence import Evidence, Form
from tests.qa.library import CORVO, PIPIT, Library, manual, manuals

QUOTED, SUPPORTED, UNSUPPORTED = SentenceStatus.QUOTED, SentenceStatus.SUPPORTED, SentenceStatus.UNSUPPORTED

LIBRARY = manuals()
PASSAGES = LIBRARY.passages()
DOCUMENTS = LIBRARY.documents()


def cited(text: str, question: str = "") -> tuple[Sentence, ...]:
    return cite(text, PASSAGES, DOCUMENTS, question)


def statuses(text: str) -> list[SentenceStatus]:
    return [sentence.status for sentence in cited(text)]


def quotes(sentences: Iterable[Sentence]) -> list[str]:
    return [citation.quote for sentence in sentences for citation in sentence.citations]


@pytest.mark.parametrize(
    "text",
    [
        "C-09 is raised when the lid or the wall bracket stays open for longer than 15 minutes.",
        "c-09 is raised when the **lid** or the wall\nbracket stays open for longer than 15 minutes!",
        "According to the Corvo 200 manual, the meter is not approved for glycol mixtures.",
        "Yes, it must be mounted in the return pipe [1].",
        "After 5 wrong codes within one window the meter refuses further attempts (see passage 1).",
    ],
)
def test_the_documents_own_words_are_quoted(text: str) -> None:
    assert statuses(text) == [QUOTED]


@pytest.mark.parametrize(
    ("text", "carried_by"),
    [
        ("C-11 means that the medium is hotter than 130 °C.", "| C-11 | Medium hotter than 130 °C | 5 minutes |"),
        ("Further attempts are refused for 30 min after five wrong codes.", "After 5 wrong codes within"),
        ("Glycol mixtures are not allowed with the Corvo 200.", "The meter is not approved for glycol mixtures."),
        ("You need to tighten the sensor screw to 4 N·m.", "2. a sensor screw tightened to 4 N·m."),
        ("The Pipit's battery has a life of 16 years.", "The battery lasts 16 years."),
    ],
)
def test_a_paraphrase_is_supported_by_the_smallest_place(text: str, carried_by: str) -> None:
    (sentence,) = cited(text)
    assert sentence.status is SUPPORTED
    assert sentence.citations[0].quote.startswith(carried_by)


@pytest.mark.parametrize(
    "text",
    [
        "C-09 is raised when the lid or the wall bracket stays open for longer than 60 minutes.",
        "C-09 is raised when the lid or the wall bracket stays open for longer than 15 hours.",
        "C-04 is raised when the lid or the wall bracket stays open for longer than 15 minutes.",
        "C-11 means air in the flow sensor.",
        "C-99 is raised when the lid stays open.",
        "C-11 is raised after 10 minutes.",
        "The Corvo 200 is approved for glycol mixtures.",
        "The meter must not be mounted in the return pipe.",
        "The pairing code can be changed.",
        "The Kestrel refuses further attempts for 30 minutes after 5 wrong codes.",
        "According to the Kestrel manual, the window stays open for 4 minutes.",
        "A hot meter without its seal must be put into service.",
        "The battery lasts 12 years.",
        "Lunch is served at noon in the canteen.",
        "The documents do not say.",
        "The documents do not mention whether the meter is approved for glycol mixtures.",
    ],
)
def test_what_the_documents_do_not_say_is_unsupported(text: str) -> None:
    (sentence,) = cited(text)
    assert sentence.status is UNSUPPORTED
    assert sentence.citations == ()


def test_a_citation_names_the_innermost_section_and_the_page_of_its_span() -> None:
    (sentence,) = cited("The battery lasts 16 years.")
    (citation,) = sentence.citations
    assert citation.section_path == ("Pipit 10 Manual", "2 Battery")
    assert (citation.source, citation.title, citation.revision) == ("pipit.md", "Pipit 10 Manual", 1)
    assert citation.page == 2
    assert citation.passage == 5
    assert citation.quote == PIPIT[citation.span.start : citation.span.end] == "The battery lasts 16 years."


def test_a_passage_over_several_sections_is_cited_by_the_section_of_the_span() -> None:
    document = manual("a.md", "# A\n\n## 1 Fuse\n\nThe fuse is blue.\n\n## 2 Lamp\n\nThe lamp is green.\n", "A")
    whole = Passage(0, Span(0, len(document.text)), document.text, ("A", "1 Fuse"), (1, 2))
    library = Library()
    library.catalog.publish(library.catalog.prepare("default", document, [whole]))
    (sentence,) = cite("The lamp is green.", library.passages(), library.documents())
    assert [(citation.section_path, citation.page) for citation in sentence.citations] == [(("A", "2 Lamp"), 2)]


def test_rows_and_sentences_that_follow_one_another_are_one_citation() -> None:
    (sentence,) = cited("The window stays open for 4 minutes and it closes by itself.")
    assert [citation.quote for citation in sentence.citations] == [
        "The window stays open for 4 minutes. It closes by itself."
    ]


def test_a_sentence_over_two_documents_cites_both() -> None:
    (sentence,) = cited("The window stays open for 4 minutes on the Corvo and for 6 minutes on the Pipit.")
    assert sentence.status is not UNSUPPORTED
    assert {citation.source for citation in sentence.citations} == {"corvo.md", "pipit.md"}


def test_the_question_decides_between_places_that_say_the_same() -> None:
    library = Library(
        manual("a.md", "# Heat\n\n## 1 Test\n\nPress the button for 5 s.\n", "Heat"),
        manual("b.md", "# Water\n\n## 1 Test\n\nPress the button for 5 s.\n", "Water"),
    )
    for product in ("heat", "water"):
        sentences = cite(
            "5 s.", library.passages(), library.documents(), f"How long do I press it on the {product} meter?"
        )
        assert [citation.title.lower() for citation in sentences[0].citations] == [product]


def test_the_first_place_is_taken_otherwise() -> None:
    (sentence,) = cited("30 minutes.")
    assert sentence.citations[0].passage == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes. It must be mounted in the return pipe.", ["Yes. It must be mounted in the return pipe."]),
        (
            "Here are the steps:\n\n- The battery lasts 16 years.",
            ["Here are the steps:\n\n- The battery lasts 16 years."],
        ),
        ("The battery lasts 16 years.\n\n---", ["The battery lasts 16 years.\n\n---"]),
        ("Yes.", ["Yes."]),
        ("It lasts 16 years. The documents do not say why.", ["It lasts 16 years.", "The documents do not say why."]),
        ("", []),
    ],
)
def test_what_says_nothing_by_itself_goes_with_its_neighbour(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in cited(text)] == expected


def test_a_list_with_a_wrong_item_is_judged_item_by_item() -> None:
    text = "The meter needs:\n\n1. a straight inlet run of 3×DN\n2. a sensor screw tightened to 9 N·m\n"
    assert statuses(text)[-2:] == [QUOTED, UNSUPPORTED]


def test_a_copied_table_row_is_quoted() -> None:
    assert statuses("| Code | Meaning | Raised after |\n|---|---|---|\n| C-04 | Air in the flow sensor | 10 minutes |")[
        -1:
    ] == [QUOTED]


EVIDENCE = Evidence(PASSAGES, DOCUMENTS)
BODIES = [
    (unit.passage, DOCUMENTS[PASSAGES[unit.passage].stored.revision.id].text[unit.span.start : unit.span.end])
    for unit in EVIDENCE.units
    if unit.form is not Form.HEADING and len(unit.tokens) >= 4
]


@given(st.lists(st.sampled_from(BODIES), min_size=1, max_size=6))
def test_sentences_of_the_documents_are_quoted(bodies: list[tuple[int, str]]) -> None:
    text = "\n\n".join(body for _, body in bodies if not body.startswith("| Code"))
    for sentence in cited(text):
        assert sentence.status is QUOTED, sentence.text


answers = st.lists(
    st.one_of(
        st.sampled_from([body for _, body in BODIES]),
        st.sampled_from(CORVO.split()),
        st.sampled_from(["Yes.", "[1]", "Passage 2 says that", "- ", "\n", "\n\n", "**", "not", "60", "| a |", "```"]),
        st.text(max_size=8),
    ),
    max_size=25,
).map(" ".join)


@given(answers)
def test_spans_are_ordered_disjoint_complete_and_quotes_stand_at_theirs(text: str) -> None:
    end = 0
    for sentence in cited(text):
        assert sentence.text == sentence.span.of(text)
        assert end <= sentence.span.start
        assert not text[end : sentence.span.start].strip()
        end = sentence.span.end
        assert (sentence.status is UNSUPPORTED) == (sentence.citations == ())
        for citation in sentence.citations:
            document = DOCUMENTS[citation.revision_id]
            assert citation.quote == document.text[citation.span.start : citation.span.end] != ""
            assert citation.section_path == document.section_path_at(citation.span.start)
            assert citation.page == document.pages.page_at(citation.span.start)
            passage = PASSAGES[citation.passage - 1].stored
            assert passage.revision.id == citation.revision_id
            assert passage.passage.span.contains(citation.span)
    assert not text[end:].strip()


WITH_NUMBERS = [
    (body, number)
    for _, body in BODIES
    for number in re.finditer(r"(?<![\w.-])\d+(?![\w.)])", body)
    if not body.startswith(f"{number.group()}.")
]
ALL_NUMBERS = set(re.findall(r"\d+", CORVO + PIPIT))


@given(st.sampled_from(WITH_NUMBERS), st.integers(0, 10_000))
def test_a_changed_number_is_never_carried(place: tuple[str, re.Match[str]], other: int) -> None:
    body, number = place
    if str(other) in ALL_NUMBERS:
        other += 20_000
    changed = f"{body[: number.start()]}{other}{body[number.end() :]}"
    assert all(sentence.status is UNSUPPORTED for sentence in cited(changed) if str(other) in sentence.text)


@given(st.sampled_from([body for _, body in BODIES if re.search(r"\b(?:is|has|must|can)\b", body)]))
def test_a_denied_sentence_is_never_carried(body: str) -> None:
    if re.search(r"\b(?:not|cannot|no)\b", body):
        changed = re.sub(r"\bcannot\b", "can", re.sub(r"\b(?:not|no) ", "", body))
    else:
        changed = re.sub(r"\b(is|has|must|can)\b", r"\1 not", body, count=1)
    assert changed != body
    assert statuses(changed) == [UNSUPPORTED]


@given(st.text(alphabet="bfghjkpqvwxz \n.", max_size=200))
def test_nothing_is_cited_for_words_that_are_in_no_passage(text: str) -> None:
    assert quotes(cited(text)) == []


def test_without_passages_nothing_is_carried() -> None:
    assert [sentence.status for sentence in cite("The battery lasts 16 years.", (), {})] == [UNSUPPORTED]
