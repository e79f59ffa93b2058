"""All sources in one tree; what requests leave behind stays in its scope and in its bounds."""

from __future__ import annotations

import random

import pytest

from decoding.draft import Draft, DraftSource, Origin
from decoding.drafting import memory
from decoding.drafting.drafter import SOURCES, Drafting
from decoding.drafting.step_cost import DEFAULT_COST, GUESS_SECONDS, StepCost
from decoding.drafting.successors import MOST_SUCCESSORS, SuccessorTable
from decoding.generator import DraftText, GenerationParams
from decoding.verification import verify
from tests.contracts.draft import DraftContract
from tests.decoding.drafting.making import FLAT, make_draft


class TestTreeDraft(DraftContract):
    def source(self) -> DraftSource:
        return Drafting()(GenerationParams(9))


class TestTreeDraftOfDocuments(DraftContract):
    def source(self) -> DraftSource:
        texts = (DraftText("one", (1, 2, 3, 4, 5)), DraftText("two", (2, 3, 0, 0, 1)))
        return Drafting()(GenerationParams(9, draft_texts=texts))


def drafted(
    drafting: Drafting, prompt: list[int], output: list[int], params: GenerationParams, cost: StepCost = FLAT
) -> Draft:
    """The draft after prompt and output, which the request then leaves behind."""
    source = drafting(params)
    source.append(prompt)
    source.append(output)
    draft = make_draft(source, 200, cost)
    source.close()
    return draft


def test_sources_merge_into_one_tree() -> None:
    drafting = Drafting()
    params = GenerationParams(9, draft_texts=(DraftText("manual", (9, 1, 2, 6, 7)),))
    drafted(drafting, [50], [2, 8], params)
    draft = drafted(drafting, [1, 2, 3, 9], [1, 2], params)
    roots = {guess.token: guess for guess in draft.guesses if guess.parent == -1}
    assert {token: guess.source for token, guess in roots.items()} == {3: "text", 6: "document", 8: "successor"}
    assert roots[6].origin == Origin("manual", 3)
    assert draft.guesses[next(iter(draft.children(draft.guesses.index(roots[6])).values()))].token == 7


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_can_work_alone(source: str) -> None:
    drafting = Drafting(sources=[source])
    params = GenerationParams(9, draft_texts=(DraftText("manual", (1, 2, 6)),))
    drafted(drafting, [50], [1, 2, 8], params)
    draft = drafted(drafting, [1, 2, 3, 9], [1, 2], params)
    assert {guess.source for guess in draft.guesses} == {source}


def test_unknown_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown draft sources"):
        Drafting(sources=["oracle"])


def test_a_repeated_question_is_drafted_from_its_answer() -> None:
    drafting, cost = Drafting(), StepCost((1, 32), (1.0, 2.0))
    prompt, answer = list(range(100, 140)), list(range(20, 60))
    drafted(drafting, prompt, answer, GenerationParams(99))
    assert drafted(drafting, prompt, answer[:1], GenerationParams(99), cost).tokens[:20] == answer[1:21]


def test_scopes_see_nothing_of_each_other() -> None:
    drafting = Drafting()
    drafted(drafting, [100], [20, 21, 22, 23], GenerationParams(9, scope="mine"))
    assert drafted(drafting, [100], [20, 21], GenerationParams(9, scope="yours")) == Draft(())
    assert drafted(drafting, [100], [20, 21], GenerationParams(9, scope="mine")).tokens[:1] == [22]


def test_fewer_guesses_ride_with_a_prompt_than_fill_a_step() -> None:
    """Rows of a long pass are dearer than those of a step, which has its weights to read anyway."""
    drafting, cost = Drafting(), StepCost((1, 16, 24), (1.0, 1.1, 2.1))
    prompt, answer = list(range(100, 140)), list(range(20, 60))
    drafted(drafting, prompt, answer, GenerationParams(99))
    widths = {}
    for rows in (1, 200):
        source = drafting(GenerationParams(99))
        source.append(prompt)
        draft = make_draft(source, 31, cost, rows)
        widths[rows] = len(draft.guesses)
        assert draft.tokens == answer[: widths[rows]]
    assert 0 < widths[200] < widths[1]


def test_a_prompt_is_not_continued_like_itself() -> None:
    source = Drafting()(GenerationParams(9))
    source.append([1, 2, 3, 4, 1, 2])
    assert source.propose(rows=6) is None
    assert make_draft(source, 5).guesses


def test_what_did_not_come_true_is_drafted_less() -> None:
    drafting, cost = Drafting(sources=["text"]), StepCost((1, 100), (1.0, 20.8))
    widths = []
    for _ in range(40):
        source = drafting(GenerationParams(9))
        source.append([1, 2, 3, 4, 1, 2])
        widths.append(len(make_draft(source, 10, cost).guesses))
        source.append([90])
    assert widths[0] > 0
    assert widths[-1] == 0


@pytest.mark.parametrize("vocabulary", [500, 5000, 150_000])
def test_text_that_can_not_be_drafted_loses_at_most_3_percent(vocabulary: int) -> None:
    """By the times of steps, over 200 tokens at random: each guess is wrong, or right by chance."""
    chance = random.Random(vocabulary)
    drafting = Drafting()
    source = drafting(GenerationParams(200))
    source.append([chance.randrange(vocabulary) for _ in range(900)])
    tokens, seconds = 0, 0.0
    while tokens < 200:
        draft = make_draft(source, 31, DEFAULT_COST)
        found = verify(draft, lambda _: chance.randrange(vocabulary))
        said = [*(draft.tokens[index] for index in found.path), found.next_token]
        source.append(said)
        tokens += len(said)
        seconds += DEFAULT_COST.of(1 + len(draft.guesses)) + GUESS_SECONDS * len(draft.guesses)
    assert seconds / tokens < 1.03 * DEFAULT_COST.of(1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_SCOPES", 2)
    monkeypatch.setattr(memory, "MOST_ANSWER_TOKENS", 100)
    drafting = Drafting()
    kept = drafting._memory
    for scope in ("a", "b", "c"):
        drafted(drafting, [100], [20, 21, 22], GenerationParams(9, scope=scope))
    assert list(kept._scopes) == ["b", "c"]
    for _ in range(30):
        drafted(drafting, [100], list(range(20, 40)), GenerationParams(30, scope="c"))
    assert len(kept.scope("c").answers.tokens) < 150
    monkeypatch.setattr(memory, "MOST_TOKENS", 60)
    drafted(drafting, [100], list(range(20, 40)), GenerationParams(30, scope="b"))
    assert list(kept._scopes) == ["b"]


def test_indices_of_draft_texts_are_made_once_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_TOKENS", 10)
    kept = Drafting()._memory
    first = kept.text("one", [1, 2, 3, 4, 5, 6])
    assert kept.text("one", [1, 2, 3, 4, 5, 6]) is first
    assert kept.text("one", [1, 2, 3]) is not first
    kept.text("two", [1, 2, 3, 4, 5, 6, 7, 8])
    assert list(kept._texts) == ["two"]


def test_a_table_keeps_the_latest_successors(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SuccessorTable()
    for successor in [5, *range(20), 3]:
        table.learn(1, successor)
    assert table.after(1) == (3, 19, 18, 17, 16, 15, 14, 13)
    assert len(table.after(1)) == MOST_SUCCESSORS
    monkeypatch.setattr("decoding.drafting.successors.MOST_TOKENS", 2)
    table.learn(2, 9)
    table.learn(4, 9)
    assert (table.after(1), table.after(2), table.after(4)) == ((), (9,), (9,))
