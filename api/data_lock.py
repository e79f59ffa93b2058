"""One process at a time owns a data folder: the embedded vector store admits no second one."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout


class DataLocked(Exception):
    """Another process owns the data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another docqa process (a running server?)")
        self.folder = folder


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
            raise DataLocked(self._path.parent) from error

    def release(self) -> None:
        """Give it back; without it, nothing happens."""
        self._lock.release()
