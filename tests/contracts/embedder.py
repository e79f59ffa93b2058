"""What every embedder must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ingest.embedder import Embedder

TEXTS = [
    "Hold the reset button for ten seconds to silence the alarm.",
    "To silence the alarm, press and hold the reset button.",
    "Expenses above 50 euros need the approval of a manager.",
    "",
    "😀 Ünïcode \x00 and control characters",
    "word " * 2_000,
]


class EmbedderContract:
    """Subclasses provide the fixture ``embedder``."""

    def test_one_unit_row_of_float32_a_text(self, embedder: Embedder) -> None:
        vectors = embedder.embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.dimensions)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

    def test_no_text_no_row(self, embedder: Embedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_the_same_texts_give_the_same_vectors(self, embedder: Embedder) -> None:
        np.testing.assert_array_equal(embedder.embed(TEXTS), embedder.embed(TEXTS))

    def test_the_texts_beside_it_and_their_order_do_not_matter(self, embedder: Embedder) -> None:
        together = embedder.embed(TEXTS * 5)
        for row, text in zip(together, TEXTS, strict=False):
            assert row @ embedder.embed([text])[0] > 0.999
        np.testing.assert_allclose(embedder.embed(TEXTS[::-1])[::-1], embedder.embed(TEXTS), atol=0.02)

    def test_what_means_the_same_is_nearer(self, embedder: Embedder) -> None:
        reset, also_reset, expenses = embedder.embed(TEXTS[:3])
        assert reset @ also_reset > 0.3 + reset @ expenses

    def test_it_counts_tokens(self, embedder: Embedder) -> None:
        assert embedder.count_tokens("") == 0
        assert embedder.count_tokens("alarm") >= 1
        assert embedder.count_tokens("word " * 2_000) >= 2_000
        assert embedder.max_tokens > 0

    def test_it_has_a_stable_name(self, embedder: Embedder) -> None:
        assert embedder.name
        assert embedder.name == embedder.name.strip()

    def test_threads_may_embed_at_once(self, embedder: Embedder) -> None:
        expected = embedder.embed(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(embedder.embed, [TEXTS] * 8):
                np.testing.assert_array_equal(vectors, expected)
