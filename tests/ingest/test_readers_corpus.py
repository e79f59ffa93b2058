"""The documents of the sample corpus, compared with the sources that they were built from."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingest.contextual import contextual_text
from ingest.document import Document
from ingest.formats import Readers
from ingest.sections import StructureSplitter
from tests.contracts.reader import check_document
from tests.contracts.splitter import check_passages

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY / "docs_corpus"
FILES = sorted(path for path in (CORPUS / "documents").rglob("*") if path.is_file())
EMBEDDER = REPOSITORY / "data" / "models" / "all-minilm-l6-v2"


def _load() -> ModuleType:
    """Import ``docs_corpus/build.py``, which is a script and not part of a package."""
    name = "docs_corpus_build_of_readers"
    spec = importlib.util.spec_from_file_location(name, CORPUS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    module._register_fonts()
    return module


build = _load()
JOBS = build.jobs(CORPUS)


@cache
def read(path: Path) -> Document:
    return Readers().read(path, path.relative_to(CORPUS / "documents").as_posix())


def facts(blocks: Sequence[Any], *, printed: bool, depth: int = 0) -> Iterator[str]:
    """What a document says, block by block; ``printed`` as its PDF can show it: there notes are paragraphs."""
    for block in blocks:
        match block:
            case build.Heading():
                yield f"heading {block.level}: {shown(block.inline, printed=printed)}"
            case build.Text():
                yield f"{'  ' * depth}text: {shown(block.inline, printed=printed)}"
            case build.Code():
                yield f"code: {block.text}"
            case build.Note():
                yield from () if printed else ["note:"]
                yield from facts(block.blocks, printed=printed, depth=depth)
            case build.Items():
                for number, item in enumerate(block.items, block.start):
                    yield f"{'  ' * depth}item {number if block.ordered else '-'}"
                    yield from facts(item, printed=printed, depth=depth + 1)
            case build.Grid():
                for row in block.rows:
                    yield " | ".join(["row", *(shown(cell, printed=printed) for cell in row)])


def shown(inline: Sequence[Any], *, printed: bool) -> str:
    """Text with its forms; two pieces of code with a blank between them look like one."""
    text = ""
    form = ""
    for span in inline:
        words = (build.printable(span.text) if printed else span.text).replace("\n", " ")
        new = "b" * span.bold + "i" * span.italic + "c" * span.code
        text += words if new == form else f"<{new}>{words}"
        form = new
    return " ".join(text.replace("<> <c>", " ").split())


@pytest.mark.parametrize(("source", "target"), [(job.source, job.target) for job in JOBS], ids=lambda path: path.stem)
def test_a_built_document_says_what_its_source_says(source: Path, target: Path) -> None:
    printed = target.suffix == ".pdf"
    expected = list(facts(build.parse(source.read_text(encoding="utf-8")).blocks, printed=printed))
    assert list(facts(build.parse(read(target).text).blocks, printed=printed)) == expected


def test_there_are_documents_of_each_format() -> None:
    assert {path.suffix for path in FILES} == {".md", ".html", ".pdf", ".docx", ".txt"}
    assert {job.target.suffix for job in JOBS} == {".pdf", ".docx"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_document_is_well_formed(path: Path) -> None:
    document = read(path)
    check_document(document)
    assert document.sections[0].level == 1
    assert document.title == document.sections[0].path[0]
    assert [section for section in document.sections if section.level == 1] == [document.sections[0]]
    assert bool(document.pages.starts) == (path.suffix == ".pdf")
    for boilerplate in ("Tarnwick Knowledge Base", "· Cookies ·", "Page 1 of", "Print this page"):
        assert boilerplate not in document.text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_document_is_split_by_the_law(path: Path) -> None:
    def count_words(text: str) -> int:
        return len(text.split())

    document = read(path)
    splitter = StructureSplitter(count_words, max_tokens=80, window=120)
    check_passages(splitter, document)
    passages = splitter.split(document)
    assert max(count_words(passage.text) for passage in passages) <= 80
    own = {section.path for section in document.sections if _has_own_text(document, section.path)}
    assert own == {passage.section_path for passage in passages}


def _has_own_text(document: Document, path: tuple[str, ...]) -> bool:
    """Whether a section has text between its heading and the next one."""
    (at,) = (index for index, section in enumerate(document.sections) if section.path == path)
    section, following = document.sections[at], document.sections[at + 1 : at + 2]
    end = following[0].span.start if following else len(document.text)
    return len(document.text[section.span.start : end].strip().split("\n")) > 1


@pytest.mark.models
def test_no_passage_is_cut_off_by_the_embedder() -> None:
    if not EMBEDDER.is_dir():
        pytest.skip("the embedder is not in data/models: docqa models fetch all-minilm-l6-v2")
    from ingest.sentence_embedder import SentenceEmbedder

    embedder = SentenceEmbedder(EMBEDDER)
    splitter = StructureSplitter(embedder.count_tokens, window=embedder.max_tokens)
    lengths = [
        embedder.count_tokens(contextual_text(document.title, passage))
        for document in map(read, FILES)
        for passage in splitter.split(document)
    ]
    assert len(lengths) > 500
    assert max(lengths) <= embedder.max_tokens
