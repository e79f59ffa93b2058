"""Weights as the encoder's kernels read them: 16-bit integers, in the order in which a product meets them.

Channels go in pairs of blocks of 16. For each pair and each 2 inputs there are 2 x 16 x 2 integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.exact.layout import LANES, PAIR, SMALLEST_SCALE, Floats
from decoding.exact.memory import aligned

STEPS = 4095
"""Largest magnitude of a row's integers; `kernels.c` knows it too."""

_LARGEST_SUM = 2**31 - 1
_LARGEST_WEIGHT = 2**15 - 1


@dataclass(frozen=True, slots=True)
class WideMatrix:
    """int16 ``blocks`` of shape (channels / 32, inputs / 2, 2, 16, 2) and float32 ``scale`` of shape (channels,)."""

    blocks: npt.NDArray[np.int16]
    scale: Floats

    @property
    def channels(self) -> int:
        """Outputs."""
        return int(self.scale.shape[0])

    @property
    def inputs(self) -> int:
        """Inputs of a channel."""
        return int(self.blocks.shape[1]) * 2


def pack_wide(weights: Floats) -> WideMatrix:
    """Round weights of shape (channels, inputs), both multiples of 32, as finely as 32-bit sums allow.

    A channel's scale is such that no row of integers up to `STEPS` can give a sum beyond 32 bits, so that sums are
    exact. That leaves about eleven to fourteen bits for a weight.
    """
    channels, inputs = weights.shape
    magnitudes = np.abs(weights.astype(np.float64))
    # Rounding adds at most half a step to each weight.
    allowed = _LARGEST_SUM / STEPS - inputs / 2
    scale = np.maximum(magnitudes.sum(axis=1) / allowed, magnitudes.max(axis=1) / _LARGEST_WEIGHT)
    scale = np.maximum(scale, SMALLEST_SCALE).astype(np.float32)
    values = np.rint(weights / scale[:, None]).clip(-_LARGEST_WEIGHT, _LARGEST_WEIGHT).astype(np.int16)
    blocks = aligned(values.nbytes).view(np.int16).reshape(channels // PAIR, inputs // 2, 2, LANES, 2)
    blocks[...] = values.reshape(-1, 2, LANES, inputs // 2, 2).transpose(0, 3, 1, 2, 4)
    return WideMatrix(blocks, scale)
