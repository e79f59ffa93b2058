"""From tokens to text while they arrive: whole characters only, and nothing of a stop string."""

from __future__ import annotations

from collections.abc import Sequence

from decoding.generator import Tokenizer

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"

_MOST_WAITING = 3
"""A UTF-8 character has at most four bytes, so at most three tokens can wait for the rest of one."""


class TextStream:
    """Feed it tokens one at a time; it gives back the text that can no longer change.

    ``text`` is everything given out so far. After ``stopped`` has become true nothing more comes.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(stop)
        self._shown: list[int] = []
        self._pending: list[int] = []
        self._given = 0
        """Characters of the pending tokens that were given out already."""
        self._waiting = 0
        """Tokens since the last character that became whole."""
        self._held = ""
        self.text = ""
        self.stopped = False

    def feed(self, token: int) -> str:
        """Text that became certain with this token, often ""."""
        if self.stopped:
            return ""
        self._pending.append(token)
        piece = self._decode_pending()
        # A token may finish one character and begin the next one: only what is unfinished waits.
        whole = piece.rstrip(_UNFINISHED)
        self._waiting = 1 if len(whole) > self._given else self._waiting + 1
        if len(whole) < len(piece) and self._waiting <= _MOST_WAITING:
            certain = whole[self._given :]
            self._given = max(self._given, len(whole))
            return self._release(certain)
        certain = piece[self._given :]
        # The tokens given out last stay as context: some tokenizers write a token differently at a text's start.
        self._shown, self._pending, self._given, self._waiting = self._pending, [], 0, 0
        return self._release(certain)

    def finish(self) -> str:
        """What is still held back, when no more tokens come."""
        if self.stopped:
            return ""
        piece = self._decode_pending()[self._given :]
        self._pending = []
        rest = self._release(piece)
        if not self.stopped:
            rest += self._held
            self.text += self._held
            self._held = ""
        return rest

    def _decode_pending(self) -> str:
        if not self._pending:
            return ""
        before = self._tokenizer.decode(self._shown)
        return self._tokenizer.decode([*self._shown, *self._pending])[len(before) :]

    def _release(self, piece: str) -> str:
        held = self._held + piece
        ends = [at for at in (held.find(end) for end in self._stop) if at >= 0]
        if ends:
            self.stopped = True
            certain, self._held = held[: min(ends)], ""
        else:
            keep = max((_overlap(held, end) for end in self._stop), default=0)
            certain, self._held = held[: len(held) - keep], held[len(held) - keep :]
        self.text += certain
        return certain


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that is a proper beginning of ``stop``."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
