"""A model that is asked back, and what becomes of answers that it does not stand by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event

import pytest

from decoding.generator import GenerationParams
from qa.answer import Answer, AnswerDone, Question, SentenceStatus, TextDelta
from qa.prompt import TokenSpan, build_prompt, system_prompt
from qa.refusal import REFUSAL
from qa.review import ASKED_BACK, Review, Signals, Weights, log_odds_of_yes
from qa.service import AnswerConfig, AnswerService
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.qa.library import manuals

TOKENIZER = ByteTokenizer()
QUESTION = Question("How long does the pairing window of the Corvo 200 stay open?", "default")
GOOD = "The window stays open for 4 minutes."
HEADS = ((3, 1), (4, 0))
BY_WORD = Review(Weights(stands=1.0, words=0.0, bias=0.0), Weights(stands=1.0, words=0.0, bias=0.0), HEADS)
CONFIG = AnswerConfig(prompt_tokens=8_000, review=BY_WORD)
PARAMS = GenerationParams(max_tokens=9)


def asked_back(reply: str, answer: str = GOOD) -> Callable[[list[int]], str]:
    return lambda prompt: reply if ASKED_BACK in TOKENIZER.decode(prompt) else answer


def ask(generator: ScriptedGenerator, config: AnswerConfig = CONFIG, cancel: Event | None = None) -> Answer:
    shelf = manuals()
    service = AnswerService(shelf.retriever(), generator, TOKENIZER, config, "scripted", shelf.catalog.document)
    *events, last = service.answer(QUESTION, cancel)
    assert isinstance(last, AnswerDone)
    assert last.answer.text == "".join(event.text for event in events if isinstance(event, TextDelta))
    return last.answer


@pytest.mark.parametrize(("reply", "sign"), [("Yes", 1), ("yes.", 1), ("No", -1), ("no", -1), ("Well", 0)])
def test_the_odds_are_those_of_its_next_word(reply: str, sign: int) -> None:
    generator = ScriptedGenerator(reply)
    odds = log_odds_of_yes([("user", "Why?")], "So.", generator, TOKENIZER, PARAMS)
    assert odds is not None
    assert (odds > 0) - (odds < 0) == sign
    (prompt,) = generator.prompts
    assert TOKENIZER.decode(prompt) == f"user\nWhy?assistant\nSo.user\n{ASKED_BACK}assistant\n"


def test_there_are_no_odds_without_room_or_after_a_cancel() -> None:
    generator = ScriptedGenerator("No", context_length=20)
    assert log_odds_of_yes([("user", "Why?")], "So.", generator, TOKENIZER, PARAMS) is None
    assert not generator.prompts
    cancel = Event()
    cancel.set()
    params = replace(PARAMS, cancel=cancel)
    assert log_odds_of_yes([("user", "Why?")], "So.", ScriptedGenerator("No"), TOKENIZER, params) is None


@pytest.mark.parametrize("signal", ["stands", "words", "attention"])
def test_each_signal_speaks_for_an_answer(signal: str) -> None:
    weights = Weights(**{"stands": 0.0, "words": 0.0, "bias": -1.0, signal: 2.0})
    assert weights.score(Signals(log_odds=0.0, lexical=0.0, attention=0.0)) == -1.0
    assert weights.score(Signals(log_odds=1.0, lexical=1.0, attention=1.0)) > 0.0


@pytest.mark.parametrize(("attention", "doubtful"), [(0.1, True), (0.3, False), (None, True)])
def test_attention_that_is_not_known_has_weights_of_its_own(attention: float | None, doubtful: bool) -> None:
    review = Review(Weights(0.0, 0.0, bias=-0.2, attention=1.0), Weights(1.0, 0.0, bias=-2.0), HEADS)
    signals = Signals(1.5, 9.0, attention)
    assert review.is_doubtful(signals) == doubtful
    assert review.is_doubtful(signals, caution=1.0)
    assert not review.is_doubtful(signals, caution=-1.0)


def test_the_question_is_asked_where_it_looks_among_the_passages() -> None:
    prompt = build_prompt("Why?", (), manuals().passages(), TOKENIZER, 9_000, system_prompt())
    query = BY_WORD.query(prompt)
    assert query is not None
    assert TOKENIZER.decode(prompt.tokens[query.start : query.end]) == " Why?"
    assert query.heads == HEADS
    for passage, (begin, end) in zip(prompt.passages, query.spans, strict=True):
        assert TOKENIZER.decode(prompt.tokens[begin:end]) == passage.stored.passage.text
    assert BY_WORD.query(replace(prompt, question_span=None)) is None
    assert BY_WORD.query(replace(prompt, passage_spans=(None,) * len(prompt.passages))) is None
    (one,) = prompt.passage_spans[:1]
    assert one == TokenSpan(*query.spans[0])


def test_what_the_model_does_not_stand_by_is_an_abstention_with_its_text_as_it_was_shown() -> None:
    answer = ask(ScriptedGenerator(asked_back("No")))
    assert (answer.abstained, answer.text) == (True, GOOD)
    assert len(answer.nearest) == CONFIG.nearest
    assert [sentence.status for sentence in answer.sentences] == [SentenceStatus.QUOTED]


def test_caution_takes_back_what_the_model_stands_by() -> None:
    generator = ScriptedGenerator(asked_back("Yes"))
    assert not ask(generator, replace(CONFIG, caution=100.0)).abstained, "a script is sure of every word"
    assert ask(generator, replace(CONFIG, caution=1000.0)).abstained


def test_what_the_model_stands_by_is_an_answer() -> None:
    generator = ScriptedGenerator(asked_back("Yes"))
    answer = ask(generator)
    assert (answer.abstained, answer.nearest) == (False, ())
    first, second = generator.prompts
    assert second[: len(first)] == first, "what is known already is not read again"
    assert answer.stats.output_tokens == len(GOOD)


@pytest.mark.parametrize("text", [REFUSAL, ""])
def test_a_refusal_is_not_asked_about(text: str) -> None:
    generator = ScriptedGenerator(asked_back("Yes", text))
    assert ask(generator).abstained
    assert len(generator.prompts) == 1


def test_a_model_without_a_review_is_not_asked() -> None:
    generator = ScriptedGenerator(asked_back("No"))
    assert not ask(generator, replace(CONFIG, review=None)).abstained
    assert len(generator.prompts) == 1
