"""``python -m tests.ingest.kills FOLDER KILLS [SEED]``: an index that is killed again and again, and looked at.

Between the kills files are added, changed, moved and removed; some runs meet a limit on the size of files, as on a full
disk, instead of the kill. After each, every document must answer from one version, the one before or the one after the
run, and once; the next run that is left alone must end with nothing out of place. Each run is a process of its own,
forked from this one, which itself opens nothing.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from chromadb import PersistentClient  # noqa: F401 - imported here, it need not be imported in each process

from ingest.catalog import CatalogUnusable
from ingest.consistency import content_faults, database_faults, vector_faults
from ingest.pipeline import Removal
from ingest.sqlite_catalog import SqliteCatalog
from ingest.vectors import VectorsUnusable
from tests.ingest.index import answers, pipeline, stored_index

FULL_SHARE = 0.15
FINISHED, FAILED, DISK_FULL = 0, 1, 5

Versions = dict[str, int]
"""Which version of each document there is; one that is missing is removed."""


def main(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    data, files = folder / "data", folder / "files"
    names = [f"handbook{n:02d}" for n in range(16)]
    wanted = dict.fromkeys(names[:12], 1)
    moved: set[str] = set()
    settled = True
    _write(files, wanted, moved)
    began = time.monotonic()
    _expect(FINISHED, _run(lambda _: _ingest(data, files)))
    longest = (time.monotonic() - began) / 3  # of which most is the opening of the index
    known, killed, full, version = dict(wanted), 0, 0, 1
    while killed < kills:
        version += 1
        wanted, same = _changed(wanted, names, version, chance), wanted
        # A file that moves and changes at once is another one: what moves now may change after a run that ends.
        moving = {n for n in wanted if wanted[n] == same.get(n) and chance.random() < 0.3} if settled else set()
        moved ^= moving
        _write(files, wanted, moved)
        if chance.random() < FULL_SHARE:
            room = chance.randrange(0, 200_000)
            code = _run(lambda _, room=room: _ingest(data, files, room))  # type: ignore[misc]
            assert code in (FINISHED, DISK_FULL), f"a full disk ends the run with code {code}"
            full += code == DISK_FULL
        else:
            killed += (
                _run(lambda ready: _ingest(data, files, ready=ready), chance.uniform(0, longest)) == -signal.SIGKILL
            )
        seen = _look(data, folder / "seen.json", names)
        for name in names:
            assert seen.get(name) in (known.get(name), wanted.get(name)), (
                f"{name} answers from {seen.get(name)}, was {known.get(name)}, shall be {wanted.get(name)}"
            )
        known = seen
        settled = bool(moving) or chance.random() < 0.5
        if settled:
            _expect(FINISHED, _run(lambda _: _ingest(data, files)))
            known = _look(data, folder / "seen.json", names, clean=True)
            assert known == wanted
    _expect(FINISHED, _run(lambda _: _ingest(data, files)))
    assert _look(data, folder / "seen.json", names, clean=True) == wanted
    sys.stdout.write(f"{killed} kills, {full} full disks, {version} runs: every document answered, once\n")


def _changed(wanted: Versions, names: list[str], version: int, chance: random.Random) -> Versions:
    """Some documents get a new version, some vanish, some come (back)."""
    changed = dict(wanted)
    for name in names:
        fate = chance.random()
        if name in changed and fate < 0.1:
            del changed[name]
        elif fate < 0.5:
            changed[name] = version
    return changed


def _write(files: Path, wanted: Versions, moved: set[str]) -> None:
    shutil.rmtree(files, ignore_errors=True)
    for name, version in wanted.items():
        path = files / ("moved" if name in moved else "") / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"{name} part{part} version {version}" for part in range(1 + version % 5)]
        path.write_text("\n\n".join([name, "the same in each of them", *parts]), encoding="utf-8")


def _ingest(data: Path, files: Path, room: int | None = None, ready: Callable[[], None] = lambda: None) -> int:
    try:
        with stored_index(data) as index:
            if room is not None:
                largest = max(path.stat().st_size for path in data.rglob("*") if path.is_file())
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, resource.RLIM_INFINITY))
            ready()
            report = index.ingest(files, removal=Removal.ALL)
            return FAILED if report.failed else FINISHED
    except (CatalogUnusable, VectorsUnusable, OSError):
        if room is None:
            raise
        return DISK_FULL


def _look(data: Path, result: Path, names: list[str], *, clean: bool = False) -> Versions:
    def look() -> int:
        seen: Versions = {}
        with stored_index(data) as index:
            pipeline(index).mend("default")  # As a service does before it answers.
            for name in names:
                found = [text for text in answers(index, name) if "version" in text]
                versions = {int(text.rsplit(" ", 1)[1]) for text in found}
                assert len(versions) <= 1, f"{name} answers from several versions: {found}"
                assert len(found) == len(set(found)), f"{name} answers twice: {found}"
                for version in versions:
                    assert len(found) == 1 + version % 5, f"{name} answers in part: {found}"
                    seen[name] = version
            if clean:
                assert isinstance(index.catalog, SqliteCatalog)
                faults = [*database_faults(index.catalog.database), *content_faults(index.catalog)]
                faults += vector_faults(index.catalog, index.vectors)
                assert not faults, faults
        result.write_text(json.dumps(seen), encoding="utf-8")
        return FINISHED

    _expect(FINISHED, _run(lambda _: look()))
    seen: Versions = json.loads(result.read_text(encoding="utf-8"))
    return seen


def _run(work: Callable[[Callable[[], None]], int], kill_after: float | None = None) -> int:
    """The exit code of ``work`` in a process of its own; it is killed so many seconds after it said it is ready."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            code = work(lambda: _signal(writing))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    if kill_after is not None:
        os.read(reading, 1)
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _signal(pipe: int) -> None:
    os.write(pipe, b"!")


def _expect(code: int, got: int) -> None:
    if got != code:
        raise SystemExit(f"a run that was left alone ended with code {got}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
