"""What every draft source must do."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoding.draft import DraftSource

CONTEXTS = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=30), min_size=1, max_size=5)

# The suite runs once for each source.
shared = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.differing_executors])


class DraftContract:
    """Subclasses implement ``source``, which has seen no request before."""

    def source(self) -> DraftSource:
        raise NotImplementedError

    @shared
    @given(CONTEXTS, st.integers(0, 8))
    def test_a_draft_is_a_tree_of_at_most_the_limit(self, pieces: list[list[int]], limit: int) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        draft = source.propose(limit)
        if draft is None:
            return
        assert 1 <= len(draft.guesses) <= limit
        assert len({(guess.parent, guess.token) for guess in draft.guesses}) == len(draft.guesses)
        for index, guess in enumerate(draft.guesses):
            assert -1 <= guess.parent < index
            assert guess.match_length >= 0
        assert draft.seconds >= 0

    @shared
    @given(CONTEXTS)
    def test_how_the_output_came_does_not_matter(self, pieces: list[list[int]]) -> None:
        at_once, in_pieces = self.source(), self.source()
        for source in (at_once, in_pieces):
            source.append(pieces[0])
        at_once.append([token for piece in pieces[1:] for token in piece])
        for piece in pieces[1:]:
            in_pieces.append(piece)
        assert at_once.propose(6) == in_pieces.propose(6)

    @shared
    @given(CONTEXTS)
    def test_proposing_changes_nothing(self, pieces: list[list[int]]) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        assert source.propose(4) == source.propose(4)
