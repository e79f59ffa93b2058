"""Files that are sent: under which names they are taken, and where they wait for their job."""

from __future__ import annotations

import shutil
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.edge import FORM
from api.ingest_sources import Upload
from api.problems import Problem, invalid_request
from api.settings import Settings
from ingest.archives.entries import is_archive

FILES, COLLECTION = "files", "collection"
MAX_PART = 255
"""Bytes of the name of a file or folder, at most: what file systems take."""
MAX_DEPTH = 16
MAX_FIELD_BYTES = 1024
STAGING = ".staging"


class BadName(ValueError):
    """A file that can't be taken under the name it was sent with; the message says why."""


def is_form(request: Request) -> bool:
    """Whether the body of ``request`` is a form with files."""
    return request.headers.get("content-type", "").lower().startswith(FORM)


async def read_form(request: Request, settings: Settings) -> FormData:
    """The form that the body is, its files on the disk; read once, however often it is asked for.

    Whoever asks closes the request. Raises a 400 or 507 `Problem`; the size of the body is the edge's to limit.
    """
    try:
        return await request.form(max_files=settings.max_upload_files, max_fields=4, max_part_size=MAX_FIELD_BYTES)
    except Problem:
        raise
    except HTTPException as error:
        raise Problem(400, "malformed-form", f"The form can't be read: {error.detail}") from error
    except OSError as error:
        raise no_room(error) from error


@dataclass(frozen=True, slots=True)
class SentForm:
    """The files of a form by the names they are taken under, and the collection that it names."""

    files: tuple[tuple[str, UploadFile], ...]
    collection: str | None

    @classmethod
    def of(cls, form: FormData, settings: Settings) -> SentForm:
        """Raises a 422 `Problem` that names the field, or the file, and what is wrong with it."""
        files: dict[str, UploadFile] = {}
        collection = None
        for field, value in form.multi_items():
            if field == FILES and isinstance(value, UploadFile):
                name = _accepted(value, settings)
                if name in files:
                    raise invalid_request(FILES, f"two files have the name {name!r}")
                files[name] = value
            elif field == COLLECTION and isinstance(value, str):
                collection = value
            else:
                raise invalid_request(field[:100], f"a form takes files as {FILES!r} and text as {COLLECTION!r}")
        if not files:
            raise invalid_request(FILES, "at least one file")
        return cls(tuple(files.items()), collection)


def upload_name(sent: str) -> str:
    """A path below the folder of uploads, with forward slashes. Raises `BadName`.

    It is refused rather than made to fit: what is cited later is the name that people know.
    """
    name = unicodedata.normalize("NFC", sent).replace("\\", "/")
    parts = name.split("/")
    if len(parts) > MAX_DEPTH:
        raise BadName(f"more than {MAX_DEPTH} folders deep")
    for part in parts:
        if part in ("", ".", ".."):
            raise BadName("not a path below a folder")
        if part.startswith(".") or part != part.strip() or part.endswith("."):
            raise BadName("begins or ends with a dot or a space")
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") for character in part):
            raise BadName("holds characters that can't be seen")
        if ":" in part or len(part.encode()) > MAX_PART:
            raise BadName(f"holds a colon, or more than {MAX_PART} bytes")
    return name


def stage(files: Sequence[tuple[str, UploadFile]], settings: Settings, collection: str) -> Upload:
    """Put the files where their job will find them. Raises a 507 `Problem` when there is no room."""
    names = tuple(name for name, _ in files)
    upload = Upload(_staging(settings) / uuid.uuid4().hex, settings.uploads_dir / collection, names)
    try:
        for name, file in files:
            place = upload.staging / name
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(file.file, place)
    except OSError as error:
        upload.discard()
        raise no_room(error) from error
    return upload


def clear_staging(settings: Settings) -> None:
    """Delete what jobs of an earlier server had not taken."""
    shutil.rmtree(_staging(settings), ignore_errors=True)


def no_room(error: OSError) -> Problem:
    """507 for files that the server can't keep."""
    detail = f"The server could not keep the files: {error.strerror or type(error).__name__}."
    return Problem(507, "insufficient-storage", detail)


def _staging(settings: Settings) -> Path:
    return settings.uploads_dir / STAGING


def _accepted(file: UploadFile, settings: Settings) -> str:
    try:
        name = upload_name(file.filename or "")
    except BadName as error:
        raise invalid_request(FILES, f"the name {(file.filename or '')[:200]!r}: {error}") from error
    limit = settings.max_upload_bytes if is_archive(name) else settings.max_file_bytes
    if (file.size or 0) > limit:
        raise invalid_request(FILES, f"{name} has more than {limit // 2**20} MiB", limit=limit)
    return name


def _copy(source: BinaryIO, place: Path) -> None:
    source.seek(0)
    with place.open("wb") as target:
        shutil.copyfileobj(source, target)
