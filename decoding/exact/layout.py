"""Weights as the kernels read them: 8-bit integers, in the order in which a product meets them.

Channels go in pairs of blocks of 16. For each pair and each 4 inputs there are 2 x 16 x 4 bytes, each a weight plus
128. One pass over a matrix is then one pass over memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LANES = 16
PAIR = 2 * LANES

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SMALLEST_SCALE = 1e-14
"""A channel of zeros has no scale of its own."""


@dataclass(frozen=True, slots=True)
class PackedMatrix:
    """uint8 ``blocks`` of shape (channels / 32, inputs / 4, 2, 16, 4) and float32 ``scale`` of shape (channels,).

    Channels and inputs are padded with zeros to multiples of 32 and 64.
    """

    blocks: Bytes
    scale: Floats

    @property
    def channels(self) -> int:
        """Channels, padding included."""
        return int(self.scale.shape[0])

    @property
    def inputs(self) -> int:
        """Inputs of a channel, padding included."""
        return int(self.blocks.shape[1]) * 4

    def rows(self, channels: npt.NDArray[np.int64], inputs: int) -> Floats:
        """The weights of some channels, float32 of shape (n, ``inputs``): how an embedding is looked up."""
        pair, within = np.divmod(channels, PAIR)
        block, lane = np.divmod(within, LANES)
        values = self.blocks[pair, :, block, lane].reshape(len(channels), -1)[:, :inputs]
        centred = (values.astype(np.int16) - 128).astype(np.float32)
        return np.ascontiguousarray(centred * self.scale[channels, None])


def pack_matrix(weights: Floats) -> PackedMatrix:
    """Round weights of shape (channels, inputs), each channel to 255 steps of its own largest magnitude."""
    values, scale = _quantise(weights)
    channels = -(-weights.shape[0] // PAIR) * PAIR
    padded = np.full((channels, values.shape[1]), 128, np.uint8)
    padded[: weights.shape[0]] = values
    scales = np.zeros(channels, np.float32)
    scales[: weights.shape[0]] = scale
    return PackedMatrix(_in_blocks(padded.reshape(-1, 2, LANES, padded.shape[1])), scales)


def pack_gate_up(gate: Floats, up: Floats) -> PackedMatrix:
    """Two matrices of the same shape, channels a multiple of 16, as one whose pairs are a block of each."""
    (gate_values, gate_scale), (up_values, up_scale) = _quantise(gate), _quantise(up)
    inputs = gate_values.shape[1]
    pairs = np.stack([gate_values.reshape(-1, LANES, inputs), up_values.reshape(-1, LANES, inputs)], axis=1)
    scales = np.stack([gate_scale.reshape(-1, LANES), up_scale.reshape(-1, LANES)], axis=1)
    return PackedMatrix(_in_blocks(pairs), np.ascontiguousarray(scales.reshape(-1)))


def _quantise(weights: Floats) -> tuple[Bytes, Floats]:
    """Values with 128 added, inputs padded to a multiple of 64, and a scale for each channel."""
    scale = np.maximum(np.abs(weights).max(axis=1) / np.float32(127), np.float32(SMALLEST_SCALE))
    values = np.full((weights.shape[0], -(-weights.shape[1] // 64) * 64), 128, np.uint8)
    steps = np.clip(np.rint(weights / scale[:, None]), -127, 127)
    values[:, : weights.shape[1]] = (steps + 128).astype(np.uint8)
    return values, scale


def _in_blocks(values: Bytes) -> Bytes:
    """From (pairs, 2, 16, inputs) to (pairs, inputs / 4, 2, 16, 4)."""
    pairs, _, _, inputs = values.shape
    return np.ascontiguousarray(values.reshape(pairs, 2, LANES, inputs // 4, 4).transpose(0, 3, 1, 2, 4))
