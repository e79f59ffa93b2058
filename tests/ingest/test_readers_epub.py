"""Electronic books."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.epub import EpubReader
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
PACKAGE = """\
<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>Pump manual</dc:title></metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="two" href="text/ch%202.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/ch1.xhtml" media-type="application/xhtml+xml"/>
<item id="css" href="a.css" media-type="text/css"/>
</manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/>
<itemref idref="css"/><itemref idref="?"/></spine>
</package>
"""


def page(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml">'
        f'<head><title/><script src="x.js"/></head><body>{body}</body></html>'
    )


PARTS = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": page("<h1>Contents</h1>"),
    "OEBPS/text/ch1.xhtml": page('<h1><a id="a"/>Limits</h1><p>Größe: 6 bar.</p><h2>Valves</h2><p>Closed.</p>'),
    "OEBPS/text/ch 2.xhtml": page("<h1>Service</h1><table><tr><th>Part</th></tr><tr><td>tap</td></tr></table>"),
}


def book(changes: Mapping[str, str | None] | None = None) -> bytes:
    """The sample book with some parts exchanged, or taken out where they are None."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in (PARTS | dict(changes or {})).items():
            if text is not None:
                archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def read(tmp_path: Path, data: bytes, limits: Limits | None = None) -> Document:
    path = tmp_path / "file.epub"
    path.write_bytes(data)
    return EpubReader(limits or Limits()).read(path, "file.epub")


class TestEpubReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return EpubReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.epub"
        path.write_bytes(book())
        return path


def test_chapters_stand_in_reading_order_below_the_title(tmp_path: Path) -> None:
    document = read(tmp_path, book())
    assert document.text == (
        "# Pump manual\n\n## Limits\n\nGröße: 6 bar.\n\n### Valves\n\nClosed.\n\n"
        "## Service\n\n| Part |\n|---|\n| tap |\n"
    )
    assert document.title == "Pump manual"


def test_a_book_with_one_title_of_its_own_keeps_its_levels(tmp_path: Path) -> None:
    changes = {"OEBPS/text/ch 2.xhtml": page("<h2>Service</h2>")}
    assert read(tmp_path, book(changes)).text.startswith("# Limits\n\n")


def test_pages_that_are_no_xml_are_read_as_html(tmp_path: Path) -> None:
    changes = {"OEBPS/text/ch1.xhtml": "<html><body><h1>Limits</h1><p>a&nbsp;b<br>c</body></html>"}
    assert "## Limits\n\na\u00a0b  \nc\n" in read(tmp_path, book(changes)).text


def test_entities_stand_for_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOP SECRET")
    entity = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY y "{"z" * 20}">]>'
    chapter = page("<p>a &x; &y; b</p>").replace("<!DOCTYPE html>", entity)
    package = PACKAGE.replace("<package", entity.replace("html", "package") + "<package").replace("Pump", "&x;Pump")
    text = read(tmp_path, book({"OEBPS/text/ch1.xhtml": chapter, "OEBPS/book.opf": package})).text
    assert "TOP SECRET" not in text
    assert "zzz" not in text


ENCRYPTED = '<encryption><CipherReference URI="OEBPS/text/ch1.xhtml"/></encryption>'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"META-INF/container.xml": None}, "is a zip archive but not an EPUB book"),
        ({"META-INF/container.xml": "<container/>"}, r"cannot be read as an EPUB book \(ValueError\)"),
        ({"META-INF/container.xml": CONTAINER.replace("OEBPS", "../../etc")}, r"cannot be read .*\(KeyError\)"),
        ({"OEBPS/book.opf": PACKAGE[:-40]}, r"cannot be read .*\(XMLSyntaxError\)"),
        ({"OEBPS/text/ch1.xhtml": None}, r"its chapter OEBPS/text/ch1\.xhtml is missing"),
        ({"OEBPS/book.opf": PACKAGE.replace("text/ch1", "../../x")}, r"its chapter \.\./x\.xhtml is missing"),
        ({"META-INF/encryption.xml": ENCRYPTED}, "protected against copying"),
        ({"OEBPS/text/ch1.xhtml": page("<div>" * 200 + "</div>" * 200)}, "nested deeper than 150"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, changes: dict[str, str | None], reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(tmp_path, book(changes))


def test_encrypted_fonts_hinder_nobody(tmp_path: Path) -> None:
    changes = {"META-INF/encryption.xml": ENCRYPTED.replace("text/ch1.xhtml", "font.otf")}
    assert read(tmp_path, book(changes)).title == "Pump manual"
