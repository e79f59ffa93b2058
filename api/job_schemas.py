"""Bodies of ingests and the jobs that carry them out; `docqa ingest --json` prints the same report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import RequestBody
from api.state.jobs import Job, JobKind, JobState
from api.state_schemas import NextCursor, Seconds
from ingest.progress import Phase, Report

if TYPE_CHECKING:
    from api.jobs import JobView

MAX_PATHS = 1_000
MAX_NAMES = 10_000
"""Names in each list of a report, at most; its counts are always whole."""

Collection = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
    Field(description="Where to; left out: the default collection.", examples=["manuals"]),
]


class IngestRequest(RequestBody):
    """Folders that the server can read, to which the collection is made equal."""

    paths: list[Annotated[str, StringConstraints(min_length=1, max_length=4096)]] = Field(
        min_length=1,
        max_length=MAX_PATHS,
        description="Whole paths of folders or files, each in or below a folder of `ingest_folders`.",
        examples=[["/srv/manuals"]],
    )
    collection: Collection | None = None
    removal: Literal["cautious", "all", "none"] = Field(
        "cautious",
        description="What becomes of documents whose file is gone: removed unless that is most of a folder, removed, "
        "or kept.",
    )


class IngestOptionsBody(BaseModel):
    """What may be ingested here."""

    folders: list[str] = Field(description="Folders of the server that the caller may ingest, and what lies below.")
    max_files: int = Field(description="Files of one upload, at most.")
    max_bytes: int = Field(description="Bytes of all files of one upload, at most.")
    max_file_bytes: int = Field(description="Bytes of one file, at most.")


class ProgressBody(BaseModel):
    """How far a job is. `source` is at hand, the `position`-th (from 1) of `total`, which is 0 while not known."""

    phase: Phase = Field(description="Making missing vectors anew, looking what there is, or going through the files.")
    source: str
    position: int
    total: int
    bytes_done: int
    bytes_total: int
    passages: int = Field(description="Stored since the phase began.")
    passages_per_s: float
    seconds_left: float | None = Field(description="Estimated from the rate so far; null while it can't be told.")


class JobBody(BaseModel):
    """An ingest as a job of the server."""

    id: str = Field(examples=["job_" + "0" * 32])
    kind: JobKind
    collection: str
    sources: list[str] = Field(description="Folders, or names of uploaded files.")
    removal: str
    owner: str
    state: JobState = Field(
        description="`succeeded`: what it published is found from now on, `counts` tells how many files failed. "
        "`interrupted`: the server ended before it did; what it published until then stays."
    )
    cancelling: bool = Field(description="It was cancelled, and ends within seconds.")
    created_at: Seconds
    started_at: Seconds | None
    ended_at: Seconds | None
    progress: ProgressBody | None = Field(description="The last that is known; null before it began.")
    counts: dict[str, int] | None = Field(
        description="Documents by what happened to them, and passages; null unless it succeeded.",
        examples=[{"added": 2, "updated": 1, "unchanged": 40, "failed": 1, "passages": 57}],
    )
    error: str | None = Field(description="Why it failed.")

    @classmethod
    def of(cls, view: JobView) -> Self:
        """The body of a job as it is now."""
        return cls(**_members(view.job), cancelling=view.cancelling)


class RefusalBody(BaseModel):
    """A file that did not enter the index, and why."""

    source: str
    reason: str


class MoveBody(BaseModel):
    """Where a document was and where it is."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    before: str = Field(alias="from")
    now: str = Field(alias="to")


class ReportBody(BaseModel):
    """What an ingest did, by source; `withheld` are documents that are gone and so many that it has to be confirmed."""

    counts: dict[str, int]
    added: list[str]
    updated: list[str]
    unchanged: list[str]
    moved: list[MoveBody]
    removed: list[str]
    kept: list[str]
    withheld: list[str]
    failed: list[RefusalBody]
    skipped: list[RefusalBody]
    restored: list[str]
    passages: int
    reused: int
    seconds: float

    @classmethod
    def of(cls, report: Report, names: int | None = MAX_NAMES) -> Self:
        """The body of ``report``, with at most so many ``names`` in a list."""
        lists: dict[str, tuple[Any, ...]] = {
            name: getattr(report, name) for name in ("added", "updated", "unchanged", "moved", "removed", "kept")
        } | {name: getattr(report, name) for name in ("withheld", "failed", "skipped", "restored")}
        counts = {name: len(found) for name, found in lists.items()}
        shown: dict[str, Any] = {name: list(found[:names]) for name, found in lists.items()}
        shown["moved"] = [MoveBody(before=before, now=now) for before, now in shown["moved"]]
        for name in ("failed", "skipped"):
            shown[name] = [RefusalBody(**refusal._asdict()) for refusal in shown[name]]
        numbers = {"passages": report.passages, "reused": report.reused}
        return cls(counts=counts | numbers, **shown, **numbers, seconds=round(report.seconds, 3))


class WholeJobBody(JobBody):
    """A job with what it came to."""

    report: ReportBody | None = Field(description="Null unless it succeeded.")

    @classmethod
    def of(cls, view: JobView) -> Self:
        """The body of a job as it is now."""
        return cls(**_members(view.job), cancelling=view.cancelling, report=view.job.report)


class JobsBody(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobBody]
    next_cursor: NextCursor


def _members(job: Job) -> dict[str, Any]:
    members = {name: getattr(job, name) for name in JobBody.model_fields if name != "cancelling"}
    return {**members, "sources": list(job.sources)}
