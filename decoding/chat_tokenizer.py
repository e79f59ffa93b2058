"""A transformers tokenizer behind the seam, with the model's chat template and no way in for control tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CONTENT = re.compile("\ue000(\\d+)\ue001")

_TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|end|>", "</s>")
"""Control tokens that models end their turn with; files often name only one of the two that a model uses."""

_SPACES = "\u0120\u2581"
"""How tokenizers write the space before a word: as byte 0x20 in GPT-2's alphabet, or as a lower block."""


class ChatTokenizer:
    """Wraps a tokenizer that has a chat template; for many threads."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if not tokenizer.chat_template:
            raise ValueError(f"{tokenizer.name_or_path} has no chat template; use an instruction-tuned model")
        self._tokenizer = tokenizer
        self._lock = Lock()
        control = tokenizer.get_added_vocab()
        ends = {tokenizer.eos_token_id, *(control.get(end) for end in _TURN_ENDS)}
        self._end_tokens = frozenset(int(end) for end in ends if end is not None)

    @classmethod
    def load(cls, folder: Path) -> ChatTokenizer:
        """The tokenizer that was packed into ``folder``; reads nothing else and never the network."""
        from transformers import AutoTokenizer

        return cls(AutoTokenizer.from_pretrained(str(folder), local_files_only=True))

    @property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end an answer."""
        return self._end_tokens

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; nothing in it is read as a special token."""
        return self._ids(text, split_special_tokens=True)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of the tokens, special ones left out; an incomplete character becomes U+FFFD."""
        text = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)

    def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of (role, content) messages in the model's template, ready for the answer.

        The template is rendered around placeholders and only its own parts may become control tokens; each
        content is encoded alone, as plain text. So no document and no user can open or close a turn, and a
        message's tokens do not depend on its neighbours.
        """
        marked = [{"role": role, "content": f"\ue000{index}\ue001"} for index, (role, _content) in enumerate(messages)]
        rendered = self._tokenizer.apply_chat_template(marked, tokenize=False, add_generation_prompt=True)
        ids: list[int] = []
        # Splitting by a pattern with one group alternates the template's own parts with the message numbers.
        for index, part in enumerate(_CONTENT.split(str(rendered))):
            ids += self.encode(messages[int(part)][1]) if index % 2 else self._ids(part, split_special_tokens=False)
        return ids

    def agrees_with(self, other: ChatTokenizer) -> bool:
        """Whether both give the same tokens the same ids."""
        return bool(self._tokenizer.get_vocab() == other._tokenizer.get_vocab())

    def variants(self, vocabulary: int) -> list[int]:
        """For each of ``vocabulary`` token ids the lowest one that says the same but for case and a space before it.

        A sentence begins with "The" where the text it is taken from says " the": as drafts they are worth the same.
        """
        lowest: dict[str, int] = {}
        classes = list(range(vocabulary))
        for piece, token in sorted(self._tokenizer.get_vocab().items(), key=lambda entry: entry[1]):
            said = piece.lstrip(_SPACES).casefold()
            if said and token < vocabulary:
                classes[token] = lowest.setdefault(said, token)
        return classes

    def _ids(self, text: str, *, split_special_tokens: bool) -> list[int]:
        if not text:
            return []
        # The library keeps this choice in the tokenizer: without the lock another thread's would be taken, and a
        # document's text could become control tokens.
        with self._lock:
            encoded = self._tokenizer(text, add_special_tokens=False, split_special_tokens=split_special_tokens)
        return [int(token) for token in encoded["input_ids"]]
