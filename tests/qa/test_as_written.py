"""Search only: passages letter for letter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.document import Span
from qa.abstention import NO_DOCUMENTS
from qa.answer import Answer, AnswerDone, Mode, Origin, Question, SentenceStatus
from qa.as_written import as_written
from qa.evaluation.answers import citation_problem
from qa.service import AnswerConfig, AnswerService
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.qa.library import Library, manual, manuals

SEARCH = Question("How long does the pairing window of the Corvo 200 stay open?", "default", mode=Mode.SEARCH)


def searched(question: Question, library: Library, passages: int = 5) -> Answer:
    generator = ScriptedGenerator("The model must not be asked.")
    config = AnswerConfig(passages=passages)
    service = AnswerService(
        library.retriever(), generator, ByteTokenizer(), config, "scripted", library.catalog.document
    )
    *_, done = service.answer(question)
    assert isinstance(done, AnswerDone)
    assert generator.prompts == []
    return done.answer


@pytest.mark.parametrize("text", [SEARCH.text, "Which wine goes with roast venison?", "C-77 on the Corvo, what is it?"])
def test_passages_are_shown_whole_whatever_is_searched(text: str) -> None:
    library = manuals()
    answer = searched(replace(SEARCH, text=text), library)
    assert (answer.abstained, answer.origin, len(answer.passages)) == (False, Origin.QUOTES, 5)
    assert [sentence.text for sentence in answer.sentences] == [found.stored.passage.text for found in answer.passages]
    for number, sentence in enumerate(answer.sentences, 1):
        (citation,) = sentence.citations
        assert (sentence.status, citation.passage) == (SentenceStatus.QUOTED, number)
        assert sentence.span.of(answer.text) == sentence.text == citation.quote
        assert citation_problem(citation, library.catalog.document) is None


def test_the_number_of_passages_is_that_of_answers() -> None:
    assert len(searched(SEARCH, manuals(), passages=2).sentences) == 2


def test_where_there_is_nothing_it_says_so() -> None:
    answer = searched(SEARCH, Library())
    assert (answer.abstained, answer.text, answer.sentences) == (True, NO_DOCUMENTS, ())


def test_a_table_that_was_cut_gets_its_header_back_outside_the_quotation() -> None:
    library = Library(manual("m.md", "# M\n\n## 1 Codes\n\n| C-11 | Too hot |\n| C-12 | Too cold |\n", "M"))
    (found,) = library.passages()
    whole = found.stored.passage
    at = whole.text.index("| C-11")
    passage = replace(
        whole, span=Span(whole.span.start + at, whole.span.end), text=whole.text[at:], lead_in="| Code | Meaning |"
    )
    cut = replace(found, stored=replace(found.stored, passage=passage))
    shown = as_written([cut], library.documents())
    assert shown.text == "| Code | Meaning |\n|---|---|\n" + passage.text
    assert shown.sentences[0].text == passage.text
