"""What lies in archives: documents of their own, whatever the archive calls them."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import preparation
from ingest.archives.entries import ArchiveLimits
from ingest.archives.unpacking import Unpacked, read_member, unpack
from ingest.labelling import LabelRules
from ingest.pipeline import PipelineConfig
from ingest.progress import Progress
from ingest.reader import UnreadableFile
from tests.fakes.archives import tar_entry, tar_of, zip_of
from tests.ingest.index import Index, answers, assert_clean, pipeline, write

SUFFIXES = frozenset({".md", ".txt"})
LIMITS = ArchiveLimits(members=50, member_bytes=12_000, unpacked_bytes=40_000, ratio=20)
MANUALS = {"a.md": "Alpha", "deep/er/b.txt": "Beta", "picture.png": "x"}
PACKED = {
    "manuals.zip": zip_of(MANUALS),
    "manuals.tar": tar_of(MANUALS, "w"),
    "manuals.tar.gz": tar_of(MANUALS),
    "manuals.TGZ": tar_of({f"./{name}": text for name, text in MANUALS.items()}),
}


def unpacked(folder: Path, name: str, data: bytes, limits: ArchiveLimits = LIMITS) -> Unpacked:
    (folder / name).write_bytes(data)
    room = folder / "room"
    room.mkdir(exist_ok=True)
    return unpack(folder / name, name, room, SUFFIXES, limits)


def refused(folder: Path, name: str, data: bytes, limits: ArchiveLimits = LIMITS) -> str:
    with pytest.raises(UnreadableFile) as error:
        unpacked(folder, name, data, limits)
    return error.value.reason


@pytest.mark.parametrize("name", PACKED)
def test_members_of_a_known_format_are_unpacked_and_the_rest_is_named(tmp_path: Path, name: str) -> None:
    found = unpacked(tmp_path, name, PACKED[name])
    assert {member: path.read_text() for member, path in found.members.items()} == {
        "a.md": "Alpha",
        "deep/er/b.txt": "Beta",
    }
    assert {path.parent for path in found.members.values()} == {tmp_path / "room"}
    assert found.skipped == [("picture.png", "its format (.png) is not known")]
    assert found.failed == []


@pytest.mark.parametrize("name", PACKED)
def test_a_single_member_is_read_again(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name])
    assert read_member(tmp_path / name, name, "deep/er/b.txt", LIMITS) == b"Beta"
    assert read_member(tmp_path / name, name, "deep/er/c.txt", LIMITS) is None


@pytest.mark.parametrize("name", PACKED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keep=st.floats(0, 0.999))
def test_an_archive_that_was_cut_off_gives_nothing(tmp_path: Path, name: str, keep: float) -> None:
    data = PACKED[name].rstrip(b"\0") if name.endswith(".tar") else PACKED[name]
    reason = refused(tmp_path, name, data[: int(len(data) * keep)])
    assert reason.startswith(("is a damaged or incomplete archive", "is empty"))


def test_a_member_that_is_damaged_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = zip_of({"a.md": "Alpha", "b.md": "Beta"}, zipfile.ZIP_STORED).replace(b"Beta", b"beta")
    found = unpacked(tmp_path, "x.zip", data)
    assert list(found.members) == ["a.md"]
    assert found.failed == [("b.md", "is damaged within the archive: get or pack it again")]


def test_a_damaged_tar_gives_nothing_even_if_it_looks_as_if_it_ended(tmp_path: Path) -> None:
    data = bytearray(tar_of({"a.md": "Alpha", "b.md": "Beta"}, "w"))
    data[1024 + 150] ^= 1  # the sum of the second header
    assert refused(tmp_path, "x.tar", bytes(data)).startswith("is a damaged or incomplete archive")
    whole = gzip.compress(tar_of({"a.md": "Alpha"}, "w"), mtime=0)
    assert refused(tmp_path, "x.tgz", whole[:-8] + b"\0" * 8).startswith("is a damaged or incomplete archive")


@pytest.mark.parametrize(
    "name", ["../a.md", "x/../../a.md", "/etc/a.md", "C:\\a.md", "..\\a.md", "\\\\host\\a.md", "a\u202e.md", "x/" * 600]
)
def test_names_that_lead_elsewhere_or_are_none_are_refused(tmp_path: Path, name: str) -> None:
    for archive, pack in (("x.zip", zip_of), ("x.tgz", tar_of)):
        found = unpacked(tmp_path, archive, pack({name.rstrip("/"): "evil", "good.md": "good"}))
        assert list(found.members) == ["good.md"]
        ((_, reason),) = found.failed
        assert reason.startswith("its name ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["room", "x.tgz", "x.zip"]


def test_what_is_no_file_is_not_taken_for_one(tmp_path: Path) -> None:
    found = unpacked(
        tmp_path,
        "x.tar",
        tar_of(
            {
                "link.md": tar_entry("link.md", tarfile.SYMTYPE, "/etc/passwd"),
                "hard.md": tar_entry("hard.md", tarfile.LNKTYPE, "/etc/passwd"),
                "pipe.md": tar_entry("pipe.md", tarfile.FIFOTYPE),
                "device.md": tar_entry("device.md", tarfile.CHRTYPE),
                "folder.md": tar_entry("folder.md", tarfile.DIRTYPE),
            },
            "w",
        ),
    )
    assert found.members == {}
    assert found.skipped == [("link.md", "is a link"), ("hard.md", "is a link")]
    assert [name for name, _ in found.failed] == ["pipe.md", "device.md"]
    assert {reason for _, reason in found.failed} == {"is not an ordinary file: pack the archive without it"}
    link = zipfile.ZipInfo("link.md")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert unpack(tmp_path / "link.zip", "x.zip", tmp_path / "room", SUFFIXES, LIMITS).skipped == found.skipped[:1]


def test_hidden_things_are_passed_over_once(tmp_path: Path) -> None:
    members = {"m/.git/a.md": "a", "m/.git/b.md": "b", "__MACOSX/m/._a.md": "x", ".c.md": "c", "~$d.md": "d"}
    assert unpacked(tmp_path, "x.zip", zip_of(members)).skipped == [
        ("m/.git/", "is hidden"),
        ("__MACOSX/", "is hidden"),
        (".c.md", "is hidden"),
        ("~$d.md", "is a lock file of an office program"),
    ]


def test_archives_within_archives_are_named_and_refused(tmp_path: Path) -> None:
    found = unpacked(tmp_path, "x.zip", zip_of({"inner.tar.gz": PACKED["manuals.tar.gz"], "a.md": "Alpha"}))
    assert list(found.members) == ["a.md"]
    assert found.failed == [("inner.tar.gz", "is an archive within an archive: unpack the outer one")]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_neither_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (("a.md", "one"), ("a.md", "two"), ("./a.md", "three"), ("b.md", "four")):
            archive.writestr(name, text)
    found = unpack(path, "x.zip", tmp_path, SUFFIXES, LIMITS)
    assert list(found.members) == ["b.md"]
    assert found.failed == [("a.md", "stands in the archive more than once: pack the one that holds")]


def test_encrypted_members_and_unknown_methods_are_named(tmp_path: Path) -> None:
    data = bytearray(zip_of({"a.md": "Alpha", "b.md": "Beta"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    at = data.rindex(b"PK\x01\x02")
    data[at + 10] = data[data.rindex(b"PK\x03\x04") + 8] = 97
    found = unpacked(tmp_path, "x.zip", bytes(data))
    assert found.members == {}
    assert [name for name, _ in found.failed] == ["a.md", "b.md"]
    assert found.failed[0].reason == "is encrypted: pack it without a password"
    assert found.failed[1].reason.startswith("is packed by a method that is not known")


def test_names_in_utf_8_that_are_not_marked_as_such_are_read(tmp_path: Path) -> None:
    data = zip_of({"Gr\u00f6\u00dfe.md": "x"})
    for header in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(header) + (6 if header == b"PK\x03\x04" else 8)
        data = data[:at] + b"\0\0" + data[at + 2 :]
    assert list(unpacked(tmp_path, "x.zip", data).members) == ["Gr\u00f6\u00dfe.md"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.zip", zip_of({f"{n}.md": b"x" * 9_000 for n in range(5)}, zipfile.ZIP_STORED), "unpacks to more than 0 MB"),
        ("x.zip", zip_of({"a.md": b"\0" * 9_999, "b.md": b"\0" * 9_999}), "unpacks to more than 20 times its size"),
        ("x.tgz", tar_of({"a.png": b"\0" * 20_000}), "unpacks to more than 20 times its size"),
        ("x.tgz", tar_of({"a.png": b"\0" * 10_000_000}), "unpacks to more than 0 MB"),
        ("x.zip", zip_of({f"{n}.md": "x" for n in range(51)}), "holds too many files (50 are allowed)"),
        ("x.tar", tar_of({f"{n}.md": "x" for n in range(51)}, "w"), "holds too many files (50 are allowed)"),
        ("x.zip", tar_of({"a.md": "x"}), "is a gzip archive by its content"),
        ("x.tgz", zip_of({"a.md": "x"}), "is a zip archive or a new Office file by its content"),
        ("x.tar.gz", gzip.compress(b"just text"), "is a damaged or incomplete archive"),
        ("x.tar", b"just text", "is a damaged or incomplete archive"),
        ("x.zip", b"", "is empty"),
    ],
)
def test_bombs_and_what_is_no_archive_are_refused_as_a_whole(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    assert refused(tmp_path, name, data).startswith(reason)


def test_a_member_that_is_too_large_is_named_and_not_unpacked(tmp_path: Path) -> None:
    found = unpacked(tmp_path, "x.zip", zip_of({"a.md": b"x" * 12_001, "b.md": "x"}, zipfile.ZIP_STORED))
    assert list(found.members) == ["b.md"]
    assert found.failed[0].reason.startswith("is too large (0.0 MB")


def test_a_member_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    data = zip_of({"a.md": b"\0" * 9_000}).replace((9_000).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    found = unpacked(tmp_path, "x.zip", data)
    assert found.members == {}
    assert found.failed == [("a.md", "is damaged within the archive: get or pack it again")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(PACKED)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_whatever_bytes_are_changed_what_comes_out_was_put_in(
    tmp_path: Path, name: str, changes: list[tuple[int, int]]
) -> None:
    """A .tar has no sums of what it holds: there only names and ends can be checked."""
    data = bytearray(PACKED[name])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = unpacked(tmp_path, name, bytes(data))
    except UnreadableFile:
        return
    texts = {path.read_text(errors="replace") for path in found.members.values()}
    assert texts <= set(MANUALS.values()) or name.endswith(".tar")


TEXTS = {"a.txt": "Pump\n\nalarm one", "b/c.txt": "Valve\n\nalarm two"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write(tmp_path / "files", {"d.txt": "Motor\n\nalarm three"})
    (folder / "manuals.zip").write_bytes(zip_of(TEXTS))
    return folder


def test_members_are_documents_named_by_archive_and_path(folder: Path) -> None:
    index = Index()
    assert index.ingest(folder).added == ("d.txt", "manuals.zip/a.txt", "manuals.zip/b/c.txt")
    assert answers(index, "alarm") == ["alarm one", "alarm three", "alarm two"]
    assert {revision.root for revision in index.catalog.current()} == {str(folder)}
    again = index.ingest(folder)
    assert (len(again.unchanged), again.passages) == (3, 0)


def test_a_new_archive_changes_what_it_changes_and_removes_what_it_lacks(folder: Path) -> None:
    index = Index()
    index.ingest(folder)
    (folder / "manuals.zip").write_bytes(zip_of({"a.txt": "Pump\n\nalarm four"}))
    report = index.ingest(folder)
    assert (report.updated, report.removed, report.unchanged) == (
        ("manuals.zip/a.txt",),
        ("manuals.zip/b/c.txt",),
        ("d.txt",),
    )
    assert answers(index, "alarm") == ["alarm four", "alarm three"]
    assert_clean(index)


def test_an_archive_that_moves_is_renamed_or_unpacked_keeps_its_documents(folder: Path) -> None:
    index = Index()
    index.ingest(folder)
    documents = {revision.document_id for revision in index.catalog.current()}
    (folder / "manuals.zip").rename(folder / "manuals-2.zip")
    report = index.ingest(folder)
    assert report.moved == (
        ("manuals.zip/a.txt", "manuals-2.zip/a.txt"),
        ("manuals.zip/b/c.txt", "manuals-2.zip/b/c.txt"),
    )
    (folder / "manuals-2.zip").unlink()
    write(folder / "unpacked", TEXTS)
    assert [now for _, now in index.ingest(folder).moved] == ["unpacked/a.txt", "unpacked/b/c.txt"]
    assert {revision.document_id for revision in index.catalog.current()} == documents


def test_a_damaged_archive_takes_nothing_away(folder: Path) -> None:
    index = Index()
    index.ingest(folder)
    whole = (folder / "manuals.zip").read_bytes()
    (folder / "manuals.zip").write_bytes(whole[:-30])
    report = index.ingest(folder)
    assert report.failed == (("manuals.zip", "is a damaged or incomplete archive: get or pack it again"),)
    assert (report.removed, report.withheld) == ((), ())
    (folder / "manuals.zip").write_bytes(zip_of({**TEXTS, "b/c.txt": "broken"}))
    assert index.ingest(folder).failed == (("manuals.zip/b/c.txt", "is damaged"),)
    assert answers(index, "alarm") == ["alarm one", "alarm three", "alarm two"]


def test_a_document_is_not_taken_from_an_archive_that_still_stands_elsewhere(folder: Path, tmp_path: Path) -> None:
    index = Index()
    index.ingest(folder)
    report = index.ingest(write(tmp_path / "other", {"a.txt": TEXTS["a.txt"]}))
    assert (report.added, report.moved) == (("a.txt",), ())


def test_an_archive_that_is_named_is_a_source_of_its_own(folder: Path) -> None:
    index = Index()
    assert index.ingest(folder / "manuals.zip").added == ("manuals.zip/a.txt", "manuals.zip/b/c.txt")
    assert index.ingest(folder).added == ("d.txt",)
    (folder / "manuals.zip").write_bytes(zip_of({"a.txt": TEXTS["a.txt"]}))
    assert index.ingest(folder / "manuals.zip").removed == ("manuals.zip/b/c.txt",)


def test_an_archive_that_vanishes_takes_its_documents_with_it(folder: Path) -> None:
    index = Index()
    index.ingest(folder)
    (folder / "manuals.zip").unlink()
    assert index.ingest(folder).removed == ("manuals.zip/a.txt", "manuals.zip/b/c.txt")


def test_labels_hold_within_archives(folder: Path) -> None:
    index = Index(config=PipelineConfig(rules=LabelRules({"manuals.zip/b/*": ["hr"]})))
    (folder / "more.zip").write_bytes(zip_of({"e.md": "---\nlabels: staff\n---\n\nalarm five"}))
    index.ingest(folder)
    assert {revision.source: revision.labels for revision in index.catalog.current()} == {
        "d.txt": (),
        "manuals.zip/a.txt": (),
        "manuals.zip/b/c.txt": ("hr",),
        "more.zip/e.md": ("staff",),
    }


def test_unpacked_files_are_gone_after_an_ingest_and_so_are_those_of_a_killed_one(folder: Path, tmp_path: Path) -> None:
    room = tmp_path / "room"
    write(room, {"left/over.txt": "x"})
    index = Index(config=PipelineConfig(room=room))
    assert len(index.ingest(folder).added) == 3
    assert not room.exists()


def test_no_room_to_unpack_fails_the_archive_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    index = Index()
    monkeypatch.setattr(preparation, "unpack", full)
    report = index.ingest(folder)
    assert report.failed == (("manuals.zip", "cannot be unpacked: No space left on device"),)
    assert report.added == ("d.txt",)


def test_cancel_is_heard_while_archives_are_unpacked(folder: Path, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(progress: Progress) -> None:
        if progress.source == "manuals.zip":
            raise Cancelled

    room = tmp_path / "room"
    with pytest.raises(Cancelled):
        pipeline(Index(config=PipelineConfig(room=room))).ingest([folder], "default", cancel)
    assert not room.exists()
