"""Full-text search with SQLite's FTS5: one index a collection, over the passages of its current revisions alone.

BM25 weighs a word by how many rows hold it. Rows of other collections, of prepared and of replaced revisions are
therefore not filtered out but never in: they would change the order of what remains, and tell of what is hidden.

The index keeps no copy of the text. It reads it from the view ``lexical_source``, whose rows never change, so what
is taken out of the index is exactly what was put in.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ingest.catalog import LexicalHit
from ingest.lexical_query import Phrase, phrases_of

# How much a word counts in the document's title, in the section path, and in the passage itself.
WEIGHTS = (1.0, 2.0, 1.0)

_COLUMNS = "title, section_path, text"
# Given with each query. Stored as a setting of the index, it made other open connections fail ("SQL logic error").
_RANK = f"bm25({', '.join(map(str, WEIGHTS))})"


def create(connection: Connection, collection: int) -> None:
    """Make the empty index of a collection unless it is there."""
    connection.execute(
        text(f"""
            CREATE VIRTUAL TABLE IF NOT EXISTS lexical_{collection:d} USING fts5(
                {_COLUMNS},
                content='lexical_source', content_rowid='row',
                tokenize='porter unicode61 remove_diacritics 2'
            )
        """)
    )


def add(connection: Connection, collection: int, revision_id: str) -> None:
    """Put the passages of a revision in."""
    connection.execute(
        text(f"""
            INSERT INTO lexical_{collection:d} (rowid, {_COLUMNS})
            SELECT row, {_COLUMNS} FROM lexical_source WHERE revision_id = :revision ORDER BY row
        """),
        {"revision": revision_id},
    )


def remove(connection: Connection, collection: int, revision_id: str) -> None:
    """Take out the passages of a revision that was put in before."""
    connection.execute(
        text(f"""
            INSERT INTO lexical_{collection:d} (lexical_{collection:d}, rowid, {_COLUMNS})
            SELECT 'delete', row, {_COLUMNS} FROM lexical_source WHERE revision_id = :revision ORDER BY row
        """),
        {"revision": revision_id},
    )


def search(connection: Connection, collection: int, question: str, k: int) -> Sequence[LexicalHit]:
    """At most ``k`` passages, best first, ties by id."""
    match = _match_expression(phrases_of(question))
    if not match or k < 1:
        return []
    # FTS5 is quick when it may sort by rank alone; it then breaks ties by row. That shows only where the ties reach
    # beyond the last hit, which one row more reveals.
    best = f"""
        SELECT rowid AS row, rank AS badness FROM lexical_{collection:d}
        WHERE lexical_{collection:d} MATCH :match AND rank MATCH '{_RANK}' ORDER BY rank
    """
    hits = _hits(connection, f"{best} LIMIT :limit", match, k + 1)
    if len(hits) > k and hits[k].score == hits[k - 1].score:
        hits = _hits(connection, best, match, k)
    return hits[:k]


def _hits(connection: Connection, best: str, match: str, limit: int) -> list[LexicalHit]:
    rows = connection.execute(
        text(f"""
            SELECT passages.id, -best.badness FROM ({best}) AS best JOIN passages ON passages.row = best.row
            ORDER BY best.badness, passages.id LIMIT :limit
        """),
        {"match": match, "limit": limit},
    )
    return [LexicalHit(passage_id, score) for passage_id, score in rows]


def _match_expression(phrases: Sequence[Phrase]) -> str:
    """Any of the phrases, in FTS5's language. Words hold letters and digits alone, so quoting is enough."""
    return " OR ".join('"' + " ".join(words) + '"' for words in phrases)
