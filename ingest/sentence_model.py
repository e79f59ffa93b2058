"""What is known of a model in the sentence-transformers format without its weights: window, dimensions, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.embedder import EmbedderUnusable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WORDS = 65_536
_LONG_WORD = 40
"""Code points from which on a word is counted each time: words that a person wrote are shorter."""


class SentenceModel:
    """The small files of a model's folder; for many threads."""

    def __init__(self, folder: Path) -> None:
        """Raises EmbedderUnusable when the folder holds no such model."""
        self.folder = folder
        try:
            self.window = int(json.loads(self._read("sentence_bert_config.json"))["max_seq_length"])
            self.dimensions = self._output_dimensions()
        except (ValueError, LookupError, TypeError) as error:
            raise EmbedderUnusable(f"{folder} holds no sentence-transformers model: {error!r}") from error

    def __reduce__(self) -> tuple[type[SentenceModel], tuple[Path]]:
        """Sent to another process it is made there anew, from its folder."""
        return SentenceModel, (self.folder,)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.name

    @property
    def max_tokens(self) -> int:
        """See `Embedder.max_tokens`."""
        return self.window - self._whole.num_special_tokens_to_add(is_pair=False)

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`."""
        if not self._by_words:
            return self._count(text)
        return sum(self._count(word) if len(word) > _LONG_WORD else self._count_word(word) for word in text.split())

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Of each text the ids that the model is given: what fits into the window, special ones included."""
        return [encoded.ids for encoded in self._cut.encode_batch_fast(list(texts))]

    def unloadable(self, error: Exception) -> EmbedderUnusable:
        """What to say when the weights can't be used."""
        return EmbedderUnusable(
            f"{self.folder} can't be loaded ({error}); check it with: docqa models verify {self.name}"
        )

    def _count(self, text: str) -> int:
        return len(self._whole.encode(text, add_special_tokens=False))

    @cached_property
    def _by_words(self) -> bool:
        """Whether no token reaches over a blank, so that the tokens of words are the text's."""
        from tokenizers.models import WordPiece

        return isinstance(self._whole.model, WordPiece)

    @cached_property
    def _count_word(self) -> Callable[[str], int]:
        # A manual says the same words again and again, and asking the tokenizer was a third of reading it.
        return lru_cache(_WORDS)(self._count)

    @cached_property
    def _whole(self) -> Tokenizer:
        return self._tokenizer()

    @cached_property
    def _cut(self) -> Tokenizer:
        tokenizer = self._tokenizer()
        tokenizer.enable_truncation(self.window)
        return tokenizer

    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._read("tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _output_dimensions(self) -> int:
        """Width of what the last module that has one puts out: a dense layer, else the pooling."""
        modules = json.loads(self._read("modules.json"))
        sized = [module for module in modules if module["type"].endswith((".Dense", ".Pooling"))]
        config = json.loads(self._read(f"{sized[-1]['path']}/config.json"))
        return int(config["out_features"] if "out_features" in config else config["word_embedding_dimension"])

    def _read(self, file: str) -> str:
        try:
            return (self.folder / file).read_text(encoding="utf-8")
        except OSError as error:
            raise EmbedderUnusable(
                f"{self.folder} holds no sentence-transformers model ({file}: {error.strerror}); "
                f"fetch it with: docqa models fetch {self.name}"
            ) from error
