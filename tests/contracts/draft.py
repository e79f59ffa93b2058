"""What every draft source must do."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoding.draft import DraftSource, Guess
from tests.decoding.drafting.making import make_draft

CONTEXTS = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=30), min_size=1, max_size=5)

# The suite runs once for each source.
shared = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.differing_executors])


class DraftContract:
    """Subclasses implement ``source``, which has seen no request before."""

    def source(self) -> DraftSource:
        raise NotImplementedError

    @shared
    @given(CONTEXTS, st.integers(0, 8))
    def test_a_proposal_is_a_tree_by_falling_probability(self, pieces: list[list[int]], limit: int) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        proposal = source.propose()
        guesses: list[Guess] = []
        before = 1.0
        while proposal is not None and proposal.probability > 0.0 and len(guesses) < limit:
            assert proposal.probability <= before
            before = proposal.probability
            guesses.append(proposal.take())
        assert len({(guess.parent, guess.token) for guess in guesses}) == len(guesses)
        for index, guess in enumerate(guesses):
            assert -1 <= guess.parent < index
            assert guess.match_length >= 0

    @shared
    @given(CONTEXTS)
    def test_how_the_output_came_does_not_matter(self, pieces: list[list[int]]) -> None:
        at_once, in_pieces = self.source(), self.source()
        for source in (at_once, in_pieces):
            source.append(pieces[0])
        at_once.append([token for piece in pieces[1:] for token in piece])
        for piece in pieces[1:]:
            in_pieces.append(piece)
        assert make_draft(at_once, 6) == make_draft(in_pieces, 6)

    @shared
    @given(CONTEXTS)
    def test_proposing_changes_nothing(self, pieces: list[list[int]]) -> None:
        source = self.source()
        for piece in pieces:
            source.append(piece)
        assert make_draft(source, 4) == make_draft(source, 4)
