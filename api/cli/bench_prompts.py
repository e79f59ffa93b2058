"""The prompts that are measured: the product's own for a file of questions, or those of a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.existing_index import require_index
from api.cli.failure import CommandFailed

if TYPE_CHECKING:
    from api.components import LocalComponents
    from decoding.bench.prompts import BenchPrompt
    from decoding.generator import Tokenizer


def built_prompts(components: LocalComponents, questions: Path, collection: str, max_tokens: int) -> list[BenchPrompt]:
    """As the product builds them, retrieval included. Raises `CommandFailed` where there are none."""
    from qa.evaluation.prompts import prompts_of
    from qa.evaluation.questions import read_questions

    require_index(components.settings, "docs_corpus/documents")
    decoder = components.decoder
    found = list(
        prompts_of(
            [question for question in read_questions(questions) if question.answerable],
            collection,
            lambda generator: components.answers_by(generator, decoder.tokenizer).answer,
            decoder.target.context_length,
            max_tokens,
        )
    )
    if not found:
        raise CommandFailed(f"no question of {questions} finds a passage in collection {collection}")
    return found


def read_prompts(file: Path, tokenizer: Tokenizer, max_tokens: int) -> list[BenchPrompt]:
    """One for each line of ``file``, in the model's chat template. Raises `CommandFailed` for what is none."""
    from decoding.bench.prompts import BenchPrompt

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read the prompts in {file}: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            text = json.loads(line)["prompt"] if line.strip() else None
        except (ValueError, KeyError, TypeError) as error:
            raise CommandFailed(f'{file}, line {number}: not a JSON object with a "prompt"') from error
        if isinstance(text, str) and text:
            tokens = tuple(tokenizer.chat_prompt([("user", text)]))
            found.append(BenchPrompt(f"line {number}", tokens, max_tokens))
    if not found:
        raise CommandFailed(f"{file} holds no prompt")
    return found


def spread(prompts: Sequence[BenchPrompt], count: int) -> list[BenchPrompt]:
    """``count`` of them (all, if they are fewer), at equal distances."""
    some = min(count, len(prompts))
    return [prompts[index * len(prompts) // some] for index in range(some)]
