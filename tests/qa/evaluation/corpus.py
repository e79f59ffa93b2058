"""The sample corpus as the product reads it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ingest.document import Document
from ingest.formats import Readers
from qa.evaluation.questions import GoldQuestion, read_questions

CORPUS = Path(__file__).parents[3] / "docs_corpus"
DOCUMENTS = CORPUS / "documents"


@cache
def questions() -> tuple[GoldQuestion, ...]:
    return read_questions(CORPUS / "questions.jsonl")


@cache
def document(source: str) -> Document:
    """A document of the corpus; read once, since PDFs take a second each."""
    return Readers().read(DOCUMENTS / source, source)
