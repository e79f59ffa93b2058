"""The catalogue that ships, and what a catalogue must not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoding.catalogue import CatalogueError, FileSpec, Piece, UnknownModel, find_model, load_catalogue

HASH = "a" * 64
MODEL = """
[[models]]
name = "tiny"
kind = "causal-lm"
architecture = "llama"
licence = "MIT"
role = "test"
"""
FILE = f'[[models.files]]\nname = "weights.bin"\nbytes = 4\nsha256 = "{HASH}"\n'


def _written(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_models_that_settings_name_by_default_are_there() -> None:
    catalogue = load_catalogue()
    assert catalogue["qwen2.5-coder-1.5b-instruct"].kind == "causal-lm"
    assert catalogue["smollm2-135m-instruct"].kind == "causal-lm"
    assert catalogue["all-minilm-l6-v2"].kind == "embedder"


def test_every_file_can_be_had_from_the_hub_and_from_the_index() -> None:
    for model in load_catalogue().values():
        assert model.hub is not None
        assert len(model.hub.revision) == 40, "a branch may move; a revision does not"
        for file in model.files:
            assert file.index or model.archive, f"{model.name} has no package for {file.name}"


def test_licences_allow_commercial_use() -> None:
    assert {model.licence for model in load_catalogue().values()} <= {"Apache-2.0", "MIT"}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match=r"did you mean smollm2-135m-instruct\?"):
        find_model("smollm2-135m", load_catalogue())


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", ".installed.json", "", "a\\b", ".partial/x"])
def test_a_file_stays_inside_its_folder_and_clear_of_the_stores_own(name: str) -> None:
    with pytest.raises(CatalogueError, match="not a path inside"):
        FileSpec(name, 1, HASH)


def test_pieces_add_up() -> None:
    with pytest.raises(CatalogueError, match="add up to 30 bytes instead of 31"):
        FileSpec("x", 31, HASH, (Piece("p==1", "a", 10, HASH), Piece("p==1", "b", 20, HASH)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (MODEL + FILE.replace("bytes", "byte"), "byte"),
        (MODEL + FILE.replace(HASH, "abc"), "sha256"),
        (MODEL + FILE.replace("bytes = 4", "bytes = 0"), "bytes"),
        (MODEL + FILE + FILE, "weights.bin twice"),
        (MODEL + FILE + MODEL + FILE, "tiny stands there twice"),
        (MODEL + "files = []", "files"),
        (MODEL + FILE + 'index = [{ package = "p", member = "m" }]', "package"),
        ("[[models", "models.toml"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_the_reason(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(CatalogueError, match=complaint):
        load_catalogue(_written(tmp_path, text))


def test_a_right_catalogue_is_read(tmp_path: Path) -> None:
    catalogue = load_catalogue(_written(tmp_path, MODEL + FILE))
    assert catalogue["tiny"].bytes == 4
    assert catalogue["tiny"].files[0].sha256 == HASH
