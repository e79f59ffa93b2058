"""What became of the drafts of one request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from decoding.draft import Draft, Origin
from decoding.drafting.step_cost import StepCost
from decoding.generator import CopiedRun
from decoding.speedup import SourceCount, Speedup, theorem_3_8


class DraftRecord:
    """Counts steps and guesses; ``cost`` is what steps take by their rows."""

    def __init__(self, cost: StepCost) -> None:
        self.steps = self.rows = self.drafted = self.accepted = 0
        self.draft_seconds = 0.0
        self._cost = cost
        self._proposed: Counter[tuple[str, int]] = Counter()
        self._right: Counter[tuple[str, int]] = Counter()
        self._origins: list[Origin | None] = []
        """Of each output token."""
        self._right_in_steps = self._depths = self._missed = 0
        self._spent = 0.0

    def add(self, draft: Draft, path: Sequence[int], *, prompt: bool) -> None:
        """A pass verified ``draft``; the guesses on ``path`` were right, and one token more was confirmed.

        The ``prompt``'s own last pass is no step: its guesses are counted, its time is not.
        """
        guesses = draft.guesses
        self.drafted += len(guesses)
        self.accepted += len(path)
        self.draft_seconds += draft.seconds
        self._proposed.update((guess.source, guess.match_length) for guess in guesses)
        self._right.update((guesses[index].source, guesses[index].match_length) for index in path)
        self._origins += [*(guesses[index].origin for index in path), None]
        if prompt:
            return
        self.steps += 1
        self.rows += 1 + len(guesses)
        self._right_in_steps += len(path)
        self._spent += self._cost.of(1 + len(guesses)) + draft.seconds
        depths: list[int] = []
        for guess in guesses:
            depths.append(depths[guess.parent] + 1 if guess.parent >= 0 else 1)
        self._depths += max(depths, default=0)
        # Guesses stood where the path ended, and all of them were wrong.
        self._missed += bool(draft.children(path[-1] if path else -1))

    def sources(self) -> tuple[SourceCount, ...]:
        """Guesses by source and match length."""
        return tuple(
            SourceCount(source, length, proposed, self._right[source, length])
            for (source, length), proposed in sorted(self._proposed.items())
        )

    def speedup(self) -> Speedup | None:
        """None when no step guessed anything."""
        if not self._depths:
            return None
        single, right = self._cost.of(1), self._right_in_steps
        alpha = right / (right + self._missed) if right else 0.0
        gamma = self._depths / self.steps
        c = self.draft_seconds / self._depths / single
        return Speedup(
            alpha=alpha,
            gamma=gamma,
            c=c,
            theorem=theorem_3_8(alpha, gamma, c),
            measured_cost=(right + self.steps) * single / self._spent,
        )

    def copied(self, tokens: int) -> tuple[CopiedRun, ...]:
        """Runs of guesses that were read from one place on, among the first ``tokens`` of the output."""
        runs: list[CopiedRun] = []
        for index, origin in enumerate(self._origins[:tokens]):
            if origin is None:
                continue
            last = runs[-1] if runs else None
            if (
                last is not None
                and last.end == index
                and last.text == origin.text
                and last.offset + index - last.start == origin.offset
            ):
                runs[-1] = CopiedRun(last.start, index + 1, last.text, last.offset)
            else:
                runs.append(CopiedRun(index, index + 1, origin.text, origin.offset))
        return tuple(runs)
