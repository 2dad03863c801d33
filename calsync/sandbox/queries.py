"""Query parameters of a request, repeated ones included, and what they must look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from calsync.sandbox import answers
from calsync.sandbox.times import has_offset


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters by name; of a repeated one, `get` returns the last value."""

    values: dict[str, tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read the part of an address after the question mark."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            found[name] = (*found.get(name, ()), value)
        return cls(found)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter's value."""
        return self.values[name][-1] if name in self.values else default

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a repeatable parameter."""
        return self.values.get(name, ())

    def flag(self, name: str) -> bool:
        """Return whether a boolean parameter is true."""
        return self.get(name) == "true"

    def number(self, name: str, default: int) -> int:
        """Return a number; ApiError 400."""
        try:
            return int(self.get(name, str(default)))
        except ValueError:
            raise answers.bad(
                "invalidParameter", f"Invalid integer value: '{self.get(name)}'.", name
            ) from None

    def moment(self, name: str) -> datetime | None:
        """Return an instant in UTC, None when it is not given; ApiError 400 when it has no offset."""
        text = self.get(name)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise answers.bad("badRequest", "Bad Request", name) from None
        if not has_offset(text):
            raise answers.bad("badRequest", "Bad Request", name)
        return moment.astimezone(UTC).replace(microsecond=0)

    def window(self) -> tuple[datetime | None, datetime | None]:
        """Return timeMin and timeMax; ApiError 400 when there is nothing between them."""
        first, last = self.moment("timeMin"), self.moment("timeMax")
        if first is not None and last is not None and last <= first:
            raise answers.empty_range()
        return first, last
