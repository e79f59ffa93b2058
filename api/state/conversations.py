"""Conversations: who asked what, and the answers exactly as they were given, citations included."""

from __future__ import annotations

import textwrap
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select, update

from api.paging import Page, Position, page_of
from api.state.database import Database
from api.state.rows import newest_first, row_of
from api.state.tables import conversations, turns

TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Conversation:
    """``owner`` is the only one who sees it; ``title`` empty until the first question gives it one.

    Times are UTC seconds since the epoch; ``updated_at`` that of the last turn or change.
    """

    id: str
    owner: str
    title: str
    collection: str | None
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A question, and its answer once there is one.

    ``answer`` is the whole body as it was sent (`api.schemas.AnswerBody`); None while it is being made, or when it
    was stopped: then ``text`` is what had come by then.
    """

    id: str
    question: str
    text: str
    answer: Mapping[str, Any] | None
    created_at: float


class Conversations:
    """All conversations in one database. Whoever names one must say whose it is: others' do not exist for him."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(self, owner: str, title: str = "", collection: str | None = None) -> Conversation:
        """A new one, without turns."""
        now = self._clock()
        made = Conversation(f"conv_{uuid.uuid4().hex}", owner, title, collection, now, now)
        with self._database.write() as connection:
            connection.execute(conversations.insert().values(row_of(conversations, made)))
        return made

    def find(self, owner: str, id: str) -> Conversation:
        """Raises KeyError."""
        with self._database.read() as connection:
            return _find(connection, owner, id)

    def turns(self, owner: str, id: str) -> tuple[Conversation, tuple[StoredTurn, ...]]:
        """The conversation with its turns in order. Raises KeyError."""
        with self._database.read() as connection:
            return _find(connection, owner, id), _turns(connection, id)

    def turns_until(self, answer_id: str) -> tuple[StoredTurn, ...]:
        """The turns of whatever conversation holds this answer, which is the last one's; none if nowhere is it kept."""
        with self._database.read() as connection:
            query = select(turns.c.conversation_id).where(turns.c.answer_id == answer_id)
            conversation = connection.scalar(query)
            found = () if conversation is None else _turns(connection, conversation)
        last = next((at for at, turn in enumerate(found) if (turn.answer or {}).get("id") == answer_id), -1)
        return found[: last + 1]

    def page(self, owner: str, limit: int, cursor: str | None = None, search: str = "") -> Page[Conversation]:
        """Those of ``owner``, the last changed first; with ``search`` only those that hold these words.

        Raises `api.paging.BadCursor`.
        """
        query = select(conversations).where(conversations.c.owner == owner)
        if search.strip():
            query = query.where(and_(*(_holds(word) for word in search.split())))
        query = newest_first(query, conversations.c.updated_at, conversations.c.id, limit, cursor)
        with self._database.read() as connection:
            found = [Conversation(**row._mapping) for row in connection.execute(query)]
        return page_of(found, limit, lambda conversation: Position(conversation.updated_at, conversation.id))

    def rename(self, owner: str, id: str, title: str) -> Conversation:
        """Give it another title. Raises KeyError."""
        with self._database.write() as connection:
            changed = update(conversations).where(_owned(owner, id)).values(title=title, updated_at=self._clock())
            connection.execute(changed)
            return _find(connection, owner, id)

    def delete(self, owner: str, id: str) -> None:
        """Delete it with its turns. Raises KeyError."""
        with self._database.write() as connection:
            if connection.execute(delete(conversations).where(_owned(owner, id))).rowcount == 0:
                raise KeyError(id)

    def begin_turn(self, owner: str, id: str, question: str, *, replace: bool = False) -> str:
        """Note that ``question`` is asked now; the id of its turn. Raises KeyError.

        With ``replace`` it takes the place of the last turn, which stays as it is until `end_turn`.
        """
        now = self._clock()
        with self._database.write() as connection:
            conversation = _find(connection, owner, id, lock=True)
            own = select(turns.c.id, turns.c.position).where(turns.c.conversation_id == id)
            last = connection.execute(own.order_by(turns.c.position.desc()).limit(1)).first()
            if replace and last is not None:
                return str(last.id)
            turn = f"turn_{uuid.uuid4().hex}"
            row = {"id": turn, "conversation_id": id, "question": question, "text": "", "created_at": now}
            position = 0 if last is None else last.position + 1
            connection.execute(turns.insert().values(**row, position=position))
            title = conversation.title or textwrap.shorten(question, TITLE_LENGTH, placeholder=" …")
            changed = update(conversations).where(conversations.c.id == id)
            connection.execute(changed.values(title=title or question[:TITLE_LENGTH], updated_at=now))
        return turn

    def end_turn(self, turn: str, question: str, text: str, answer: Mapping[str, Any] | None) -> None:
        """Keep what the turn's question got; ``answer`` None for one that was stopped. A deleted turn stays so."""
        now = self._clock()
        with self._database.write() as connection:
            answer_id = None if answer is None else answer["id"]
            values = {"question": question, "text": text, "answer_id": answer_id, "answer": answer}
            connection.execute(update(turns).where(turns.c.id == turn).values(values))
            own = select(turns.c.conversation_id).where(turns.c.id == turn).scalar_subquery()
            connection.execute(update(conversations).where(conversations.c.id == own).values(updated_at=now))


def _owned(owner: str, id: str) -> ColumnElement[bool]:
    return and_(conversations.c.owner == owner, conversations.c.id == id)


def _find(connection: Connection, owner: str, id: str, *, lock: bool = False) -> Conversation:
    query = select(conversations).where(_owned(owner, id))
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise KeyError(id)
    return Conversation(**row._mapping)


def _turns(connection: Connection, conversation: str) -> tuple[StoredTurn, ...]:
    columns = (turns.c.id, turns.c.question, turns.c.text, turns.c.answer, turns.c.created_at)
    query = select(*columns).where(turns.c.conversation_id == conversation).order_by(turns.c.position)
    return tuple(StoredTurn(**row._mapping) for row in connection.execute(query))


def _holds(word: str) -> ColumnElement[bool]:
    """Whether title, a question or an answer holds ``word``, whatever its case."""
    word = word.replace("\0", "\ufffd")
    inside = [column.icontains(word, autoescape=True) for column in (turns.c.question, turns.c.text)]
    own = turns.c.conversation_id == conversations.c.id
    return or_(conversations.c.title.icontains(word, autoescape=True), exists().where(own, or_(*inside)))
