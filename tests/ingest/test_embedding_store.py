from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from ingest.embedding_store import EmbeddingStore


def test_a_new_file_that_several_open_at_once_is_not_taken_for_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Of files opened by four at once without a second attempt, one in nine was thrown away.
    together = Barrier(4)

    def open_and_close(_: int) -> None:
        for number in range(100):
            together.wait(10)
            EmbeddingStore(tmp_path / f"{number}.sqlite").close()

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_close, range(4)))
    assert caplog.messages == []
