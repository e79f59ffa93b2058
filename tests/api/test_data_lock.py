from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api.data_lock import DataLock, DataLocked


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "data" / ".lock"
    first, second = DataLock(path), DataLock(path)
    first.acquire()
    first.acquire()
    with pytest.raises(DataLocked, match="in use by another docqa process"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()


def test_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    program = (
        "import sys, time; from pathlib import Path; from api.data_lock import DataLock; "
        "lock = DataLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, cwd=root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(DataLocked):
            DataLock(path).acquire()
        holder.kill()
    lock = DataLock(path)
    lock.acquire()
    lock.release()
