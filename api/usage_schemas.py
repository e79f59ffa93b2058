"""Bodies of usage."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from api.state.keys import Keys
from api.state.usage import Figures, Part, UsageStore

Mean = Annotated[float | None, Field(description="Seconds; null where nothing was measured.")]


class FiguresBody(BaseModel):
    """Questions, what became of them and what they took."""

    questions: int
    abstained: int = Field(description="The documents leave them open.")
    lost: int = Field(description="Without a whole answer: cancelled, over the deadline, or failed.")
    sentences: int = Field(description="Of answers that the documents gave.")
    unsupported: int = Field(description="Sentences among them that no document carries.")
    helpful: int = Field(description="Opinions that an answer helped.")
    unhelpful: int = Field(description="Opinions that it did not.")
    prompt_tokens: int
    output_tokens: int
    mean_first_token_s: Mean
    mean_total_s: Mean
    longest_total_s: Mean

    @classmethod
    def of(cls, figures: Figures, **name: Any) -> Self:  # noqa: ANN401 - what they are of
        """The body of ``figures``."""
        return cls(**{field: getattr(figures, field) for field in FiguresBody.model_fields}, **name)


class DayBody(FiguresBody):
    """Those of one day."""

    day: date = Field(description="UTC.")


class CallerFiguresBody(FiguresBody):
    """Those of one key or person."""

    caller: str = Field(examples=["user:ada@corvo.example"])
    name: str | None = Field(description="The key's name; null for people.")


class UsageBody(BaseModel):
    """The use of the service from the day `first` to the day `last`."""

    first: date
    last: date
    total: FiguresBody
    days: list[DayBody] = Field(description="Those on which something was asked, the newest first.")
    callers: list[CallerFiguresBody] = Field(description="Those who asked most, first.")
    further_callers: int = Field(description="How many more there are than `callers` holds.")

    @classmethod
    def of(cls, store: UsageStore, part: Part, callers: int, keys: Keys) -> Self:
        """The body of what ``store`` counted; ``keys`` know their names."""
        found = store.by_caller(part, callers)
        names = {key.caller.id: key.name for key in keys.list()}
        bodies = [CallerFiguresBody.of(one, caller=one.name, name=names.get(one.name)) for one in found]
        return cls(
            first=part.first,
            last=part.last,
            total=FiguresBody.of(store.in_all(part)),
            days=[DayBody.of(one, day=date.fromisoformat(one.name)) for one in store.by_day(part)],
            callers=bodies,
            further_callers=store.callers(part) - len(bodies),
        )
