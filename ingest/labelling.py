"""Which labels a file gets: from rules about where it lies, and from its own front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ingest.discovery import SourceFound
from ingest.reader import UnreadableFile
from ingest.scope import Labels, labels_of

FRONT_MATTER_BYTES = 64 * 1024
"""Front matter that is longer is none."""

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_LABELS = re.compile(r"^labels[ \t]*:[ \t]*(.*?)[ \t]*$\n?((?:^[ \t]*-[ \t].*\n?)*)", re.MULTILINE)
_SUFFIXES = (".md", ".markdown")


@dataclass(frozen=True, slots=True)
class LabelRules:
    """Labels by pattern: ``hr/*`` stands for all that lies below ``hr``, however deep; ``*.draft.md`` for names.

    Patterns are those of `fnmatch.fnmatchcase`, over the source with its folders. All that match give their labels.
    """

    by_pattern: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def labels_of(self, file: SourceFound) -> Labels:
        """The labels of a file. Raises UnreadableFile where its front matter names labels that can't be understood.

        A file whose labels are not known must not become one that everybody reads.
        """
        ruled = [
            label
            for pattern, labels in self.by_pattern.items()
            if fnmatchcase(file.source, pattern)
            for label in labels
        ]
        try:
            return labels_of([*ruled, *_own_labels(file)])
        except ValueError as error:
            raise UnreadableFile(file.source, f"its labels can't be understood: {error}") from error


def _own_labels(file: SourceFound) -> Iterator[str]:
    if not file.source.lower().endswith(_SUFFIXES):
        return
    try:
        with file.path.open("rb") as stream:
            head = stream.read(FRONT_MATTER_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UnreadableFile(file.source, f"cannot be opened: {error.strerror or error}") from error
    front = _FRONT_MATTER.match(head)
    named = _LABELS.search(front[1].replace("\r\n", "\n")) if front else None
    if named is None:
        return
    inline, lines = named[1], named[2]
    if inline.startswith("["):
        if not inline.endswith("]"):
            raise ValueError("write them on one line, as labels: [one, two], or each on a line of its own after -")
        inline = inline[1:-1]
    items = [*inline.split(","), *(line.strip()[1:] for line in lines.splitlines())]
    yield from (item.strip().strip("\"'") for item in items if item.strip().strip("\"'"))
