"""From a model's name and folder to a decoder that is ready to run, on the best engine this machine has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from decoding.chat_tokenizer import ChatTokenizer
from decoding.generate import SpeculativeGenerator
from decoding.packing import model_file, packed, tokenizer_folder, transformers_folder
from decoding.prefix_cache import PrefixCache
from decoding.suffix_draft import SuffixDraft
from decoding.target import TargetModel

ENGINES = ("auto", "int8", "transformers")


@dataclass(frozen=True, slots=True)
class Decoder:
    """A loaded model; ``engine`` says in a few words what runs it and why."""

    target: TargetModel
    tokenizer: ChatTokenizer
    generator: SpeculativeGenerator
    engine: str


def load_decoder(
    name: str,
    folder: Path,
    *,
    engine: str = "auto",
    context_length: int = 8192,
    max_rows: int = 16,
    prefix_cache_bytes: int = 0,
) -> Decoder:
    """Load the model ``name`` from ``folder`` (a GGUF file, or the transformers layout), packing it the first time.

    ``engine`` is one of `ENGINES`; "auto" takes the exact int8 engine where it can run. ``context_length`` bounds
    prompt and output together, ``max_rows`` the tokens of one step. With ``prefix_cache_bytes`` that much memory may
    hold the keys and values of earlier prompts. Raises ValueError for a folder that holds no
    model this version can run, or an engine that can't run here.
    """
    tokenizer = ChatTokenizer.load(tokenizer_folder(folder))
    target, description = _load_target(name, folder, engine, context_length)
    cache = PrefixCache(prefix_cache_bytes) if prefix_cache_bytes else None
    generator = SpeculativeGenerator(target, tokenizer, SuffixDraft, max_rows, cache)
    return Decoder(target, tokenizer, generator, description)


def _load_target(name: str, folder: Path, engine: str, context_length: int) -> tuple[TargetModel, str]:
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    obstacle = "asked for" if engine == "transformers" else _obstacle_to_int8(folder)
    if obstacle is None:
        from decoding.int8 import loading, packing
        from decoding.int8.target import Int8Target

        try:
            return Int8Target(loading.load(_int8_folder(folder)), name, context_length), "int8, exact"
        except packing.UnsupportedModel as error:
            obstacle = str(error)
    if engine == "int8":
        raise ValueError(f"the int8 engine can't run {name} here: {obstacle}")
    from decoding.transformers_target import TransformersTarget

    target = TransformersTarget.load(transformers_folder(folder), name, context_length)
    return target, f"transformers, bfloat16 ({obstacle})"


def _obstacle_to_int8(folder: Path) -> str | None:
    """Why the exact engine can't or shouldn't run here; None if it can."""
    if torch.cuda.is_available():
        return "a GPU is there"
    if not torch.cpu._is_vnni_supported():
        return "the processor has no VNNI instructions for 8-bit products"
    if model_file(folder) is None:
        return "the int8 engine reads GGUF files only"
    return None


def _int8_folder(folder: Path) -> Path:
    from decoding.int8.packing import FORMAT, pack

    file = model_file(folder)
    assert file is not None
    return packed(folder, f"int8-{FORMAT}", lambda target: pack(file, target))
