"""From a model's name and folder to a decoder that is ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decoding.chat_tokenizer import ChatTokenizer
from decoding.generate import SpeculativeGenerator
from decoding.packing import tokenizer_folder, transformers_folder
from decoding.suffix_draft import SuffixDraft
from decoding.target import TargetModel
from decoding.transformers_target import TransformersTarget


@dataclass(frozen=True, slots=True)
class Decoder:
    """A loaded model; ``engine`` says in a few words what runs it and why."""

    target: TargetModel
    tokenizer: ChatTokenizer
    generator: SpeculativeGenerator
    engine: str


def load_decoder(name: str, folder: Path, *, context_length: int = 8192, max_rows: int = 16) -> Decoder:
    """Load the model ``name`` from ``folder`` (a GGUF file, or the transformers layout), packing it the first time.

    ``context_length`` bounds prompt and output together, ``max_rows`` the tokens of one step. Raises ValueError
    for a folder that holds no model this version can run.
    """
    tokenizer = ChatTokenizer.load(tokenizer_folder(folder))
    target = TransformersTarget.load(transformers_folder(folder), name, context_length)
    generator = SpeculativeGenerator(target, tokenizer, SuffixDraft, max_rows)
    return Decoder(target, tokenizer, generator, "transformers, bfloat16")
