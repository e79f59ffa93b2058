"""Memory as the kernels want it, and how they are told where a matrix lies in it."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

CACHE_LINE = 64
"""Bytes."""


class Packed(Protocol):
    """A matrix in the order in which its kernel reads it."""

    @property
    def blocks(self) -> npt.NDArray[Any]:
        """Its weights, as integers."""
        ...

    @property
    def scale(self) -> npt.NDArray[np.float32]:
        """One for each channel."""
        ...

    @property
    def channels(self) -> int:
        """Outputs."""
        ...

    @property
    def inputs(self) -> int:
        """Inputs of a channel."""
        ...


class Matrix(ctypes.Structure):
    """`Matrix` of all kernels in C. What it points into must live as long as it does."""

    _fields_ = [
        ("blocks", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("channels", ctypes.c_int32),
        ("inputs", ctypes.c_int32),
    ]


def matrix(packed: Packed) -> Matrix:
    """Where ``packed`` lies."""
    return Matrix(packed.blocks.ctypes.data, packed.scale.ctypes.data, packed.channels, packed.inputs)


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """``size`` zero bytes that begin where a cache line does."""
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size]
