"""The drafts of the decoder: all sources merged into one tree, request by request."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from decoding.draft import DraftSource, Guess, Proposal
from decoding.drafting.acceptance import Acceptance
from decoding.drafting.candidates import CandidateSource, Cursor
from decoding.drafting.growth import Growth, knows, learn, offer
from decoding.drafting.memory import Memory
from decoding.drafting.model import DraftModel
from decoding.drafting.model_stream import ModelStream
from decoding.drafting.successors import SuccessorSource
from decoding.drafting.texts import TextSource, TokenClasses
from decoding.drafting.trust import Trust
from decoding.generator import GenerationParams

SOURCES = ("text", "document", "answer", "successor")
"""The request's prompt and output; draft texts that came with it; earlier outputs; what followed tokens in them."""


class Drafting:
    """Makes a `TreeDraft` for each request. They share what was learnt about guesses, and memory by scope.

    ``classes`` see `TokenClasses`; ``sources`` those of `SOURCES` that may guess; ``ends`` the tokens that end a text;
    ``model`` guesses too, where that pays.
    """

    def __init__(
        self,
        classes: Sequence[int] = (),
        sources: Collection[str] = SOURCES,
        ends: Collection[int] = (),
        model: DraftModel | None = None,
    ) -> None:
        unknown = set(sources) - set(SOURCES)
        if unknown:
            raise ValueError(f"unknown draft sources {sorted(unknown)}; there are: {', '.join(SOURCES)}")
        self.acceptance = Acceptance()
        self.ends = frozenset(ends)
        self._classes = TokenClasses(classes)
        self._sources = frozenset(sources)
        self._memory = Memory(self._classes)
        self._model = model

    def __call__(self, params: GenerationParams) -> TreeDraft:
        """The drafts of one request."""
        memory = self._memory.scope(params.scope)
        sources: list[CandidateSource] = []
        if "text" in self._sources:
            sources.append(TextSource("text", self._classes))
        if "document" in self._sources:
            sources += [
                TextSource("document", self._classes, self._memory.text(text.id, text.tokens))
                for text in params.draft_texts
            ]
        if "answer" in self._sources:
            sources.append(TextSource("answer", self._classes, memory.answers))
        if "successor" in self._sources:
            sources.append(SuccessorSource(memory.successors))
        model = self._model.stream(params.sampling) if self._model is not None else None
        return TreeDraft(sources, self, self._memory, params.scope, model)

    def prepare(self, sources: Sequence[DraftSource], limits: Sequence[int]) -> None:
        """Let the draft model guess for all of them at once."""
        if self._model is None:
            return
        streams, hopes, most = [], [], []
        for source, limit in zip(sources, limits, strict=True):
            if isinstance(source, TreeDraft) and source.model is not None:
                streams.append(source.model)
                hopes.append(source.hope)
                most.append(limit)
        self._model.prepare(streams, hopes, most)


class TreeDraft:
    """One request's drafts; learns from what is confirmed."""

    def __init__(
        self,
        sources: Sequence[CandidateSource],
        drafting: Drafting,
        memory: Memory,
        scope: str,
        model: ModelStream | None = None,
    ) -> None:
        self.model = model
        self._sources = sources
        self._drafting = drafting
        self._memory = memory
        self._scope = scope
        self._prompt: Sequence[int] | None = None
        self._output: list[int] = []
        self._growth: Growth | None = None
        self._trust = Trust()

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew by these confirmed tokens."""
        if self.model is not None:
            self._settle(self.model, tokens)
            self.model.append(tokens)
        if self._growth is not None:
            for probability, right in learn(self._growth, tokens, self._drafting.acceptance):
                self._trust.learn(probability, right)
            self._growth = None
        if self._prompt is None:
            self._prompt = list(tokens)
        else:
            self._output += tokens
        for source in self._sources:
            source.append(tokens)

    def hope(self) -> float:
        """How likely the texts know the next token."""
        found = offer(self._cursors(1), self._drafting.acceptance, 0)
        none_right = 1.0
        for chance, _ in found.candidates:
            none_right *= 1.0 - self._trust.factor * chance
        return 1.0 - none_right

    def propose(self, rows: int = 1) -> Proposal | None:
        """The tree of all that the sources know, or else a chain that the model drew."""
        if self.model is not None and self.model.is_drawn:
            return DrawnChain(self.model.guesses())
        drafting, cursors = self._drafting, self._cursors(rows)
        if self.model is not None and (guessed := self.model.cursor()) is not None:
            cursors.append(guessed)
        self._growth = (
            Growth(cursors, drafting.acceptance, trust=self._trust.factor, ends=drafting.ends) if cursors else None
        )
        return self._growth

    def _cursors(self, rows: int) -> list[Cursor]:
        # A prompt ends in the chat template, after which its own text tells nothing: 0 of 195 guesses were right.
        asked = [source for source in self._sources if rows == 1 or source.name != "text"]
        return [cursor for source in asked if (cursor := source.cursor()) is not None]

    def _settle(self, model: ModelStream, confirmed: Sequence[int]) -> None:
        if self._prompt is None:
            return
        accepted = len(confirmed) - 1
        if model.is_drawn:  # in the place of all that texts know
            model.settle(confirmed, max(0.0, accepted - model.hope))
            return
        known = knows(self._growth, confirmed, model.name) if self._growth is not None else 0
        model.settle(confirmed, max(0, accepted - known))

    def release(self) -> None:
        """Texts are kept; what the model has read is not."""
        if self.model is not None:
            self.model.release()

    def close(self) -> None:
        """Leave the output to later requests of the scope."""
        if self.model is not None:
            self.model.close()
        if self._prompt is not None and self._output:
            self._memory.remember(self._scope, self._prompt, self._output)


class DrawnChain:
    """The `decoding.draft.Proposal` of a chain that was drawn at random: what is run of it depends on none of it."""

    probability = 1.0

    def __init__(self, guesses: Sequence[Guess]) -> None:
        self._waiting = list(reversed(guesses))

    def take(self) -> Guess:
        """The next guess."""
        guess = self._waiting.pop()
        if not self._waiting:
            self.probability = 0.0
        return guess
