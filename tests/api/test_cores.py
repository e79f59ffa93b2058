"""The cores are had one after the other, in the order of asking."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from api.cores import TEXTS, Cores, TurnTakingEmbedder
from ingest.embedder import Vectors
from tests.contracts.embedder import EmbedderContract
from tests.fakes.embedder import HashEmbedder


class TestTurnTakingEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> TurnTakingEmbedder:
        return TurnTakingEmbedder(HashEmbedder(), Cores())


def test_who_asked_first_goes_first() -> None:
    cores, order = Cores(), list[int]()

    def ask(number: int) -> None:
        with cores:
            order.append(number)

    threads = []
    with cores:
        for number in range(6):
            thread = threading.Thread(target=ask, args=[number])
            thread.start()
            threads.append(thread)
            while len(cores._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4, 5]
    with cores:  # free again
        pass


def test_an_error_gives_the_cores_back() -> None:
    cores = Cores()
    with pytest.raises(LookupError), cores:
        raise LookupError
    with cores:
        pass


def test_many_texts_leave_room_for_others_and_keep_their_order() -> None:
    class Watched(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            sizes.append(len(texts))
            return super().embed(texts)

    sizes: list[int] = []
    texts = [f"{'word ' * (number % 7)}{number}" for number in range(2 * TEXTS + 3)]
    found = TurnTakingEmbedder(Watched(), Cores()).embed(texts)
    assert sizes == [TEXTS, TEXTS, 3]
    assert np.allclose(found, HashEmbedder().embed(texts))


def test_another_process_gets_the_embedder_itself() -> None:
    count_tokens = TurnTakingEmbedder(HashEmbedder(), Cores()).count_tokens
    assert pickle.loads(pickle.dumps(count_tokens))("two words") == count_tokens("two words")
