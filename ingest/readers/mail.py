"""E-mail messages (.eml): https://www.rfc-editor.org/rfc/rfc5322."""

from __future__ import annotations

import email
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email import errors, policy
from email.message import EmailMessage, MIMEPart
from pathlib import Path, PurePosixPath

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.inline import escape
from ingest.markdown_sections import lowered
from ingest.markdown_writer import Written
from ingest.reader import Reader, UnreadableFile
from ingest.readers.html.blocks import blocks_of
from ingest.readers.html.content import content
from ingest.readers.html.parsing import parse_page
from ingest.readers.text import text_blocks
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_SHOWN = ("From", "To", "Cc", "Date")
_ATTACHMENTS = 50
_INCOMPLETE = (
    errors.CloseBoundaryNotFoundDefect,
    errors.StartBoundaryNotFoundDefect,
    errors.InvalidBase64PaddingDefect,
    errors.InvalidBase64LengthDefect,
    errors.InvalidBase64CharactersDefect,
)


@dataclass(frozen=True, slots=True)
class MailReader:
    """Subject, people, date and text of a message, and the attachments that one of ``attachments`` reads."""

    limits: Limits = DEFAULT_LIMITS
    attachments: Sequence[Reader] = ()
    version: str = "eml 2"
    suffixes: frozenset[str] = frozenset({".eml"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        try:
            message = email.message_from_bytes(file.data, policy=policy.default)
            _check(file, message)
            subject = " ".join(normalise(str(message.get("Subject", ""))).split())
            blocks = [md.heading(1, escape(subject)), _envelope(message), *self._body(file, message)]
            for part in _attached(file, message):
                blocks.extend(self._attachment(file, part))
        except UnreadableFile:
            raise
        except Exception as error:  # The parser fails in as many ways as messages are damaged.
            advice = "save it from the mail program again"
            raise file.unreadable(
                f"is damaged and cannot be read as an e-mail ({type(error).__name__}): {advice}"
            ) from error
        return canonical_document(file, md.join(blocks), media_type="message/rfc822", limits=self.limits, title=subject)

    def _body(self, file: SourceFile, message: EmailMessage) -> Iterator[Written]:
        """The text: as HTML where there is any, since only that has tables and links."""
        for kind in ("html", "plain"):
            part = message.get_body((kind,))
            text = "" if part is None else self._text(file, _complete(file, part)).strip()
            if not text:
                continue
            if kind == "html":
                blocks = list(blocks_of(content(parse_page(file, text, self.limits))))
            else:
                blocks = list(text_blocks(text.split("\n")))
            if markdown := md.join(blocks):
                yield Written(lowered(markdown, 1))
                return

    def _text(self, file: SourceFile, part: MIMEPart) -> str:
        """A part's characters: in the encoding that it names, or else in the one that it looks like."""
        data = _bytes(part)
        if not data.strip():
            return ""
        try:
            return normalise(data.decode(part.get_content_charset() or ""))
        except (LookupError, UnicodeDecodeError):
            return normalise(decode(replace(file, data=data), declared=True))

    def _attachment(self, file: SourceFile, part: MIMEPart) -> Iterator[Written]:
        """A section with the attachment's text, or a line that names one that is not read, with the reason."""
        name = " ".join(normalise(part.get_filename() or "").split()) or "without a name"
        suffix = PurePosixPath(name).suffix.lower()
        reader = next((reader for reader in self.attachments if suffix in reader.suffixes), None)
        if reader is None or part.get_content_maintype() == "message":
            yield md.paragraph(f"**Attachment:** {escape(name)}")
            return
        with tempfile.TemporaryDirectory(prefix="docqa-") as folder:
            path = Path(folder, f"attachment{suffix}")  # The name that the sender chose is not for a file system.
            path.write_bytes(_bytes(_complete(file, part)))
            try:
                text = reader.read(path, f"{file.source}/{name}").text
            except UnreadableFile as error:
                yield md.paragraph(f"**Attachment:** {escape(name)} (not read: it {escape(error.reason)})")
                return
        yield md.heading(2, f"Attachment: {escape(name)}")
        yield Written(lowered(text.strip("\n"), 2))


def _check(file: SourceFile, message: EmailMessage) -> None:
    if not any(name in message for name in ("From", "To", "Subject", "Date", "Received", "Message-ID")):
        raise file.unreadable("is not an e-mail by its content (it names no sender, no subject and no date): rename it")
    for part in message.walk():
        _complete(file, part)


def _complete(file: SourceFile, part: MIMEPart) -> MIMEPart:
    """The part itself. Raises `UnreadableFile` where some of it is missing."""
    if not part.is_multipart():
        part.get_payload(decode=True)  # Defects of the encoding are seen only now.
    if any(isinstance(defect, _INCOMPLETE) for defect in part.defects):
        raise file.unreadable("is incomplete or damaged in one of its parts: save it from the mail program again")
    return part


def _bytes(part: MIMEPart) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _envelope(message: EmailMessage) -> Written:
    """Who wrote to whom and when, a line for each."""
    values = ((name, " ".join(normalise(str(message.get(name, ""))).split())) for name in _SHOWN)
    return md.paragraph("  \n".join(f"**{name}:** {escape(value)}" for name, value in values if value))


def _attached(file: SourceFile, message: EmailMessage) -> list[MIMEPart]:
    """Files that came with the message, without the pictures that its text shows."""
    parts: list[MIMEPart] = [
        part
        for part in message.iter_attachments()
        if part.get_content_disposition() == "attachment" or part.get_content_maintype() != "image"
    ]
    if len(parts) > _ATTACHMENTS:
        raise file.unreadable(f"has {len(parts)} attachments, {_ATTACHMENTS} are allowed: save them as files")
    return parts
