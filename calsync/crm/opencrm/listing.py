"""Lists that are known to be complete: read in slices without any order, counted before and after (1.3, 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from calsync.crm.opencrm.answers import Rejected, Row, id_of, number_of, rows_of
from calsync.model.errors import Later

#: A list that changes while it is read is read again, this often in all.
PASSES = 3

#: No tenant's list has more slices; one that does not end is broken.
MOST_SLICES = 5000

ACTIVITIES = "get_activity_list"
USERS = "get_user_list"


class Reader(Protocol):
    """What can call the interface; see `client.Client.read`."""

    def read(self, method: str, form: dict[str, str]) -> Any:
        """Call a method that changes nothing."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How this tenant's lists are read: what `limit_end` means, how many rows are asked for, whether to count."""

    limit_end: str = "index"
    size: int = 100
    count: bool = True


def condition(name: str, operator: str, value: str) -> str:
    """Return one condition; ValueError for a value that would end it, since nothing quotes it."""
    if "|" in value or ";" in value:
        raise ValueError("a value in a condition may hold neither | nor ;")
    return f"{name}|{operator}|{value}"


def complete(
    reader: Reader,
    method: str,
    conditions: tuple[str, ...],
    paging: Paging,
    wanted: Callable[[Row], bool],
    counted: int | None = None,
) -> dict[str, Row]:
    """Return all records of a list that are `wanted`, by id, with all their fields.

    Conditions are applied here again through `wanted`: the tenant may pass over them in silence (1.3). `counted`: what
    `count` has just answered. Raises Later when the number of records differs from the count before and after, in
    every pass.
    """
    form = _form(conditions)
    for _ in range(PASSES):
        before = counted if counted is not None else _count(reader, method, form, paging)
        rows = {id_of(row): row for row in _slices(reader, f"{method}_full", form, paging, before)}
        # Of an empty list, one count says as much as two.
        after = _count(reader, method, form, paging) if rows else before
        if before is None or before == len(rows) == after:
            return {key: row for key, row in rows.items() if wanted(row)}
        counted = None
    raise Later(f"CRM {method}: its records are not as many as it counts; looked again {PASSES} times")


def count(reader: Reader, method: str, conditions: tuple[str, ...]) -> int:
    """Return how many records of a list meet the conditions, by the tenant's reading of them. Raises Later."""
    return number_of(f"{method}_count", _asked(reader, f"{method}_count", _form(conditions)))


def _form(conditions: tuple[str, ...]) -> dict[str, str]:
    return {"query_string": ";".join(conditions)} if conditions else {}


def _count(reader: Reader, method: str, form: dict[str, str], paging: Paging) -> int | None:
    if not paging.count:
        return None
    return number_of(f"{method}_count", _asked(reader, f"{method}_count", form))


def _slices(
    reader: Reader, method: str, form: dict[str, str], paging: Paging, total: int | None
) -> Iterator[Row]:
    """Yield rows until there are `total`; or until a slice has none, or none that is new: that is the end too."""
    seen: set[str] = set()
    start = 0
    for _ in range(MOST_SLICES):
        if len(seen) == total:
            return
        end = start + paging.size if paging.limit_end == "index" else paging.size
        limits = {"limit_start": str(start), "limit_end": str(end)}
        rows = rows_of(method, _asked(reader, method, form | limits))
        fresh = [row for row in rows if id_of(row) not in seen]
        if not fresh:
            return
        seen.update(id_of(row) for row in fresh)
        yield from fresh
        start += len(rows)
    raise Later(f"CRM {method}: a list without end")


def _asked(reader: Reader, method: str, form: dict[str, str]) -> Any:
    try:
        return reader.read(method, form)
    except Rejected as error:
        # A list concerns the whole side, not one record.
        raise Later(error.reason) from None
