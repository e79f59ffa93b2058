"""The text by which a passage is found: what it says, with where it stands."""

from __future__ import annotations

import re
from functools import lru_cache

from ingest.document import Passage
from ingest.plain_text import plain_text

_OWN_HEADINGS = re.compile(r"\A(?:\s*#{1,6}[ \t][^\n]*(?:\n|\Z))+")


def heading_of(title: str, section_path: tuple[str, ...]) -> str:
    """Title and section path on one line; a title that the path repeats stands once."""
    outer = () if section_path and section_path[0].casefold() == title.casefold() else (title,)
    return " > ".join(part for part in (*outer, *section_path) if part)


@lru_cache(maxsize=1024)  # An ingest asks when it embeds a passage, and again when it writes it.
def contextual_text(title: str, passage: Passage) -> str:
    """What is embedded: the line with title and section path, then the passage with its lead-in, without Markdown.

    Headings at its beginning are those of the path and stand there only.
    A passage alone often lacks the word that is asked for ("Reset" under "Corvo 200 > Maintenance").
    """
    heading = heading_of(title, passage.section_path)
    text = _OWN_HEADINGS.sub("", passage.text)
    return "\n".join(part for part in (heading, plain_text(passage.lead_in), plain_text(text)) if part)
