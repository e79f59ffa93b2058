"""Where archives are unpacked, for the time of one ingest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def emptied_room(folder: Path | None) -> Iterator[Path]:
    """A place where nothing is and nothing stays: ``folder``, whatever a killed run left there, or a temporary one."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="docqa-") as temporary:
            yield Path(temporary)
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
