"""`docqa eval`: measure retrieval and answers on a file of questions with known answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.existing_index import require_index
from api.cli.failure import FAILED, CommandFailed, one_line_errors
from qa.evaluation.kinds import QuestionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from api.components import LocalComponents
    from api.settings import Settings
    from qa.evaluation.answers import JudgedAnswer
    from qa.evaluation.gold import GoldSpan
    from qa.evaluation.journal import Journal, RunFingerprint
    from qa.evaluation.questions import GoldQuestion

INTERRUPTED = 130
RECALL_GOAL = 5
"""Questions whose gold is not in this many first passages are listed by ``--misses``."""

ANSWER_SETTINGS = (
    "embedder",
    "passages",
    "quote_documents",
    "caution",
    "prompt_tokens",
    "max_output_tokens",
    "context_tokens",
    "draft_tokens",
)
"""Settings that answers and their cost depend on, besides the model and the collection."""

app = typer.Typer(
    help="Measure retrieval and answers on questions with known answers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

QuestionsFile = Annotated[Path, typer.Argument(help="Questions, one JSON object a line.")]
Collection = Annotated[str | None, typer.Option(help="Collection to ask; left out: the default collection.")]
Kinds = Annotated[list[QuestionKind] | None, typer.Option("--kind", help="Only questions of this kind; repeatable.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only the question with this id; repeatable.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first so many of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
DEFAULT_QUESTIONS = Path("docs_corpus/questions.jsonl")


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is measured, and by which questions; ``golds`` by question id, in the collection's current revisions."""

    components: LocalComponents
    collection: str
    questions: Sequence[GoldQuestion]
    golds: Mapping[str, Sequence[GoldSpan]]


@app.command()
def retrieval(
    questions: QuestionsFile = DEFAULT_QUESTIONS,
    collection: Collection = None,
    kind: Kinds = None,
    ids: Ids = None,
    limit: Limit = None,
    misses: Annotated[bool, typer.Option("--misses", help="List the questions whose gold was not found.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print recall, nDCG and MRR of the passages found. No language model is needed."""
    with _subject(questions, collection, kind, ids, limit) as subject:
        from api.cli.evaluation_tables import as_json as json_of
        from api.cli.evaluation_tables import misses_table, retrieval_table
        from qa.evaluation.retrieval import rank_questions, report
        from qa.evaluation.run import finder
        from qa.service import AnswerConfig

        answerable = [question for question in subject.questions if question.answerable]
        if not answerable:
            raise CommandFailed("none of the questions has an answer to be found; choose others")
        find = finder(subject.components.retriever, subject.collection, AnswerConfig().history_turns)
        ranked = []
        with _progress(len(answerable)) as advance:
            for one in rank_questions(answerable, subject.golds, find):
                ranked.append(one)
                advance(one.id)
        found = report(ranked)
        if as_json:
            typer.echo(json.dumps({"collection": subject.collection, "retrieval": json_of(found)}, indent=2))
        else:
            _print(retrieval_table(found), *([misses_table(ranked, RECALL_GOAL)] if misses else []))


@app.command()
def answers(
    questions: QuestionsFile = DEFAULT_QUESTIONS,
    collection: Collection = None,
    kind: Kinds = None,
    ids: Ids = None,
    limit: Limit = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep each answer in this file, and go on where it stopped.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer the questions; print facts stated, refusals, citations that hold, tokens and seconds.

    Ctrl-C ends the run and reports on what is done. Exit code 1 when a citation does not hold to the letter.
    """
    with _subject(questions, collection, kind, ids, limit) as subject:
        fingerprint = _fingerprint(subject)
        judged: list[JudgedAnswer] = []
        interrupted = False
        with _journal(out, fingerprint) as journal:
            try:
                for answer in _judged(subject, journal):
                    judged.append(answer)
            except KeyboardInterrupt:
                interrupted = True
        if judged:
            _report_answers(judged, fingerprint, as_json=as_json)
        broken = [f"docqa: {problem}" for answer in judged for problem in answer.broken]
        if broken:
            typer.secho("\n".join(broken), fg=typer.colors.RED, err=True)
        if interrupted:
            done = f"{len(judged)} of {len(subject.questions)} answers"
            typer.echo(f"docqa: interrupted after {done}{_how_to_go_on(out)}", err=True)
            raise typer.Exit(INTERRUPTED)
        if broken:
            raise typer.Exit(FAILED)


@app.command()
def page(
    results: Annotated[list[Path], typer.Argument(help="What the other commands printed with --json.")],
    out: Annotated[Path, typer.Option(help="The page to write.", dir_okay=False)] = Path("evaluation.html"),
) -> None:
    """Write results as one page of HTML with plots, which needs no network and no scripts."""
    with one_line_errors():
        from qa.evaluation.report_page import BadResults, report_page

        try:
            read = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in results}
            written = report_page(read)
            out.write_text(written, encoding="utf-8")
        except (OSError, ValueError) as error:
            named = str(error) if isinstance(error, (BadResults, OSError)) else f"not JSON: {error}"
            raise CommandFailed(named) from error
        typer.echo(f"{out}: {len(written):,} characters")


def _judged(subject: _Subject, journal: Journal | None) -> Iterator[JudgedAnswer]:
    from functools import cache

    from qa.evaluation.answers import judge
    from qa.evaluation.run import ask_all

    document_of = cache(subject.components.catalog.document)
    ask = subject.components.answers.answer
    with _progress(len(subject.questions)) as advance:
        for one in ask_all(subject.questions, subject.collection, ask, journal):
            yield judge(one.question, subject.golds[one.question.id], one.answer, document_of)
            advance(one.question.id)


def _report_answers(judged: Sequence[JudgedAnswer], fingerprint: RunFingerprint, *, as_json: bool) -> None:
    from api.cli.evaluation_tables import answers_table, costs_table
    from api.cli.evaluation_tables import as_json as json_of
    from qa.evaluation.answers import report

    found = report(judged)
    if as_json:
        body = {"run": fingerprint.model_dump(), "answers": json_of(found), "questions": json_of(judged)}
        typer.echo(json.dumps(body, indent=2))
    else:
        _print(answers_table(found), costs_table(found.costs))


def _how_to_go_on(out: Path | None) -> str:
    return f"; the same command goes on from {out}" if out else "; with --out FILE the next run could go on from here"


@contextmanager
def _subject(
    path: Path,
    collection: str | None,
    kinds: Sequence[QuestionKind] | None,
    ids: Sequence[str] | None,
    limit: int | None,
) -> Iterator[_Subject]:
    """The product over the local data folder, and the questions chosen with their gold in it."""
    with one_line_errors():
        from api.components import LocalComponents
        from api.settings import load_settings
        from qa.evaluation.gold import CollectionUnfit, GoldMissing, golds_in
        from qa.evaluation.journal import JournalError
        from qa.evaluation.questions import QuestionsError, read_questions, select

        settings = load_settings()
        try:
            asked = select(read_questions(path), ids=ids or (), kinds=kinds or (), limit=limit)
            _require_index(settings)
            with LocalComponents(settings) as components:
                name = collection or settings.collection
                yield _Subject(components, name, asked, golds_in(components.catalog, name, asked))
        except (QuestionsError, CollectionUnfit, GoldMissing, JournalError) as error:
            raise CommandFailed(str(error)) from error


def _require_index(settings: Settings) -> None:
    require_index(settings, "docs_corpus/documents")


def _fingerprint(subject: _Subject) -> RunFingerprint:
    from qa.evaluation.journal import RunFingerprint, index_digest

    settings = subject.components.settings
    return RunFingerprint(
        model=settings.model,
        collection=subject.collection,
        index=index_digest(subject.components.catalog, subject.collection),
        settings={name: getattr(settings, name) for name in ANSWER_SETTINGS},
    )


def _journal(out: Path | None, fingerprint: RunFingerprint) -> Journal | nullcontext[None]:
    from qa.evaluation.journal import Journal

    return Journal(out, fingerprint) if out else nullcontext()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error; call what is given with the id of each question that is done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, advance=1, description=done)


def _print(*parts: RenderableType) -> None:
    from rich.console import Console

    console = Console()
    for part in parts:
        console.print(part)
