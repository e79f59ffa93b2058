"""Attention of fixed shape, so that its rounding does not depend on how many rows or keys there are.

Softmax needs float sums over keys, and the order of a float sum shows in its last bit. Here the order never
changes: queries go in tiles of a constant number of rows, keys in blocks of `KEY_BLOCK`, every product has the same
shape, sums over keys stay inside a block, and blocks are added in order (Dao et al. 2022, arXiv:2205.14135, which
is how torch's CPU kernel works). A block or row that is masked changes nothing: it adds exact zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from decoding.int8.shape import Shape

KEY_BLOCK = 512
"""Keys that torch's CPU kernel sums in one go, as long as there are at least so many; a constant of its source."""

_TILE_ROWS = 12
"""Rows of a product, about: small enough that a step of one token costs little, large enough for fast products."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """How the queries of one step are cut, and which keys each may see.

    ``mask``: float32 of shape (tiles, 1, group * tokens_per_tile, keys), 0 or -inf.
    """

    tokens: int
    tokens_per_tile: int
    keys: int
    mask: torch.Tensor


def tile(shape: Shape, start: int, tokens: int) -> Tiles:
    """Cut ``tokens`` queries at positions from ``start`` on, each seeing the keys up to its own."""
    per_tile = max(1, _TILE_ROWS // shape.group)
    count = -(-tokens // per_tile)
    keys = padded(start + tokens)
    position = start + torch.arange(count * per_tile)
    mask = torch.zeros(count * per_tile, keys)
    mask.masked_fill_(torch.arange(keys)[None] > position[:, None], float("-inf"))
    spread = mask.view(count, 1, 1, per_tile, keys).expand(count, 1, shape.group, per_tile, keys)
    return Tiles(tokens, per_tile, keys, spread.reshape(count, 1, shape.group * per_tile, keys))


def padded(keys: int) -> int:
    """The next multiple of `KEY_BLOCK`."""
    return -(-keys // KEY_BLOCK) * KEY_BLOCK


def attend(shape: Shape, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, tiles: Tiles) -> torch.Tensor:
    """Attention outputs, float32 of shape (tokens, query_width).

    ``queries``: (tokens, heads, head_width); ``keys`` and ``values``: (key_heads, at least tiles.keys, head_width),
    float32 and finite even where they are masked.
    """
    count, per_tile = tiles.mask.shape[0], tiles.tokens_per_tile
    missing = count * per_tile - tiles.tokens
    if missing:
        queries = torch.cat([queries, queries.new_zeros(missing, shape.heads, shape.head_width)])
    # The heads that share a key head stand below one another, as rows of one product.
    grouped = queries.view(count, per_tile, shape.key_heads, shape.group, shape.head_width).permute(0, 2, 3, 1, 4)
    outputs, _ = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        grouped.reshape(count, shape.key_heads, shape.group * per_tile, shape.head_width),
        keys[:, : tiles.keys].expand(count, -1, -1, -1),
        values[:, : tiles.keys].expand(count, -1, -1, -1),
        0.0,
        False,
        attn_mask=tiles.mask,
    )
    rows = outputs.view(count, shape.key_heads, shape.group, per_tile, shape.head_width).permute(0, 3, 1, 2, 4)
    joined: torch.Tensor = rows.reshape(count * per_tile, shape.query_width)
    return joined[: tiles.tokens]
