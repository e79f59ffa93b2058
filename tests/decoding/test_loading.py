"""What is refused before a model is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoding.loading import DraftModelChoice, load_decoder


def write_tokenizer(folder: Path, words: str) -> Path:
    """A folder in the transformers layout whose tokenizer knows these words, and without any weights."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    known = {word: index for index, word in enumerate(words.split())}
    model = Tokenizer(WordLevel(known, unk_token="a"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model, eos_token="b")  # type: ignore[no-untyped-call]
    tokenizer.chat_template = "{{ messages[0].content }}"
    tokenizer.save_pretrained(str(folder))
    (folder / "config.json").write_text("{}")
    return folder


def test_a_draft_model_with_other_tokens_is_refused(tmp_path: Path) -> None:
    one, other = write_tokenizer(tmp_path / "one", "a b c"), write_tokenizer(tmp_path / "other", "a b d")
    with pytest.raises(ValueError, match=r"small can't draft for large: its tokenizer has other tokens; choose"):
        load_decoder("large", one, draft_model=DraftModelChoice("small", other))
