"""The forward pass of a Llama or Qwen2 model over rows of 8-bit integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from decoding.int8.attention import Tiles, attend, padded, tile
from decoding.int8.linear import ChannelWeights, Linear, normalise, quantise
from decoding.int8.shape import Shape
from decoding.tree import StepTree


@dataclass(frozen=True, slots=True)
class Layer:
    """Products of a layer fused where they share their input: queries, keys and values; gate and up.

    Query and key columns of a head stand in pairs that rotate together (interleaved), not in two halves.
    """

    attention_norm: torch.Tensor
    queries_keys_values: Linear
    queries_keys_values_bias: torch.Tensor | None
    attention_output: Linear
    feed_forward_norm: torch.Tensor
    gate_up: Linear
    down: Linear


class KeyValues:
    """Keys and values of one sequence, float32, in memory that grows by doubling; unused places are zero."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._store = self._allocate(padded(1))

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all."""
        capacity = self._store.shape[3]
        if tokens > capacity:
            grown = self._allocate(padded(max(tokens, min(2 * capacity, padded(self._shape.context_length)))))
            grown[:, :, :, :capacity] = self._store
            self._store = grown

    @property
    def bytes(self) -> int:
        """Memory in use, unused places included."""
        return self._store.nbytes

    def copy(self, other: KeyValues, tokens: int) -> None:
        """Take over the first ``tokens`` places of ``other``."""
        self.reserve(tokens)
        self._store[:, :, :, :tokens] = other._store[:, :, :, :tokens]

    def move(self, places: Sequence[int], start: int) -> None:
        """Copy what stands at ``places`` to those from ``start`` on."""
        if list(places) != list(range(start, start + len(places))):
            self._store[:, :, :, start : start + len(places)] = self._store[:, :, :, list(places)]

    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Views of shape (key_heads, capacity, head_width) on a layer's keys and values."""
        return self._store[0, index], self._store[1, index]

    def _allocate(self, capacity: int) -> torch.Tensor:
        shape = self._shape
        return torch.zeros(2, shape.layers, shape.key_heads, capacity, shape.head_width)


class Model:
    """Weights and forward pass; it keeps no state between calls but what the caller's `KeyValues` hold."""

    def __init__(
        self, shape: Shape, embedding: ChannelWeights, layers: Sequence[Layer], norm: torch.Tensor, head: Linear
    ) -> None:
        self.shape = shape
        self._embedding = embedding
        self._layers = tuple(layers)
        self._norm = norm
        self._head = head
        self._rotations = _rotations(shape)

    def forward(self, tokens: torch.Tensor, step: StepTree, kept: KeyValues, logits: int) -> torch.Tensor:
        """Logits of the last ``logits`` rows, float32 of shape (logits, vocabulary).

        ``tokens``: int64 of shape (n,), as the tree ``step``; their keys and values are put into ``kept`` in their
        order, from the place ``step.start`` on; the places before it are taken as they are.
        """
        shape = self.shape
        n = tokens.shape[0]
        kept.reserve(step.start + n)
        cuts = _cuts(shape, step)
        rotations = self._rotations[step.start + torch.tensor(step.depths)]
        rotated = shape.heads + shape.key_heads
        x = self._embedding.values[tokens].float().mul_(self._embedding.scale[tokens, None])
        for index, layer in enumerate(self._layers):
            qkv = layer.queries_keys_values(normalise(x, layer.attention_norm, shape.norm_epsilon))
            if layer.queries_keys_values_bias is not None:
                qkv.add_(layer.queries_keys_values_bias)
            pairs = qkv[:, : shape.query_width + shape.key_width].view(n, rotated, -1, 2)
            turned = torch.view_as_real(torch.view_as_complex(pairs) * rotations).flatten(2)
            fresh_keys = turned[:, shape.heads :].transpose(0, 1)
            fresh_values = qkv[:, -shape.key_width :].view(n, shape.key_heads, -1).transpose(0, 1)
            attended = _attend(shape, turned[:, : shape.heads], fresh_keys, fresh_values, kept.layer(index), cuts)
            x.add_(layer.attention_output(quantise(attended)))

            rows = normalise(x, layer.feed_forward_norm, shape.norm_epsilon)
            gate_up = layer.gate_up.unscaled(rows)
            gate, up = gate_up[:, : shape.intermediate], gate_up[:, shape.intermediate :]
            # Only the gate must be scaled before it bends; the factor of "up" commutes with all that follows.
            hidden = quantise(torch.nn.functional.silu(gate * rows.scale).mul_(up))
            x.add_(layer.down(hidden).mul_(rows.scale))
        return self._head(normalise(x[n - logits :], self._norm, shape.norm_epsilon))


@dataclass(frozen=True, slots=True)
class _Cut:
    """Tokens that attend together: ``path`` holds the indices of a branch, its tokens from ``shared`` on are new."""

    start: int
    path: torch.Tensor
    shared: int
    tiles: Tiles


def _cuts(shape: Shape, step: StepTree) -> list[_Cut]:
    return [
        _Cut(
            step.start,
            torch.tensor(branch.path),
            branch.shared,
            tile(shape, step.start + branch.shared, len(branch.path) - branch.shared),
        )
        for branch in step.branches
    ]


def _attend(
    shape: Shape,
    queries: torch.Tensor,
    fresh_keys: torch.Tensor,
    fresh_values: torch.Tensor,
    kept: tuple[torch.Tensor, torch.Tensor],
    cuts: list[_Cut],
) -> torch.Tensor:
    """Attention branch by branch, float32 of shape (n, query_width); the fresh keys and values end up in ``kept``.

    Float sums depend on where a key stands, so each branch attends with its keys in the places that they would have
    in a chain. A token on several branches attends on the first.
    """
    keys, values = kept
    start, n = cuts[0].start, queries.shape[0]
    if len(cuts) == 1:
        keys[:, start : start + n] = fresh_keys
        values[:, start : start + n] = fresh_values
        return attend(shape, queries, keys, values, cuts[0].tiles)
    attended = torch.empty(n, shape.query_width)
    for cut in cuts:
        end = start + cut.path.shape[0]
        keys[:, start:end] = fresh_keys[:, cut.path]
        values[:, start:end] = fresh_values[:, cut.path]
        new = cut.path[cut.shared :]
        attended[new] = attend(shape, queries[new], keys, values, cut.tiles)
    keys[:, start : start + n] = fresh_keys
    values[:, start : start + n] = fresh_values
    return attended


def _rotations(shape: Shape) -> torch.Tensor:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864): complex64 of shape (context, 1, head_width / 2)."""
    exponents = torch.arange(0, shape.head_width, 2, dtype=torch.float64) / shape.head_width
    angles = torch.outer(torch.arange(shape.context_length, dtype=torch.float64), shape.rope_base**-exponents)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)[:, None]
