"""One process at a time owns a data folder: the embedded vector store admits no second one."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout


class DataLocked(Exception):
    """Another process owns the data folder; ``holder`` is its id as text, empty where that is not known."""

    def __init__(self, folder: Path, holder: str = "") -> None:
        who = f" (process {holder})" if holder else ""
        super().__init__(
            f"{folder} is in use by another docqa process{who}: stop that server or wait for its end; "
            "with a Chroma server (DOCQA_CHROMA_URL) documents can be ingested while questions are answered"
        )
        self.folder = folder
        self.holder = holder


class DataLock:
    """The lock of one data folder. The system frees it when its process ends, however that happens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Not bound to a thread: the service takes the lock in one and frees it in another.
        self._lock = FileLock(path, timeout=0, thread_local=False)

    def acquire(self) -> None:
        """Take it, making the folder where there is none. Raises `DataLocked`; twice is no error."""
        if self._lock.is_locked:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise DataLocked(self._path.parent, self._holder()) from error
        self._holder_path.write_text(str(os.getpid()), encoding="ascii")

    @property
    def _holder_path(self) -> Path:
        # Not the locked file itself: whoever tries to lock that may empty it.
        return self._path.with_name(f"{self._path.name}-holder")

    def _holder(self) -> str:
        try:
            return self._holder_path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def release(self) -> None:
        """Give it back; without it, nothing happens."""
        self._lock.release()
