"""Made-up calendars of any size, the same for the same seed."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from calsync.model.recurrence import occurrence_key
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Body
from calsync.sandbox.times import moment_of

_WORDS = [
    "Besprechung",
    "Review",
    "Café",
    "Team",
    "Jour-fixe",
    "Zürich",
    "会議",
    "Планирование",
    "Budget",
    "Demo",
    "Kunde",
    "Projekt",
    "Mittag",
    "Ärztin",
]
_RULES = ("RRULE:FREQ=WEEKLY;BYDAY=MO,WE", "RRULE:FREQ=DAILY;COUNT=20", "RRULE:FREQ=WEEKLY;COUNT=30")


def generate(calendar: Calendar, count: int, seed: int, start: date) -> int:
    """Put `count` rows into a calendar: 15 % series, 10 % moved occurrences, 8 % all-day, 0.9 % tombstones."""
    dice = random.Random(seed)
    masters: list[str] = []
    made = 0
    while made < count:
        lot = dice.random()
        if lot < 0.10 and masters:
            made += _move_occurrence(calendar, dice, masters.pop())
            continue
        name = f"g{seed:x}{made:08x}"
        body = _body(dice, made, start)
        if lot < 0.25 and "dateTime" in body["start"]:
            body["recurrence"] = [dice.choice(_RULES)]
            masters.append(name)
        calendar.put(name, body, f"{name}@google.com")
        if lot > 0.991:
            calendar.delete(name)
        made += 1
    return made


def _move_occurrence(calendar: Calendar, dice: random.Random, master: str) -> int:
    row = calendar.rows[master]
    until: Any = moment_of(row.body["start"])
    first = next(iter(calendar.starts(row, until + timedelta(days=60))))
    instance = f"{master}_{occurrence_key(first)}"
    calendar.patch(instance, {"summary": f"Verschoben {dice.randrange(1000)}", "location": "Raum 7"})
    return 1


def _body(dice: random.Random, number: int, start: date) -> Body:
    day = start + timedelta(days=dice.randrange(0, 300))
    title = f"{dice.choice(_WORDS)} {dice.choice(_WORDS)} {number}"
    body: Body = {
        "summary": title,
        "description": f"{title}: " + " ".join(dice.choice(_WORDS) for _ in range(20)),
        "location": f"Raum {dice.randrange(40)}",
        "attendees": [
            {"email": f"person{dice.randrange(500)}@example.com", "responseStatus": "accepted"}
            for _ in range(dice.choice((0, 1, 2, 3, 4, 6)))
        ],
        "conferenceData": {"conferenceId": f"abc-{number}", "conferenceSolution": {"name": "Meet"}},
    }
    if dice.random() < 0.08:
        return body | {"start": {"date": f"{day}"}, "end": {"date": f"{day + timedelta(days=1)}"}}
    hour, minute = dice.randrange(7, 18), dice.choice((0, 15, 30, 45))
    zone = "Europe/Berlin"
    begin = f"{day}T{hour:02}:{minute:02}:00Z"
    end = f"{day}T{hour + 1:02}:{minute:02}:00Z"
    if dice.random() < 0.5:
        body["reminders"] = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 15}]}
    times = {"start": {"dateTime": begin, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}}
    return body | times
