"""The text by which a passage is found: what it says, with where it stands."""

from __future__ import annotations

from ingest.document import Passage


def heading_of(title: str, section_path: tuple[str, ...]) -> str:
    """Title and section path on one line; a title that the path repeats stands once."""
    outer = () if section_path and section_path[0].casefold() == title.casefold() else (title,)
    return " > ".join(part for part in (*outer, *section_path) if part)


def contextual_text(title: str, passage: Passage) -> str:
    """What is embedded: the line with title and section path, then the passage with its lead-in.

    A passage alone often lacks the word that is asked for ("Reset" under "Corvo 200 > Maintenance").
    """
    heading = heading_of(title, passage.section_path)
    return "\n".join(part for part in (heading, passage.lead_in, passage.text) if part)
