"""What is measured on: prompts as token ids, with the texts that may be drafted from."""

from __future__ import annotations

from dataclasses import dataclass, field

from decoding.generator import DraftText


@dataclass(frozen=True, slots=True)
class BenchPrompt:
    """One prompt. ``max_tokens`` bounds its answer (tokens)."""

    id: str
    tokens: tuple[int, ...] = field(repr=False)
    max_tokens: int
    draft_texts: tuple[DraftText, ...] = field(default=(), repr=False)
