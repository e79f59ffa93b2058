"""The encoder on its kernels: the same vectors as the transformers library's, whatever is beside a text."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.encoder.checkpoint import read_shape, read_weights
from decoding.encoder.kernels import EncoderKernels
from decoding.encoder.layout import STEPS, WideMatrix, pack_wide
from decoding.encoder.loading import Encoder, open_encoder
from decoding.exact import compiler
from decoding.exact.shape import UnsupportedModel
from tests.decoding.tiny import KERNELS, needs_exact

WINDOW, VOCABULARY, HIDDEN, INNER = 40, 50, 128, 192
HEADS = {"bert": 4, "mpnet": 2}
"""Of 32 and 64 channels: the kernels take the former in twos."""
TEXTS = [
    [5],
    [2, 3, 4],
    list(range(9, 9 + WINDOW)),
    [7] * 17,
    [4, 4],
    list(range(30, 13, -1)),
    [49] * WINDOW,
    [9, 3] * 16,
]
"""Without the token 1, which to MPNet is padding."""


def write_model(folder: Path, architecture: str) -> Path:
    """A model of two layers with random weights, as the sentence-transformers library keeps them."""
    import torch
    from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS[architecture],
        "intermediate_size": INNER,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    }
    torch.manual_seed(3)
    model = BertModel(BertConfig(**sizes)) if architecture == "bert" else MPNetModel(MPNetConfig(**sizes))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "LayerNorm" in name or name.endswith("bias"):
                weights.add_(0.2 * torch.randn_like(weights))
    model.save_pretrained(folder)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": WINDOW})
    kinds = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in zip(kinds, paths, strict=True)
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True})
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def library_vectors(folder: Path, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
    """What the transformers library makes of each text alone, in float32."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(str(folder)).eval()
    with torch.no_grad():
        rows = [model(input_ids=torch.tensor([text])).last_hidden_state[0].mean(0) for text in texts]
    vectors: npt.NDArray[np.float32] = torch.nn.functional.normalize(torch.stack(rows), dim=1).numpy()
    return vectors


@pytest.fixture(scope="module", params=["bert", "mpnet"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def one_thread(folder: Path) -> Encoder:
    return open_encoder(folder, 1, KERNELS)


@pytest.fixture(scope="module")
def three_threads(folder: Path) -> Encoder:
    return open_encoder(folder, 3, KERNELS)


@needs_exact
def test_vectors_are_those_of_the_library(folder: Path, one_thread: Encoder) -> None:
    expected = library_vectors(folder, TEXTS)
    vectors = one_thread.encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (vectors * expected).sum(axis=1).min() > 0.9999


@needs_exact
@settings(max_examples=60, deadline=None)
@given(chosen=st.lists(st.sampled_from(range(len(TEXTS))), min_size=1, max_size=40))
def test_neither_neighbours_nor_threads_change_a_bit(
    one_thread: Encoder, three_threads: Encoder, chosen: list[int]
) -> None:
    alone = np.concatenate([one_thread.encode([text]) for text in TEXTS])
    for encoder in (one_thread, three_threads):
        np.testing.assert_array_equal(encoder.encode([TEXTS[index] for index in chosen]), alone[chosen])


@needs_exact
def test_no_text_no_row(one_thread: Encoder) -> None:
    assert one_thread.encode([]).shape == (0, HIDDEN)


@needs_exact
@pytest.mark.parametrize(
    ("text", "message"),
    [([], "1 to 48 tokens"), ([1] * 49, "1 to 48 tokens"), ([VOCABULARY], "between 0 and 49"), ([-1], "between 0")],
)
def test_what_is_no_text_is_refused(one_thread: Encoder, text: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one_thread.encode([[1], text])


@needs_exact
def test_it_is_sent_to_other_processes_without_its_weights(one_thread: Encoder) -> None:
    one_thread.encode([[1]])
    again = pickle.loads(pickle.dumps(one_thread))
    assert (one_thread.loaded, again.loaded) == (True, False)
    np.testing.assert_array_equal(again.encode(TEXTS), one_thread.encode(TEXTS))


def unpacked(packed: WideMatrix) -> npt.NDArray[np.int64]:
    """The integers of shape (channels, inputs), of which the blocks hold sums."""
    # By group: (inputs / 4, block, channel, 2) to (channels, inputs), both of a quarter.
    factors = packed.blocks.astype(np.int64).transpose(1, 0, 3, 4, 2, 5).reshape(7, packed.channels // 64, 32, -1)
    first, fourth = factors[1], factors[4]
    second, third = factors[2] + fourth, factors[3] + first
    np.testing.assert_array_equal(factors[[0, 5, 6]], [first + fourth, first + second, third + fourth])
    groups = np.concatenate([np.concatenate([first, third], 2), np.concatenate([second, fourth], 2)], 1)
    return groups.reshape(packed.channels, packed.inputs)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), spread=st.sampled_from([0.0, 1.0, 30.0]), inputs=st.sampled_from([64, 384, 3072]))
def test_no_row_makes_a_sum_beyond_32_bits(seed: int, spread: float, inputs: int) -> None:
    random = np.random.default_rng(seed)
    size = 128, inputs
    weights = (random.standard_normal(size) * np.exp(spread * random.random(size))).astype(np.float32)
    weights[3] = 0
    packed = pack_wide(weights)
    values = unpacked(packed)
    assert (np.abs(values).sum(axis=1) * STEPS).max() < 2**31
    np.testing.assert_allclose(values * packed.scale[:, None], weights, atol=packed.scale.max() * 0.51, rtol=1e-4)
    assert packed.blocks.ctypes.data % 64 == 0


def changed(folder: Path, target: Path, file: str, change: dict[str, object] | list[object] | None) -> Path:
    """A copy of the small files with one of them changed; None: left out."""
    for path in folder.rglob("*.json"):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    if change is None:
        (target / file).unlink()
    else:
        content = json.loads((target / file).read_text())
        write_json(target / file, content | change if isinstance(change, dict) else change)
    return target


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("config.json", {"model_type": "roberta"}, "architecture 'roberta'; supported are bert, mpnet"),
        ("config.json", {"hidden_act": "relu"}, "hidden_act 'relu'"),
        ("config.json", {"num_attention_heads": 8}, "hidden size is 128; supported are multiples of 256"),
        ("config.json", {"max_position_embeddings": 20}, "texts of 40 tokens"),
        ("config.json", {"layer_norm_eps": None}, "lack a size"),
        ("config.json", None, "can't be read"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "other than taking the mean"),
        ("modules.json", [{"type": "a.Transformer"}, {"type": "a.Pooling"}, {"type": "a.Dense"}], "other than taking"),
    ],
)
def test_models_that_it_can_not_run_are_named(
    folder: Path, tmp_path: Path, file: str, change: dict[str, object] | list[object] | None, message: str
) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        read_shape(changed(folder, tmp_path, file, change))


@needs_exact
@pytest.mark.parametrize("content", [None, b"damaged"])
def test_damaged_weights_are_named(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    copy = changed(folder, tmp_path, "config.json", {})
    if content is not None:
        (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(UnsupportedModel, match=r"model.safetensors can't be read"):
        open_encoder(copy, 1, KERNELS).encode([[1]])


def test_missing_and_misshapen_tensors_are_named(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    copy = changed(folder, tmp_path, "config.json", {})
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    for tensor, message in (
        (tensors[name].T.copy(), r"has the shape \(192, 128\), expected"),
        (None, "lacks the tensor"),
    ):
        others = {other: value for other, value in tensors.items() if other != name}
        save_file(others if tensor is None else others | {name: tensor}, copy / "model.safetensors")
        with pytest.raises(UnsupportedModel, match=message):
            read_weights(copy, read_shape(copy))


def test_a_machine_without_the_instructions_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "processor_flags", lambda: ["avx2"])
    with pytest.raises(compiler.KernelsUnavailable, match="the processor lacks avx512f"):
        open_encoder(folder, 1, KERNELS)


@needs_exact
def test_kernels_that_can_not_be_loaded_are_named(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "kernels.so"
    broken.write_bytes(b"broken")
    shape = read_shape(folder)
    with pytest.raises(compiler.KernelsUnavailable, match="delete it"):
        EncoderKernels(broken, shape, read_weights(folder, shape), 1)
