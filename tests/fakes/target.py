"""A target without a model: its logits are a hash of the tokens so far."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch

from decoding.attention import AttentionQuery, check_heads
from decoding.target import Extension, check_extension, check_once, check_retention, check_truncation
from decoding.tree import StepTree


class HashTarget:
    """Obeys the law of rows by construction.

    The likeliest next token depends on the last ``memory`` tokens only, so that its text repeats itself and can be
    drafted; ``open_sequences`` counts those that nobody closed.
    """

    def __init__(self, vocabulary: int = 64, context_length: int = 64, memory: int = 40, salt: int = 0) -> None:
        self.name = "hash"
        self.vocabulary = vocabulary
        self.context_length = context_length
        self.open_sequences = 0
        self._memory = memory
        self._salt = salt

    def start(self) -> HashSequence:
        self.open_sequences += 1
        return HashSequence(self)

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        check_once(extension.sequence for extension in extensions)
        for extension in extensions:
            assert isinstance(extension.sequence, HashSequence)
            extension.sequence.check(len(extension.tokens), extension.logits, extension.parents)
        return [each.sequence.extend(each.tokens, each.logits, each.parents) for each in extensions]

    def bytes_for(self, tokens: int) -> int:
        return 8 * tokens

    def row(self, tokens: Sequence[int]) -> torch.Tensor:
        """Logits after ``tokens``."""
        seed = repr((self._salt, tuple(tokens[-self._memory :]))).encode()
        generator = torch.Generator().manual_seed(int.from_bytes(blake2b(seed, digest_size=7).digest()))
        return torch.randn(self.vocabulary, generator=generator)


class HashSequence:
    """The tokens of one sequence."""

    def __init__(self, target: HashTarget) -> None:
        self._target = target
        self._tokens: list[int] = []
        self._closed = False
        self._last: StepTree | None = None
        self._query: AttentionQuery | None = None

    @property
    def length(self) -> int:
        return len(self._tokens)

    @property
    def bytes(self) -> int:
        return 8 * len(self._tokens)

    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        step = self.check(len(tokens), logits, parents)
        kept = list(self._tokens)
        self._tokens += tokens
        self._last = step
        paths = [step.path_to(index) for index in range(len(tokens) - logits, len(tokens))]
        rows = [self._target.row([*kept, *(tokens[index] for index in path)]) for path in paths]
        return torch.stack(rows) if rows else torch.empty(0, self._target.vocabulary)

    def check(self, tokens: int, logits: int, parents: Sequence[int] | None) -> StepTree:
        return check_extension(len(self._tokens), tokens, logits, self._target.context_length, parents, self._last)

    def watch(self, query: AttentionQuery) -> bool:
        check_heads(query, layers=2, heads=4)
        if query.start < len(self._tokens):
            return query == self._query and len(self._tokens) >= query.end
        self._query = query
        return True

    @property
    def attention(self) -> tuple[float, ...]:
        """Each token looks at all before it and at itself, at some tokens more than at others, whatever the head."""
        query = self._query
        if query is None or len(self._tokens) < query.end:
            return ()
        weights = [1 + token % 7 for token in self._tokens]
        asking = range(query.start, query.end)
        look = sum(1 / sum(weights[: position + 1]) for position in asking) / len(asking)
        return tuple(sum(weights[begin:end]) * look for begin, end in query.spans)

    def retain(self, start: int, path: Sequence[int]) -> None:
        check_retention(self._last, start, path)
        self._tokens[start:] = [self._tokens[start + index] for index in path]
        self._last = None

    def truncate(self, length: int) -> None:
        check_truncation(len(self._tokens), length, self._last)
        del self._tokens[length:]
        self._last = None

    def fork(self, length: int) -> HashSequence:
        check_truncation(len(self._tokens), length, self._last)
        forked = self._target.start()
        forked._tokens = self._tokens[:length]
        if self._query is not None and length >= self._query.end:
            forked._query = self._query
        return forked

    def close(self) -> None:
        if not self._closed:
            self._target.open_sequences -= 1
        self._closed = True
        self._tokens = []
        self._last = None
