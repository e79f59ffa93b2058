"""Some hundreds of damaged, hostile and odd files, each of which may come with somebody's manuals.

All are made here, the same ones in every run. What real attackers have tried is among them: archives that unpack to far
more than they are, entities that name other files, nesting without end, names that lead elsewhere.
"""

from __future__ import annotations

import base64
import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.ingest.test_formats import GOOD, damaged

PACKAGES = (".docx", ".xlsx", ".pptx", ".epub")
TEXTS = (".md", ".txt", ".html", ".csv", ".rst", ".adoc", ".eml")
MAIN_PARTS = {
    ".docx": "word/document.xml",
    ".xlsx": "xl/worksheets/sheet1.xml",
    ".pptx": "ppt/slides/slide1.xml",
    ".epub": "OEBPS/text/ch1.xhtml",
}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LAUGHS = (
    "<!DOCTYPE x ["
    + '<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def files() -> dict[str, bytes]:
    """Name and bytes of each."""
    made: dict[str, bytes] = {}
    for group in (_cut, _changed, _changed_inside, _misnamed, _encoded, _bombs, _locked, _nested, _odd):
        for name, data in group():
            folder = group.__name__.strip("_")
            assert f"{folder}/{name}" not in made, name
            made[f"{folder}/{name}"] = data
    return made


def repacked(data: bytes, changes: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with some members exchanged or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        members = {name: old.read(name) for name in old.namelist()} | dict(changes)
        for name, content in members.items():
            new.writestr(name, content)
    return buffer.getvalue()


def _part(suffix: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(GOOD[suffix])) as archive:
        return archive.read(MAIN_PARTS[suffix])


def _cut() -> Iterator[tuple[str, bytes]]:
    """Downloads that broke off."""
    for suffix, data in GOOD.items():
        for eighth in range(1, 8):
            yield f"{eighth}{suffix}", data[: len(data) * eighth // 8]
        yield f"last{suffix}", data[:-1]


def _changed() -> Iterator[tuple[str, bytes]]:
    """Bytes changed at random, anywhere."""
    for suffix, data in GOOD.items():
        for seed in range(12 if suffix == ".pdf" else 6):
            yield f"{seed}{suffix}", damaged(data, random.Random(f"hostile {suffix} {seed}"))


def _changed_inside() -> Iterator[tuple[str, bytes]]:
    """Archives that are whole, with parts that are not: checksums tell nothing here."""
    for suffix in PACKAGES:
        with zipfile.ZipFile(io.BytesIO(GOOD[suffix])) as archive:
            names = [name for name in archive.namelist() if name.endswith((".xml", ".rels", ".opf", ".xhtml"))]
            for seed in range(16):
                chance = random.Random(f"inside {suffix} {seed}")
                name = MAIN_PARTS[suffix] if seed % 2 else chance.choice(names)
                yield f"{seed}{suffix}", repacked(GOOD[suffix], {name: damaged(archive.read(name), chance)})


def _misnamed() -> Iterator[tuple[str, bytes]]:
    """Each format under the name of each other one."""
    for real, data in GOOD.items():
        for named in GOOD:
            if named != real:
                yield f"{real[1:]}{named}", data


def _encoded() -> Iterator[tuple[str, bytes]]:
    text = "Größe, 温度, Давление\n\nx | y\n"
    encodings = ("utf-16", "utf-16-le", "utf-32", "utf-7", "cp1252", "shift_jis", "koi8_r", "cp037", "gb18030")
    for suffix in TEXTS:
        for encoding in encodings:
            head = "Subject: x\n\n" if suffix == ".eml" else ""
            yield f"{encoding}{suffix}", (head + text).encode(encoding, "replace")
        yield f"torn{suffix}", text.encode()[:5] + b"\xff\xfe\xfd" + text.encode()[5:]
        yield f"half-utf-16{suffix}", text.encode("utf-16")[:-1]


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that become large ones."""
    zeros = b"\0" * 30_000_000
    for suffix in PACKAGES:
        good, part = GOOD[suffix], MAIN_PARTS[suffix]
        yield f"zip{suffix}", repacked(good, {"media/zeros.bin": zeros})
        yield (
            f"lies{suffix}",
            repacked(good, {"media/zeros.bin": zeros}).replace(
                len(zeros).to_bytes(4, "little"), (9).to_bytes(4, "little")
            ),
        )
        yield f"members{suffix}", repacked(good, {f"x/{n}": b"" for n in range(5_000)}, zipfile.ZIP_STORED)
        body = _part(suffix).decode()
        after = body.index("?>") + 2 if body.startswith("<?xml") else 0
        for name, entities in (("laughs", LAUGHS), ("outside", OUTSIDE)):
            use = "&a11;" if name == "laughs" else "&e;"
            changed = body[:after] + entities + body[after:].replace("</", f"{use}</", 1)
            yield f"{name}{suffix}", repacked(good, {part: changed.encode()})
            yield f"{name}-utf-16{suffix}", repacked(good, {part: changed.replace("utf-8", "utf-16").encode("utf-16")})
    stream = zlib.compress(zeros)
    yield (
        "stream.pdf",
        GOOD[".pdf"].replace(
            b"endobj",
            b"endobj\n99 0 obj\n<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream\nendobj" % (len(stream), stream),
            1,
        ),
    )
    yield "laughs.html", f"{LAUGHS}<html><body><p>&a11;</p></body></html>".encode()
    yield "span.html", b"<table><tr><td rowspan=9999999 colspan=9999999>x</td></tr></table>" * 20
    yield (
        "merge.xlsx",
        repacked(
            GOOD[".xlsx"],
            {
                MAIN_PARTS[".xlsx"]: _part(".xlsx").replace(
                    b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
                )
            },
        ),
    )
    yield (
        "far.xlsx",
        repacked(
            GOOD[".xlsx"],
            {
                MAIN_PARTS[".xlsx"]: _part(".xlsx").replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                )
            },
        ),
    )
    substitutions = "".join(f".. |s{n}| replace:: {f'|s{n - 1}| ' * 10}\n" for n in range(1, 9))
    yield "substitutions.rst", f"|s8|\n\n.. |s0| replace:: ha\n{substitutions}".encode()


def _locked() -> Iterator[tuple[str, bytes]]:
    """What needs a password."""
    for suffix in (".docx", ".xlsx", ".pptx"):
        yield f"office{suffix}", OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
        yield f"old{suffix}", OLE + b"\0" * 900
    for suffix in PACKAGES:
        data = bytearray(GOOD[suffix])
        data[6] |= 1
        at = data.rindex(b"PK\x01\x02")
        data[at + 8] |= 1
        yield f"zip{suffix}", bytes(data)
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption("secret", ownerPassword="other"))
    canvas.drawString(100, 100, "Hidden text")
    canvas.save()
    yield "password.pdf", buffer.getvalue()
    encryption = b'<encryption><CipherReference URI="OEBPS/text/ch1.xhtml"/></encryption>'
    yield "drm.epub", repacked(GOOD[".epub"], {"META-INF/encryption.xml": encryption})


def _nested() -> Iterator[tuple[str, bytes]]:
    """Things within things."""
    deep: Mapping[str, Callable[[int], str]] = {
        "quotes.md": lambda n: ">" * n + " x",
        "lists.md": lambda n: "".join("  " * at + "- x\n" for at in range(n // 20)),
        "brackets.md": lambda n: "[" * n,
        "links.md": lambda n: "[a](" * n,
        "stars.md": lambda n: "*a_ " * n,
        "ticks.md": lambda n: "".join("`" * at + " " for at in range(n // 20)),
        "cells.md": lambda n: "|" * n + "\n" + "|-" * n + "\n" + "|" * n,
        "divisions.html": lambda n: "<div>" * n + "x",
        "tables.html": lambda n: "<table><tr><td>" * n + "x",
        "lists.html": lambda n: "<ul><li>" * n + "x",
        "bold.html": lambda n: "<b><i>" * n + "x",
        "attributes.html": lambda n: f"<p {'a=1 ' * n}>x</p>",
        "quotes.rst": lambda n: "".join("  " * at + "x\n\n" for at in range(n // 40)),
        "lists.rst": lambda n: "".join("  " * at + "- x\n\n" for at in range(n // 40)),
        "directives.rst": lambda n: "".join("   " * at + ".. note::\n\n" for at in range(n // 40)),
        "lists.adoc": lambda n: "".join("*" * (at % 5 + 1) + " x\n" for at in range(n)),
        "blocks.adoc": lambda n: "".join("=" * (at + 4) + "\n" for at in range(n // 40)),
        "forms.adoc": lambda n: "*a _b `c #d " * (n // 10),
        "stars.adoc": lambda n: "*" * n + " " + "**" * n,
        "links.adoc": lambda n: "link:" * n + "[" * n,
        "places.adoc": lambda n: "<<" * n + "((" * n + "[[" * n,
        "cells.adoc": lambda n: "|===\n" + "200*|x " * n,
        "spans.adoc": lambda n: "|===\n" + "99999.99999+|x\n" * (n // 100),
        "columns.csv": lambda n: "," * n + "\n" + "x," * n,
        "quotes.csv": lambda n: '"' * n + "\n" + '"x',
        "lines.txt": lambda n: "a  b\n" * n,
        "rules.txt": lambda n: "===\n---\n" * n,
        "line.txt": lambda n: "x" * (n * 50),
    }
    for name, make in deep.items():
        yield name, make(20_000).encode()
    for suffix, (opening, closing) in {
        ".docx": ("<w:sdt><w:sdtContent>", ""),
        ".pptx": ("<p:grpSp>", ""),
        ".epub": ("<div>", "</div>"),
    }.items():
        body = _part(suffix).decode()
        at = body.index("</w:body>" if suffix == ".docx" else "</p:spTree>" if suffix == ".pptx" else "</body>")
        for count in (200, 5_000):
            end = closing or "".join(f"</{tag}>" for tag in reversed(opening.strip("<>").split("><")))
            changed = body[:at] + opening * count + end * count + body[at:]
            yield f"{count}{suffix}", repacked(GOOD[suffix], {MAIN_PARTS[suffix]: changed.encode()})
    borders = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1_500))
    yield "parts.eml", f"Subject: x\n{borders}\ntext\n".encode()
    yield "array.pdf", GOOD[".pdf"].replace(b"endobj", b"endobj\n98 0 obj\n" + b"[" * 50_000 + b"\nendobj", 1)


def _odd() -> Iterator[tuple[str, bytes]]:
    """Whatever else lies in folders."""
    for suffix in GOOD:
        yield f"zeros{suffix}", b"\0" * 5_000
        yield f"mark{suffix}", b"\xef\xbb\xbf"
        yield f"noise{suffix}", random.Random(suffix).randbytes(3_000)
    yield "picture.md", b"\x89PNG\r\n\x1a\n" + b"x" * 100
    yield "program.txt", b"\x7fELF" + b"\0" * 100
    yield "end.zip.docx", b"PK\x05\x06" + b"\0" * 18
    yield (
        "paths.epub",
        repacked(GOOD[".epub"], {"../../../tmp/docqa-evil": b"x", "/etc/docqa-evil": b"x", "C:\\evil": b"x"}),
    )
    package = zipfile.ZipFile(io.BytesIO(GOOD[".epub"])).read("OEBPS/book.opf")
    yield (
        "outside.epub",
        repacked(GOOD[".epub"], {"OEBPS/book.opf": package.replace(b"text/ch1", b"../../../../etc/passwd#")}),
    )
    yield "outside.rst", b"Text.\n\n.. include:: /etc/passwd\n\n.. csv-table::\n   :file: /etc/passwd\n"
    yield (
        "outside.html",
        b'<p>x</p><iframe src="file:///etc/passwd"></iframe><object data="file:///etc/passwd"></object>',
    )
    relation = (
        b'<Relationship Id="rId99" TargetMode="External" Type="x/image" Target="file:///etc/passwd"/></Relationships>'
    )
    rels = zipfile.ZipFile(io.BytesIO(GOOD[".docx"])).read("word/_rels/document.xml.rels")
    yield (
        "outside.docx",
        repacked(GOOD[".docx"], {"word/_rels/document.xml.rels": rels.replace(b"</Relationships>", relation)}),
    )
    message = EmailMessage()
    message["Subject"] = "=?utf-8?B?" + base64.b64encode(b"x" * 30_000).decode() + "?="
    message.set_content("x")
    message.add_attachment(b"x", maintype="a", subtype="b", filename="../../../../tmp/docqa-evil.txt")
    yield "attachment.eml", message.as_bytes()
    yield "heads.eml", b"Subject: x\n" + b"To: " + b"<a@b>, (" * 3_000 + b"\n\ntext\n"
