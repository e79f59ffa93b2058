"""Weights as the encoder's kernels read them: 16-bit integers, in the order in which a product meets them.

A product of four quarters with four quarters takes seven products of quarters instead of eight (Strassen 1969,
doi:10.1007/BF02165411), one of the factors being sums of quarters of the weights, which are made here. Integers do not
mind: modulo 2^32 the result is the same to the last bit.

Channels go in groups of 64, whose quarters are of 32 channels, a pair of blocks of 16, and of half of the inputs. For
each factor and each 2 inputs there are 2 x 16 x 2 integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decoding.exact.layout import LANES, PAIR, SMALLEST_SCALE, Floats
from decoding.exact.memory import aligned

GROUP = 2 * PAIR
"""Channels that are multiplied together."""

STEPS = 4095
"""Largest magnitude of a row's integers; `kernels.c` knows it too."""

_LARGEST_SUM = 2**31 - 1
_LARGEST_WEIGHT = 2**14 - 1  # a sum of two has 16 bits
_FACTORS = 7


@dataclass(frozen=True, slots=True)
class WideMatrix:
    """int16 ``blocks`` of shape (channels / 64, 7, inputs / 4, 2, 16, 2) and float32 ``scale`` of shape (channels,)."""

    blocks: npt.NDArray[np.int16]
    scale: Floats

    @property
    def channels(self) -> int:
        """Outputs."""
        return int(self.scale.shape[0])

    @property
    def inputs(self) -> int:
        """Inputs of a channel."""
        return int(self.blocks.shape[2]) * 4


def pack_wide(weights: Floats) -> WideMatrix:
    """Round weights of shape (channels, inputs), both multiples of 64, as finely as 32-bit sums allow.

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
    quarters = values.reshape(-1, 2, 2, LANES, 2, inputs // 4, 2).transpose(4, 1, 0, 5, 2, 3, 6)
    (first, second), (third, fourth) = quarters  # by half of the inputs, then of the channels
    factors = (first + fourth, first, second - fourth, third - first, fourth, first + second, third + fourth)
    size = channels // GROUP, _FACTORS, inputs // 4, 2, LANES, 2
    blocks = aligned(values.nbytes // 4 * _FACTORS).view(np.int16).reshape(size)
    np.stack(factors, axis=1, out=blocks)
    return WideMatrix(blocks, scale)
