from __future__ import annotations

import pytest

from api.as_of import moment_in, moment_of
from api.schemas import AnswerRequest
from tests.api.library import library, markdown_document, publish


def test_a_date_counts_to_its_end_and_a_time_is_exact() -> None:
    assert moment_of("1970-01-02") == pytest.approx(2 * 86_400, abs=1)
    assert moment_of("1970-01-01T01:00:00Z") == moment_of("1970-01-01T02:00+01:00") == moment_of("1970-01-01T01:00")
    assert moment_of("1970-01-01T01:00:00Z") == 3_600


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-02-30", "1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        moment_of(text)
    with pytest.raises(ValueError, match="is no date"):
        AnswerRequest(question="a", as_of=text)


def test_a_revision_stands_for_the_moment_it_was_published() -> None:
    catalog = library({"a.md": "# A\n\nalarm\n"})
    publish(catalog, "default", markdown_document("a.md", "# A\n\nbell\n"))
    (revision,) = catalog.current()
    for written in (f"{revision.document_id}@2", revision.id):
        assert moment_in(written, catalog) == revision.valid_from
    with pytest.raises(ValueError, match="no revision"):
        moment_in(f"{revision.document_id}@3", catalog)
    assert moment_in("1970-01-02", catalog) == moment_of("1970-01-02")


def test_a_question_has_the_moment_and_no_labels() -> None:
    question = AnswerRequest(question="a", as_of="1970-01-01T01:00:00Z").to_question("default")
    assert (question.scope.as_of, question.scope.labels) == (3_600, frozenset())
    assert AnswerRequest(question="a").to_question("default").scope.as_of is None
