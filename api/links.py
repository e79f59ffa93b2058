"""Addresses under which people and programs open what an answer cites."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from api.settings import Settings
from qa.answer import Citation


@dataclass(frozen=True, slots=True)
class Links:
    """Links below ``base``, the address of the service with a slash at its end."""

    base: str

    @classmethod
    def of(cls, request: Request, settings: Settings) -> Links:
        """Below the public address of the settings, else below the one that the request was sent to."""
        return cls((settings.public_url or str(request.base_url)).rstrip("/") + "/")

    def citation(self, citation: Citation) -> str:
        """The cited place."""
        return self.place(citation.document_id, citation.revision, (citation.span.start, citation.span.end))

    def place(self, document: str, revision: int, span: tuple[int, int]) -> str:
        """The page that shows the characters of ``span`` in a revision of a document."""
        return f"{self.base}#document={document}&revision={revision}&span={span[0]},{span[1]}"
