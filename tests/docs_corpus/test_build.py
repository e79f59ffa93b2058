"""Tests of the corpus build: committed documents are current, and their content is really there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pdfplumber
import pytest
from docx import Document

CORPUS = Path(__file__).resolve().parents[2] / "docs_corpus"


def _load() -> ModuleType:
    """Import ``docs_corpus/build.py``, which is a script and not part of a package."""
    name = "docs_corpus_build"
    spec = importlib.util.spec_from_file_location(name, CORPUS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


build = _load()

SAMPLE = (
    """# Pump notes

Version 1, owner: **Workshop**

## 1 Limits

> **Note.** Never above 60 °C.

| Part | Limit |
|---|---|
| Seal | ≤ 60 °C |
"""
    + "".join(f"| Row {number} | {number} bar |\n" for number in range(80))
    + """
### 1.1 Steps

1. Close the valve.
2. Wait.

```
set limit=60
```
"""
)


def _corpus(folder: Path, **sources: str) -> Path:
    """A corpus in *folder* with the sources given as ``pdf=…`` and ``docx=…``."""
    for kind, text in sources.items():
        path = folder / "sources" / "area" / f"sample.{kind}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_committed_documents_are_what_the_sources_give(capsys: pytest.CaptureFixture[str]) -> None:
    """A rebuild of the corpus finds nothing missing, stale or orphaned."""
    assert build.jobs(CORPUS)
    assert build.run(CORPUS, check=True) == 0, capsys.readouterr().out


def test_check_reports_missing_stale_and_orphaned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` writes nothing and names what is wrong."""
    corpus = _corpus(tmp_path, pdf=SAMPLE, docx=SAMPLE)
    arguments = ["--corpus", str(corpus)]
    assert build.main([*arguments, "--check"]) == 1
    assert not (corpus / "documents").exists()
    assert build.main(arguments) == 0
    assert build.main([*arguments, "--check"]) == 0
    _corpus(tmp_path, pdf=SAMPLE.replace("Wait.", "Wait a minute."))
    (corpus / "sources" / "area" / "sample.docx.md").unlink()
    capsys.readouterr()
    assert build.main([*arguments, "--check"]) == 1
    out = capsys.readouterr().out
    assert "stale: documents/area/sample.pdf" in out
    assert "orphan (no source): documents/area/sample.docx" in out


def test_two_builds_give_the_same_bytes() -> None:
    """Neither format carries the time of its build."""
    source = build.parse(SAMPLE)
    assert build.build_pdf(source) == build.build_pdf(source)
    assert build.build_docx(source) == build.build_docx(source)


def test_pdf_holds_headings_tables_head_and_foot(tmp_path: Path) -> None:
    """Headings are larger, tables are ruled with a repeated header, pages are numbered."""
    corpus = _corpus(tmp_path, pdf=SAMPLE)
    assert build.run(corpus, check=False) == 0
    with pdfplumber.open(corpus / "documents" / "area" / "sample.pdf") as pdf:
        total = len(pdf.pages)
        assert total > 1
        for number, page in enumerate(pdf.pages, start=1):
            text = page.extract_text()
            assert text.startswith("Pump notes")
            assert f"Page {number} of {total}" in text
        first, second = (page.extract_tables()[0] for page in pdf.pages[:2])
        assert first[:2] == [["Part", "Limit"], ["Seal", "≤ 60 °C"]]
        assert second[0] == ["Part", "Limit"]
        words = pdf.pages[0].extract_words(extra_attrs=["size"])
        sizes = {word["text"]: round(word["size"]) for word in words}
        assert sizes["Limits"] > sizes["Never"]
        last = pdf.pages[-1].extract_text()
        assert "1.1 Steps" in last
        assert "set limit=60" in last


def test_docx_has_styles_lists_and_table(tmp_path: Path) -> None:
    """Word's own heading and list styles are used, and the table is a table."""
    corpus = _corpus(tmp_path, docx=SAMPLE)
    assert build.run(corpus, check=False) == 0
    document = Document(str(corpus / "documents" / "area" / "sample.docx"))
    styles = {paragraph.text: paragraph.style.name for paragraph in document.paragraphs if paragraph.style}
    assert styles["Pump notes"] == "Heading 1"
    assert styles["1 Limits"] == "Heading 2"
    assert styles["1.1 Steps"] == "Heading 3"
    assert styles["Close the valve."] == "List Number"
    assert styles["set limit=60"] == "Code Block"
    assert [cell.text for cell in document.tables[0].rows[1].cells] == ["Seal", "≤ 60 °C"]


@pytest.mark.parametrize(
    "text",
    [
        "No title here.",
        "# Title\n\n#### Too deep",
        "# Title\n\n![picture](x.png)",
        "# Title\n\n<div>HTML</div>",
    ],
)
def test_what_the_dialect_lacks_is_an_error(text: str) -> None:
    """Sources with unknown elements are refused instead of losing text."""
    with pytest.raises(build.BuildError):
        build.parse(text)


def test_a_sign_without_glyph_is_an_error() -> None:
    """A PDF never shows an empty box."""
    with pytest.raises(build.BuildError):
        build.build_pdf(build.parse("# Title\n\n\u2713 done"))
