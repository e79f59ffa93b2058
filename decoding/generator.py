"""What a caller asks of the decoder, and what it gets back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import Protocol

from decoding.attention import AttentionQuery
from decoding.speedup import SourceCount, Speedup

MOST_BIASED_TOKENS = 1024
MOST_STOPS = 16
LONGEST_STOP = 512
"""Code points; every character of a text is compared with every stop string, so both are bounded."""


class FinishReason(StrEnum):
    """Why generation ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen, from logits that penalties and ``logit_bias`` (token id, addend) have changed.

    ``temperature`` 0 takes the most likely token and ignores ``top_k``, ``top_p``, ``min_p`` and ``seed``. The
    repetition penalty counts prompt and output (transformers' definition), presence and frequency penalty the output
    alone (OpenAI's); see `decoding.penalties`. Randomness is a function of ``seed`` and the token's absolute
    position, so the same prompt gives the same tokens with and without speculation.

    Raises ValueError for a value out of range, naming the range.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature <= 5.0:
            raise ValueError(f"temperature must be between 0 and 5, not {self.temperature}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 (off) or positive, not {self.top_k}")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if not 0.0 <= self.min_p <= 1.0:
            raise ValueError(f"min_p must be between 0 and 1, not {self.min_p}")
        if not 0.1 <= self.repetition_penalty <= 10.0:
            raise ValueError(f"repetition_penalty must be between 0.1 and 10, not {self.repetition_penalty}")
        for name in ("presence_penalty", "frequency_penalty"):
            if not -2.0 <= getattr(self, name) <= 2.0:
                raise ValueError(f"{name} must be between -2 and 2, not {getattr(self, name)}")
        if len(self.logit_bias) > MOST_BIASED_TOKENS:
            raise ValueError(f"logit_bias takes at most {MOST_BIASED_TOKENS} tokens, not {len(self.logit_bias)}")
        if len({token for token, _ in self.logit_bias}) < len(self.logit_bias):
            raise ValueError("logit_bias names a token twice")
        for token, bias in self.logit_bias:
            if not -100.0 <= bias <= 100.0:
                raise ValueError(f"logit_bias must be between -100 and 100, not {bias} (token {token})")


@dataclass(frozen=True, slots=True)
class DraftText:
    """A text that the output may quote: the token ids of all of it, under an id that names this text for ever."""

    id: str
    tokens: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GenerationParams:
    """Limits and ends of one request. ``stop`` strings end the text and are not part of it.

    ``scope`` names those who may read the prompt and its output: what the decoder keeps of them speeds up requests
    of the same scope only. ``draft_texts`` may be drafted from, as the prompt is; they change no token. Where many
    requests wait, those of a ``batch``, for which nobody sits and waits, let others go first. ``options`` are tokens of
    which the caller wants to know how likely each was to come first; ``attention`` asks where the prompt's tokens look.

    Raises ValueError for limits that are none and for stop strings that are empty, too many or too long.
    """

    max_tokens: int
    sampling: SamplingParams = field(default_factory=SamplingParams)
    stop: tuple[str, ...] = ()
    cancel: Event | None = None
    scope: str = ""
    draft_texts: tuple[DraftText, ...] = ()
    batch: bool = False
    options: tuple[int, ...] = ()
    attention: AttentionQuery | None = None

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {self.max_tokens}")
        if len(self.stop) > MOST_STOPS:
            raise ValueError(f"at most {MOST_STOPS} stop strings can be given, not {len(self.stop)}")
        for stop in self.stop:
            if not 1 <= len(stop) <= LONGEST_STOP:
                raise ValueError(f"a stop string must have 1 to {LONGEST_STOP} characters, not {len(stop)}")


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """What one step confirmed: its token ids and the whole characters that became certain (may be "")."""

    tokens: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CopiedRun:
    """Output tokens ``start`` up to ``end`` stand in ``text`` from its token ``offset`` on, see `draft.Origin`."""

    start: int
    end: int
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class GenerationStats:
    """Counts in tokens, times in seconds.

    ``rows`` were run in these steps. Of ``drafted`` guesses, those behind the prompt included, ``accepted`` were right;
    ``sources`` has the same by source and match length. ``draft_s`` were spent on guessing. ``speedup`` compares with
    plain decoding as theory has it; None without a draft.
    ``cached_tokens`` of the prompt were not computed, because an earlier request of the same scope began with them;
    ``steps`` counts forward passes after the prompt's, which brought ``first_tokens``; ``ttft_s`` runs from the call to
    the first token; ``decode_s`` from the first token to the end.
    """

    prompt_tokens: int
    output_tokens: int
    steps: int
    drafted: int
    accepted: int
    ttft_s: float
    decode_s: float
    cached_tokens: int = 0
    first_tokens: int = 1
    rows: int = 0
    draft_s: float = 0.0
    sources: tuple[SourceCount, ...] = ()
    speedup: Speedup | None = None


@dataclass(frozen=True, slots=True)
class GenerationDone:
    """The last item of a stream: all output tokens (end token left out) and the whole text.

    ``copied`` says which of the tokens were read from a text before the target confirmed them, in order.
    ``option_logprobs`` are those of `GenerationParams.options` at the first place, before penalties and temperature;
    empty when the stream ended before it, as is ``attention``, the answer to `GenerationParams.attention`.
    """

    tokens: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    stats: GenerationStats
    copied: tuple[CopiedRun, ...] = ()
    option_logprobs: tuple[float, ...] = ()
    attention: tuple[float, ...] = ()


class Generator(Protocol):
    """Law: stops on end token, stop string, limit or cancel; frees what it held, however the caller leaves."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and output together may have."""
        ...

    def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        """Stream the continuation of ``prompt``; the last item is the only `GenerationDone`.

        Raises `decoding.target.ContextOverflow` before any work.
        """
        ...


class Tokenizer(Protocol):
    """Text to token ids and back."""

    @property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; nothing in it is read as a special token."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of the tokens, special ones left out; an incomplete character becomes U+FFFD."""
        ...

    def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of (role, content) messages in the model's chat template, ready for the answer.

        Contents are encoded as plain text: control tokens that a document or a user writes stay text.
        """
        ...
