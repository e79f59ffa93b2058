"""From a model's name and folder to a decoder that is ready to run, on the best engine this machine has."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from decoding.chat_tokenizer import ChatTokenizer
from decoding.drafting.drafter import Drafting
from decoding.drafting.model import DraftModel
from decoding.drafting.step_cost import StepCost, measured_once, reading_seconds
from decoding.drafting.wager import Wager
from decoding.exact import compiler
from decoding.exact.shape import UnsupportedModel
from decoding.generate import DEFAULT_MEMORY_BYTES, SpeculativeGenerator
from decoding.packing import model_file, packed, tokenizer_folder, transformers_folder
from decoding.prefix_cache import PrefixCache
from decoding.target import TargetModel

ENGINES = ("auto", "exact", "transformers")


@dataclass(frozen=True, slots=True)
class DraftModelChoice:
    """A small model that shall guess; ``rejection`` see `decoding.drafting.model`."""

    name: str
    folder: Path
    rejection: bool = False


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A loaded draft model; ``engine`` and ``cost`` see `Decoder`, ``reading`` see `DraftModel`."""

    target: TargetModel
    engine: str
    cost: StepCost
    reading: float
    rejection: bool

    def drafting_for(
        self, target: TargetModel, tokenizer: ChatTokenizer, cost: StepCost, memory_bytes: int, *, eager: bool = False
    ) -> DraftModel:
        """Its part in the drafts for ``target``, whose passes take ``cost``; ``eager`` see `Wager`."""
        return DraftModel(
            self.target,
            self.cost,
            Wager(cost, self.cost, eager=eager),
            target.vocabulary,
            memory_bytes,
            reading=self.reading,
            ends=tokenizer.end_tokens,
            rejection=self.rejection,
        )


@dataclass(frozen=True, slots=True)
class Decoder:
    """A loaded model; ``engine`` says in a few words what runs it and why, ``cost`` what its steps take here.

    ``draft_model`` guesses for it.
    """

    target: TargetModel
    tokenizer: ChatTokenizer
    generator: SpeculativeGenerator
    engine: str
    cost: StepCost
    draft_model: SmallModel | None = None


def load_decoder(
    name: str,
    folder: Path,
    *,
    engine: str = "auto",
    context_length: int = 8192,
    max_rows: int = 32,
    prefix_cache_bytes: int = 0,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    turn: AbstractContextManager[object] | None = None,
    draft_model: DraftModelChoice | None = None,
) -> Decoder:
    """Load the model ``name`` from ``folder`` (a GGUF file, or the transformers layout), packing it the first time.

    ``engine`` is one of `ENGINES`; "auto" takes the exact one where it can run and be compiled. ``context_length``
    bounds prompt and output together, ``max_rows`` the tokens of one step. With ``prefix_cache_bytes`` that much memory
    may hold the keys and values of earlier prompts, with ``memory_bytes`` those of requests in flight; each pass is run
    within ``turn``, see `SpeculativeGenerator`. A ``draft_model`` guesses beside the texts, and a quarter of
    ``memory_bytes`` is for it. Raises ValueError for a folder that holds no model this version can run, for an engine
    that can't run here, and for a draft model with other tokens.
    """
    tokenizer = ChatTokenizer.load(tokenizer_folder(folder))
    if draft_model is not None:
        other = ChatTokenizer.load(tokenizer_folder(draft_model.folder))
        if not tokenizer.agrees_with(other):
            raise ValueError(
                f"{draft_model.name} can't draft for {name}: its tokenizer has other tokens; choose a model of the "
                "same family, or none"
            )
    target, description = _load_target(name, folder, engine, context_length)
    cache = PrefixCache(prefix_cache_bytes) if prefix_cache_bytes else None
    cost = measured_once(target, folder / "step-cost.json", _conditions(description.partition(" (")[0]))
    small = model = None
    if draft_model is not None:
        small = _load_small(draft_model, engine, context_length)
        model = small.drafting_for(target, tokenizer, cost, memory_bytes // 4)
        memory_bytes -= memory_bytes // 4
    drafting = Drafting(tokenizer.variants(target.vocabulary), ends=tokenizer.end_tokens, model=model)
    generator = SpeculativeGenerator(
        target, tokenizer, drafting, max_rows, cache, cost, memory_bytes, turn or nullcontext()
    )
    return Decoder(target, tokenizer, generator, description, cost, small)


def _load_small(choice: DraftModelChoice, engine: str, context_length: int) -> SmallModel:
    target, description = _load_target(choice.name, choice.folder, engine, context_length)
    conditions = _conditions(description.partition(" (")[0])
    cost = measured_once(target, choice.folder / "step-cost.json", conditions)
    return SmallModel(target, description, cost, reading_seconds(target), choice.rejection)


def _conditions(engine: str) -> str:
    """What the time of a step depends on besides the model."""
    processor = platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"{engine}; kernels {compiler.fingerprint()}; torch {torch.__version__}; {processor}; {threads} threads"


def _load_target(name: str, folder: Path, engine: str, context_length: int) -> tuple[TargetModel, str]:
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    obstacle = "asked for" if engine == "transformers" else _obstacle()
    if obstacle is None:
        try:
            return _exact_target(name, folder, context_length), "exact, 8-bit integers"
        except (UnsupportedModel, compiler.KernelsUnavailable) as error:
            obstacle = str(error)
    if engine == "exact":
        raise ValueError(f"the exact engine can't run {name} here: {obstacle}")
    from decoding.transformers_target import TransformersTarget

    target = TransformersTarget.load(transformers_folder(folder), name, context_length)
    return target, f"transformers, bfloat16 ({obstacle.splitlines()[0]})"


def _obstacle() -> str | None:
    """Why the exact engine can't or shouldn't run here; None if it can."""
    return "a GPU is there" if torch.cuda.is_available() else compiler.obstacle()


def _exact_target(name: str, folder: Path, context_length: int) -> TargetModel:
    """The packed model, which is made the first time and whenever the file it was made from has changed."""
    from decoding.exact.checkpoint import open_checkpoint
    from decoding.exact.packing import FORMAT, pack
    from decoding.exact.target import ExactTarget

    source = model_file(folder)
    ready = packed(
        folder,
        f"exact-{FORMAT}",
        lambda target: pack(open_checkpoint(folder, source), target),
        source if source is not None else folder / "config.json",
    )
    return ExactTarget.load(ready, name, context_length, folder.parent / ".kernels")
