"""Word documents."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument
from docx.enum.text import WD_BREAK
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.text.paragraph import Paragraph

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.word.reader import DocxReader
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract


def read(tmp_path: Path, data: bytes, limits: Limits | None = None) -> Document:
    path = tmp_path / "file.docx"
    path.write_bytes(data)
    return DocxReader(limits or Limits()).read(path, "file.docx")


def saved(word: WordDocument) -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def text(tmp_path: Path, fill: Callable[[WordDocument], object]) -> str:
    word = docx.Document()
    fill(word)
    return read(tmp_path, saved(word)).text


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one member changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, change(content) if member == name else content)
    return buffer.getvalue()


def element(xml: str) -> BaseOxmlElement:
    return parse_xml(xml.replace(">", f" {nsdecls('w')}>", 1))


def simple() -> bytes:
    word = docx.Document()
    word.sections[0].header.paragraphs[0].text = "Running head"
    word.add_heading("Pumps", 1)
    word.add_paragraph("Version 2.")
    word.add_heading("Limits", 2)
    word.add_paragraph("6 bar.")
    return saved(word)


class TestDocxReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return DocxReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.docx"
        path.write_bytes(simple())
        return path


def test_headings_and_no_running_head(tmp_path: Path) -> None:
    document = read(tmp_path, simple())
    assert document.text == "# Pumps\n\nVersion 2.\n\n## Limits\n\n6 bar.\n"
    assert document.title == "Pumps"


def test_a_title_stands_above_the_headings(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        word.add_heading("The manual", 0)
        word.add_heading("Chapter", 1)
        word.add_paragraph("Text.")

    assert text(tmp_path, fill) == "# The manual\n\n## Chapter\n\nText.\n"


def test_outline_levels_and_derived_styles_make_headings(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        derived = word.styles.add_style("Our chapter", 1)
        derived.base_style = word.styles["Heading 2"]
        word.add_paragraph("By style", style="Our chapter")
        outlined = word.add_paragraph("By level")
        level = OxmlElement("w:outlineLvl")
        level.set(qn("w:val"), "2")
        outlined._p.get_or_add_pPr().append(level)
        word.add_paragraph("Text.")

    assert text(tmp_path, fill) == "## By style\n\n### By level\n\nText.\n"


def test_forms_and_breaks(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        paragraph = word.add_paragraph("Press ")
        paragraph.add_run("Re").bold = True
        paragraph.add_run("set").bold = True
        paragraph.add_run(" for ")
        paragraph.add_run("ten").italic = True
        paragraph.add_run(" s,").add_break()
        paragraph.add_run("m")
        paragraph.add_run("3").font.superscript = True
        run = paragraph.add_run(" x=1")
        run.font.name = "Consolas"
        hidden = paragraph.add_run("hidden")
        hidden.font.hidden = True
        paragraph.add_run().add_break(WD_BREAK.PAGE)

    assert text(tmp_path, fill) == "Press **Reset** for *ten* s,  \nm³ `x=1`\n"


def test_lists_have_the_numbers_that_word_shows(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        word.add_paragraph("Stop.", style="List Number")
        word.add_paragraph("Restore:", style="List Number")
        word.add_paragraph("first", style="List Bullet 2")
        word.add_paragraph("last", style="List Bullet 2")
        word.add_paragraph("Still the second.", style="List Continue")
        word.add_paragraph("Start.", style="List Number")
        word.add_paragraph("Done.")
        word.add_paragraph("bullet", style="List Bullet")

    assert text(tmp_path, fill) == (
        "1. Stop.\n2. Restore:\n   - first\n   - last\n\n   Still the second.\n\n3. Start.\n\nDone.\n\n- bullet\n"
    )


NUMBERING = """\
<w:numbering xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
  <w:abstractNum w:abstractNumId="1">
    <w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1"/></w:lvl>
    <w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
  </w:abstractNum>
  <w:abstractNum w:abstractNumId="2">
    <w:lvl w:ilvl="0"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1)"/></w:lvl>
  </w:abstractNum>
  <w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>
  <w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>
  <w:num w:numId="3"><w:abstractNumId w:val="2"/>
    <w:lvlOverride w:ilvl="0"><w:startOverride w:val="24"/></w:lvlOverride></w:num>
</w:numbering>
"""


def number(paragraph: Paragraph, instance: int, level: int = 0) -> None:
    properties = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{instance}"/></w:numPr>'
    paragraph._p.get_or_add_pPr().append(element(properties))


def test_numbered_headings_and_letters(tmp_path: Path) -> None:
    word = docx.Document()
    for heading, level in (("Radio", 0), ("Range", 1), ("Keys", 1), ("Alarms", 0), ("Delays", 1)):
        number(word.add_heading(heading, level + 1), 1, level)
    for item in ("one", "two"):
        number(word.add_paragraph(item), 2)
    for item in ("x", "y", "z"):
        number(word.add_paragraph(item), 3)
    data = with_part(saved(word), "word/numbering.xml", lambda _: NUMBERING.encode())
    assert read(tmp_path, data).text == (
        "# 4 Radio\n\n## 4.1 Range\n\n## 4.2 Keys\n\n# 5 Alarms\n\n## 5.1 Delays\n\n"
        "- a) one\n- b) two\n- x) x\n- y) y\n- z) z\n"
    )


def test_code_is_verbatim(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        style = word.styles.add_style("Source Code", 1)
        word.add_paragraph("if x:\n\treturn *y*", style=style)
        word.add_paragraph("    done", style=style)
        paragraph = word.add_paragraph()
        paragraph.add_run("all in typewriter face").font.name = "Courier New"
        word.add_paragraph("Text.")

    assert text(tmp_path, fill) == "```\nif x:\n\treturn *y*\n    done\nall in typewriter face\n```\n\nText.\n"


def test_quotes(tmp_path: Path) -> None:
    assert text(tmp_path, lambda word: word.add_paragraph("Careful.", style="Intense Quote")) == "> Careful.\n"


def test_tables_with_merged_and_rich_cells(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        table = word.add_table(3, 3)
        table.cell(0, 0).paragraphs[0].add_run("Size").bold = True
        table.cell(0, 1).merge(table.cell(0, 2)).text = "Flow"
        table.cell(1, 0).merge(table.cell(2, 0)).text = "DN15"
        table.cell(1, 1).text = "a | b"
        table.cell(1, 2).text = "first"
        table.cell(1, 2).add_paragraph("second")
        table.cell(2, 1).text = "1"

    assert text(tmp_path, fill) == (
        "| Size | Flow | Flow |\n|---|---|---|\n| DN15 | a \\| b | first second |\n| DN15 | 1 | |\n"
    )


def test_a_table_used_as_a_frame_is_its_content(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        word.add_table(1, 1).cell(0, 0).text = "Note this."

    assert text(tmp_path, fill) == "Note this.\n"


def test_links(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        relation = word.part.relate_to(
            "https://example.org/a",
            "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink",
            is_external=True,
        )
        link = element('<w:hyperlink r:id="ID"><w:r><w:t>site</w:t></w:r></w:hyperlink>'.replace(' r:id="ID"', ""))
        link.set(qn("r:id"), relation)
        paragraph = word.add_paragraph("See the ")
        paragraph._p.append(link)
        for part in (
            '<w:r><w:fldChar w:fldCharType="begin"/></w:r>',
            '<w:r><w:instrText> HYPERLINK "https://example.org/b" </w:instrText></w:r>',
            '<w:r><w:fldChar w:fldCharType="separate"/></w:r>',
            "<w:r><w:t>, other</w:t></w:r>",
            '<w:r><w:fldChar w:fldCharType="end"/></w:r>',
            "<w:r><w:t>.</w:t></w:r>",
        ):
            paragraph._p.append(element(part))

    assert text(tmp_path, fill) == "See the [site](https://example.org/a)[, other](https://example.org/b).\n"


def test_changes_that_are_tracked_are_accepted(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        paragraph = word.add_paragraph("Limit ")
        paragraph._p.append(element("<w:ins><w:r><w:t>6</w:t></w:r></w:ins>"))
        paragraph._p.append(element("<w:del><w:r><w:delText>5</w:delText></w:r></w:del>"))
        paragraph.add_run(" bar")

    assert text(tmp_path, fill) == "Limit 6 bar\n"


def test_text_in_content_controls_is_read_and_contents_are_not(tmp_path: Path) -> None:
    def fill(word: WordDocument) -> None:
        word.add_paragraph("First.")
        body = word.element.body
        body.insert(1, element("<w:sdt><w:sdtContent><w:p><w:r><w:t>Inside.</w:t></w:r></w:p></w:sdtContent></w:sdt>"))
        body.insert(
            2,
            element(
                '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
                "<w:sdtContent><w:p><w:r><w:t>1 Radio ... 7</w:t></w:r></w:p></w:sdtContent></w:sdt>"
            ),
        )

    assert text(tmp_path, fill) == "First.\n\nInside.\n"


def test_text_boxes_are_read_once(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>"
    run = (
        '<w:r xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>'
        f'<mc:Choice Requires="wps">{box}</mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>'
        "</mc:AlternateContent></w:r>"
    )
    assert text(tmp_path, lambda word: word.add_paragraph("Before.")._p.append(element(run))) == (
        "Before.\n\nIn a box.\n"
    )


def test_footnotes_stand_at_the_end(tmp_path: Path) -> None:
    word = docx.Document()
    word.add_paragraph("A claim")._p.append(element('<w:r><w:footnoteReference w:id="2"/></w:r>'))
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>Its proof.</w:t></w:r></w:p></w:footnote>'
    notes = f"<w:footnotes {nsdecls('w')}>{note}</w:footnotes>"
    part = Part(PackURI("/word/footnotes.xml"), "application/xml", notes.encode(), word.part.package)
    word.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    assert read(tmp_path, saved(word)).text == "A claim[^1]\n\n[^1]: Its proof.\n"


def test_pictures_keep_their_description(tmp_path: Path) -> None:
    drawing = (
        '<w:r xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><w:drawing><wp:inline>'
        '<wp:docPr id="1" name="p" descr="The two buttons"/></wp:inline></w:drawing></w:r>'
    )
    assert text(tmp_path, lambda word: word.add_paragraph("See ")._p.append(element(drawing))) == (
        "See ![The two buttons]()\n"
    )


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    data = simple()
    for length in (10, len(data) // 2, len(data) - 30):
        with pytest.raises(UnreadableFile, match="damaged or incomplete"):
            read(tmp_path, data[:length])


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    data = bytearray(simple())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        start = archive.getinfo("word/document.xml").header_offset
    data[start + 120] ^= 0xFF
    with pytest.raises(UnreadableFile, match="damaged"):
        read(tmp_path, bytes(data))


def test_broken_xml_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be read as a Word document"):
        read(tmp_path, with_part(simple(), "word/document.xml", lambda part: part[: len(part) // 2]))


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = with_part(simple(), "word/document.xml", lambda part: part + b" " * 50_000_000)
    assert len(bomb) < 200_000
    with pytest.raises(UnreadableFile, match="unpacks to more than 10 MB"):
        read(tmp_path, bomb, Limits(unpacked_bytes=10 * 2**20))


def test_entities_are_refused(tmp_path: Path) -> None:
    def attack(part: bytes) -> bytes:
        head, body = part.split(b"?>", 1)
        return head + b'?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + body

    with pytest.raises(UnreadableFile, match="XML entities"):
        read(tmp_path, with_part(simple(), "word/document.xml", attack))


def test_other_archives_are_named(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(UnreadableFile, match="not a Word document"):
        read(tmp_path, buffer.getvalue())


def test_protected_and_old_files_are_named(tmp_path: Path) -> None:
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
    with pytest.raises(UnreadableFile, match="protected with a password"):
        read(tmp_path, container + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(UnreadableFile, match=r"old Word file \(\.doc\)"):
        read(tmp_path, container)
