"""A GGUF file of a tiny random model, small enough to compare engines on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decoding.exact import compiler
from decoding.exact.checkpoint import open_checkpoint
from decoding.exact.packing import pack
from decoding.exact.target import ExactTarget

KERNELS = Path("data/models/.kernels")
"""Where the product itself keeps them, so that they are compiled once."""

needs_exact = pytest.mark.skipif(compiler.obstacle() is not None, reason=str(compiler.obstacle()))

VOCABULARY, LAYERS, HIDDEN, INTERMEDIATE, HEADS, KEY_HEADS, CONTEXT = 64, 2, 128, 96, 4, 2, 64
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEY_HEADS,
    "max_position_embeddings": CONTEXT,
}
"""The same for a configuration of the transformers library."""


def write_gguf(
    path: Path,
    architecture: str,
    *,
    tied: bool = True,
    rope_scaling: bool = False,
    intermediate: int = INTERMEDIATE,
    context: int = CONTEXT,
) -> Path:
    """Random weights in float32 under the names of ``architecture``, with a tokenizer of 64 single letters."""
    from gguf import GGUFWriter

    random = np.random.default_rng(5)

    def weights(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return random.normal(0, 0.25, shape).astype(np.float32)

    writer = GGUFWriter(str(path), architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(context)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(intermediate)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(VOCABULARY)
    if rope_scaling:
        writer.add_rope_scaling_factor(4.0)
    tensors = {"token_embd.weight": weights(VOCABULARY, HIDDEN), "output_norm.weight": 1 + weights(HIDDEN)}
    if not tied:
        tensors["output.weight"] = weights(VOCABULARY, HIDDEN)
    width = HIDDEN // HEADS * KEY_HEADS
    for index in range(LAYERS):
        at = f"blk.{index}."
        tensors |= {
            f"{at}attn_norm.weight": 1 + weights(HIDDEN),
            f"{at}attn_q.weight": weights(HIDDEN, HIDDEN),
            f"{at}attn_k.weight": weights(width, HIDDEN),
            f"{at}attn_v.weight": weights(width, HIDDEN),
            f"{at}attn_output.weight": weights(HIDDEN, HIDDEN),
            f"{at}ffn_norm.weight": 1 + weights(HIDDEN),
            f"{at}ffn_gate.weight": weights(intermediate, HIDDEN),
            f"{at}ffn_up.weight": weights(intermediate, HIDDEN),
            f"{at}ffn_down.weight": weights(HIDDEN, intermediate),
        }
        if architecture == "qwen2":
            tensors |= {
                f"{at}attn_q.bias": weights(HIDDEN),
                f"{at}attn_k.bias": weights(width),
                f"{at}attn_v.bias": weights(width),
            }
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def exact_target(file: Path, folder: Path, context_length: int = 4096) -> ExactTarget:
    """The model of a GGUF ``file``, or of its folder if it is a directory, packed into ``folder``."""
    folder.mkdir()
    pack(open_checkpoint(file, None if file.is_dir() else file), folder)
    return ExactTarget.load(folder, "tiny", context_length, KERNELS)
