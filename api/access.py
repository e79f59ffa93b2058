"""Who calls, and what he may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ingest.document import Revision
from ingest.scope import Scope


class Permission(StrEnum):
    """What a route can ask for."""

    ASK = "ask"
    """Questions, with conversations and feedback of one's own."""
    READ = "read"
    """Search, documents and collections."""
    CURATE = "curate"
    """What others ask and think of the answers; answers that are verified for them."""
    INGEST = "ingest"
    """Documents into the index and out of it."""
    ADMIN = "admin"
    """Keys, the audit log, figures of operation."""


class Role(StrEnum):
    """What a person or a program is to the service; each role may all that the one before it may."""

    READER = "reader"
    CURATOR = "curator"
    ADMIN = "admin"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.READER: frozenset({Permission.ASK, Permission.READ}),
    Role.CURATOR: frozenset({Permission.ASK, Permission.READ, Permission.CURATE, Permission.INGEST}),
    Role.ADMIN: frozenset(Permission),
}


def held(role: Role) -> frozenset[str] | None:
    """The labels that a role brings along: an admin, who can give out any, reads everything."""
    return None if role is Role.ADMIN else frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """``id`` owns conversations and stands in the audit log; ``collections`` None for all of them.

    ``labels`` are those of documents that it may read beside what everybody may; None reads everything.
    ``batch``: its questions let those of people go first. ``requests_per_minute`` None for no limit.
    ``public``: anybody may be behind it, since its key stands in a page. ``shared``: anybody who comes from elsewhere
    without signing in. ``owner``: it owns the data folder.
    """

    id: str
    role: Role
    scopes: frozenset[Permission] | None = None
    collections: frozenset[str] | None = None
    batch: bool = False
    requests_per_minute: int | None = None
    public: bool = False
    labels: frozenset[str] | None = frozenset()
    owner: bool = False
    shared: bool = False

    @property
    def scope(self) -> Scope:
        """What holds now and it may read."""
        return Scope(labels=self.labels)

    @property
    def keeps_conversations(self) -> bool:
        """Whether what is kept under its name is its own: strangers that share one must not find each other's."""
        return not (self.public or self.shared)

    def may(self, permission: Permission) -> bool:
        """Whether role and scopes both allow it."""
        return permission in GRANTS[self.role] and (self.scopes is None or permission in self.scopes)

    def sees(self, collection: str) -> bool:
        """Whether it may know of this collection."""
        return self.collections is None or collection in self.collections

    def reads(self, revision: Revision) -> bool:
        """Whether it may read, and so know of, this revision of a document."""
        return self.sees(revision.collection) and self.scope.reads(revision.labels)

    def visible(self, collections: Iterable[str]) -> list[str]:
        """Those of the collections that it may know of."""
        return [name for name in collections if self.sees(name)]
