"""Each target keeps the contract, and the exact one computes what the transformers library computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.int8.loading import load
from decoding.int8.packing import UnsupportedModel, pack
from decoding.int8.target import Int8Target
from decoding.target import TargetModel
from decoding.transformers_target import TransformersTarget
from tests.contracts.target import TOKENS, TargetContract
from tests.decoding.tiny import CONTEXT, HEADS, HIDDEN, INTERMEDIATE, KEY_HEADS, LAYERS, VOCABULARY, write_gguf
from tests.fakes.target import HashTarget

vnni = pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="the processor has no VNNI instructions")


class TestHashTarget(TargetContract):
    @pytest.fixture
    def target(self) -> TargetModel:
        return HashTarget(context_length=CONTEXT)


class TestTransformersTarget(TargetContract):
    exact = False

    @pytest.fixture
    def target(self) -> TargetModel:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=HIDDEN,
            intermediate_size=INTERMEDIATE,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=KEY_HEADS,
            max_position_embeddings=CONTEXT,
        )
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        with torch.no_grad():
            for weights in model.parameters():
                if weights.dim() > 1:
                    weights.normal_(0, 0.25)
        return TransformersTarget(model, "tiny", 4096)


def int8_target(folder: Path, file: Path) -> Int8Target:
    folder.mkdir()
    pack(file, folder)
    return Int8Target(load(folder), "tiny", 4096)


@vnni
class TestInt8Target(TargetContract):
    @pytest.fixture(params=["llama", "qwen2"])
    def target(self, request: pytest.FixtureRequest, tmp_path: Path) -> TargetModel:
        file = write_gguf(tmp_path / "tiny.gguf", request.param, tied=request.param == "llama")
        return int8_target(tmp_path / "packed", file)


@vnni
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_int8_is_close_to_the_same_file_in_transformers(tmp_path: Path, architecture: str) -> None:
    """The order of heads and rotating pairs, biases, norms and tied weights are those of an independent reader."""
    from transformers import AutoModelForCausalLM, GgufConfig

    file = write_gguf(tmp_path / "tiny.gguf", architecture, tied=architecture == "llama")
    model = AutoModelForCausalLM.from_pretrained(
        str(tmp_path), gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    with torch.inference_mode():
        expected = model(torch.tensor([TOKENS])).logits[0]
    rows = int8_target(tmp_path / "packed", file).start().extend(TOKENS, len(TOKENS))
    likeness = torch.nn.functional.cosine_similarity(rows, expected, dim=1)
    assert likeness.min() > 0.98


@vnni
def test_growing_memory_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond one block of keys the sequence moves to a larger allocation."""
    import decoding.int8.attention as attention

    monkeypatch.setattr(attention, "KEY_BLOCK", 16)
    target = int8_target(tmp_path / "packed", write_gguf(tmp_path / "tiny.gguf", "llama"))
    sequence = target.start()
    rows = torch.cat([sequence.extend([token], 1) for token in TOKENS])
    likeness = torch.nn.functional.cosine_similarity(rows, target.start().extend(TOKENS, len(TOKENS)), dim=1)
    assert likeness.min() > 0.9999  # blocks of 16 keys are not what the kernel sums, so not the last bit


def test_closed_sequences_say_so(tmp_path: Path) -> None:
    sequence = int8_target(tmp_path / "packed", write_gguf(tmp_path / "tiny.gguf", "llama")).start()
    sequence.close()
    with pytest.raises(ValueError, match="closed"):
        sequence.extend([1], 1)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: write_gguf(path, "mamba"), "architecture 'mamba'; supported are llama, qwen2"),
        (lambda path: write_gguf(path, "llama", rope_scaling=True), "scales its rotary positions"),
        (lambda path: path.write_bytes(b"GGUF"), "not a readable GGUF file"),
        (lambda path: path.write_bytes(b"%PDF-1.7 and more of it, so that it is long enough"), "not a readable GGUF"),
    ],
)
def test_files_that_can_not_be_run_are_named(tmp_path: Path, write: Callable[[Path], Any], reason: str) -> None:
    write(tmp_path / "tiny.gguf")
    with pytest.raises(UnsupportedModel, match=reason):
        pack(tmp_path / "tiny.gguf", tmp_path)


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shape.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="another version"):
        load(tmp_path)


def test_models_that_can_not_forget_are_refused() -> None:
    model: Any = SimpleNamespace(config=SimpleNamespace(layer_types=["full_attention", "linear_attention"]))
    with pytest.raises(ValueError, match="linear_attention"):
        TransformersTarget(model, "tiny", 4096)
