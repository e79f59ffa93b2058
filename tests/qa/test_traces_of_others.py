"""What callers with other rights asked leaves no trace in an answer: neither in caches nor in drafts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decoding.drafting.drafter import Drafting
from decoding.generate import SpeculativeGenerator
from decoding.prefix_cache import PrefixCache
from ingest.scope import EVERYTHING, Scope
from qa.abstention import AbstentionConfig
from qa.answer import Answer, AnswerDone, Question
from qa.service import AnswerConfig, AnswerService
from tests.decoding.drafting.making import FLAT
from tests.fakes.decoding import ByteTokenizer
from tests.fakes.target import HashTarget
from tests.qa.library import Library, manual, manuals

QUESTION = Question("How long does the pairing window of the Corvo 200 stay open?", "default", max_output_tokens=60)
SECRET = "# Plans\n\n## 1 Pairing\n\nThe pairing window of the Corvo 200 will stay open for 9 minutes.\n"
HOLDERS = [Scope(labels=frozenset({"plans"})), Scope(labels=frozenset({"plans", "sales"})), EVERYTHING]


def library() -> Library:
    shelf = manuals()
    shelf.publish(manual("plans.md", SECRET, "Plans"), labels=("plans",))
    return shelf


def service(shelf: Library) -> AnswerService:
    target = HashTarget(vocabulary=259, context_length=65_536, memory=2)
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting(), prefix_cache=PrefixCache(1 << 20), cost=FLAT)
    config = AnswerConfig(prompt_tokens=8_000, abstention=AbstentionConfig(min_nearness=0.0))
    return AnswerService(shelf.retriever(), generator, ByteTokenizer(), config, "hash", shelf.catalog.document)


def ask(asked: AnswerService, scope: Scope) -> Answer:
    *_, last = asked.answer(replace(QUESTION, scope=scope))
    assert isinstance(last, AnswerDone)
    return last.answer


def told(answer: Answer) -> tuple[object, ...]:
    """All that a caller gets but times."""
    stats = answer.stats
    counts = stats.prompt_tokens, stats.output_tokens, stats.cached_tokens, stats.target_steps, stats.drafts
    return answer.text, answer.sentences, answer.passages, answer.drafted, counts


def test_asking_again_with_the_same_rights_is_quicker() -> None:
    asked = service(library())
    first, second = ask(asked, HOLDERS[0]), ask(asked, HOLDERS[0])
    assert first.text == second.text
    assert first.stats.cached_tokens == 0 < second.stats.cached_tokens
    assert second.stats.target_steps < first.stats.target_steps
    assert "answer" in {count.source for count in second.stats.drafts}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("mine", [Scope(labels=frozenset()), Scope(labels=frozenset({"sales"}))])
def test_after_others_it_is_as_if_nobody_had_asked(holder: Scope, mine: Scope) -> None:
    shelf = library()
    alone, after = service(shelf), service(shelf)
    assert "plans.md" in {found.stored.revision.source for found in ask(after, holder).passages}
    assert told(ask(after, mine)) == told(ask(alone, mine))
