"""`docqa ingest`: files into the index, with progress while it goes and a report at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.answer_text import terminal_text
from api.cli.failure import FAILED_FILES, UNCONFIRMED, one_line_errors

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from ingest.pipeline import Progress, Report
    from ingest.progress import Listener

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
    """
    with one_line_errors():
        from api.components import LocalComponents
        from api.settings import load_settings

        settings = load_settings(**({} if collection is None else {"collection": collection}))
        with LocalComponents(settings) as components, shown_progress() as show:
            from ingest.pipeline import Removal

            removal = Removal.NONE if keep_removed else Removal.ALL if yes else Removal.CAUTIOUS
            report = components.pipeline.ingest(paths, settings.collection, show, removal)
    if as_json:
        typer.echo(json.dumps(_report_body(report, settings.collection), indent=2, ensure_ascii=False))
    else:
        for line in _report_lines(report, settings.collection):
            typer.echo(terminal_text(line))
    if report.withheld:
        raise typer.Exit(UNCONFIRMED)
    if report.failed:
        raise typer.Exit(FAILED_FILES)


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

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[passages]:,} passages"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[source]}", style="dim"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(progress: Progress) -> None:
            phase = progress.phase.value
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, passages=0, source="")
            bar.update(
                tasks[phase],
                completed=progress.position - 1,
                total=progress.total,
                passages=progress.passages,
                source=escape(terminal_text(progress.source)),
            )

        yield show


class _Lines:
    """Progress as plain lines, at most one every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last >= PLAIN_INTERVAL_S:
            self._last = time.monotonic()
            line = f"{progress.phase} {progress.position} of {progress.total}, {progress.passages:,} passages embedded"
            typer.echo(terminal_text(f"{line}: {progress.source}"), err=True)


_COUNTED = ("added", "updated", "unchanged", "moved", "removed", "failed", "skipped")


def _report_lines(report: Report, collection: str) -> Iterator[str]:
    counts = {name: len(getattr(report, name)) for name in _COUNTED}
    yield f"{collection}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if report.restored:
        yield f"vectors made anew for {len(report.restored):,} documents"
    yield f"{report.passages:,} passages embedded, {report.reused:,} known, in {report.seconds:.1f} s"
    for before, now in report.moved:
        yield f"moved: {before} -> {now}"
    for source in report.removed:
        yield f"removed: {source}"
    for source in report.kept:
        yield f"kept though its file is gone: {source}"
    if report.withheld:
        yield f"{len(report.withheld):,} documents are gone, most of their folder: not removed; if that is right: --yes"
    for name, refusals in (("failed", report.failed), ("skipped", report.skipped)):
        for refusal in refusals:
            yield f"{name}: {refusal.source}: {refusal.reason}"


def _report_body(report: Report, collection: str) -> dict[str, object]:
    return {
        "collection": collection,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "moved": [{"from": before, "to": now} for before, now in report.moved],
        "removed": report.removed,
        "kept": report.kept,
        "withheld": report.withheld,
        "failed": [refusal._asdict() for refusal in report.failed],
        "skipped": [refusal._asdict() for refusal in report.skipped],
        "restored": report.restored,
        "passages": report.passages,
        "reused": report.reused,
        "seconds": round(report.seconds, 3),
    }
