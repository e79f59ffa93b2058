"""What a job ingests: folders of this machine, or files that were sent.

What else a job may do is in `api.document_changes`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from api.state.jobs import JobKind
from ingest.pipeline import Pipeline, Removal, Report
from ingest.progress import Listener

UPLOADS = "uploads"
"""Root of uploaded documents in the catalog: it holds wherever the data folder lies."""


class Source(Protocol):
    """What a job is about: files to ingest, or a document."""

    @property
    def kind(self) -> JobKind:
        """What becomes of it."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """What people call them."""
        ...

    @property
    def places(self) -> Sequence[Path]:
        """Where they lie, or will: jobs whose places lie within each other's must not run at once."""
        ...

    def ingest(self, pipeline: Pipeline, collection: str, removal: Removal, listener: Listener) -> Report:
        """Bring the collection to what was asked for. Raises what `Pipeline.ingest` does, and `DocumentChanged`."""
        ...

    def discard(self) -> None:
        """The job is over, or will never be: let go of what was kept for it alone."""
        ...


def same_place(one: Sequence[Path], other: Sequence[Path]) -> bool:
    """Whether a place of the one is or lies within a place of the other, or the other way round."""
    return _any_within(one, set(other)) or _any_within(other, set(one))


def _any_within(places: Sequence[Path], others: set[Path]) -> bool:
    return any(not others.isdisjoint((place, *place.parents)) for place in places)


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders and files of this machine; the collection becomes equal to the folders. ``places`` are resolved."""

    places: tuple[Path, ...]
    kind: JobKind = JobKind.FOLDERS

    @property
    def names(self) -> Sequence[str]:
        """Their whole paths."""
        return [str(path) for path in self.places]

    def ingest(self, pipeline: Pipeline, collection: str, removal: Removal, listener: Listener) -> Report:
        """See `Source`."""
        return pipeline.ingest(self.places, collection, listener, removal)

    def discard(self) -> None:
        """Nothing was kept."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Files below ``staging``, by ``names`` with forward slashes, that belong below ``home``.

    They stay there as the originals of their documents. One whose name is known already replaces it, as the next
    revision of its document, or an archive with the documents that it held; all others are left alone.
    """

    staging: Path
    home: Path
    names: tuple[str, ...]
    kind: JobKind = JobKind.UPLOAD

    @property
    def places(self) -> Sequence[Path]:
        """Where they will lie."""
        return [self.home / name for name in self.names]

    def ingest(self, pipeline: Pipeline, collection: str, removal: Removal, listener: Listener) -> Report:
        """See `Source`; only what an archive held before and does not hold now can be gone."""
        for name in self.names:
            place = self.home / name
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.staging / name, place)
        return pipeline.ingest(self.places, collection, listener, removal, UPLOADS, self.home)

    def discard(self) -> None:
        """What was not taken yet is deleted."""
        shutil.rmtree(self.staging, ignore_errors=True)
