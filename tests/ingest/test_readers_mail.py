"""E-mail messages."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from ingest.document import Document
from ingest.formats import Readers
from ingest.reader import Reader, UnreadableFile
from ingest.readers.mail import MailReader
from tests.contracts.reader import ReaderContract
from tests.ingest.test_readers_pdf import simple as simple_pdf

HEAD = "# Pressure limits\n\n**From:** Ann Lee \\<ann@example.com>  \n**To:** all@example.com  \n"
DATE = "**Date:** Tue, 03 Mar 2026 09:00:00 +0000\n\n"


def mail(
    change: Callable[[EmailMessage], object] = lambda _: None, text: str = "Six bar.\n\n# not a heading\n"
) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Pressure limits"
    message["From"] = "Ann Lee <ann@example.com>"
    message["To"] = "all@example.com"
    message["Date"] = "Tue, 03 Mar 2026 09:00:00 +0000"
    message.set_content(text)
    change(message)
    return message.as_bytes()


def read(tmp_path: Path, data: bytes) -> Document:
    path = tmp_path / "mail.eml"
    path.write_bytes(data)
    return Readers().read(path, "mail.eml")


class TestMailReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return MailReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.eml"
        path.write_bytes(mail())
        return path


def test_people_date_and_text(tmp_path: Path) -> None:
    document = read(tmp_path, mail())
    assert document.title == "Pressure limits"
    assert document.text == HEAD + DATE + "Six bar.\n\n\\# not a heading\n"


def test_html_is_preferred_for_its_tables(tmp_path: Path) -> None:
    page = (
        "<h1>Limits</h1><table><tr><th>Part</th><th>bar</th></tr><tr><td>tap</td><td>6</td></tr></table><p hidden>x</p>"
    )
    data = mail(lambda message: message.add_alternative(page, subtype="html"))
    assert read(tmp_path, data).text == HEAD + DATE + "## Limits\n\n| Part | bar |\n|---|---|\n| tap | 6 |\n"


def test_text_is_taken_where_html_shows_none(tmp_path: Path) -> None:
    data = mail(lambda message: message.add_alternative("<img src=x>", subtype="html"))
    assert "Six bar." in read(tmp_path, data).text


def test_attachments_are_read_by_their_reader_or_named(tmp_path: Path) -> None:
    def attach(message: EmailMessage) -> None:
        message.add_attachment("# Valve\n\nText.\n", filename="../../notes.md", subtype="markdown")
        message.add_attachment(simple_pdf(), maintype="application", subtype="pdf", filename="a.PDF")
        message.add_attachment(b"\x00\x01", maintype="application", subtype="x", filename="x.bin")
        message.add_attachment(EmailMessage(), filename="forwarded.eml")
        message.add_attachment(b"\x89PNG", maintype="image", subtype="png", disposition="inline", filename="logo.png")

    document = read(tmp_path, mail(attach))
    assert "## Attachment: ../../notes.md\n\n### Valve\n\nText.\n" in document.text
    assert [section.path[-1] for section in document.sections][:3] == [
        "Pressure limits",
        "Attachment: ../../notes.md",
        "Valve",
    ]
    assert "## Attachment: a.PDF\n\n### " in document.text
    assert document.text.endswith("**Attachment:** x.bin\n\n**Attachment:** forwarded.eml\n")


def test_an_attachment_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    data = mail(lambda message: message.add_attachment(b"\x00" * 9, maintype="text", subtype="x", filename="x.md"))
    assert "Six bar." in read(tmp_path, data).text
    assert "**Attachment:** x.md (not read: it holds binary data, not text: " in read(tmp_path, data).text


def test_old_and_wrong_encodings(tmp_path: Path) -> None:
    head = "Subject: =?iso-8859-1?Q?Gr=F6=DFe?=\nContent-Type: text/plain; charset="
    for declared, real in (("iso-8859-1", "iso-8859-1"), ("us-ascii", "utf-8"), ("no-such", "utf-8")):
        document = read(tmp_path, f"{head}{declared}\n\nGröße in Metern\n".encode(real))
        assert document.text == "# Größe\n\nGröße in Metern\n"


def many(message: EmailMessage) -> None:
    for _ in range(51):
        message.add_attachment("x", filename="x.bin")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"just some text\n", "not an e-mail by its content"),
        (mail(lambda message: message.add_attachment(b"x" * 500, maintype="a", subtype="b"))[:-300], "is incomplete"),
        (mail(many), "51 attachments"),
        (b"Subject: x\nContent-Transfer-Encoding: base64\n\nabc!def\n", "incomplete or damaged in one of its parts"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(tmp_path, data)
