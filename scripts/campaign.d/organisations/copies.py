"""Whether a person's Google calendar holds exactly the copies that it may, as they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from calsync.model.event import BUSY_TITLE
from calsync.model.recurrence import occurrence_key
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Row
from organisations.charter import Amount, Charter
from organisations.district import District, marker_of
from organisations.papers import OCCURRENCES, TEXTS, Paper

_NAMES = {"title": "summary", "description": "description", "location": "location"}


def copies(calendar: Calendar) -> dict[str, list[Row]]:
    """Return the living events of a calendar by the record that they are a copy of."""
    found: dict[str, list[Row]] = {}
    for row in calendar.rows.values():
        if not row.cancelled and not row.series:
            found.setdefault(marker_of(row), []).append(row)
    return found


def faults(district: District, charter: Charter, papers: list[Paper], login: str) -> Iterator[str]:
    """Yield what is wrong with somebody's calendar after a round that went well."""
    calendar = district.calendar(login)
    there = copies(calendar)
    for number, paper in enumerate(papers):
        amount, rows = charter.amount(login, paper), there.pop(paper.key, [])
        if amount is Amount.NOTHING:
            if rows:
                yield f"record {number}: a copy has outlived the right to it"
        elif len(rows) != 1:
            yield f"record {number}: {len(rows)} copies, though {amount.name.lower()} of it may be known"
        else:
            for fault in _compared(calendar, rows[0], paper, amount):
                yield f"record {number}: {fault}"
    if there:
        yield f"{len(there)} events that are a copy of nothing"


def invited_faults(district: District, charter: Charter, papers: list[Paper], login: str) -> Iterator[str]:
    """Yield what is wrong with somebody's calendar where owners' copies invite guests, once all had their rounds."""
    calendar = district.calendar(login)
    bodies = [calendar.whole(row) for row in calendar.rows.values() if not row.cancelled and not row.series]
    parts = [one for some in calendar.exceptions.values() for one in some.values() if not one.cancelled]
    for number, paper in enumerate(papers):
        amount, invited = charter.amount(login, paper), charter.is_invited(login, paper)
        there = [body for body in bodies if body.get("summary") == paper.texts["title"]]
        if amount is Amount.ALL and paper.owner == login and len(there) != 1:
            yield f"record {number}: {len(there)} copies, though all of it may be known"
        elif len(there) > 1:
            yield f"record {number}: it is there {len(there)} times"
        told = json.dumps([*bodies, *map(calendar.whole, parts)])
        if any(word in told for word in paper.words()) and amount is not Amount.ALL and not invited:
            yield f"record {number}: it is told what it may not know"


def _compared(calendar: Calendar, row: Row, paper: Paper, amount: Amount) -> Iterator[str]:
    start = paper.whole_day or paper.start()
    yield from _told(row.body, paper.texts, start, amount)
    if bool(row.body.get("recurrence")) != paper.series:
        yield "it repeats on one side only"
    for number in range(OCCURRENCES if paper.series else 0):
        shown = _shown(calendar, row, occurrence_key(paper.start(number)))
        part = paper.exceptions.get(number, paper)
        if part is None or shown is None:
            if (part is None) != (shown is None):
                yield f"occurrence {number} takes place on one side only"
            continue
        slot = paper.slot if part.slot is None else part.slot
        texts = {**paper.texts, **part.texts}
        for fault in _told(shown, texts, paper.moved(number, slot), amount):
            yield f"occurrence {number}: {fault}"


def _shown(calendar: Calendar, row: Row, key: str) -> Mapping[str, Any] | None:
    """Return an occurrence as the calendar shows it, or None when it does not take place."""
    exception = calendar.exceptions.get(row.id, {}).get(key)
    if exception is None:
        return calendar.whole(calendar.occurrence(row, key))
    return None if exception.cancelled else calendar.whole(exception)


def _told(
    body: Mapping[str, Any], texts: Mapping[str, str], start: date | datetime, amount: Amount
) -> Iterator[str]:
    """Yield in what a copy differs from what it should tell."""
    wanted = dict(texts) if amount is Amount.ALL else {"title": BUSY_TITLE}
    for name in TEXTS:
        if body.get(_NAMES[name], "") != wanted.get(name, ""):
            yield f"{name} is not as it should be"
    if amount is Amount.TIMES and body.get("visibility") != "private":
        yield "what says only that time is taken can be read by others"
    shown = body["start"]
    if "date" in shown:
        same = shown["date"] == str(start)
    else:
        same = datetime.fromisoformat(shown["dateTime"]).astimezone(UTC) == start
    if not same:
        yield "it begins at another time"
