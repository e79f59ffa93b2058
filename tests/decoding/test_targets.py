"""Each target keeps the contract, and the exact one computes what the transformers library computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from decoding.attention import AttentionQuery
from decoding.exact import compiler
from decoding.exact.checkpoint import open_checkpoint
from decoding.exact.loading import load
from decoding.exact.packing import NoSpace, pack
from decoding.exact.shape import UnsupportedModel
from decoding.packing import packed
from decoding.target import TargetModel
from decoding.transformers_target import TransformersTarget
from tests.contracts.target import TOKENS, TargetContract
from tests.decoding.tiny import (
    CONTEXT,
    SIZES,
    VOCABULARY,
    exact_target,
    needs_exact,
    write_gguf,
)
from tests.fakes.target import HashTarget


class TestHashTarget(TargetContract):
    @pytest.fixture
    def target(self) -> TargetModel:
        return HashTarget(context_length=CONTEXT)


class TestTransformersTarget(TargetContract):
    exact = False

    @pytest.fixture
    def target(self) -> TargetModel:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(**SIZES)
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        with torch.no_grad():
            for weights in model.parameters():
                if weights.dim() > 1:
                    weights.normal_(0, 0.25)
        return TransformersTarget(model, "tiny", 4096)


@needs_exact
class TestExactTarget(TargetContract):
    @pytest.fixture(params=["llama", "qwen2"])
    def target(self, request: pytest.FixtureRequest, tmp_path: Path) -> TargetModel:
        file = write_gguf(tmp_path / "tiny.gguf", request.param, tied=request.param == "llama")
        return exact_target(file, tmp_path / "packed")


def written_for_both(folder: Path, architecture: str) -> tuple[Path, Any]:
    """A tiny model's file, and the transformers library's model of it."""
    from transformers import AutoModelForCausalLM, GgufConfig

    file = write_gguf(folder / "tiny.gguf", architecture, tied=architecture == "llama")
    return file, AutoModelForCausalLM.from_pretrained(
        str(folder), gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )


@needs_exact
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_exact_is_close_to_the_same_file_in_transformers(tmp_path: Path, architecture: str) -> None:
    """The order of heads and rotating halves, biases, norms and tied weights are those of an independent reader."""
    file, model = written_for_both(tmp_path, architecture)
    with torch.inference_mode():
        expected = model(torch.tensor([TOKENS])).logits[0]
    rows = exact_target(file, tmp_path / "packed").start().extend(TOKENS, len(TOKENS))
    likeness = torch.nn.functional.cosine_similarity(rows, expected, dim=1)
    assert likeness.min() > 0.95


@needs_exact
@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_exact_looks_where_the_same_file_looks_in_transformers(tmp_path: Path, architecture: str) -> None:
    file, model = written_for_both(tmp_path, architecture)
    shares = []
    for target in (exact_target(file, tmp_path / "packed"), TransformersTarget(model, "tiny", 4096)):
        each = []
        for head in range(SIZES["num_attention_heads"]):
            sequence = target.start()
            sequence.watch(AttentionQuery(20, 33, ((0, 4), (4, 9), (9, 20)), ((0, head),)))
            sequence.extend(TOKENS, 0)
            each.append(sequence.attention)
        shares.append(torch.tensor(each))
    ours, theirs = shares
    assert ours.std(0).max() > 0.05, "heads look alike"
    assert torch.allclose(ours, theirs, atol=0.02)


@needs_exact
@pytest.mark.parametrize("tied", [True, False])
def test_a_transformers_folder_gives_what_it_computes(tmp_path: Path, tied: bool) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(**SIZES, tie_word_embeddings=tied)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(0 if weights.dim() > 1 else 1, 0.25)
        expected = model(torch.tensor([TOKENS])).logits[0]
    model.save_pretrained(str(tmp_path / "model"))
    rows = exact_target(tmp_path / "model", tmp_path / "packed").start().extend(TOKENS, len(TOKENS))
    assert torch.nn.functional.cosine_similarity(rows, expected, dim=1).min() > 0.95


@needs_exact
def test_no_bit_depends_on_the_number_of_threads(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", "qwen2", tied=False)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            target = exact_target(file, tmp_path / f"packed-{threads}")
            results.append(target.start().extend(TOKENS, len(TOKENS)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@needs_exact
def test_pages_are_shared_until_somebody_writes(tmp_path: Path) -> None:
    target = exact_target(write_gguf(tmp_path / "tiny.gguf", "llama"), tmp_path / "packed")
    sequence = target.start()
    sequence.extend(TOKENS, 1)
    forks = [sequence.fork(len(TOKENS)) for _ in range(3)]
    assert target.used_bytes == sequence.bytes
    forks[0].extend([1], 1)
    assert target.used_bytes == 2 * sequence.bytes
    for each in (sequence, *forks):
        each.close()
    assert target.used_bytes == 0


@needs_exact
def test_closed_sequences_say_so(tmp_path: Path) -> None:
    sequence = exact_target(write_gguf(tmp_path / "tiny.gguf", "llama"), tmp_path / "packed").start()
    sequence.close()
    with pytest.raises(ValueError, match="closed"):
        sequence.extend([1], 1)


@needs_exact
@pytest.mark.parametrize("token", [-1, VOCABULARY])
def test_tokens_that_are_none_are_refused(tmp_path: Path, token: int) -> None:
    sequence = exact_target(write_gguf(tmp_path / "tiny.gguf", "llama"), tmp_path / "packed").start()
    with pytest.raises(ValueError, match="between 0 and 63"):
        sequence.extend([token], 1)
    assert sequence.length == 0


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: write_gguf(path, "mamba"), "architecture 'mamba'; supported are llama, qwen2"),
        (lambda path: write_gguf(path, "llama", rope_scaling=True), "scales its rotary positions"),
        (
            lambda path: write_gguf(path, "llama", intermediate=72),
            "intermediate size is 72; supported are multiples of 16",
        ),
        (lambda path: path.write_bytes(b"GGUF"), "not a readable GGUF file"),
        (lambda path: path.write_bytes(b"%PDF-1.7 and more of it, so that it is long enough"), "not a readable GGUF"),
    ],
)
def test_files_that_can_not_be_run_are_named(tmp_path: Path, write: Callable[[Path], Any], reason: str) -> None:
    write(tmp_path / "tiny.gguf")
    with pytest.raises(UnsupportedModel, match=reason):
        open_checkpoint(tmp_path, tmp_path / "tiny.gguf")


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="another version"):
        load(tmp_path)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    pack(open_checkpoint(tmp_path, write_gguf(tmp_path / "tiny.gguf", "llama")), tmp_path)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ValueError, match="end before"):
        load(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path)


def test_packing_asks_for_room_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    source = open_checkpoint(tmp_path, write_gguf(tmp_path / "tiny.gguf", "llama"))
    with pytest.raises(NoSpace, match=r"0\.0 GB are free"):
        pack(source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]


def test_a_changed_model_file_is_packed_again(tmp_path: Path) -> None:
    source, made = tmp_path / "model.gguf", []
    source.write_bytes(b"one")

    def write(folder: Path) -> None:
        made.append(source.read_bytes())
        (folder / "content").write_bytes(source.read_bytes())

    (tmp_path / "kind-1").mkdir()
    for content in (b"one", b"one", b"three"):
        if content != source.read_bytes():
            source.write_bytes(content)
        assert (packed(tmp_path, "kind-2", write, source) / "content").read_bytes() == content
    assert made == [b"one", b"three"]
    assert not (tmp_path / "kind-1").exists()


@needs_exact
def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int broken(")
    monkeypatch.setattr(compiler, "SOURCE", source)
    with pytest.raises(compiler.KernelsUnavailable, match=r"compiling broken.c failed: .*expected"):
        compiler.library(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_kernels_that_can_not_be_written_or_loaded_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(compiler.KernelsUnavailable, match=r"compiling kernels.c failed: .*file"):
        compiler.library(tmp_path / "file" / "cache")
    (tmp_path / "damaged.so").write_bytes(b"no library")
    with pytest.raises(compiler.KernelsUnavailable, match=r"loading .*damaged.so failed .* delete it"):
        compiler.opened(tmp_path / "damaged.so")


def test_models_that_can_not_forget_are_refused() -> None:
    model: Any = SimpleNamespace(config=SimpleNamespace(layer_types=["full_attention", "linear_attention"]))
    with pytest.raises(ValueError, match="linear_attention"):
        TransformersTarget(model, "tiny", 4096)
