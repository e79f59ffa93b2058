"""From which texts the words of an answer were drafted: what the decoder copied, by passage, in code points."""

from __future__ import annotations

from collections.abc import Iterator

from decoding.generator import CopiedRun, GenerationDone, Tokenizer
from ingest.document import Span
from qa.answer import DraftedRun
from qa.prompt import Prompt

UNFINISHED = "\ufffd"
"""What a tokenizer makes of a character of which tokens are still missing."""


def drafted_runs(done: GenerationDone, prompt: Prompt, tokenizer: Tokenizer) -> tuple[DraftedRun, ...]:
    """The runs in order, neighbours from the same text as one; none if the tokens do not say what the text says."""
    if not tokenizer.decode(done.tokens).startswith(done.text):
        return ()
    runs: list[DraftedRun] = []
    for run in done.copied:
        for first, last, passage in _parts(run, prompt):
            start, end = (_length(done, tokenizer, at) for at in (first, last))
            if start >= end:
                continue
            before = runs[-1] if runs else None
            if before is not None and (before.span.end, before.passage) == (start, passage):
                runs[-1] = DraftedRun(Span(before.span.start, end), passage)
            else:
                runs.append(DraftedRun(Span(start, end), passage))
    return tuple(runs)


def _parts(run: CopiedRun, prompt: Prompt) -> Iterator[tuple[int, int, int | None]]:
    """The run, cut where it leaves or enters a passage of the prompt: first and last token, passage."""
    if run.text != "prompt":
        yield run.start, run.end, _passage_of(run.text, prompt)
        return
    passages = [
        next((n for n, span in enumerate(prompt.passage_spans, 1) if span and span.start <= at < span.end), None)
        for at in range(run.offset, run.offset + run.end - run.start)
    ]
    start = 0
    for at in range(1, len(passages) + 1):
        if at == len(passages) or passages[at] != passages[start]:
            yield run.start + start, run.start + at, passages[start]
            start = at


def _passage_of(text: str, prompt: Prompt) -> int | None:
    """The best passage of the document that a draft text is a block of, see `qa.draft_texts`."""
    revision = text.rpartition("/")[0]
    return next((n for n, found in enumerate(prompt.passages, 1) if found.stored.revision.id == revision), None)


def _length(done: GenerationDone, tokenizer: Tokenizer, tokens: int) -> int:
    """Code points of the text that the first ``tokens`` tokens make."""
    return min(len(tokenizer.decode(done.tokens[:tokens]).rstrip(UNFINISHED)), len(done.text))
