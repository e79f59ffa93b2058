"""The general target: any causal language model of the transformers library, on CPU or GPU.

It obeys the law of rows up to ties of its number format: matrix products over one row and over several run
through different kernels, so two nearly equal logits may change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from decoding.attention import AttentionQuery, check_heads
from decoding.target import Extension, check_extension, check_once, check_retention, check_truncation
from decoding.tree import StepTree

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel


class TransformersTarget:
    """Runs ``model`` one sequence at a time; each sequence keeps its own cache.

    ``context_length`` bounds what the model itself allows (tokens), and so the memory of a sequence. Raises
    ValueError for models whose cache can't forget tokens (sliding windows, recurrent state).
    """

    def __init__(self, model: PreTrainedModel, name: str, context_length: int) -> None:
        layer_types = set(getattr(model.config, "layer_types", None) or ()) - {"full_attention"}
        if layer_types or getattr(model.config, "sliding_window", None):
            kinds = ", ".join(sorted(layer_types)) or "sliding window"
            raise ValueError(f"{name}: draft tokens can't be taken back from layers of kind {kinds}")
        model.train(False)
        self._model = model
        self._name = name
        limit = getattr(model.config, "max_position_embeddings", context_length)
        self._context_length = min(context_length, int(limit))

    @classmethod
    def load(cls, folder: Path, name: str, context_length: int) -> TransformersTarget:
        """Load packed weights from ``folder``: on the GPU if there is one, else in bfloat16 on the CPU."""
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.bfloat16, local_files_only=True)
        model.to(device)  # type: ignore[arg-type]  # the decorator in torch loses the signature
        return cls(model, name, context_length)

    @property
    def name(self) -> str:
        """The catalogue's name for the model."""
        return self._name

    @property
    def vocabulary(self) -> int:
        """Width of a row of logits."""
        return int(self._model.config.vocab_size)

    @property
    def context_length(self) -> int:
        """Tokens that one sequence can hold."""
        return self._context_length

    def start(self) -> TransformersSequence:
        """A new, empty sequence."""
        return TransformersSequence(self._model, self._context_length)

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        """One sequence after the other: rows of several in one product would have other bits than alone."""
        check_once(extension.sequence for extension in extensions)
        for extension in extensions:
            if not isinstance(extension.sequence, TransformersSequence):
                raise TypeError(f"this target can't extend a {type(extension.sequence).__name__}")
            extension.sequence.check(len(extension.tokens), extension.logits, extension.parents)
        return [each.sequence.extend(each.tokens, each.logits, each.parents) for each in extensions]

    def bytes_for(self, tokens: int) -> int:
        """Keys and values in the model's number format."""
        config = self._model.config
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        key_heads = getattr(config, "num_key_value_heads", None) or heads
        return int(tokens * config.num_hidden_layers * 2 * key_heads * width * self._model.dtype.itemsize)


class TransformersSequence:
    """One sequence's cache in the transformers library."""

    def __init__(self, model: PreTrainedModel, context_length: int) -> None:
        self._model = model
        self._context_length = context_length
        self._cache: DynamicCache | None = None
        self._length = 0
        self._last: StepTree | None = None
        self._query: AttentionQuery | None = None
        self._shares: dict[int, list[float]] = {}
        """By the position of the token that asks."""

    @property
    def length(self) -> int:
        """Tokens whose keys and values are kept."""
        return self._length

    @property
    def bytes(self) -> int:
        """Memory of keys and values."""
        if self._cache is None:
            return 0
        layers: list[Any] = self._cache.layers
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)

    @torch.inference_mode()
    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        """Run ``tokens``; float32 logits of shape (logits, vocabulary) on the CPU."""
        step = self.check(len(tokens), logits, parents)
        if self._cache is None:
            from transformers import DynamicCache

            self._cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([list(tokens)], dtype=torch.long, device=self._model.device)
        branching = {} if step.is_chain else self._branching(step)
        # Typed as Any: the class that a model's forward returns differs from model to model.
        # It keeps all rows when asked for none.
        least = max(1, logits)
        given = {"input_ids": ids, "cache": self._cache, "use_cache": True, "logits_to_keep": least, **branching}
        output: Any = self._watched(step, given) if self._is_watched(step) else self._model(**given)
        self._length += len(tokens)
        self._last = step
        rows: torch.Tensor = output.logits[0].float().cpu()
        return rows[least - logits :]

    def check(self, tokens: int, logits: int, parents: Sequence[int] | None) -> StepTree:
        """The step that would extend the sequence by so many tokens. Raises ValueError and `ContextOverflow`."""
        return check_extension(self._length, tokens, logits, self._context_length, parents, self._last)

    def watch(self, query: AttentionQuery) -> bool:
        """Note from now on what ``query`` asks, or know it already."""
        check_heads(query, self._model.config.num_hidden_layers, self._model.config.num_attention_heads)
        if self._query == query and self._length >= query.end:
            return True
        if query.start < self._length:
            return False
        self._query, self._shares = query, {}
        return True

    @property
    def attention(self) -> tuple[float, ...]:
        """What was asked, once it is known."""
        query = self._query
        if query is None or self._length < query.end:
            return ()
        rows = torch.tensor([self._shares[position] for position in range(query.start, query.end)])
        return tuple(rows.mean(0).tolist())

    def _is_watched(self, step: StepTree) -> bool:
        query = self._query
        return query is not None and step.start < query.end and step.start + len(step.parents) > query.start

    def _watched(self, step: StepTree, given: dict[str, Any]) -> Any:  # noqa: ANN401 - differs from model to model
        """Run a step, and note its attention, which only the plainest implementation tells."""
        query = self._query
        assert query is not None
        before = self._model.config._attn_implementation
        self._model.set_attn_implementation("eager")
        try:
            output: Any = self._model(**given, output_attentions=True)
        finally:
            self._model.set_attn_implementation(before or "sdpa")
        heads = torch.stack([output.attentions[layer][0, head].float() for layer, head in query.heads]).mean(0)
        for position in range(max(query.start, step.start), min(query.end, step.start + len(step.parents))):
            row = heads[position - step.start]
            self._shares[position] = [float(row[begin:end].sum()) for begin, end in query.spans]
        return output

    def _branching(self, step: StepTree) -> dict[str, torch.Tensor]:
        """Positions of shape (1, n) and the additive mask of shape (1, 1, n, start + n) that make a tree."""
        implementation = self._model.config._attn_implementation
        if implementation not in ("eager", "sdpa"):
            raise ValueError(f"attention of the kind {implementation} takes no mask, so it can't run a tree")
        n = len(step.parents)
        mask = torch.full((n, step.start + n), torch.finfo(self._model.dtype).min, dtype=self._model.dtype)
        mask[:, : step.start] = 0
        for index in range(n):
            mask[index, [step.start + ancestor for ancestor in step.path_to(index)]] = 0
        positions = step.start + torch.tensor([step.depths])
        device = self._model.device
        return {"attention_mask": mask[None, None].to(device), "position_ids": positions.to(device)}

    @torch.inference_mode()
    def retain(self, start: int, path: Sequence[int]) -> None:
        """Keep a path of the last step."""
        check_retention(self._last, start, path)
        self._last = None
        if self._cache is not None and list(path) != list(range(len(path))):
            kept = torch.tensor([*range(start), *(start + index for index in path)], device=self._model.device)
            layers: list[Any] = self._cache.layers  # other kinds of layers were refused with the model
            for layer in layers:
                layer.keys = layer.keys.index_select(-2, kept)
                layer.values = layer.values.index_select(-2, kept)
            self._length = start + len(path)
        self.truncate(start + len(path))

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on."""
        check_truncation(self._length, length, self._last)
        self._last = None
        if length == self._length or self._cache is None:
            return
        if length == 0:
            self._cache = None  # crop(0) keeps everything in some versions of the library
        else:
            self._cache.crop(length - self._length)
        self._length = length

    @torch.inference_mode()
    def fork(self, length: int) -> TransformersSequence:
        """A new sequence with copies of the first ``length`` tokens' keys and values."""
        check_truncation(self._length, length, self._last)
        forked = TransformersSequence(self._model, self._context_length)
        if length and self._cache is not None:
            from transformers import DynamicCache

            layers: list[Any] = self._cache.layers
            kept = [(at.keys[..., :length, :].clone(), at.values[..., :length, :].clone()) for at in layers]
            forked._cache = DynamicCache(kept, config=self._model.config)
            forked._length = length
        if self._query is not None and length >= self._query.end:
            forked._query, forked._shares = self._query, dict(self._shares)
        return forked

    def close(self) -> None:
        """Give back the cache."""
        self._cache = None
        self._length = 0
        self._last = None
