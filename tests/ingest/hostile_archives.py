"""Damaged, hostile and odd archives, the same ones in every run: what a folder of manuals or an upload may hold."""

from __future__ import annotations

import gzip
import random
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache

from tests.fakes.archives import tar_entry, tar_of, zip_of
from tests.ingest.test_formats import GOOD, damaged

ENDINGS = (".zip", ".tar", ".tar.gz")
MANUALS = {f"manual{suffix}": data for suffix, data in GOOD.items()}
WHOLE = {".zip": zip_of(MANUALS), ".tar": tar_of(MANUALS, "w"), ".tar.gz": tar_of(MANUALS)}
ZEROS = b"\0" * 30_000_000
TRICKS = (
    *("../" * depth + "tmp/docqa-evil.txt" for depth in (1, 4, 40)),
    *("/tmp/docqa-evil.txt", "//tmp/docqa-evil.txt", "a/../../docqa-evil.txt", "a/..", "..", ".", "/"),
    *("C:\\docqa-evil.txt", "..\\..\\docqa-evil.txt", "\\\\host\\share\\evil.txt", "file:///tmp/docqa-evil.txt"),
    *("a\nb.txt", "a\x1b[2Jb.txt", "a\u202etxt.exe.txt", "a\u200b.txt", "x" * 300 + ".txt", "d/" * 3_000 + "x.txt"),
    *("con.txt", "nul.txt", "a .txt", "a..txt", "%2e%2e%2fevil.txt", "$(touch evil).txt", "`evil`.txt", "-rf.txt"),
)


@cache
def archives() -> dict[str, bytes]:
    """Name and bytes of each."""
    made: dict[str, bytes] = {}
    for group in (_cut, _changed, _misnamed, _tricks, _bombs, _odd):
        for name, data in group():
            assert name not in made, name
            made[f"{group.__name__.strip('_')}-{name}"] = data
    return made


def _cut() -> Iterator[tuple[str, bytes]]:
    for ending, data in WHOLE.items():
        whole = data.rstrip(b"\0") if ending == ".tar" else data
        for eighth in range(1, 8):
            yield f"{eighth}{ending}", whole[: len(whole) * eighth // 8]
        yield f"last{ending}", whole[:-1]


def _changed() -> Iterator[tuple[str, bytes]]:
    for ending, data in WHOLE.items():
        for seed in range(12):
            yield f"{seed}{ending}", damaged(data, random.Random(f"archive {ending} {seed}"))
    # Inside the compression, so that its own sums tell nothing.
    for seed in range(12):
        yield f"inside{seed}.tgz", gzip.compress(damaged(WHOLE[".tar"], random.Random(seed)), mtime=0)


def _misnamed() -> Iterator[tuple[str, bytes]]:
    others = {**GOOD, **WHOLE}
    for ending in ENDINGS:
        for real, data in others.items():
            if real != ending:
                yield f"{real[1:]}{ending}", data
        yield f"zeros{ending}", b"\0" * 5_000
        yield f"noise{ending}", random.Random(ending).randbytes(3_000)
        yield f"nothing{ending}", b""


def _tricks() -> Iterator[tuple[str, bytes]]:
    for number, name in enumerate(TRICKS):
        yield f"{number}.zip", zip_of({name: "evil", "good.txt": "good"})
        yield f"{number}.tar", tar_of({name: "evil", "good.txt": "good"}, "w")
    for name in ("good.txt", "x.md"):
        yield f"nul-{name}.zip", zip_of({name: "evil"}).replace(name.encode(), name[:-1].encode() + b"\0")
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"V", b"Z")
    for kind in kinds:
        entry = tar_entry("passwd.txt", kind, "/etc/passwd")
        yield f"kind-{kind.hex()}.tar", tar_of({"passwd.txt": entry, "good.txt": "good"}, "w")
    link = tar_entry("out", tarfile.SYMTYPE, "/tmp")
    yield "through-link.tar", tar_of({"out": link, "out/docqa-evil.txt": "evil"}, "w")
    for flag in (b"\x01\x08", b"\x41\x00"):
        data = zip_of({"locked.txt": "secret", "good.txt": "good"}, zipfile.ZIP_STORED)
        at = data.index(b"PK\x01\x02") + 8
        yield f"locked-{flag.hex()}.zip", data[:at] + flag + data[at + 2 :]
    for method in (1, 9, 12, 14, 93, 98, 99):
        data = zip_of({"good.txt": "good"}, zipfile.ZIP_STORED)
        low = method.to_bytes(2, "little")
        at = data.index(b"PK\x01\x02") + 10
        yield f"method-{method}.zip", data[:8] + low + data[10:at] + low + data[at + 2 :]


def _bombs() -> Iterator[tuple[str, bytes]]:
    yield "zeros.zip", zip_of({"zeros.txt": ZEROS})
    yield "many-zeros.zip", zip_of({f"{n}.txt": b"\0" * 4_000_000 for n in range(20)})
    yield "zeros.tar.gz", tar_of({"zeros.txt": ZEROS})
    yield "picture.tar.gz", tar_of({"zeros.png": ZEROS})
    yield "raw.tgz", gzip.compress(ZEROS, mtime=0)
    yield "behind-the-end.tgz", gzip.compress(tar_of({"a.txt": "a"}, "w") + ZEROS, mtime=0)
    lies = zip_of({"zeros.txt": ZEROS}).replace(len(ZEROS).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    yield "lies.zip", lies
    yield "members.zip", zip_of({f"{n}.txt": "" for n in range(3_000)}, zipfile.ZIP_STORED)
    yield "members.tgz", tar_of({f"{n}.txt": "" for n in range(2_500)})
    yield "overlap.zip", _overlapping(2_000)
    inner = WHOLE[".zip"]
    for depth in range(6):
        inner = zip_of({f"{n}.zip": inner for n in range(4)}, zipfile.ZIP_STORED if depth > 2 else zipfile.ZIP_DEFLATED)
    yield "nested.zip", inner
    huge = tarfile.TarInfo("huge.txt")
    huge.size = 2**40
    yield "huge.tar", huge.tobuf(tarfile.GNU_FORMAT) + b"x" * 1_024
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        header = tarfile.TarInfo("header")
        header.type, header.size = kind, 29_000_000
        packed = header.tobuf(tarfile.GNU_FORMAT) + b"9" * 29_000_000
        yield f"header-{kind.decode()}.tgz", gzip.compress(packed, mtime=0)
    sparse = tar_entry("sparse.txt", tarfile.GNUTYPE_SPARSE)
    sparse.size = 0
    yield "sparse.tar", sparse.tobuf(tarfile.GNU_FORMAT)[:483] + b"77777777777\0" + b"\0" * (17 + 1_024)


def _overlapping(count: int) -> bytes:
    """A directory that names one body again and again (https://www.bamsoftware.com/hacks/zipbomb/)."""
    data = zip_of({"a.txt": b"\0" * 1_000_000})
    at = data.index(b"PK\x01\x02")
    entry, end = data[at : data.rindex(b"PK\x05\x06")], data[data.rindex(b"PK\x05\x06") :]
    entries = b"".join(entry.replace(b"a.txt", b"%05d" % n) for n in range(count))
    counts = struct.pack("<HHLL", count, count, len(entries), at)
    return data[:at] + entries + end[:8] + counts + end[20:]


def _odd() -> Iterator[tuple[str, bytes]]:
    yield "empty.zip", zip_of({})
    yield "empty.tar", tar_of({}, "w")
    yield "pictures.zip", zip_of({"a.png": "x", "b.gif": "y"})
    yield "hidden.tgz", tar_of({".git/a.md": "x", "__MACOSX/._b.md": "y"})
    yield "twice.tar", b"".join((tar_of({"a.txt": "one"}, "w")[:1_024], tar_of({"a.txt": "two"}, "w")))
    yield "no-end.tar", tar_of({"a.txt": "one"}, "w")[:1_024]
    yield "prefix.zip", b"MZ\x90 a program before it" + WHOLE[".zip"]
    yield "comment.zip", WHOLE[".zip"][:-2] + b"\x05\0" + b"PK\x05\x06x"
    yield "two.zip", WHOLE[".zip"] * 2
    yield "broken-manuals.zip", zip_of({f"{n}{s}": d[: len(d) // 2] for n, (s, d) in enumerate(GOOD.items())})
