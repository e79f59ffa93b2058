"""Full-text search with SQLite's FTS5: one index a partition, over the passages of its current revisions alone.

BM25 weighs a word by how many rows hold it. Rows of other collections, of what may not be read, of prepared and of
replaced revisions are therefore not filtered out but never in: they would change the order of what remains, and tell
of what is hidden.

The index keeps no copy of the text. It reads it from the view ``lexical_source``, whose rows never change, so what
is taken out of the index is exactly what was put in.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from ingest.catalog import LexicalHit
from ingest.lexical_query import Phrase, phrases_of

# How much a word counts in the document's title, in the section path, and in the passage itself.
WEIGHTS = (1.0, 2.0, 1.0)
# Ranking takes 1 µs for each row in which a phrase stands. Of a question's phrases the rarest are taken until their
# rows are that many; what is left out stands in so many passages that it hardly tells them apart.
MAX_ROWS = 10_000

LEAST_UNIT = 1.0
"""What a word is worth at least that one passage alone holds: of two passages it would be nothing."""

PAST = "temp.past"
"""Name of an index that `create_past` makes."""

_COLUMNS = "title, section_path, text"
_TOKENIZER = "tokenize='porter unicode61 remove_diacritics 2'"
# Given with each query. Stored as a setting of the index, it made other open connections fail ("SQL logic error").
_RANK = f"bm25({', '.join(map(str, WEIGHTS))})"


def name_of(partition: int) -> str:
    """The index of a partition."""
    return f"lexical_{partition:d}"


def create(connection: Connection, index: str) -> None:
    """Make an empty index."""
    connection.execute(
        text(f"""
            CREATE VIRTUAL TABLE {index} USING fts5(
                {_COLUMNS}, content='lexical_source', content_rowid='row', {_TOKENIZER}
            )
        """)
    )


def add(connection: Connection, index: str, revision_id: str) -> None:
    """Put the passages of a revision in."""
    connection.execute(
        text(f"""
            INSERT INTO {index} (rowid, {_COLUMNS})
            SELECT row, {_COLUMNS} FROM lexical_source WHERE revision_id = :revision ORDER BY row
        """),
        {"revision": revision_id},
    )


def remove(connection: Connection, index: str, revision_id: str) -> None:
    """Take out the passages of a revision that was put in before."""
    connection.execute(
        text(f"""
            INSERT INTO {index} ({index}, rowid, {_COLUMNS})
            SELECT 'delete', row, {_COLUMNS} FROM lexical_source WHERE revision_id = :revision ORDER BY row
        """),
        {"revision": revision_id},
    )


def create_past(connection: Connection, revision_ids: str) -> None:
    """Make the index `PAST`, which only this connection sees, over revisions whose ids are a JSON list."""
    drop(connection, PAST)
    connection.execute(text(f"CREATE VIRTUAL TABLE {PAST} USING fts5({_COLUMNS}, content='', {_TOKENIZER})"))
    connection.execute(
        text(f"""
            INSERT INTO {PAST} (rowid, {_COLUMNS}) SELECT row, {_COLUMNS} FROM lexical_source
            WHERE revision_id IN (SELECT value FROM json_each(:ids)) ORDER BY row
        """),
        {"ids": revision_ids},
    )


def drop(connection: Connection, index: str) -> None:
    """Unmake an index."""
    connection.execute(text(f"DROP TABLE IF EXISTS {index}"))


def search(connection: Connection, sizes: Mapping[str, int], question: str, k: int) -> Sequence[LexicalHit]:
    """At most ``k`` passages of some indexes, whose numbers of rows are ``sizes``; best first, ties by id."""
    phrases = phrases_of(question)
    if not phrases or k < 1 or not sizes:
        return []
    counts = {phrase: sum(_count(connection, index, phrase) for index in sizes) for phrase in dict.fromkeys(phrases)}
    chosen = _rarest(phrases, counts)
    if not chosen:
        return []
    if len(sizes) == 1:
        hits = _search_one(connection, next(iter(sizes)), chosen, k)
    else:
        hits = _search_several(connection, sizes, chosen, counts, k)
    unit = max(_rarity(sum(sizes.values()), 1), LEAST_UNIT)
    return [LexicalHit(hit.passage_id, hit.score / unit) for hit in hits]


def _rarest(phrases: Sequence[Phrase], counts: Mapping[Phrase, int]) -> list[Phrase]:
    """The phrases to rank by, each as often as it is to count."""
    rows = 0
    chosen: set[Phrase] = set()
    for phrase in sorted((phrase for phrase in counts if counts[phrase]), key=lambda phrase: (counts[phrase], phrase)):
        rows += counts[phrase] * phrases.count(phrase)
        if chosen and rows > MAX_ROWS:
            break
        chosen.add(phrase)
    return [phrase for phrase in phrases if phrase in chosen]


def _search_one(connection: Connection, index: str, phrases: Sequence[Phrase], k: int) -> Sequence[LexicalHit]:
    match = {"match": " OR ".join(map(_quoted, phrases))}
    # FTS5 is quick when it may sort by rank alone; it then breaks ties by row. Some rows more than are wanted cost
    # nothing, and hold all that tie with the last of those, but for a great many.
    best = f"{_ranked(index)} ORDER BY rank"
    limit = 4 * k
    rows = connection.execute(text(f"{best} LIMIT :limit"), {**match, "limit": limit}).all()
    if len(rows) == limit and rows[-1].badness == rows[k - 1].badness:
        rows = connection.execute(text(best), match).all()
    return _best(connection, {row: -badness for row, badness in rows}, k)


def _search_several(
    connection: Connection, sizes: Mapping[str, int], phrases: Sequence[Phrase], counts: Mapping[Phrase, int], k: int
) -> Sequence[LexicalHit]:
    """BM25 over all indexes as if they were one.

    FTS5 weighs a phrase by how rare it is in the index at hand. Asked for one phrase at a time, that weight can be
    taken out of its scores and the one for all indexes put in.
    """
    total = sum(sizes.values())
    scores: dict[int, float] = defaultdict(float)
    for phrase in dict.fromkeys(phrases):
        weight = phrases.count(phrase) * _rarity(total, counts[phrase])
        for index, size in sizes.items():
            rows = connection.execute(text(_ranked(index)), {"match": _quoted(phrase)}).all()
            local = _rarity(size, len(rows))
            for row, badness in rows:
                scores[row] += weight * -badness / local
    return _best(connection, scores, k)


def _best(connection: Connection, scores: Mapping[int, float], k: int) -> Sequence[LexicalHit]:
    """The ``k`` rows of the highest scores, ties by the passages' ids."""
    best = sorted(scores.values(), reverse=True)[:k]
    contenders = [row for row, score in scores.items() if score >= best[-1]]
    wanted = text("SELECT row, id FROM passages WHERE row IN (SELECT value FROM json_each(:rows))")
    ids = connection.execute(wanted, {"rows": str(contenders)})
    hits = [LexicalHit(id, scores[row]) for row, id in ids]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]


def _rarity(rows: int, holding: int) -> float:
    """The inverse document frequency as FTS5 computes it (sqlite.org/fts5.html, section 5.1.1)."""
    weight = math.log((rows - holding + 0.5) / (holding + 0.5))
    return weight if weight > 0 else 1e-6


def _count(connection: Connection, index: str, phrase: Phrase) -> int:
    counted = text(f"SELECT count(*) FROM {index} WHERE {_table(index)} MATCH :match")
    return int(connection.scalar(counted, {"match": _quoted(phrase)}) or 0)


def _ranked(index: str) -> str:
    return f"""
        SELECT rowid AS row, rank AS badness FROM {index}
        WHERE {_table(index)} MATCH :match AND rank MATCH '{_RANK}'
    """


def _table(index: str) -> str:
    """The index as its hidden column is called."""
    return index.rsplit(".", 1)[-1]


def _quoted(phrase: Phrase) -> str:
    """A phrase in FTS5's language. Words hold letters and digits alone, so quoting is enough."""
    return '"' + " ".join(phrase) + '"'
