from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.document import Span
from qa.answer import Answer, AnswerDone, Mode, Origin, Question, RetrievedPassage, SentenceStatus, TextDelta
from qa.evaluation.answers import citation_problem
from qa.quotes import LEAD_IN, Quoter, QuotesConfig
from qa.refusal import REFUSAL
from qa.service import AnswerConfig, AnswerService
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.fakes.embedder import HashEmbedder
from tests.qa.library import Library, manual, manuals

NEAR = QuotesConfig(min_nearness=0.0, min_nearness_refused=0.0)
CONFIG = AnswerConfig(prompt_tokens=8_000)
QUESTION = Question("How long does the pairing window of the Corvo 200 stay open?", "default")
WINDOW = "The window stays open for 4 minutes."


def asked(text: str, config: QuotesConfig = NEAR, question: Question = QUESTION) -> tuple[list[str], Answer]:
    """The deltas and the answer when the model writes ``text``."""
    shelf = manuals()
    service = AnswerService(
        shelf.retriever(),
        ScriptedGenerator(text),
        ByteTokenizer(),
        CONFIG,
        "scripted",
        shelf.catalog.document,
        Quoter(HashEmbedder(), config),
    )
    *events, done = service.answer(question)
    assert isinstance(done, AnswerDone)
    deltas = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(deltas) == done.answer.text
    return deltas, done.answer


def test_a_refusal_is_never_shown_when_the_documents_can_be_quoted() -> None:
    deltas, answer = asked(REFUSAL)
    assert len(deltas) == 1
    assert REFUSAL not in answer.text
    assert answer.text.startswith(LEAD_IN)
    assert WINDOW in answer.text
    assert (answer.abstained, answer.origin, answer.nearest) == (False, Origin.QUOTES, ())


def test_quotes_follow_what_no_passage_carries() -> None:
    said = "The window stays open for 77 minutes."
    _, answer = asked(said)
    assert answer.text.startswith(f"{said}\n\n{LEAD_IN}")
    assert answer.origin is Origin.QUOTES
    first, *others = answer.sentences
    assert (first.text, first.status, first.citations) == (said, SentenceStatus.UNSUPPORTED, ())
    assert others
    assert {sentence.status for sentence in others} == {SentenceStatus.QUOTED}
    assert all(sentence.span.of(answer.text) == sentence.text for sentence in answer.sentences)


def test_every_quote_stands_in_its_document_and_ends_its_sentence() -> None:
    documents = manuals().documents()
    _, answer = asked(REFUSAL)
    assert len(answer.sentences) == QuotesConfig().places
    for sentence in answer.sentences:
        (citation,) = sentence.citations
        assert citation_problem(citation, documents.__getitem__) is None
        assert sentence.text.endswith(citation.quote)


@pytest.mark.parametrize("text", [WINDOW, f"{WINDOW} The documents do not say why."])
def test_an_answer_that_is_carried_stays_as_it_is(text: str) -> None:
    _, answer = asked(text)
    assert (answer.text, answer.origin, answer.abstained) == (text, Origin.MODEL, False)


def test_what_begins_like_a_refusal_and_goes_on_otherwise_is_shown_from_its_beginning() -> None:
    deltas, answer = asked("The window stays open for 4 minutes.")
    assert deltas[0].startswith("The")
    assert answer.text == WINDOW


@pytest.mark.parametrize(
    ("text", "config", "quoted"),
    [
        (REFUSAL, QuotesConfig(min_nearness=0.0, min_nearness_refused=9.0), False),
        ("Lunch is at noon.", QuotesConfig(min_nearness=0.0, min_nearness_refused=9.0), True),
        ("It is not mentioned in the manual.", QuotesConfig(min_nearness=0.0, min_nearness_refused=9.0), False),
        ("Lunch is at noon.", QuotesConfig(min_nearness=9.0, min_nearness_refused=0.0), False),
    ],
)
def test_what_is_not_near_is_not_quoted(text: str, config: QuotesConfig, quoted: bool) -> None:
    _, answer = asked(text, config)
    assert answer.abstained is not quoted
    assert (answer.origin is Origin.QUOTES) is quoted
    if not quoted:
        assert answer.text == text


def test_cut_in_the_middle_of_what_may_be_a_refusal() -> None:
    _, answer = asked(REFUSAL, question=replace(QUESTION, max_output_tokens=7))
    assert answer.text.startswith(f"{REFUSAL[:7]}\n\n{LEAD_IN}")


def quoted(question: str, library: Library, places: int = 1) -> tuple[str, tuple[RetrievedPassage, ...]]:
    passages = library.passages()
    quotes = Quoter(HashEmbedder(), replace(NEAR, places=places)).quote(question, passages, library.documents())
    assert quotes is not None
    return quotes.text, passages


def test_a_row_comes_with_its_header() -> None:
    text, _ = quoted("C-11 medium hotter meaning", manuals())
    header = "| Code | Meaning | Raised after |\n|---|---|---|"
    assert text == f"{LEAD_IN}\n\n{header}\n| C-11 | Medium hotter than 130 °C | 5 minutes |"


def test_headings_and_table_headers_alone_are_no_answer() -> None:
    library = Library(manual("m.md", "# M\n\n## 1 Codes\n\n| Code | Meaning |\n|---|---|\n", "M"))
    quoter = Quoter(HashEmbedder(), NEAR)
    assert quoter.quote("Which codes are there?", library.passages(), library.documents()) is None


def test_preformatted_lines_stay_preformatted() -> None:
    library = Library(manual("m.md", "# M\n\n## 1 Reset\n\n```\nmeter reset --hard --keep-data now\n```\n", "M"))
    text, _ = quoted("meter reset keep data", library)
    assert text == f"{LEAD_IN}\n\n```\nmeter reset --hard --keep-data now\n```"


def test_the_same_question_is_answered_by_the_same_quotes() -> None:
    assert quoted(QUESTION.text, manuals(), 3) == quoted(QUESTION.text, manuals(), 3)


@pytest.mark.parametrize(("config", "origin"), [(NEAR, Origin.QUOTES), (QuotesConfig(min_nearness=9.0), Origin.MODEL)])
def test_quote_mode_asks_no_model(config: QuotesConfig, origin: Origin) -> None:
    _, answer = asked("The model must not be asked.", config, replace(QUESTION, mode=Mode.QUOTE))
    assert (answer.origin, answer.abstained) == (origin, origin is Origin.MODEL)
    assert (answer.stats.prompt_tokens, answer.stats.output_tokens) == (0, 0)
    assert "The model" not in answer.text
    assert (WINDOW in answer.text) is (origin is Origin.QUOTES)
    assert bool(answer.nearest) is answer.abstained


def test_quote_mode_needs_something_to_quote_with() -> None:
    shelf = manuals()
    service = AnswerService(
        shelf.retriever(), ScriptedGenerator(WINDOW), ByteTokenizer(), CONFIG, "scripted", shelf.catalog.document
    )
    with pytest.raises(ValueError, match="nothing to quote with"):
        list(service.answer(replace(QUESTION, mode=Mode.QUOTE)))


def test_a_row_of_a_table_that_was_cut_gets_its_header_back() -> None:
    library = Library(manual("m.md", "# M\n\n## 1 Codes\n\n| C-11 | Medium hotter \\| warmer than 130 °C |\n", "M"))
    (found,) = library.passages()
    whole = found.stored.passage
    at = whole.text.index("| C-11")
    span = Span(whole.span.start + at, whole.span.end)
    passage = replace(whole, span=span, text=whole.text[at:], lead_in="| Code | Meaning \\| sense |")
    cut = replace(found, stored=replace(found.stored, passage=passage))
    quotes = Quoter(HashEmbedder(), NEAR).quote("What is C-11, hotter medium?", [cut], library.documents())
    assert quotes is not None
    row = "| C-11 | Medium hotter \\| warmer than 130 °C |"
    assert quotes.text == f"{LEAD_IN}\n\n| Code | Meaning \\| sense |\n|---|---|\n{row}"
