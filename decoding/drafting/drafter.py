"""The drafts of the decoder: all sources merged into one tree, request by request."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from decoding.drafting.acceptance import Acceptance
from decoding.drafting.candidates import CandidateSource
from decoding.drafting.growth import Growth, learn
from decoding.drafting.memory import Memory
from decoding.drafting.successors import SuccessorSource
from decoding.drafting.texts import TextSource, TokenClasses
from decoding.drafting.trust import Trust
from decoding.generator import GenerationParams

SOURCES = ("text", "document", "answer", "successor")
"""The request's prompt and output; draft texts that came with it; earlier outputs; what followed tokens in them."""


class Drafting:
    """Makes a `TreeDraft` for each request. They share what was learnt about guesses, and memory by scope.

    ``classes`` see `TokenClasses`; ``sources`` those of `SOURCES` that may guess; ``ends`` the tokens that end a text.
    """

    def __init__(
        self,
        classes: Sequence[int] = (),
        sources: Collection[str] = SOURCES,
        ends: Collection[int] = (),
    ) -> None:
        unknown = set(sources) - set(SOURCES)
        if unknown:
            raise ValueError(f"unknown draft sources {sorted(unknown)}; there are: {', '.join(SOURCES)}")
        self.acceptance = Acceptance()
        self.ends = frozenset(ends)
        self._classes = TokenClasses(classes)
        self._sources = frozenset(sources)
        self._memory = Memory(self._classes)

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
        return TreeDraft(sources, self, self._memory, params.scope)


class TreeDraft:
    """One request's drafts; learns from what is confirmed."""

    def __init__(self, sources: Sequence[CandidateSource], drafting: Drafting, memory: Memory, scope: str) -> None:
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

    def propose(self, rows: int = 1) -> Growth | None:
        """The tree of all that the sources know."""
        # A prompt ends in the chat template, after which its own text tells nothing: 0 of 195 guesses were right.
        asked = [source for source in self._sources if rows == 1 or source.name != "text"]
        cursors = [cursor for source in asked if (cursor := source.cursor()) is not None]
        drafting = self._drafting
        self._growth = (
            Growth(cursors, drafting.acceptance, trust=self._trust.factor, ends=drafting.ends) if cursors else None
        )
        return self._growth

    def close(self) -> None:
        """Leave the output to later requests of the scope."""
        if self._prompt is not None and self._output:
            self._memory.remember(self._scope, self._prompt, self._output)
