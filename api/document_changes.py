"""Documents taken out of the index and brought back, as jobs: one pipeline does all that changes the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.state.jobs import JobKind
from ingest.document import Revision
from ingest.pipeline import Pipeline, Removal, Report
from ingest.progress import Listener


class DocumentChanged(Exception):
    """When the job's turn came, the document was not as it had been when the job was asked for."""


@dataclass(frozen=True, slots=True)
class _OneDocument:
    """The document of ``revision``; ``place`` is where its file lies or lay. See `Source`."""

    revision: Revision
    place: Path

    @property
    def names(self) -> Sequence[str]:
        """Its source."""
        return [self.revision.source]

    @property
    def places(self) -> Sequence[Path]:
        """Its place."""
        return [self.place]

    def discard(self) -> None:
        """Nothing was kept."""


@dataclass(frozen=True, slots=True)
class RemovedDocument(_OneDocument):
    """To be taken out."""

    kind: JobKind = JobKind.REMOVE

    def ingest(self, pipeline: Pipeline, collection: str, removal: Removal, listener: Listener) -> Report:
        """Take it out. Raises `DocumentChanged`."""
        ended = pipeline.remove(self.revision.document_id)
        if ended is None:
            raise DocumentChanged(f"{self.revision.source} was removed already")
        return Report(removed=(ended.source,))


@dataclass(frozen=True, slots=True)
class RestoredDocument(_OneDocument):
    """What ``revision`` said is to hold again; ``standing``: in place of what its document says now."""

    standing: bool
    kind: JobKind = JobKind.RESTORE

    def ingest(self, pipeline: Pipeline, collection: str, removal: Removal, listener: Listener) -> Report:
        """Publish it. Raises `DocumentChanged`."""
        old = self.revision
        try:
            source = (pipeline.restore(old.document_id, old.number).source,)
        except KeyError as error:
            raise DocumentChanged(f"revision {old.number} of {old.source} is not kept any more") from error
        except ValueError as error:
            raise DocumentChanged(f"another document stands at {old.source} now; remove it first") from error
        return Report(updated=source) if self.standing else Report(added=source)
