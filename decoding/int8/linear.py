"""Matrix products in 8-bit integers, with one activation scale for each row.

A product accumulates in int32, where the order of a sum does not matter: whatever kernel runs, for however many
rows, a row's result is the same bits. Weights have one scale per output channel. `torch.ao.quantization`'s dynamic
layers are no substitute: they take one activation scale for all rows together, so a row would feel its neighbours.

The float operations here are single multiplications and additions on purpose: a fused multiply-add, which a
vectorised loop may use and its scalar tail may not, rounds differently.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_SMALLEST_PEAK = 1e-12
"""Rows of zeros have no scale of their own."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Activations: uint8 ``values`` of shape (n, k) with zero at 128, float32 ``scale`` of shape (n, 1)."""

    values: torch.Tensor
    scale: torch.Tensor


def quantise(x: torch.Tensor) -> Rows:
    """Round float32 rows of shape (n, k) to 255 steps of their own largest magnitude."""
    peak = x.abs().amax(1, keepdim=True).clamp_min_(_SMALLEST_PEAK)
    # Truncation after adding a half more than the zero point rounds to nearest, in one operation less.
    values = (x * (127.0 / peak)).add_(128.5).to(torch.uint8)
    return Rows(values, peak.mul_(1.0 / 127.0))


def normalise(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> Rows:
    """Root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467) of float32 rows, quantised.

    The factor of a row commutes with its quantisation, so it goes into the scale and never touches the values.
    """
    rows = quantise(x * weight)
    factor = x.square().mean(1, keepdim=True).add_(epsilon).rsqrt_()
    return Rows(rows.values, rows.scale.mul_(factor))


@dataclass(frozen=True, slots=True)
class ChannelWeights:
    """int8 ``values`` of shape (outputs, inputs), float32 ``scale`` of shape (outputs,)."""

    values: torch.Tensor
    scale: torch.Tensor


def quantise_weights(weights: torch.Tensor) -> ChannelWeights:
    """Round float weights of shape (outputs, inputs), each output channel to 255 steps of its largest magnitude."""
    weights = weights.float()
    scale = (weights.abs().amax(1) / 127.0).clamp_min_(_SMALLEST_PEAK)
    values = torch.round(weights / scale[:, None]).clamp_(-127, 127).to(torch.int8)
    return ChannelWeights(values, scale)


class Linear:
    """A layer's weights in the order that oneDNN's kernels read them."""

    def __init__(self, weights: ChannelWeights) -> None:
        self._packed = torch.ops.onednn.qlinear_prepack(weights.values, None)
        self._scale = weights.scale
        self._zero = torch.zeros(weights.scale.shape[0], dtype=torch.int64)

    def __call__(self, rows: Rows) -> torch.Tensor:
        """float32 products of shape (n, outputs)."""
        return self.unscaled(rows).mul_(rows.scale)

    def unscaled(self, rows: Rows) -> torch.Tensor:
        """float32 products of shape (n, outputs), still to be multiplied by ``rows.scale``."""
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            rows.values, 1.0, 128, self._packed, self._scale, self._zero, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return product
