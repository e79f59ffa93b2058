#!/usr/bin/env python3
"""Write requirements.lock and requirements-dev.lock: every package that pyproject.toml needs, at one version.

Versions that are locked already stay where they still fit; ``--upgrade`` takes the newest of everything. Only wheels
count, and only those for the oldest Python that the project admits: the lock must serve everybody, and nobody's machine
should have to compile. Run it on the platform that the lock is for, through ``make lock``.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements.lock"
DEV = ROOT / "requirements-dev.lock"


def main() -> None:
    """Resolve what the service needs, then what development needs on top of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions of everything")
    upgrade = parser.parse_args().upgrade
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    extra = project["project"]["optional-dependencies"]["dev"]
    python = project["project"]["requires-python"].removeprefix(">=") + ".0"

    runtime = resolve(needed, [] if upgrade else [RUNTIME], python)
    write(RUNTIME, "What the service runs on", runtime)
    development = resolve([*needed, *extra], [RUNTIME] if upgrade else [RUNTIME, DEV], python)
    write(DEV, "What the tests and checks need besides", development - runtime, "-r requirements.lock")


def resolve(requirements: Sequence[str], constraints: Sequence[Path], python: str) -> set[str]:
    """``name==version`` of every package that pip would install into an empty environment of this Python."""
    options = ["--dry-run", "--ignore-installed", "--quiet", "--report=-", "--only-binary=:all:"]
    limits = [f"--constraint={path}" for path in constraints if path.exists()]
    with TemporaryDirectory() as nowhere:  # pip resolves for another Python only with a target
        target = [f"--python-version={python}", f"--target={nowhere}"]
        command = [sys.executable, "-m", "pip", "install", *options, *target, *limits, *requirements]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    packages = [entry["metadata"] for entry in json.loads(done.stdout)["install"]]
    return {f"{normal(package['name'])}=={public(package['version'])}" for package in packages}


def normal(name: str) -> str:
    """The form of a package's name in which all its spellings are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def public(version: str) -> str:
    """The version without its local part: ``2.13.0+cpu`` is one build of 2.13.0, and another machine has another."""
    return version.partition("+")[0]


def write(path: Path, title: str, packages: set[str], *first: str) -> None:
    """Write one lock, sorted by name."""
    made = f"Made by `make lock` on {platform.system()}."
    path.write_text("\n".join([f"# {title}. {made}", *first, *sorted(packages), ""]), encoding="utf-8")
    print(f"{path.name}: {len(packages)} packages")


if __name__ == "__main__":
    main()
