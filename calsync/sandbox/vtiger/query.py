"""The query language of the web service, as far as events need it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from calsync.sandbox.vtiger.world import Failure

Record = dict[str, str]

_TOKEN = re.compile(
    r"\s*(?:('(?:[^'\\]|\\.|'')*')|(<=|>=|!=|=|<|>)|([A-Za-z_]\w*|\d+|\*|\(|\)|,|;))", re.DOTALL
)
_NUMBERED = re.compile(r"\d+x(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; `columns` is empty for all, `counts` for count(*). Conditions are joined by `words`."""

    columns: tuple[str, ...]
    counts: bool
    conditions: tuple[Callable[[Record], bool], ...]
    words: tuple[str, ...]
    order: str
    descending: bool
    offset: int
    limit: int

    def holds(self, record: Record) -> bool:
        """Return whether a record is found; AND and OR have no precedence, they go from left to right."""
        if not self.conditions:
            return True
        found = self.conditions[0](record)
        for word, condition in zip(self.words, self.conditions[1:], strict=True):
            found = (found and condition(record)) if word == "and" else (found or condition(record))
        return found

    def select(self, records: Iterable[Record], most: int) -> list[Record]:
        """Return the records of the page that is asked for, `most` of them at most."""
        found = sorted(filter(self.holds, records), key=self._place, reverse=self.descending)
        return found[self.offset : self.offset + min(self.limit, most)]

    def _place(self, record: Record) -> tuple[object, int]:
        number = int(record["id"].partition("x")[2])
        return (number if self.order == "id" else record.get(self.order, "").lower()), number


class _Words:
    """The tokens of a query, read from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        place = 0
        text = text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise Failure("QUERY_SYNTAX_ERROR")
            self._tokens.append(match.group(1) or match.group(2) or match.group(3))
            place = match.end()

    def next(self, *wanted: str) -> str:
        """Return the next token; Failure when it is none of `wanted`."""
        token = self._tokens.pop(0) if self._tokens else ""
        if wanted and token.lower() not in wanted:
            raise Failure("QUERY_SYNTAX_ERROR")
        return token

    def take(self, *wanted: str) -> str:
        """Return the next token, in lower case, if it is one of `wanted`; else leave it and return ""."""
        if self._tokens and self._tokens[0].lower() in wanted:
            return self._tokens.pop(0).lower()
        return ""


def parse(text: str, known: frozenset[str]) -> Query:
    """Return a query; Failure QUERY_SYNTAX_ERROR, or for a field that is not `known`."""
    words = _Words(text)
    words.next("select")
    columns, counts = _columns(words)
    words.next("from")
    words.next("events")
    conditions: list[Callable[[Record], bool]] = []
    joints: list[str] = []
    word = words.take("where")
    while word:
        conditions.append(_condition(words, known))
        word = words.take("and", "or")
        joints.extend([word] if word else [])
    order, descending = "id", False
    if words.take("order"):
        words.next("by")
        order = _field(words.next(), known)
        descending = words.take("asc", "desc") == "desc"
    offset, limit = 0, 100
    if words.take("limit"):
        limit = int(words.next())
        if words.take(","):
            offset, limit = limit, int(words.next())
    words.next(";")
    for name in columns:
        _field(name, known)
    return Query(tuple(columns), counts, tuple(conditions), tuple(joints), order, descending, offset, limit)


def _columns(words: _Words) -> tuple[list[str], bool]:
    first = words.next()
    if first == "*":
        return [], False
    if first.lower() == "count":
        for part in ("(", "*", ")"):
            words.next(part)
        return [], True
    columns = [first]
    while words.take(","):
        columns.append(words.next())
    return columns, False


def _field(name: str, known: frozenset[str]) -> str:
    if name not in known:
        raise Failure("QUERY_SYNTAX_ERROR")
    return name


def _condition(words: _Words, known: frozenset[str]) -> Callable[[Record], bool]:
    name = _field(words.next(), known)
    operator = words.next("=", "!=", "<", ">", "<=", ">=", "like").lower()
    value = _text(words.next())
    if operator == "like":
        pattern = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in value)
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        return lambda record: compiled.fullmatch(record.get(name, "")) is not None
    compare = _COMPARE[operator]
    # The database's collation does not tell upper from lower case.
    return lambda record: compare(_sortable(record.get(name, "")), _sortable(value))


def _sortable(value: str) -> tuple[int, str]:
    match = _NUMBERED.match(value)
    return (int(match.group(1)), "") if match else (0, value.lower())


def _text(token: str) -> str:
    if not token.startswith("'"):
        return token
    return re.sub(r"\\(.)|''", lambda match: match.group(1) or "'", token[1:-1], flags=re.DOTALL)


_COMPARE: dict[str, Callable[[tuple[int, str], tuple[int, str]], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}
