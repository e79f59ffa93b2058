"""Everything the service remembers, in one database."""

from __future__ import annotations

import time
from collections.abc import Callable

from api.state.audit import AuditLog
from api.state.conversations import Conversations
from api.state.curated import CuratedStore
from api.state.database import Database
from api.state.feedback import FeedbackStore
from api.state.jobs import JobStore
from api.state.keys import Keys
from api.state.requests import Requests
from api.state.sessions import Sessions
from api.state.unanswered import UnansweredStore
from api.state.usage import UsageStore


class Memory:
    """The stores over one database."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.conversations = Conversations(database, clock)
        self.feedback = FeedbackStore(database, clock)
        self.curated = CuratedStore(database, clock)
        self.unanswered = UnansweredStore(database, clock)
        self.keys = Keys(database, clock)
        self.audit = AuditLog(database, clock)
        self.requests = Requests(database, clock)
        self.sessions = Sessions(database, clock)
        self.jobs = JobStore(database, clock)
        self.usage = UsageStore(database, clock)
