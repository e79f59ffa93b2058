"""What is remembered between requests, by scope: nobody's text reaches drafts of those who may not read it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from decoding.drafting.candidates import LONGEST_MATCH
from decoding.drafting.successors import SuccessorTable
from decoding.drafting.texts import TextIndex, TokenClasses

MOST_SCOPES = 256
MOST_ANSWER_TOKENS = 50_000
"""Of one scope; all of them together keep `MOST_TOKENS`, and so do draft texts. A token takes about 250 bytes."""
MOST_TOKENS = 200_000

_WIDTH = 2
"""Tokens that must match before a text beside the prompt says anything: single ones match everywhere."""


@dataclass(slots=True)
class ScopeMemory:
    """What the requests of one scope have said."""

    successors: SuccessorTable
    answers: TextIndex


class Memory:
    """Tables and answers by scope, and indices of draft texts by their ids. It may be used by several threads.

    Which of the scopes were used last decides what stays. Drafts change no token, but how fast an answer comes tells
    whether its like was given before: callers that may not read each other's texts must not share a scope.
    """

    def __init__(self, classes: TokenClasses) -> None:
        self._classes = classes
        self._scopes: OrderedDict[str, ScopeMemory] = OrderedDict()
        self._texts: OrderedDict[str, TextIndex] = OrderedDict()
        self._lock = Lock()

    def scope(self, name: str) -> ScopeMemory:
        """What is remembered under ``name``."""
        with self._lock:
            memory = self._scopes.get(name)
            if memory is None:
                memory = self._scopes[name] = ScopeMemory(SuccessorTable(), self._empty())
            self._scopes.move_to_end(name)
            if len(self._scopes) > MOST_SCOPES:
                self._scopes.popitem(last=False)
            return memory

    def remember(self, scope: str, prompt: Sequence[int], output: Sequence[int]) -> None:
        """Keep an output, with the end of its prompt, by which the same question is told again."""
        memory = self.scope(scope)
        with self._lock:
            if len(memory.answers.tokens) + len(output) > MOST_ANSWER_TOKENS:
                half = memory.answers.tokens[len(memory.answers.tokens) // 2 :]
                memory.answers = self._empty(half)
            memory.answers.append([*prompt[-LONGEST_MATCH:], *output])
            while len(self._scopes) > 1 and sum(len(at.answers.tokens) for at in self._scopes.values()) > MOST_TOKENS:
                self._scopes.popitem(last=False)

    def text(self, name: str, tokens: Sequence[int]) -> TextIndex:
        """The index of a draft text, made once as long as it is in use."""
        with self._lock:
            index = self._texts.get(name)
            if index is None or len(index.tokens) != len(tokens):
                index = self._texts[name] = TextIndex(name, self._classes, _WIDTH, tokens)
                while len(self._texts) > 1 and sum(len(at.tokens) for at in self._texts.values()) > MOST_TOKENS:
                    self._texts.popitem(last=False)
            self._texts.move_to_end(name)
            return index

    def _empty(self, tokens: Sequence[int] = ()) -> TextIndex:
        return TextIndex("answers", self._classes, _WIDTH, tokens)
