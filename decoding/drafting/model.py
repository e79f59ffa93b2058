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

    ``vocabulary`` is the target's; ``cost`` what passes of the small model take. Keys and values of all its streams
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
        ends: Collection[int] = (),
        rejection: bool = False,
    ) -> None:
        self.wager = wager
        self.target = target
        self.vocabulary = vocabulary
        self.rejection = rejection
        self.ends = frozenset(ends)
        self._cost = cost
        self._memory_bytes = memory_bytes
        self._reading: dict[ModelStream, None] = {}
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
            self._read(streams)
            ready: list[tuple[ModelStream, int]] = []
            for stream, hope, limit in zip(streams, hopes, limits, strict=True):
                if limit > 0 and stream.is_ready:
                    stream.hope = hope()
                    ready.append((stream, limit))
            self._guess(ready, value)
        except MemoryError:
            for stream in list(self._reading):
                stream.release()

    def forget(self, stream: ModelStream) -> None:
        """The stream holds nothing any more."""
        self._reading.pop(stream, None)

    def _read(self, streams: Sequence[ModelStream]) -> None:
        """Begin and go on reading contexts where that is worth its time."""
        rows = READING_ROWS
        pieces: list[Extension] = []
        for stream in streams:
            if stream.lost or not rows:
                continue
            if stream.sequence is None:
                worth = self.wager.worth_reading(stream.steps, self._seconds_of_reading(stream))
                if not worth or not self._has_room(stream):
                    continue
                stream.sequence = self.target.start()
                self._reading[stream] = None
            piece = stream.pending[:-1][:rows]
            # What few steps have brought is read with the next guess.
            if len(piece) > DEEPEST_CHAIN:
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
                stream.guess(logits[-1])
                stream.spent += seconds / len(going)
            going = [(stream, limit) for stream, limit in going if stream.may_go_on and len(stream.chain) < limit]
            gain = sum(stream.chance * self.wager.going_on for stream, _ in going)

    def _seconds_of_reading(self, stream: ModelStream) -> float:
        whole, rest = divmod(len(stream.pending), READING_ROWS)
        return whole * self._cost.of(READING_ROWS) + self._cost.of(max(1, rest))

    def _has_room(self, stream: ModelStream) -> bool:
        return self._held() + self.target.bytes_for(stream.most_tokens) <= self._memory_bytes

    def _fit(self) -> None:
        """Texts grow: who began last gives way."""
        while self._held() > self._memory_bytes:
            next(reversed(self._reading)).release()

    def _held(self) -> int:
        return sum(self.target.bytes_for(stream.most_tokens) for stream in self._reading)
