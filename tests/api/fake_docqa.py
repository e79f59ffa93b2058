"""``python -m tests.api.fake_docqa ARGUMENTS``: the command line over fake answers.

With ``DOCQA_TEST_BROKEN`` set, loading fails with its text.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace

from api.cli.main import app
from api.components import LocalComponents
from qa.question_match import QuestionMatcher
from qa.retriever import HybridRetriever
from tests.api.fake_answers import FakeAnswers
from tests.api.fake_components import vectors_of
from tests.api.library import library
from tests.api.running import HANDBOOK, MANUAL
from tests.fakes.embedder import HashEmbedder


def _load(_: LocalComponents, begin: Callable[[str], None]) -> None:
    begin("language model")
    if "DOCQA_TEST_BROKEN" in os.environ:
        raise ValueError(os.environ["DOCQA_TEST_BROKEN"])


def fake_parts() -> dict[str, object]:
    """Attributes of `LocalComponents` that make it answer without models."""
    catalog = library({"corvo/manual.md": MANUAL, "staff/handbook.md": HANDBOOK})
    embedder = HashEmbedder()
    return {
        "catalog": catalog,
        "answers": FakeAnswers(catalog),
        "matcher": QuestionMatcher(embedder),
        "embedder_engine": "nor here (a test)",
        "decoder": SimpleNamespace(engine="none at all (a test)", draft_model=None),
        "load": _load,
        "load_search": _load,
        "retriever": HybridRetriever(embedder, vectors_of(catalog, embedder), catalog),
        "require_models": lambda _: None,
    }


def main() -> None:
    for name, part in fake_parts().items():
        setattr(LocalComponents, name, part)
    app(prog_name="docqa")


if __name__ == "__main__":
    main()
