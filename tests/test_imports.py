"""The direction of imports: api -> qa -> {ingest, decoding}. Read from the source, so that lazy imports count too."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "ingest": {"ingest"},
    "decoding": {"decoding"},
    "qa": {"qa", "ingest", "decoding"},
    "api": {"api", "qa", "ingest", "decoding"},
}
NOT_FOR_PRODUCT = {"tests", "scripts", "docs_corpus"}
SLOW = ("torch", "transformers", "sentence_transformers", "chromadb", "pdfplumber", "llama_index")


def _imports(source: str, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and absolute name of every module that ``source``, a module of ``package``, imports anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield node.lineno, ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"__import__", "import_module"}


def _against_the_direction(source: str, package: tuple[str, ...]) -> list[str]:
    forbidden = {*MAY_IMPORT, *NOT_FOR_PRODUCT} - MAY_IMPORT[package[0]]
    return [
        f"line {line} imports {name}" for line, name in _imports(source, package) if name.split(".")[0] in forbidden
    ]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no modules"
    wrong = {}
    for path in files:
        parents = path.relative_to(ROOT).parent.parts
        if found := _against_the_direction(path.read_text(encoding="utf-8"), parents):
            wrong[str(path.relative_to(ROOT))] = found
    assert not wrong


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("ingest", "import decoding.target"),
        ("ingest", "def lazy():\n    from qa.answer import Answer"),
        ("decoding", "from ingest import document"),
        ("decoding", "import importlib\nimportlib.import_module('api.settings')"),
        ("qa", "from api.settings import Settings"),
        ("api", "from tests.fakes import Fake"),
    ],
)
def test_a_wrong_import_is_found(package: str, source: str) -> None:
    assert _against_the_direction(source, (package,))


def test_a_right_import_passes() -> None:
    source = "import json\nfrom ingest.document import Span\nfrom .answer import Answer\nfrom . import prompt"
    assert not _against_the_direction(source, ("qa",))


def test_only_product_packages_lie_at_the_top() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == {*MAY_IMPORT, "tests"}


def test_the_command_line_starts_without_the_slow_libraries() -> None:
    code = f"import sys, api.cli.main; print(*[name for name in {SLOW} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
