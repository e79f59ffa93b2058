"""Runs of copied tokens become spans of the answer's text, by passage."""

from __future__ import annotations

import pytest

from decoding.generator import CopiedRun, FinishReason, GenerationDone, GenerationStats
from ingest.document import Span
from qa.answer import DraftedRun
from qa.drafted import drafted_runs
from qa.prompt import Prompt, build_prompt
from tests.fakes.decoding import ByteTokenizer
from tests.qa.library import manuals

TOKENIZER = ByteTokenizer()  # a byte is a token
TEXT = "Öffne das Fenster."
STATS = GenerationStats(prompt_tokens=1, output_tokens=1, steps=1, drafted=1, accepted=1, ttft_s=0.0, decode_s=0.0)


@pytest.fixture
def prompt() -> Prompt:
    question = "How long does the pairing window of the Corvo 200 stay open?"
    found = tuple(manuals().retriever().retrieve(question, "default", 3))
    return build_prompt(question, (), found, TOKENIZER, 20_000, "Answer.")


def done(*copied: CopiedRun, text: str = TEXT) -> GenerationDone:
    return GenerationDone(tuple(TEXT.encode()), text, FinishReason.STOP, STATS, copied)


def test_tokens_are_counted_in_code_points_of_the_text(prompt: Prompt) -> None:
    second = prompt.passage_spans[1]
    assert second is not None
    runs = drafted_runs(done(CopiedRun(0, 6, "prompt", second.start), CopiedRun(7, 10, "output", 2)), prompt, TOKENIZER)
    assert runs == (DraftedRun(Span(0, 5), 2), DraftedRun(Span(6, 9), None))
    inside = drafted_runs(done(CopiedRun(1, 6, "prompt", second.start)), prompt, TOKENIZER)
    assert inside == (DraftedRun(Span(0, 5), 2),)  # a character counts where its last byte is


def test_a_run_is_cut_where_it_leaves_its_passage(prompt: Prompt) -> None:
    first = prompt.passage_spans[0]
    assert first is not None
    runs = drafted_runs(done(CopiedRun(7, 12, "prompt", first.end - 2)), prompt, TOKENIZER)
    assert runs == (DraftedRun(Span(6, 8), 1), DraftedRun(Span(8, 11), None))


def test_text_around_a_passage_counts_as_its_document(prompt: Prompt) -> None:
    revision = prompt.passages[-1].stored.revision.id
    best = next(n for n, found in enumerate(prompt.passages, 1) if found.stored.revision.id == revision)
    runs = drafted_runs(
        done(
            CopiedRun(7, 9, f"{revision}/0", 900), CopiedRun(9, 11, f"{revision}/1", 3), CopiedRun(12, 14, "answers", 5)
        ),
        prompt,
        TOKENIZER,
    )
    assert runs == (DraftedRun(Span(6, 10), best), DraftedRun(Span(11, 13), None))


def test_nothing_lies_beyond_the_text_or_is_told_of_another(prompt: Prompt) -> None:
    copied = CopiedRun(7, 19, "output", 0)
    assert drafted_runs(done(copied, text=TEXT[:8]), prompt, TOKENIZER) == (DraftedRun(Span(6, 8), None),)
    assert drafted_runs(done(copied, text="Anders."), prompt, TOKENIZER) == ()
