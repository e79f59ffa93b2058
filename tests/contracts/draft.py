"""What every draft source must do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from decoding.draft import DraftSource

CONTEXTS = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=30), min_size=1, max_size=5)


class DraftContract:
    """Subclasses implement ``source``."""

    def source(self) -> DraftSource:
        raise NotImplementedError

    @given(CONTEXTS, st.integers(0, 8))
    def test_at_most_the_limit_and_never_an_empty_draft(self, pieces: list[list[int]], limit: int) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        draft = source.propose(limit)
        if draft is not None:
            assert 1 <= len(draft.tokens) <= limit
            assert draft.match_length >= 0
            assert draft.source == source.name

    @given(CONTEXTS)
    def test_how_the_context_came_does_not_matter(self, pieces: list[list[int]]) -> None:
        at_once, in_pieces = self.source(), self.source()
        at_once.append([token for piece in pieces for token in piece])
        for piece in pieces:
            in_pieces.append(piece)
        assert at_once.propose(6) == in_pieces.propose(6)

    @given(CONTEXTS)
    def test_proposing_changes_nothing(self, pieces: list[list[int]]) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        assert source.propose(4) == source.propose(4)
