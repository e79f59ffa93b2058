"""Whose tokens are run in the next pass, and whose keys and values have a place in memory.

Every stream that only waits for its next token gets it: one row each. Prompts share what rows a pass has left, in the
order in which they came, people's before those of programs that work through a list. Beside streams that flow, prompts
are cut into pieces that a reader does not feel (chunked prefill: Agrawal et al. 2024, arXiv:2403.02310).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from decoding.drafting.step_cost import StepCost
from decoding.request import Request

PREFILL_ROWS = 256
"""Rows of one pass at most: large enough for full speed, small enough to notice a cancel soon."""

PROMPT_SECONDS = 0.15
"""What a pass may take beside streams that wait for their next token."""

_LEAST_ROWS = 16
"""Of prompts in any pass, so that they get on wherever passes are slow: about what a pass costs anyway."""

PEOPLE_IN_A_ROW = 4
"""Passes in which people's prompts may go before one that a program waits for."""


@dataclass(frozen=True, slots=True)
class Part:
    """The next ``tokens`` pending tokens of a request are run. Having run them all tells its next token."""

    request: Request
    tokens: int

    @property
    def tells(self) -> bool:
        """Whether the pass tells the request's next token."""
        return self.tokens == self.request.pending


class Schedule:
    """The requests in flight, those with keys and values in memory and those that wait for a place.

    ``begin`` gives a request its sequence, ``put_away`` takes it. A request holds what all its tokens, and ``spare``
    ones more, take at most; all of them together hold ``limit_bytes``, or else one has to wait again, and goes on later
    where it was. One alone always has its place.

    Nobody starves. A prompt waits for those before it in its class, and one of a program for four passes of people's
    more each time. Whoever lost his place loses it again only when nobody else did as seldom.
    """

    def __init__(
        self,
        bytes_for: Callable[[int], int],
        limit_bytes: int,
        cost: StepCost,
        spare: int,
        begin: Callable[[Request], None],
        put_away: Callable[[Request], None],
    ) -> None:
        self._bytes_for = bytes_for
        self._limit = limit_bytes
        self._cost = cost
        self._spare = spare
        self._begin = begin
        self._put_away = put_away
        self._requests: list[Request] = []
        """In the order in which they came."""
        self._arrivals = count()
        self._passed = 0
        self.preemptions = 0

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests)

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def begun(self) -> list[Request]:
        """Requests with keys and values in memory."""
        return [request for request in self._requests if request.sequence is not None]

    @property
    def held_bytes(self) -> int:
        """What keys and values of those with a place take, at most."""
        return self._held(self.begun)

    def add(self, request: Request) -> None:
        """A request came."""
        request.arrival = next(self._arrivals)
        self._requests.append(request)

    def discard(self, request: Request) -> None:
        """It is over, and holds no memory any more."""
        self._requests.remove(request)

    def parts(self) -> list[Part]:
        """What the next pass runs; nothing only where there is no request."""
        self._fit()
        parts = [Part(request, 1) for request in self.begun if request.pending == 1]
        left = self._prompt_rows(len(parts))
        waiting = [request for request in self._requests if request.sequence is None or request.pending > 1]
        for request in self._in_turn(waiting):
            if not left or not self._has_place(request):
                break  # nobody passes the one whose turn it is
            part = Part(request, min(request.pending, left))
            parts.append(part)
            left -= part.tokens
        return parts

    def _prompt_rows(self, streams: int) -> int:
        """Rows that prompts may have in a pass beside so many streams."""
        if not streams:
            return PREFILL_ROWS
        within = self._cost.rows_within(PROMPT_SECONDS) - streams
        return max(0, min(max(within, _LEAST_ROWS), PREFILL_ROWS - streams))

    def _in_turn(self, waiting: list[Request]) -> list[Request]:
        people = [request for request in waiting if not request.params.batch]
        programs = [request for request in waiting if request.params.batch]
        if people and programs:
            self._passed += 1
            if self._passed > PEOPLE_IN_A_ROW:
                self._passed = 0
                return [*programs[:1], *people, *programs[1:]]
        return [*people, *programs]

    def _has_place(self, request: Request) -> bool:
        """Whether the request has its sequence, which it gets if there is room."""
        if request.sequence is None:
            begun = self.begun
            if begun and self._held(begun) + self._needs(request) > self._limit:
                return False
            self._begin(request)
        return True

    def _fit(self) -> None:
        """Take memory back from those that came last, until the others have enough to go on."""
        begun = self.begun
        while len(begun) > 1 and self._held(begun) > self._limit:
            loser = min(begun, key=lambda request: (request.preemptions, not request.params.batch, -request.arrival))
            self._put_away(loser)
            loser.preemptions += 1
            self.preemptions += 1
            begun.remove(loser)

    def _held(self, requests: list[Request]) -> int:
        return sum(map(self._needs, requests))

    def _needs(self, request: Request) -> int:
        return self._bytes_for(len(request.tokens) + self._spare)
