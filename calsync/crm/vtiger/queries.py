"""Texts of queries in vtiger's own language; the only place where values are put into them."""

from __future__ import annotations

#: Rows of a page, which is the most that the service gives, also when more are asked for (opencrm.md 4.2).
PAGE_ROWS = 100

#: What would end a text, or has a meaning of its own beside LIKE.
_SPECIAL = frozenset("'\"\\%\r\n")


def is_plain(value: str) -> bool:
    """Return whether a value can stand in a query as it is."""
    return not _SPECIAL.intersection(value)


def compare(field: str, operator: str, value: str) -> str:
    """Return a condition; ValueError for a value that is not plain. `operator`: =, !=, >= or "contains"."""
    if not is_plain(value):
        raise ValueError("a value that no query can hold")
    return f"{field} LIKE '%{value}%'" if operator == "contains" else f"{field} {operator} '{value}'"


def select(
    columns: str, conditions: tuple[str, ...], order: str = "id", offset: int = 0, rows: int = PAGE_ROWS
) -> str:
    """Return the query of a page of events that meet all conditions."""
    where = " AND ".join(conditions)
    # vtiger's language, not a database's: values come from `compare`, everything else is ours.
    return f"SELECT {columns} FROM Events WHERE {where} ORDER BY {order} LIMIT {offset}, {rows};"  # noqa: S608


def count(conditions: tuple[str, ...]) -> str:
    """Return the query of how many events meet all conditions, readable or not."""
    return f"SELECT count(*) FROM Events WHERE {' AND '.join(conditions)};"  # noqa: S608
