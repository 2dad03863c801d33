"""What a table says of itself: whose its rows are, why they are kept and for how long, and what is in each column.

Tables carry it in their `info`; the record of processing, export and erasure are made from it. Adapters and the store
use it alike, so it lies below both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Data(StrEnum):
    """Categories of what a column holds."""

    LOGINS = "CRM logins and names"
    ADDRESSES = "mail addresses"
    CONTENT = "contents of calendar entries"
    KEYS = "ids and versions of calendars, entries and runs"
    TIMES = "times"
    DIGESTS = "keyed digests, from which the text cannot be read"
    SECRETS = "tokens and keys"
    CHOICES = "choices, permissions and states"
    TECHNICAL = "nothing about a person"


@dataclass(frozen=True, slots=True)
class Note:
    """What a table says of itself.

    `owner`: the column that says whose a row is ("account_id", "user", "ticket_id"; "login" in an adapter's memory);
    "" for rows of nobody, and for those that outlive a person under a pseudonym. `sealed`: columns that are encrypted.
    `life`: how long rows are kept, for people. `kept`: why they outlive the person, "" when they do not.
    """

    owner: str
    why: str
    life: str
    columns: Mapping[str, Data]
    sealed: frozenset[str]
    kept: str


class Described(Protocol):
    """A table: it has a name and `info`."""

    name: str

    @property
    def info(self) -> Any:
        """What is noted about it."""


def about(
    owner: str, why: str, life: str, sealed: str = "", kept: str = "", **columns: str
) -> dict[str, Note]:
    """Return the `info` of a table; categories are keywords with the names of their columns, e.g. times="at began".

    Raises ValueError for an unknown category, or a column that is named twice.
    """
    found: dict[str, Data] = {}
    for category, names in columns.items():
        for name in names.split():
            if name in found:
                raise ValueError(f"{name} is named twice")
            found[name] = (
                Data[category.upper()] if category.upper() in Data.__members__ else _unknown(category)
            )
    return {"note": Note(owner, why, life, found, frozenset(sealed.split()), kept)}


def _unknown(category: str) -> Data:
    raise ValueError(f"{category} is no category of data")


def note_of(table: Described) -> Note:
    """Return what a table says of itself; LookupError when it says nothing."""
    note = table.info.get("note")
    if not isinstance(note, Note):
        raise LookupError(f"the table {table.name} does not say whose data it holds")
    return note
