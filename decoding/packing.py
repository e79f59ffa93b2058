"""Packing a model file once into the form that an engine loads fast.

A GGUF file is unpacked block by block and its tokenizer rebuilt from a list of merges, which takes a minute for a
model of 1.5 billion weights. The packed folder beside it loads in seconds. It appears under its name only when it
is complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

TOKENIZER = "tokenizer"

_STAMP = "packed-from"


def packed(folder: Path, name: str, write: Callable[[Path], None], source: Path) -> Path:
    """The folder ``folder/name``, made by ``write`` if it is not there yet or ``source`` is no longer the same file.

    ``write`` gets an empty folder to fill. What an interrupted run or an earlier version (``name`` with another number
    behind its dash) left behind is removed first.
    """
    final = folder / name
    stamp = f"{source.name} {source.stat().st_size} {source.stat().st_mtime_ns}"
    if final.is_dir() and (final / _STAMP).is_file() and (final / _STAMP).read_text() == stamp:
        return final
    unfinished = folder / f".{name}.unfinished"
    kind, _, version = name.partition("-")
    for leftover in (unfinished, final, *(folder.glob(f"{kind}-*") if version else ())):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write(unfinished)
    (unfinished / _STAMP).write_text(stamp)
    unfinished.rename(final)
    return final


def model_file(folder: Path) -> Path | None:
    """The GGUF file in ``folder``; None when the folder holds a model in the transformers layout.

    Raises ValueError when there are several, or neither.
    """
    files = sorted(folder.glob("*.gguf"))
    if len(files) > 1:
        raise ValueError(f"{folder} holds several GGUF files ({', '.join(file.name for file in files)}); keep one")
    if not files and not (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds neither a GGUF file nor a config.json")
    return files[0] if files else None


def tokenizer_folder(folder: Path) -> Path:
    """Where the tokenizer of the model in ``folder`` can be loaded from, after packing it if need be."""
    file = model_file(folder)
    if file is None:
        return folder

    def write(target: Path) -> None:
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(str(folder), gguf_file=file.name).save_pretrained(str(target))

    return packed(folder, TOKENIZER, write, file)


def transformers_folder(folder: Path) -> Path:
    """Where the transformers library can load the weights of the model in ``folder`` from, in bfloat16."""
    file = model_file(folder)
    if file is None:
        return folder

    def write(target: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, GgufConfig
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        dense = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(
            str(folder), gguf_file=file.name, quantization_config=dense, dtype=torch.bfloat16
        )
        model.save_pretrained(str(target))

    return packed(folder, "bf16", write, file)
