"""Fetch the manual that ``docs_corpus/python-manual.jsonl`` asks about: ``python scripts/fetch_python_manual.py DIR``.

Debian's package of Python's documentation is downloaded, and its library reference and tutorial are put into DIR as
``library/*.html`` and ``tutorial/*.html``. Needs apt-get and dpkg-deb, not root. The manual has the licence of Python.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

PACKAGE = "python3.11-doc"
"""What python3-doc stands for in Debian 12; the questions quote this version."""
PARTS = ("library", "tutorial")


def main() -> int:
    """Download, unpack, report; 1 when the package can't be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deb", type=Path, help=f"package file of {PACKAGE} to use instead of a download")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            deb = arguments.deb or _download(Path(scratch))
            written = _unpack(deb, arguments.folder)
        except (OSError, subprocess.CalledProcessError, tarfile.TarError) as error:
            print(f"{PACKAGE} can't be fetched: {error}; `apt-get update` may help", file=sys.stderr)
            return 1
    print(f"{written} pages in {arguments.folder}")
    return 0


def _download(folder: Path) -> Path:
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob(f"{PACKAGE}_*.deb"))


def _unpack(deb: Path, folder: Path) -> int:
    """Write the pages of `PARTS`; how many there are."""
    written = 0
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive,
    ):
        for member in archive:
            path = PurePosixPath(member.name)
            content = archive.extractfile(member) if path.suffix == ".html" and path.parent.name in PARTS else None
            if content is not None:
                target = folder / path.parent.name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
                written += 1
    if unpacking.returncode != 0 or not written:
        raise tarfile.ReadError(f"{deb} holds no pages of the manual")
    return written


if __name__ == "__main__":
    sys.exit(main())
