"""`docqa bench`: how fast this machine decodes and serves, and whether the decoder is exact here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.evaluate import DEFAULT_QUESTIONS
from api.cli.failure import FAILED, CommandFailed, one_line_errors

if TYPE_CHECKING:
    from rich.console import RenderableType

    from decoding.bench.engines import Engine, OurEngine
    from decoding.bench.prompts import BenchPrompt
    from decoding.loading import Decoder
    from decoding.prefix_cache import PrefixCache

app = typer.Typer(
    help="Measure speed and exactness of the decoder on this machine.", no_args_is_help=True, rich_markup_mode=None
)

PEERS = ("llama.cpp", "transformers")
Model = Annotated[str | None, typer.Option(help="Model to measure; left out: the one that is set.")]
Draft = Annotated[
    str | None, typer.Option("--draft-model", help="Small model that guesses too; left out: the one that is set.")
]
Questions = Annotated[Path, typer.Option(help="Questions whose prompts are measured, one JSON object a line.")]
Prompts = Annotated[Path | None, typer.Option(help='Prompts instead: a JSON object with a "prompt" text on each line.')]
Collection = Annotated[str | None, typer.Option(help="Collection to build prompts from.")]
Peers = Annotated[bool, typer.Option("--peers", help="Measure others on the same prompts too (extra bench).")]
Without = Annotated[
    list[str] | None, typer.Option(help=f"Leave this peer out ({', '.join(PEERS)}); repeatable. transformers is slow.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
EXACT_TOKENS = 2048
CACHE_BYTES = 4 << 30
ASSISTANTS = {"qwen2.5-coder-1.5b-instruct": "qwen2.5-coder-0.5b-instruct"}
"""A small model with the same tokenizer, for peers that draft with one."""

SOURCES = ("text", "document", "successor")
"""Sources without earlier answers, of which a benchmark must not profit."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """A loaded model and what it is measured on."""

    folder: Path
    assistant: Path | None
    decoder: Decoder
    prompts: Sequence[BenchPrompt]
    threads: int


@app.command()
def decoding(
    model: Model = None,
    questions: Questions = DEFAULT_QUESTIONS,
    prompts: Prompts = None,
    collection: Collection = None,
    answers: Annotated[int, typer.Option(min=1, help="Prompts to measure, spread over all of them.")] = 24,
    max_tokens: Annotated[int, typer.Option(min=2, help="Tokens of an answer, at most.")] = 128,
    peers: Peers = False,
    without: Without = None,
    exactness: Annotated[bool, typer.Option(help="Count differing bits, too.")] = True,
    draft_model: Draft = None,
    as_json: AsJson = False,
) -> None:
    """Print times of steps, speed of answers, what each draft source brings, and bits that differ (none should).

    With a draft model answers are made without it, with it where it pays, and with it in each answer from its first
    token on. Exit code 1 when any bit or token differs.
    """
    with (
        _subject(model, draft_model, questions, prompts, collection, answers, max_tokens) as subject,
        ExitStack() as stack,
    ):
        from api.cli import bench_tables as tables
        from decoding.bench.answers import compare
        from decoding.bench.exactness import check
        from decoding.bench.step_times import measure
        from decoding.prefix_cache import PrefixCache

        decoder, context = subject.decoder, _context(subject)
        show = _quiet if as_json else _show
        _tell("times of steps")
        steps = measure(decoder.target, context[:1024])
        show(tables.steps_table(steps))
        ours, plain = _engine(decoder, "docqa", SOURCES), _engine(decoder, "docqa, no drafts", None)
        drafted = (
            []
            if decoder.draft_model is None
            else [
                _engine(decoder, "docqa, draft model", SOURCES, small=True),
                _engine(decoder, "docqa, draft model from the start", SOURCES, small=True, eager=True),
            ]
        )
        engines: list[Engine] = [ours, plain, *drafted, *(_peers(subject, stack, without or ()) if peers else ())]
        _tell(f"answers to {len(subject.prompts)} prompts by {', '.join(engine.name for engine in engines)}")
        speeds = compare(engines, subject.prompts, lambda done: typer.echo(f"  {done}", err=True))
        show(tables.speed_table(speeds))
        drafts = {"all": tables.drafts(ours.done.values())}
        drafts |= {f"all, {each.name.removeprefix('docqa, ')}": tables.drafts(each.done.values()) for each in drafted}
        known = PrefixCache(CACHE_BYTES)  # drafts alone are compared here, so prompts are read once
        alone = [_engine(decoder, ", ".join(each), each, prefix_cache=known) for each in (*zip(SOURCES), SOURCES[:2])]
        if decoder.draft_model is not None:
            alone.append(_engine(decoder, "draft model", (), prefix_cache=known, small=True, eager=True))
        for engine in alone:
            _tell(f"drafts from {engine.name}")
            compare([engine], subject.prompts)
            drafts[engine.name] = tables.drafts(engine.done.values())
        _tell("questions that are asked again")
        again = _engine(decoder, "asked again", (*SOURCES, "answer"), prefix_cache=known)
        for _ in range(2):
            compare([again], subject.prompts)
        drafts[again.name] = tables.drafts(again.done.values())
        known.clear()
        show(tables.drafts_table(drafts))
        checks = []
        for one in check(decoder.target, context) if exactness else ():
            _tell(one.what)
            checks.append(one)
        if checks:
            show(tables.exactness_table(checks))
        report = {
            "model": decoder.target.name,
            "engine": decoder.engine,
            "threads": subject.threads,
            "steps": steps,
            "speed": speeds,
            "drafts": drafts,
            "exactness": checks,
            "other_outputs": sorted(
                {prompt for each in (ours, *drafted) for prompt in _differing(subject, each, plain)}
            ),
        }
        if as_json:
            _print_json(report)
        if any(one.differing for one in checks) or report["other_outputs"]:
            typer.echo(f"docqa: not exact: {report['other_outputs'] or 'logits differ'}", err=True)
            raise typer.Exit(FAILED)


@app.command()
def exactness(
    model: Model = None,
    questions: Questions = DEFAULT_QUESTIONS,
    prompts: Prompts = None,
    collection: Collection = None,
    answers: Annotated[int, typer.Option(min=1, help="Prompts to answer, spread over all of them.")] = 8,
    max_tokens: Annotated[int, typer.Option(min=2, help="Tokens of an answer, at most.")] = 64,
    positions: Annotated[int, typer.Option(min=64, help="Places of a text whose logits are compared.")] = EXACT_TOKENS,
    as_json: AsJson = False,
) -> None:
    """Count what differs from plain decoding; nothing should.

    Logits bit for bit, for widths of steps, chunks of a prompt, shared beginnings and passes with other sequences;
    greedy and seeded answers token by token, for each draft source alone and all together, and once more with what was
    kept of the first time. Exit code 1 when anything differs.
    """
    with _subject(model, None, questions, prompts, collection, answers, max_tokens) as subject:
        from api.cli import bench_tables as tables
        from decoding.bench.exactness import check, check_answers
        from decoding.drafting.drafter import SOURCES as ALL_SOURCES
        from decoding.prefix_cache import PrefixCache

        decoder, known = subject.decoder, PrefixCache(CACHE_BYTES)
        generators = {
            ", ".join(sources): _engine(decoder, "", sources, prefix_cache=known).generator
            for sources in (ALL_SOURCES, *zip(ALL_SOURCES))
        }
        checks = []
        for one in chain(
            check(decoder.target, _context(subject, positions)),
            check_answers(decoder.target, subject.prompts, decoder.tokenizer.end_tokens, generators),
        ):
            _tell(f"{one.what}: {one.differing} of {one.rows} differ")
            checks.append(one)
        known.clear()
        if as_json:
            _print_json({"model": decoder.target.name, "engine": decoder.engine, "exactness": checks})
        else:
            _show(tables.exactness_table(checks))
        if any(one.differing for one in checks):
            raise typer.Exit(FAILED)


@app.command()
def serving(
    model: Model = None,
    questions: Questions = DEFAULT_QUESTIONS,
    prompts: Prompts = None,
    collection: Collection = None,
    requests: Annotated[int, typer.Option(min=2, help="Requests of each load, spread over all prompts.")] = 16,
    streams: Annotated[str, typer.Option(help="Callers at once, comma-separated.")] = "1,8",
    rate: Annotated[float, typer.Option(min=0, help="Requests a second that come by themselves; 0: none.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(min=2, help="Tokens of an answer, at most.")] = 128,
    forced: Annotated[bool, typer.Option("--forced", help="Let no answer end before its last token.")] = False,
    first_within: Annotated[float, typer.Option(help="Seconds to the first token that are good.")] = 5.0,
    token_within: Annotated[float, typer.Option(help="Seconds for each further token that are good.")] = 0.2,
    peers: Peers = False,
    as_json: AsJson = False,
) -> None:
    """Print what callers feel when many ask at once: ours together and one at a time, with and without drafts."""
    with _subject(model, None, questions, prompts, collection, requests, max_tokens) as subject:
        from api.cli import bench_tables as tables
        from decoding.bench.serving import Load, arriving, summary, together

        decoder, widths = subject.decoder, _numbers(streams)
        loads: dict[str, list[Load]] = {}
        for width in (*widths, *([0] if rate else ())):
            what = f"{width} at once" if width else f"{rate:g} a second"
            engines: list[Engine] = [
                _engine(decoder, "docqa", SOURCES),
                _engine(decoder, "docqa, no drafts", None),
                _engine(decoder, "docqa, one at a time", SOURCES, one_at_a_time=True),
                _engine(decoder, "docqa, one at a time, no drafts", None, one_at_a_time=True),
            ]
            with ExitStack() as stack:
                if peers:
                    engines += _servers(subject, stack, width or max(widths, default=8))
                for engine in engines:
                    _tell(f"{what}: {engine.name}")
                    if width:
                        served = together(engine, subject.prompts, width, forced=forced)
                    else:
                        served = arriving(engine, subject.prompts, rate)
                    loads.setdefault(what, []).append(summary(engine.name, served, first_within, token_within))
            if not as_json:
                _show(tables.serving_table(what, loads[what]))
        if as_json:
            _print_json({"model": decoder.target.name, "loads": loads})


@contextmanager
def _subject(
    model: str | None,
    draft_model: str | None,
    questions: Path,
    file: Path | None,
    collection: str | None,
    count: int,
    max_tokens: int,
) -> Iterator[_Subject]:
    with one_line_errors():
        import torch

        from api.cli.bench_prompts import built_prompts, read_prompts, spread
        from api.components import LocalComponents
        from api.settings import load_settings
        from decoding.bench.llama_cpp import PeerMissing
        from qa.evaluation.questions import QuestionsError

        chosen = {"model": model, "draft_model": draft_model}
        settings = load_settings(**{name: value for name, value in chosen.items() if value is not None})
        try:
            with LocalComponents(settings) as components:
                found = (
                    read_prompts(file, components.decoder.tokenizer, max_tokens)
                    if file is not None
                    else built_prompts(components, questions, collection or settings.collection, max_tokens)
                )
                folder = components.store.folder(settings.model)
                yield _Subject(
                    folder,
                    components.store.folder(ASSISTANTS[settings.model]) if settings.model in ASSISTANTS else None,
                    components.decoder,
                    spread(found, count),
                    torch.get_num_threads(),
                )
        except (QuestionsError, PeerMissing) as error:
            raise CommandFailed(str(error)) from error


def _engine(
    decoder: Decoder,
    name: str,
    sources: Sequence[str] | None,
    *,
    one_at_a_time: bool = False,
    prefix_cache: PrefixCache | None = None,
    small: bool = False,
    eager: bool = False,
) -> OurEngine:
    """The decoder with these draft sources (None: plain decoding); nothing is known from before.

    ``small``: and with the draft model; ``eager`` see `decoding.drafting.wager`.
    """
    from decoding.bench.engines import OurEngine
    from decoding.drafting.drafter import Drafting
    from decoding.generate import SpeculativeGenerator

    target, tokenizer = decoder.target, decoder.tokenizer
    drafting = None
    if sources is not None:
        model = None
        if small and decoder.draft_model is not None:
            model = decoder.draft_model.drafting_for(target, tokenizer, decoder.cost, CACHE_BYTES, eager=eager)
        classes = tokenizer.variants(target.vocabulary)
        drafting = Drafting(classes, sources=sources, ends=tokenizer.end_tokens, model=model)
    generator = SpeculativeGenerator(target, tokenizer, drafting, prefix_cache=prefix_cache, cost=decoder.cost)
    return OurEngine(name, generator, tokenizer.end_tokens, one_at_a_time=one_at_a_time)


def _peers(subject: _Subject, stack: ExitStack, without: Sequence[str]) -> list[Engine]:
    """The transformers library and llama.cpp, plain and with what each can draft from, on the same weights."""
    from decoding.bench.llama_cpp import LOOKUP, LlamaServer
    from decoding.bench.transformers_engine import TransformersEngine
    from decoding.packing import model_file, transformers_folder

    engines: list[Engine] = []
    file = model_file(subject.folder)
    if file is not None and "llama.cpp" not in without:
        for name, options in (("llama.cpp", ()), ("llama.cpp, prompt lookup", LOOKUP)):
            engines.append(stack.enter_context(LlamaServer(name, file, subject.threads, options=options)))
    if "transformers" in without:
        return engines
    model = TransformersEngine.load(transformers_folder(subject.folder))
    engines.append(TransformersEngine("transformers", model))
    engines.append(TransformersEngine("transformers, prompt lookup", model, prompt_lookup_num_tokens=10))
    if subject.assistant is not None:
        assistant = TransformersEngine.load(transformers_folder(subject.assistant))
        engines.append(TransformersEngine("transformers, assistant model", model, assistant_model=assistant))
    return engines


def _servers(subject: _Subject, stack: ExitStack, slots: int) -> list[Engine]:
    """llama.cpp's server with so many slots, without and with prompt lookup."""
    from decoding.bench.llama_cpp import LOOKUP, LlamaServer
    from decoding.packing import model_file

    file = model_file(subject.folder)
    if file is None:
        raise CommandFailed(f"llama.cpp needs a GGUF file, and {subject.folder} holds none")
    return [
        stack.enter_context(LlamaServer(name, file, subject.threads, slots, options=options))
        for name, options in (("llama.cpp", ()), ("llama.cpp, prompt lookup", LOOKUP))
    ]


def _differing(subject: _Subject, ours: OurEngine, plain: OurEngine) -> list[str]:
    """Prompts whose answer plain decoding would have given differently."""
    return [prompt.id for prompt in subject.prompts if ours.done[prompt.id].tokens != plain.done[prompt.id].tokens]


def _context(subject: _Subject, length: int = EXACT_TOKENS) -> list[int]:
    """Tokens of the prompts one after the other: a real text of the length that the checks need."""
    tokens = [token for prompt in subject.prompts for token in prompt.tokens]
    return (tokens * (1 + length // len(tokens)))[:length]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise CommandFailed(f"{text!r} is no list of whole numbers, such as 1,8") from error


def _tell(what: str) -> None:
    typer.echo(f"measuring {what} ...", err=True)


def _show(table: RenderableType) -> None:
    from rich.console import Console

    Console().print(table)


def _quiet(table: RenderableType) -> None:
    """In the place of `_show`, where all figures come at the end."""


def _print_json(report: dict[str, object]) -> None:
    from api.cli.evaluation_tables import as_json

    typer.echo(json.dumps(as_json(report), indent=2))
