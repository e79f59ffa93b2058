"""`docqa ingest`: files into the index, with progress while it goes and a report at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.answer_text import terminal_text
from api.cli.failure import FAILED_FILES, UNCONFIRMED, CommandFailed, one_line_errors
from api.cli.server import by_owner, finished

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from api.client import Client
    from api.job_progress import JobProgress
    from api.job_schemas import ReportBody
    from api.settings import Settings
    from ingest.pipeline import Pipeline, Removal
    from ingest.progress import Listener, Progress

PLAIN_INTERVAL_S = 5.0
"""Seconds between two lines of progress where there is no terminal to draw on."""


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Folders and files.", show_default=False)],
    collection: Annotated[str | None, typer.Option(help="Where to; left out: the default collection.")] = None,
    keep_removed: Annotated[
        bool, typer.Option("--keep-removed", help="Keep documents whose file is gone from its folder.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove documents whose file is gone even if that is most of a folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make the collection equal to the folders: what is new, changed, moved or gone there is so here.

    Documents that came from elsewhere stay, and so does what a named file lies beside. A file that can't be read is
    named in the report, and what the index held of it before stays; the exit code is then 3. If more than half of
    what a folder gave is gone, nothing is removed without --yes, and the exit code is 4.

    Where a running server owns the data, it does the work; an interrupt ends its job too.
    """
    with one_line_errors():
        from api.settings import load_settings
        from ingest.pipeline import Removal

        settings = load_settings(**({} if collection is None else {"collection": collection}))
        removal = Removal.NONE if keep_removed else Removal.ALL if yes else Removal.CAUTIOUS
        with shown_progress() as show:
            report = _ingested(settings, paths, removal, show)
    if as_json:
        body = {"collection": settings.collection, **report.model_dump(by_alias=True)}
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        for line in _report_lines(report, settings.collection):
            typer.echo(terminal_text(line))
    if report.withheld:
        raise typer.Exit(UNCONFIRMED)
    if report.failed:
        raise typer.Exit(FAILED_FILES)


def _ingested(settings: Settings, paths: Sequence[Path], removal: Removal, show: Listener) -> ReportBody:
    """By this process, or by the server that owns the data."""
    from api.components import LocalComponents
    from api.job_schemas import ReportBody

    def here(pipeline: Pipeline) -> ReportBody:
        return ReportBody.of(pipeline.ingest(paths, settings.collection, show, removal), names=None)

    with LocalComponents(settings) as components:
        return by_owner(components, here, lambda client: _handed_over(client, settings, paths, removal, show))


def _handed_over(
    client: Client, settings: Settings, paths: Sequence[Path], removal: Removal, show: Listener
) -> ReportBody:
    """What the server's job came to. Raises `CommandFailed` when it came to nothing."""
    from api.job_schemas import MAX_PATHS, IngestRequest

    if len(paths) > MAX_PATHS:
        raise CommandFailed(f"a running server takes at most {MAX_PATHS} paths at once: name a folder that holds them")
    places = [str(path.absolute()) for path in paths]
    request = IngestRequest(paths=places, collection=settings.collection, removal=removal.value)
    return finished(client, lambda: client.ingest(request), show)


@contextmanager
def shown_progress() -> Iterator[Listener]:
    """Shows progress on standard error: a bar on a terminal, a line now and then elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console) as show:
            yield show
    else:
        yield _Lines()


@contextmanager
def _bar(console: Console) -> Iterator[Listener]:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from api.job_progress import Pace

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[source]}", style="dim"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}
        pace = Pace()

        def show(progress: Progress) -> None:
            phase = progress.phase.value
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, pace="", source="")
            bar.update(
                tasks[phase],
                completed=progress.position - 1,
                total=progress.total or None,
                pace=_pace_text(pace.at(progress)),
                source=escape(terminal_text(progress.source)),
            )

        yield show


class _Lines:
    """Progress as plain lines, at most one every few seconds."""

    def __init__(self) -> None:
        from api.job_progress import Pace

        self._last = time.monotonic()
        self._pace = Pace()

    def __call__(self, progress: Progress) -> None:
        now = self._pace.at(progress)
        if time.monotonic() - self._last >= PLAIN_INTERVAL_S:
            self._last = time.monotonic()
            of_total = f" of {now.total}, {_pace_text(now)}" if now.total else ""
            line = f"{now.phase} {now.position}{of_total}: {now.source}"
            typer.echo(terminal_text(line), err=True)


def _pace_text(now: JobProgress) -> str:
    rate = f", {now.passages_per_s:,.0f} a second" if now.passages_per_s else ""
    left = "" if now.seconds_left is None else f", {_duration(now.seconds_left)} left"
    return f"{now.passages:,} passages{rate}{left}"


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


_COUNTED = ("added", "updated", "unchanged", "moved", "removed", "failed", "skipped")


def _report_lines(report: ReportBody, collection: str) -> Iterator[str]:
    yield f"{collection}: " + ", ".join(f"{report.counts[name]:,} {name}" for name in _COUNTED)
    if report.restored:
        yield f"vectors made anew for {report.counts['restored']:,} documents"
    yield f"{report.passages:,} passages embedded, {report.reused:,} known, in {report.seconds:.1f} s"
    for move in report.moved:
        yield f"moved: {move.before} -> {move.now}"
    for source in report.removed:
        yield f"removed: {source}"
    for source in report.kept:
        yield f"kept though its file is gone: {source}"
    if withheld := report.counts["withheld"]:
        yield f"{withheld:,} documents are gone, most of their folder: not removed; if that is right: --yes"
    for name, refusals in (("failed", report.failed), ("skipped", report.skipped)):
        for refusal in refusals:
            yield f"{name}: {refusal.source}: {refusal.reason}"
