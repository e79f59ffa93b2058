"""Guesses of a small model that shares the target's tokenizer, for places where no text tells what comes next.

Where tokens are sampled, the small model samples too, with the target's own random numbers: they belong to positions,
so where both models think alike the same number picks the same token. The guess is then as much a function of text and
seed as one that was read, and confirming it by equality keeps the law that speculation changes no token.

With ``rejection`` it draws with numbers of its own, and the target accepts or replaces its tokens by Leviathan et al.
2023, Algorithm 1: more of them are accepted, and outputs have the target's distribution, but are not the tokens that
plain decoding gives for the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from decoding.drafting.model_stream import DEEPEST_CHAIN, ModelStream
from decoding.drafting.step_cost import StepCost
from decoding.drafting.wager import Wager
from decoding.generator import SamplingParams
from decoding.target import Extension, TargetModel

READING_ROWS = 256
"""Rows of a prompt that are read before one step: streams beside it feel no more than that."""


class DraftModel:
    """The small model and what is known about its worth. ``ends`` are the tokens that end a text.

    ``vocabulary`` is the target's; ``cost`` what passes of the small model take, ``reading`` what a token
    of a text takes to read (seconds). Keys and values of all its streams
    hold at most ``memory_bytes``; who finds no room is not guessed for. Nothing here raises for what the small model
    can't do (no room, a text beyond its context, nonsense in its logits): such streams go without it.
    """

    def __init__(
        self,
        target: TargetModel,
        cost: StepCost,
        wager: Wager,
        vocabulary: int,
        memory_bytes: int,
        *,
        reading: float,
        ends: Collection[int] = (),
        rejection: bool = False,
    ) -> None:
        self.wager = wager
        self.target = target
        self.vocabulary = vocabulary
        self.rejection = rejection
        self.ends = frozenset(ends)
        self._cost = cost
        self._reading_seconds = reading
        self._memory_bytes = memory_bytes
        self._holding: dict[ModelStream, None] = {}
        """Streams with keys and values, the first to begin first."""

    def stream(self, sampling: SamplingParams) -> ModelStream:
        """The small model's view of one request."""
        return ModelStream(self, sampling)

    def prepare(
        self, streams: Sequence[ModelStream], hopes: Sequence[Callable[[], float]], limits: Sequence[int]
    ) -> None:
        """Guess for all ``streams`` at once as long as that pays.

        ``hopes``: how likely other sources know the next token; ``limits``: the most guesses of each.
        """
        value = self.wager.token_seconds(len(streams))
        for stream in streams:
            stream.value = value
        try:
            self._fit()
            for stream, hope in zip(streams, hopes, strict=True):
                if not stream.lost:
                    stream.hope = hope()
                    stream.missed += 0.0 if stream.is_ready else self.wager.saving(stream.hope, len(streams))
            self._read(streams)
            pairs = zip(streams, limits, strict=True)
            self._guess([(stream, limit) for stream, limit in pairs if limit > 0 and stream.is_ready], value)
        except MemoryError:
            for stream in list(self._holding):
                stream.release()

    def forget(self, stream: ModelStream) -> None:
        """The stream holds nothing any more."""
        self._holding.pop(stream, None)

    def _read(self, streams: Sequence[ModelStream]) -> None:
        """Begin and go on reading contexts, and those that were left behind, where that is worth its time."""
        rows = READING_ROWS
        pieces: list[Extension] = []
        for stream in streams:
            if stream.lost or stream.is_ready or not rows:
                continue
            if not stream.reading:
                seconds = self._cost.of(1) + self._reading_seconds * len(stream.pending)
                if not self.wager.worth_reading(stream.missed, seconds):
                    continue
                if stream.sequence is None:
                    if not self._has_room(stream):
                        continue
                    stream.sequence = self.target.start()
                    self._holding[stream] = None
                stream.reading, stream.missed = True, 0.0
            piece = stream.pending[:-1][:rows]
            stream.reading = len(piece) < len(stream.pending) - 1
            if stream.sequence is not None and len(piece) > DEEPEST_CHAIN:  # the next guess reads a few tokens beside
                pieces.append(Extension(stream.sequence, piece, 0))
                rows -= len(piece)
        if pieces:
            self.target.extend(pieces)

    def _guess(self, going: Sequence[tuple[ModelStream, int]], value: float) -> None:
        """Let the chains of these streams grow, each up to its limit, while the next guesses are worth their time."""
        gain = sum(self.wager.gain(stream.hope) for stream, _ in going)
        while going:
            seconds = self._cost.of(sum(len(stream.pending) for stream, _ in going))
            if gain * value <= seconds:
                return
            rows = self.target.extend(
                [Extension(stream.sequence, stream.pending, 1) for stream, _ in going if stream.sequence]
            )
            for (stream, _), logits in zip(going, rows, strict=True):
                stream.spent.append(seconds / len(going))
                stream.guess(logits[-1])
            going = [(stream, limit) for stream, limit in going if stream.may_go_on and len(stream.chain) < limit]
            gain = sum(stream.chance * self.wager.going_on for stream, _ in going)

    def _has_room(self, stream: ModelStream) -> bool:
        return self._held() + self.target.bytes_for(stream.most_tokens) <= self._memory_bytes

    def _fit(self) -> None:
        """Texts grow: who began last gives way."""
        while self._held() > self._memory_bytes:
            next(reversed(self._holding)).release()

    def _held(self) -> int:
        return sum(self.target.bytes_for(stream.most_tokens) for stream in self._holding)
