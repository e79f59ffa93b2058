"""The main path: question -> passages -> prompt -> streamed text -> cited answer, or an abstention."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import cast

from decoding.generator import (
    FinishReason,
    GenerationDone,
    GenerationParams,
    GenerationStats,
    SamplingParams,
    Tokenizer,
)
from decoding.generator import Generator as TokenGenerator
from decoding.speedup import SourceCount
from ingest.document import Document
from qa.abstention import (
    NO_DOCUMENTS,
    NOT_DOCUMENTED,
    NOTHING_NEAR,
    AbstentionConfig,
    nothing_carried,
    nothing_near,
    undocumented_codes,
)
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    AnswerStats,
    DraftCount,
    Mode,
    Origin,
    PassagesFound,
    Question,
    RetrievedPassage,
    TextDelta,
)
from qa.as_written import as_written
from qa.citations import cite
from qa.conversation import queries, retrieve_all
from qa.draft_texts import DraftTexts
from qa.drafted import drafted_runs
from qa.prompt import Prompt, build_prompt, system_prompt
from qa.quotes import Quoter, Quotes
from qa.refusal import REFUSAL, is_refusal
from qa.retriever import Retriever
from qa.review import Review, Signals, log_odds_of_yes

# What a small model writes when it goes on with the prompt by itself instead of ending its answer.
STOP = ("\nQuestion:", "\n<passage", "</passage")

_NOTHING_GENERATED = GenerationStats(0, 0, 0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class AnswerConfig:
    """How answers are made; lengths in tokens of the language model.

    Of ``candidates`` retrieved the first ``passages`` are shown to the model, or as many of them as
    ``prompt_tokens`` allow, rules and question included, earlier turns not; the others only help to tell what is not
    documented.
    ``quote_unsaid``: quote the documents where the model finds nothing, or nothing that a passage carries.
    ``review``: ask the model back, and take what it does not stand by for a refusal, by the bar of ``caution`` (see
    `Review.is_doubtful`).
    Time to the first token is prompt length: on two cores 800 tokens take 2 to 3 s.
    """

    candidates: int = 20
    passages: int = 4
    prompt_tokens: int = 800
    max_output_tokens: int = 256
    history_turns: int = 2
    nearest: int = 3
    quote_unsaid: bool = True
    system_prompt: str = "default"
    review: Review | None = None
    caution: float = 0.0
    abstention: AbstentionConfig = field(default_factory=AbstentionConfig)


class AnswerService:
    """Answers questions from what a retriever finds; holds no state between questions.

    ``documents`` gives the canonical document of a revision id (`Catalog.document`); ``model`` is the name
    under which answers report their generator. Without a ``quoter`` nothing is ever quoted in a model's place.
    """

    def __init__(
        self,
        retriever: Retriever,
        generator: TokenGenerator,
        tokenizer: Tokenizer,
        config: AnswerConfig,
        model: str,
        documents: Callable[[str], Document],
        quoter: Quoter | None = None,
    ) -> None:
        self._retriever = retriever
        self._generator = generator
        self._tokenizer = tokenizer
        self._config = config
        self._documents = documents
        self._quoter = quoter
        self._draft_texts = DraftTexts(tokenizer)
        self._system = system_prompt(config.system_prompt)
        self.model = model

    def answer(self, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        """Stream one answer: `PassagesFound`, then `TextDelta` s, then the only `AnswerDone`.

        Setting ``cancel`` ends the text early with finish reason "cancelled". Closing the iterator frees the
        generator's memory at once. Raises `decoding.target.ContextOverflow` when the model's context can't hold
        even one passage with the question, ValueError for `Mode.QUOTE` without a quoter.
        """
        started = time.perf_counter()
        history = question.history[-self._config.history_turns :] if self._config.history_turns else ()
        asked = queries(question.text, history)
        candidates = retrieve_all(self._retriever, asked, question.collection, self._config.candidates, question.scope)
        found = candidates[: self._config.passages]
        # History is no evidence: only what was found can save a question from a refusal.
        reason = self._reason_to_abstain(question.text, asked[0].text, candidates)
        if question.mode is Mode.SEARCH and found:
            reason = None  # whoever searches judges for himself
        if reason is not None:
            yield from self._abstain(reason, found, started)
            return
        # Read now, so that a revision that is replaced while the text streams is still the one that is cited.
        revisions = {passage.stored.revision.id for passage in found}
        documents = {revision: self._documents(revision) for revision in sorted(revisions)}
        if question.mode is not Mode.ANSWER:
            yield from self._quote(question.mode, asked[0].text, found, documents, started)
            return
        max_tokens = question.max_output_tokens or self._config.max_output_tokens
        prompt = build_prompt(
            question.text,
            history,
            found,
            self._tokenizer,
            self._config.prompt_tokens,
            self._system,
            self._generator.context_length - max_tokens,
        )
        yield PassagesFound(prompt.passages)
        params = GenerationParams(
            max_tokens=max_tokens,
            sampling=SamplingParams(temperature=question.temperature, seed=question.seed),
            stop=STOP,
            cancel=cancel,
            # Questions may profit from each other among those who may read the same.
            scope=_readers(question),
            draft_texts=self._draft_texts.around(prompt.passages, documents),
            batch=question.batch,
            attention=self._config.review.query(prompt) if self._config.review else None,
        )
        generating = time.perf_counter()
        text, held, done = yield from self._stream(prompt, params)
        cancelled = done.finish_reason is FinishReason.CANCELLED
        refused = text.strip() in ("", REFUSAL) and not cancelled
        if held and not refused:
            yield TextDelta(held)
        said = "" if refused else text
        sentences = cite(said, prompt.passages, documents, question.text)
        doubtful = bool(said) and not cancelled and self._is_doubtful(prompt, said, params, done)
        abstained = not cancelled and (doubtful or nothing_carried(sentences))
        origin = Origin.MODEL
        quotes = None
        if abstained and self._quoter and self._config.quote_unsaid:
            saw_nothing = refused or doubtful or any(is_refusal(sentence.text) for sentence in sentences)
            quotes = self._quoter.quote(asked[0].text, prompt.passages, documents, refused=saw_nothing)
        if quotes is not None:
            gap = "\n\n" if said else ""
            yield TextDelta(gap + quotes.text)
            sentences += quotes.after(said + gap)
            text, abstained, origin = said + gap + quotes.text, False, Origin.QUOTES
        elif refused:
            text = text if text.strip() else text + REFUSAL
            yield TextDelta(text)
            sentences = cite(text, prompt.passages, documents, question.text)
        yield AnswerDone(
            Answer(
                text=text,
                abstained=abstained,
                sentences=sentences,
                passages=prompt.passages,
                nearest=found[: self._config.nearest] if abstained else (),
                stats=_stats(done.stats, started, generating),
                finish_reason=done.finish_reason.value,
                origin=origin,
                drafted=() if refused else drafted_runs(done, prompt, self._tokenizer),
            )
        )

    def _stream(
        self, prompt: Prompt, params: GenerationParams
    ) -> Generator[AnswerEvent, None, tuple[str, str, GenerationDone]]:
        """Pass on what the model writes; returns all of it, and the end of it that was held back.

        What may become a refusal is held back: it has not been said before it is certain that it stands.
        """
        text = held = ""
        stream = self._generator.generate(prompt.tokens, params)
        # Generators are closed at once, not when the collector comes round: they hold the keys and values.
        with closing(cast("Generator[object, None, None]", stream)):
            for item in stream:
                if isinstance(item, GenerationDone):
                    return text, held, item
                text += item.text
                held += item.text
                if held and (held != text or not REFUSAL.startswith(held.strip())):
                    yield TextDelta(held)
                    held = ""
        raise RuntimeError("the generator ended without saying so")

    def _is_doubtful(self, prompt: Prompt, said: str, params: GenerationParams, done: GenerationDone) -> bool:
        review = self._config.review
        if review is None:
            return False
        log_odds = log_odds_of_yes(prompt.messages, said, self._generator, self._tokenizer, params)
        lexical = max(passage.lexical or 0.0 for passage in prompt.passages)
        if log_odds is None:
            return False
        signals = Signals(log_odds, lexical, max(done.attention, default=None))
        return review.is_doubtful(signals, self._config.caution)

    def _reason_to_abstain(
        self, question: str, understood: str, candidates: tuple[RetrievedPassage, ...]
    ) -> str | None:
        if not candidates:
            return NO_DOCUMENTS
        missing = undocumented_codes(question, candidates)
        if missing:
            return NOT_DOCUMENTED.format(codes=" or ".join(missing))
        if nothing_near(understood, candidates[: self._config.passages], self._config.abstention):
            return NOTHING_NEAR
        return None

    def _quote(
        self,
        mode: Mode,
        question: str,
        found: tuple[RetrievedPassage, ...],
        documents: dict[str, Document],
        started: float,
    ) -> Iterator[AnswerEvent]:
        """Answer without the model."""
        if mode is Mode.SEARCH:
            quotes: Quotes | None = as_written(found, documents)
        elif self._quoter is None:
            raise ValueError("this service has nothing to quote with")
        else:
            quotes = self._quoter.quote(question, found, documents)
        if quotes is None:
            yield from self._abstain(NOTHING_NEAR, found, started)
            return
        yield PassagesFound(found)
        yield TextDelta(quotes.text)
        yield AnswerDone(
            Answer(
                text=quotes.text,
                abstained=False,
                sentences=quotes.sentences,
                passages=found,
                nearest=(),
                stats=_stats(_NOTHING_GENERATED, started, started),
                finish_reason=FinishReason.STOP.value,
                origin=Origin.QUOTES,
            )
        )

    def _abstain(self, text: str, found: tuple[RetrievedPassage, ...], started: float) -> Iterator[AnswerEvent]:
        yield PassagesFound(())
        yield TextDelta(text)
        yield AnswerDone(
            Answer(
                text=text,
                abstained=True,
                sentences=(),
                passages=(),
                nearest=found[: self._config.nearest],
                stats=_stats(_NOTHING_GENERATED, started, started),
                finish_reason=FinishReason.STOP.value,
            )
        )


def _readers(question: Question) -> str:
    """Names the documents that stand behind a question; nothing goes from one name to another."""
    held = question.scope.labels
    return f"{question.collection}|{'*' if held is None else ','.join(sorted(held))}"


def _stats(generation: GenerationStats, started: float, generating: float) -> AnswerStats:
    # The first tokens come with the prompt's pass: the time after it belongs to the others.
    further = max(0, generation.output_tokens - generation.first_tokens)
    return AnswerStats(
        prompt_tokens=generation.prompt_tokens,
        output_tokens=generation.output_tokens,
        target_steps=generation.steps,
        drafted_tokens=generation.drafted,
        accepted_tokens=generation.accepted,
        ttft_s=generating - started + generation.ttft_s if generation.output_tokens else 0.0,
        decode_tokens_per_s=further / generation.decode_s if further and generation.decode_s > 0 else 0.0,
        total_s=time.perf_counter() - started,
        cached_tokens=generation.cached_tokens,
        drafts=_by_source(generation.sources),
    )


def _by_source(counts: Sequence[SourceCount]) -> tuple[DraftCount, ...]:
    return tuple(
        DraftCount(
            source,
            sum(count.proposed for count in counts if count.source == source),
            sum(count.accepted for count in counts if count.source == source),
        )
        for source in sorted({count.source for count in counts})
    )
