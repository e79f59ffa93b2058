"""What the decoder is at: how full its passes and its memory are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Counts since the model was loaded, and what is in flight now.

    A row is one token that went through the model: of a prompt, a stream's last token, or a guess. ``passes`` are
    numbers of passes by their rows. ``sequences`` have keys and values in memory, which take ``memory_bytes`` of at
    most ``limit_bytes``; ``waiting`` requests have none. ``preemptions`` count how often one lost its place.
    """

    passes: Mapping[int, int]
    prompt_rows: int
    stream_rows: int
    draft_rows: int
    sequences: int
    waiting: int
    preemptions: int
    memory_bytes: int
    limit_bytes: int
