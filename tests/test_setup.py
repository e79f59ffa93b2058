"""Set-up: what is imported is declared, what is declared is locked, and the scripts say what is missing."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ingest", "qa", "decoding", "api")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

NOT_IMPORTED = {
    "accelerate": "transformers needs it to read GGUF files",
    "python-multipart": "starlette needs it to read forms",
    "ziglang": "the compiler that decoding/exact/compiler.py runs",
}


def _declared(requirements: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(Requirement(text).name): Requirement(text) for text in requirements}


def _imported(*folders: str) -> Iterator[tuple[str, Path]]:
    """Top-level names of everything imported from other distributions, with the module that imports it."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    names = [node.module]
                for name in names:
                    top = name.split(".")[0]
                    if top not in sys.stdlib_module_names and top not in {*PACKAGES, "tests"}:
                        yield top, path.relative_to(ROOT)


def _pins(lock: str) -> dict[str, Version]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith(("#", "-")))
    return {name: Version(version) for name, version in pairs}


@pytest.mark.parametrize(
    ("folders", "requirements"),
    [
        (PACKAGES, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["llama-index"]),
        (("tests", "docs_corpus", "scripts"), PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_everything_that_is_imported_is_declared(folders: tuple[str, ...], requirements: list[str]) -> None:
    declared = _declared(requirements)
    distributions = packages_distributions()
    missing = {
        f"{path} imports {name}"
        for name, path in _imported(*folders)
        if not any(canonicalize_name(owner) in declared for owner in distributions.get(name, [name]))
    }
    assert not missing


def test_the_service_runs_without_the_extras() -> None:
    adapters = {Path("qa/llama_index_retriever.py"), Path("decoding/llama_index_llm.py")}
    assert {path for name, path in _imported(*PACKAGES) if name == "llama_index"} == adapters
    imports = re.compile(rf"^\s*(?:from|import) .*\b(?:{'|'.join(path.stem for path in adapters)})\b", re.MULTILINE)
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*.py"):
            assert not imports.search(re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)), path


def test_only_the_export_of_traces_needs_its_extra() -> None:
    extra = re.compile(r"^\s*(?:from|import) opentelemetry\.(?:sdk|exporter)\b", re.MULTILINE)
    needing = [path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py") if extra.search(path.read_text())]
    assert [path.relative_to(ROOT) for path in needing] == [Path("api/trace_export.py")]


def test_everything_that_is_declared_is_imported() -> None:
    distributions = packages_distributions()
    used = {canonicalize_name(owner) for name, _ in _imported(*PACKAGES) for owner in distributions.get(name, [])}
    assert set(_declared(PROJECT["dependencies"])) - used == set(NOT_IMPORTED)


@pytest.mark.parametrize(
    ("requirements", "locks"),
    [
        (PROJECT["dependencies"], ("requirements.lock",)),
        (PROJECT["optional-dependencies"]["dev"], ("requirements.lock", "requirements-dev.lock")),
    ],
)
def test_everything_that_is_declared_is_locked(requirements: list[str], locks: tuple[str, ...]) -> None:
    pins = {name: version for lock in locks for name, version in _pins(lock).items()}
    for name, requirement in _declared(requirements).items():
        assert name in pins, f"{name} is not locked: make lock"
        assert pins[name] in requirement.specifier, f"{name} is locked at {pins[name]}: make lock"


def test_locks_hold_pins_of_public_versions_and_nothing_else() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
            assert re.fullmatch(r"#.*|-r requirements\.lock|[a-z0-9-]+==[0-9][0-9a-z.]*", line), f"{lock}: {line}"
    assert not set(_pins("requirements.lock")) & set(_pins("requirements-dev.lock"))
    assert not [name for name in _pins("requirements.lock") if name.startswith(("nvidia-", "triton"))]


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _tools(folder: Path, *names: str) -> Path:
    """A folder for PATH that has these system tools and nothing else."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def _run(tools: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("bash") or "bash", str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)


def test_an_old_python_is_named_with_what_to_do(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin")
    _script(tools / "python3", '[ "$1" = --version ] && echo "Python 3.9.2" || exit 1')
    done = _run(tools, "venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, and python3 is Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_newer_python_is_found_under_its_own_name(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin")
    _script(tools / "python3", '[ "$1" = --version ] && echo "Python 3.9.2" || exit 1')
    _script(tools / "python3.12", f'exec {sys.executable} "$@"')
    done = _run(tools, "venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_a_missing_venv_module_is_named_with_its_package(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin")
    _script(tools / "python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac')
    done = _run(tools, "venv.sh", "python3", str(tmp_path / "venv"))
    assert done.returncode == 1
    assert "apt-get install python3.12-venv" in done.stderr


def test_an_environment_that_works_is_kept(tmp_path: Path) -> None:
    environment = tmp_path / "venv" / "bin"
    environment.mkdir(parents=True)
    _script(environment / "python", "exit 0")
    done = _run(_tools(tmp_path / "bin"), "venv.sh", "no-such-python", str(tmp_path / "venv"))
    assert done.returncode == 0, done.stderr
    assert os.listdir(environment) == ["python"]


def test_what_the_browser_tests_need_and_is_there_is_taken(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin")
    _script(tools / "google-chrome", "exit 0")
    _script(tools / "playwright", "exit 0")
    done = _run(tools, "browser.sh", str(tools))
    assert done.returncode == 0
    assert done.stdout == f"Browser tests: {tools / 'google-chrome'}\n"


def test_without_a_browser_and_rights_the_tests_go_on_and_say_so(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin")
    _script(tools / "playwright", "exit 127")
    _script(tools / "id", "echo 1000")
    _script(tools / "sudo", "exit 1")
    _script(tools / "apt-get", "echo must not run >&2; exit 1")
    done = _run(tools, "browser.sh", str(tools))
    assert done.returncode == 0
    assert "must not run" not in done.stderr
    assert "To run them: apt-get install chromium libatomic1" in done.stderr


def test_with_rights_just_what_is_missing_is_installed(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin", "env", "chmod")
    browser = tools / "chromium"
    _script(tools / "playwright", "exit 0")
    _script(tools / "id", "echo 0")
    _script(tools / "apt-get", f'case "$*" in *"120 chromium") echo > {browser}; chmod +x {browser};; esac')
    done = _run(tools, "browser.sh", str(tools))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"Browser tests: {browser}\n")


def test_with_a_postgres_server_at_hand_no_other_is_started(tmp_path: Path) -> None:
    tools = _tools(tmp_path / "bin", "printenv")
    script = ROOT / "scripts" / "postgres.sh"
    environment = {"PATH": str(tools), "DOCQA_TEST_POSTGRES_URL": "postgresql://docqa@db/tests"}
    command = [shutil.which("bash") or "bash", str(script), "printenv", "DOCQA_TEST_POSTGRES_URL"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "postgresql://docqa@db/tests\n"
