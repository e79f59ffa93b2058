from __future__ import annotations

from api.schemas import SourceBody
from tests.qa.library import Library, manual


def test_a_source_names_the_other_documents_that_say_the_same() -> None:
    text = "# A\n\n## 1 Fuse\n\nThe fuse blows at 5 A.\n"
    library = Library(manual("a.md", text, "A"), manual("copy.md", text, "A"))
    found = library.retriever().retrieve("When does the fuse blow?", "default", 1)[0]
    body = SourceBody.of(1, found)
    assert {body.source, *(copy.source for copy in body.also_in)} == {"a.md", "copy.md"}
    assert (body.also_in[0].span, body.also_in[0].revision) == (body.span, 1)
