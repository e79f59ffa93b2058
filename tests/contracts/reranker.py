"""What every reranker must do."""

from __future__ import annotations

from qa.reranker import Reranker

QUESTION = "Which fuse does the heater need?"
TEXTS = ["The heater needs the blue fuse.", "", "Leave is asked for in the portal. " * 200, "Größe: 5 A", "The fuse."]


class RerankerContract:
    """Subclasses provide the fixture ``reranker``."""

    def test_no_text_no_score(self, reranker: Reranker) -> None:
        assert list(reranker.relevance(QUESTION, [])) == []

    def test_scores_are_shares(self, reranker: Reranker) -> None:
        scores = reranker.relevance(QUESTION, TEXTS)
        assert len(scores) == len(TEXTS)
        assert all(0.0 <= score <= 1.0 for score in scores)

    def test_neither_neighbours_nor_their_order_change_a_bit(self, reranker: Reranker) -> None:
        scores = list(reranker.relevance(QUESTION, TEXTS))
        assert [reranker.relevance(QUESTION, [text])[0] for text in TEXTS] == scores
        assert list(reranker.relevance(QUESTION, TEXTS[::-1]))[::-1] == scores
