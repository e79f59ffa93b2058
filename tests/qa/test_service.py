from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.generator import GenerationDone, GenerationParams, TokenChunk
from decoding.speedup import SourceCount
from decoding.target import ContextOverflow
from ingest.document import Document
from ingest.scope import EVERYTHING, Scope
from qa.abstention import NO_DOCUMENTS, NOTHING_NEAR, AbstentionConfig
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    DraftCount,
    PassagesFound,
    Question,
    SentenceStatus,
    TextDelta,
    Turn,
)
from qa.refusal import REFUSAL
from qa.service import AnswerConfig, AnswerService
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.qa.library import CORVO, Library, manual, manuals

TOKENIZER = ByteTokenizer()
# Bytes are tokens here, and words that share a dimension are alike.
CONFIG = AnswerConfig(prompt_tokens=8_000, abstention=AbstentionConfig(min_nearness=0.7))
QUESTION = Question("How long does the pairing window of the Corvo 200 stay open?", "default")
GOOD = "The window stays open for 4 minutes."


def service(
    script: str | Callable[[list[int]], str] | ScriptedGenerator = GOOD,
    library: Library | None = None,
    config: AnswerConfig = CONFIG,
) -> AnswerService:
    shelf = library or manuals()
    generator = script if isinstance(script, ScriptedGenerator) else ScriptedGenerator(script)
    return AnswerService(shelf.retriever(), generator, TOKENIZER, config, "scripted", shelf.catalog.document)


def answered(events: list[AnswerEvent]) -> Answer:
    last = events[-1]
    assert isinstance(last, AnswerDone)
    return last.answer


def test_the_main_path() -> None:
    events = list(service().answer(QUESTION))
    found, *deltas, done = events
    assert isinstance(found, PassagesFound)
    assert all(isinstance(delta, TextDelta) and delta.text for delta in deltas)
    assert isinstance(done, AnswerDone)
    answer = done.answer
    assert "".join(cast(TextDelta, delta).text for delta in deltas) == answer.text == GOOD
    assert found.passages == answer.passages
    assert not answer.abstained
    assert answer.nearest == ()
    assert [sentence.status for sentence in answer.sentences] == [SentenceStatus.QUOTED]
    (citation,) = answer.sentences[0].citations
    assert (citation.source, citation.section_path[-1]) == ("corvo.md", "1 Pairing")
    assert citation.quote == GOOD
    assert answer.passages[citation.passage - 1].stored.revision.source == "corvo.md"
    assert answer.finish_reason == "stop"


def test_stats_are_those_of_the_generator_with_the_time_of_the_whole() -> None:
    generator = ScriptedGenerator(GOOD)
    answer = answered(list(service(generator).answer(QUESTION)))
    assert answer.stats.prompt_tokens == len(generator.prompts[0])
    assert answer.stats.output_tokens == len(GOOD)
    assert answer.stats.target_steps == 8
    assert 0 < answer.stats.ttft_s <= answer.stats.total_s


def test_the_prompt_holds_rules_passages_and_question() -> None:
    generator = ScriptedGenerator(GOOD)
    found, *_ = service(generator).answer(QUESTION)
    assert isinstance(found, PassagesFound)
    prompt = TOKENIZER.decode(generator.prompts[0])
    assert prompt.startswith("system\n")
    assert prompt.endswith(f"Question: {QUESTION.text}assistant\n")
    for passage in found.passages:
        assert passage.stored.passage.text in prompt


@pytest.mark.parametrize("more", ["</passage>", "\n<passage number=", "\nQuestion: And"])
def test_what_goes_on_with_the_prompt_is_no_answer(more: str) -> None:
    answer = answered(list(service(ScriptedGenerator(GOOD + more)).answer(QUESTION)))
    assert answer.text == GOOD


def test_passages_that_do_not_fit_are_neither_shown_nor_cited() -> None:
    generator = ScriptedGenerator(GOOD)
    answer = answered(list(service(generator, config=replace(CONFIG, prompt_tokens=1_400)).answer(QUESTION)))
    assert len(generator.prompts[0]) <= 1_400
    assert 0 < len(answer.passages) < 5
    assert TOKENIZER.decode(generator.prompts[0]).count("<passage number=") == len(answer.passages)


def test_the_context_leaves_room_for_the_output() -> None:
    generator = ScriptedGenerator(GOOD, context_length=1_500)
    answer = answered(list(service(generator, config=replace(CONFIG, max_output_tokens=100)).answer(QUESTION)))
    assert len(generator.prompts[0]) <= 1_400
    assert answer.text == GOOD


def test_a_context_that_holds_no_passage_is_an_error() -> None:
    with pytest.raises(ContextOverflow):
        list(service(ScriptedGenerator(GOOD, context_length=500)).answer(QUESTION))


def test_an_empty_collection_is_told_without_generating() -> None:
    generator = ScriptedGenerator(GOOD)
    events = list(service(generator, Library()).answer(QUESTION))
    answer = answered(events)
    assert events[0] == PassagesFound(())
    assert events[1:-1] == [TextDelta(NO_DOCUMENTS)]
    assert (answer.abstained, answer.text, answer.nearest, answer.sentences) == (True, NO_DOCUMENTS, (), ())
    assert generator.prompts == []


def test_nothing_near_is_told_without_generating_and_names_the_nearest() -> None:
    generator = ScriptedGenerator(GOOD)
    answer = answered(list(service(generator).answer(Question("Which wine goes with roast venison?", "default"))))
    assert (answer.abstained, answer.text) == (True, NOTHING_NEAR)
    assert answer.passages == ()
    assert 1 <= len(answer.nearest) <= CONFIG.nearest
    assert answer.stats.output_tokens == answer.stats.prompt_tokens == 0
    assert generator.prompts == []


def test_an_undocumented_code_is_named_without_generating() -> None:
    generator = ScriptedGenerator(GOOD)
    answer = answered(list(service(generator).answer(Question("C-77 on the Corvo, what is it?", "default"))))
    assert (answer.abstained, answer.text) == (True, "The documents do not mention C-77.")
    assert len(answer.nearest) == CONFIG.nearest
    assert generator.prompts == []


@pytest.mark.parametrize("text", [REFUSAL, "Lunch is served at noon.", "The window stays open for 77 minutes."])
def test_an_answer_that_no_passage_carries_is_an_abstention_with_its_text_as_it_was_shown(text: str) -> None:
    events = list(service(text).answer(QUESTION))
    answer = answered(events)
    assert answer.abstained
    assert answer.text == text == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert [sentence.status for sentence in answer.sentences] == [SentenceStatus.UNSUPPORTED]
    assert len(answer.nearest) == CONFIG.nearest


def test_a_partial_refusal_is_an_answer() -> None:
    answer = answered(list(service(f"{GOOD} The documents do not say why.").answer(QUESTION)))
    assert not answer.abstained
    assert [s.status for s in answer.sentences] == [SentenceStatus.QUOTED, SentenceStatus.UNSUPPORTED]


def test_silence_of_the_model_is_a_refusal() -> None:
    events = list(service("").answer(QUESTION))
    assert events[1:-1] == [TextDelta(REFUSAL)]
    assert answered(events).abstained
    assert answered(events).text == REFUSAL


def test_a_model_that_goes_on_with_the_conversation_is_stopped() -> None:
    assert answered(list(service(f"{GOOD}\nQuestion: What else?").answer(QUESTION))).text == GOOD


def test_cancelling_ends_the_text_and_is_no_abstention() -> None:
    cancel = Event()
    events = []
    for event in service().answer(QUESTION, cancel):
        events.append(event)
        if isinstance(event, TextDelta):
            cancel.set()
    answer = answered(events)
    assert answer.finish_reason == "cancelled"
    assert GOOD.startswith(answer.text)
    assert 0 < len(answer.text) < len(GOOD)
    assert not answer.abstained


def test_cancelled_before_it_began() -> None:
    cancel = Event()
    cancel.set()
    answer = answered(list(service().answer(QUESTION, cancel)))
    assert (answer.text, answer.finish_reason, answer.abstained) == ("", "cancelled", False)


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_leaving_frees_the_generator(taken: int) -> None:
    generator = ScriptedGenerator(GOOD)
    events = service(generator).answer(QUESTION)
    for _ in range(taken):
        next(events)
    assert generator.running == (1 if taken > 1 else 0)
    events.close()  # type: ignore[attr-defined]
    assert generator.running == 0


def test_limits_and_sampling_reach_the_generator() -> None:
    answer = answered(list(service().answer(replace(QUESTION, max_output_tokens=10))))
    assert (answer.text, answer.finish_reason, answer.stats.output_tokens) == (GOOD[:10], "length", 10)


def test_characters_of_several_tokens_come_whole() -> None:
    events = list(service("130 °C – 😀 déjà").answer(QUESTION))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "130 °C – 😀 déjà"
    assert not any("\ufffd" in event.text for event in events if isinstance(event, TextDelta))


WINDOW = Turn(QUESTION.text, "4 minutes.")


def test_a_follow_up_is_answered_from_what_it_is_about() -> None:
    generator = ScriptedGenerator("It is 6 minutes.")
    events = list(service(generator).answer(Question("And on the Pipit?", "default", (WINDOW,))))
    answer = answered(events)
    assert answer.sentences[0].citations[0].source == "pipit.md"
    assert "Earlier in this conversation" in TOKENIZER.decode(generator.prompts[0])


def test_only_the_last_turns_are_shown() -> None:
    generator = ScriptedGenerator(GOOD)
    history = tuple(Turn(f"question {n}?", f"answer {n}.") for n in range(5))
    list(service(generator).answer(replace(QUESTION, history=history)))
    prompt = TOKENIZER.decode(generator.prompts[0])
    assert [f"answer {n}." in prompt for n in range(5)] == [False, False, False, True, True]


def test_history_is_no_evidence() -> None:
    history = (Turn("Which wine goes with roast venison?", "A Barolo goes well with roast venison."),)
    question = Question("Which wine goes with roast venison in autumn?", "default", history)
    answer = answered(list(service("A Barolo goes well with roast venison.").answer(question)))
    assert answer.abstained
    assert not any(sentence.citations for sentence in answer.sentences)


def test_a_revision_that_is_replaced_while_the_text_streams_is_the_one_that_is_cited() -> None:
    library = manuals()
    before = library.catalog.current_of("default", "corvo.md")
    assert before is not None

    def replace_meanwhile(prompt: list[int]) -> str:
        library.publish(manual("corvo.md", "# New\n\n## 1 Pairing\n\nNothing.\n", "New"))
        library.catalog.discard(before.id)
        return GOOD

    answer = answered(list(service(replace_meanwhile, library).answer(QUESTION)))
    assert answer.sentences[0].citations[0].revision_id == before.id
    with pytest.raises(KeyError):
        library.catalog.document(before.id)


def test_a_question_as_of_then_is_answered_and_cited_from_what_held_then() -> None:
    library = manuals()
    library.now = 2_000.0
    library.publish(manual("corvo.md", CORVO.replace("4 minutes", "9 minutes"), "Corvo 200 Manual"))
    for moment, said, number in ((1_500.0, GOOD, 1), (None, GOOD.replace("4", "9"), 2)):
        question = replace(QUESTION, scope=Scope(as_of=moment))
        answer = answered(list(service(ScriptedGenerator(said), library).answer(question)))
        (citation,) = answer.sentences[0].citations
        assert (citation.revision, citation.quote) == (number, said)


def test_each_document_is_read_once() -> None:
    library = manuals()
    read: list[str] = []

    def documents(revision: str) -> Document:
        read.append(revision)
        return library.catalog.document(revision)

    asked = AnswerService(library.retriever(), ScriptedGenerator(GOOD), TOKENIZER, CONFIG, "scripted", documents)
    list(asked.answer(QUESTION))
    assert sorted(read) == sorted(set(read))


@given(st.text(max_size=60))
def test_the_text_is_what_was_streamed_whatever_the_model_says(text: str) -> None:
    events = list(service(text).answer(QUESTION))
    answer = answered(events)
    assert answer.text == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert isinstance(events[0], PassagesFound)
    assert sum(isinstance(event, AnswerDone) for event in events) == 1


def test_the_documents_of_the_passages_are_there_to_draft_from() -> None:
    asked: list[GenerationParams] = []

    class Watched(ScriptedGenerator):
        def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
            asked.append(params)
            return super().generate(prompt, params)

    library = manuals()
    answer = answered(list(service(Watched(GOOD), library).answer(QUESTION)))
    texts = {bytes(text.tokens).decode() for text in asked[0].draft_texts}
    assert texts == {library.catalog.document(at.stored.revision.id).text for at in answer.passages}
    assert asked[0].scope == "default|"
    scopes = [Scope(labels=frozenset(labels)) for labels in ((), ("hr",), ("hr", "sales"))] + [EVERYTHING]
    for scope in scopes:
        list(service(Watched(GOOD), library).answer(replace(QUESTION, scope=scope)))
    assert len({params.scope for params in asked}) == len(scopes), "what is learnt stays among those with equal rights"


def test_figures_say_what_became_of_drafts_by_source() -> None:
    class Counted(ScriptedGenerator):
        def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
            for item in super().generate(prompt, params):
                if isinstance(item, GenerationDone):
                    counts = (
                        SourceCount("text", 1, 9, 2),
                        SourceCount("text", 5, 6, 5),
                        SourceCount("answer", 9, 4, 1),
                    )
                    item = replace(
                        item,
                        stats=replace(
                            item.stats, sources=counts, steps=4, output_tokens=12, first_tokens=3, decode_s=0.9
                        ),
                    )
                yield item

    stats = answered(list(service(Counted(GOOD)).answer(QUESTION))).stats
    assert stats.drafts == (DraftCount("answer", 4, 1), DraftCount("text", 15, 7))
    assert stats.tokens_per_step == 3.0
    assert stats.decode_tokens_per_s == pytest.approx(10.0)
