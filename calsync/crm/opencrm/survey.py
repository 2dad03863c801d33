"""What a tenant is like, found out by reading: fields, slices, filters, values, time zone (fact sheet, part 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from calsync.crm.opencrm.activity import parse
from calsync.crm.opencrm.answers import Rejected, Row, digits, id_of, number_of, rows_of, text_of
from calsync.crm.opencrm.gate import missing
from calsync.crm.opencrm.listing import ACTIVITIES, Reader, condition
from calsync.crm.opencrm.options import FieldNames, OpenCrmOptions
from calsync.crm.opencrm.people import User
from calsync.crm.opencrm.times import parse_day
from calsync.model.errors import Unmappable

#: Our names, and the tenant's fields that are tried for them in turn (1.5, 4.3).
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "owner": ("smownerid", "assigned_user_id"),
    "title": ("subject",),
    "description": ("description",),
    "location": ("location",),
    "start_date": ("date_start",),
    "start_time": ("time_start",),
    "end_date": ("due_date",),
    "end_time": ("time_end",),
    "duration_hours": ("duration_hours",),
    "duration_minutes": ("duration_minutes",),
    "all_day": ("notime", "allday", "all_day"),
    "status": ("eventstatus", "taskstatus", "status"),
    "activity_type": ("activitytype", "activity_type"),
    "category": ("category",),
    "permission": ("permission",),
    "modified": ("modifiedtime",),
    "created": ("createdtime",),
}

#: So many rows are looked at; so many are asked for when the longest slice is measured.
ROWS, MANY = 50, 500

#: An owner that nobody is: a filter that lets anything through for it is passed over.
_NOBODY = "999999999"

_SOON = timedelta(minutes=2)


@dataclass(slots=True)
class Survey:
    """What was found. `fields`: our name = the tenant's; "" what it does not show. `unknown`: what reading cannot tell.

    `blocking`: why nothing would be written, with the configuration as it is.
    """

    activities: int = 0
    users: int = 0
    users_without_email: int = 0
    names: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    limit_end: str = ""
    longest_slice: int = 0
    owner_filter: str = ""
    chaining: str = ""
    date_filter: str = ""
    unknown_filter: str = ""
    missing_id: str = ""
    single_row: str = ""
    entities: bool = False
    permissions: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    clock: str = ""
    blocking: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def survey(reader: Reader, options: OpenCrmOptions, users: Sequence[User], now: datetime) -> Survey:
    """Look at a tenant without changing anything. Raises Later when it does not answer."""
    asked = _Asked(reader)
    rows = asked.rows({"limit_start": "0", "limit_end": str(ROWS)})
    found = Survey(users=len(users), users_without_email=sum(not user.email for user in users))
    found.activities = asked.count({})
    found.names = sorted({name for row in rows for name in row})
    found.fields = _fields(rows, options)
    found.entities = any("&amp;" in text or "&lt;" in text for row in rows for text in map(str, row.values()))
    _slices(asked, found)
    _filters(asked, found, rows)
    _values(found, rows)
    found.clock = _clock(rows, found, options, now)
    found.blocking = missing(options, rows)
    found.unknown = _unknown(found, options)
    return found


class _Asked:
    """Questions to the tenant."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def rows(self, form: dict[str, str]) -> Sequence[Row]:
        return rows_of(f"{ACTIVITIES}_full", self.answer(f"{ACTIVITIES}_full", form))

    def count(self, form: dict[str, str]) -> int:
        return number_of(f"{ACTIVITIES}_count", self.answer(f"{ACTIVITIES}_count", form))

    def answer(self, method: str, form: dict[str, str]) -> Any:
        return self._reader.read(method, form)

    def shape(self, method: str, form: dict[str, str]) -> str:
        """Return what kind of an answer comes, in a word."""
        try:
            answer = self.answer(method, form)
        except Rejected:
            return "error"
        if not answer:
            return "nothing"
        return "list" if isinstance(answer, list) else type(answer).__name__.replace("dict", "object")


def _fields(rows: Sequence[Row], options: OpenCrmOptions) -> dict[str, str]:
    """Return the names that rows show: those that are configured first, since custom fields are not to be guessed."""
    names = {name for row in rows for name in row}
    found = {
        ours: next((name for name in (getattr(options.fields, ours), *candidates) if name in names), "")
        for ours, candidates in CANDIDATES.items()
    }
    if not found["start_time"] and any(_has_clock(row, found["start_date"]) for row in rows):
        found["start_time"] = found["start_date"]
        found["end_time"] = (
            found["end_date"] if any(_has_clock(row, found["end_date"]) for row in rows) else ""
        )
    return found


def _has_clock(row: Row, name: str) -> bool:
    try:
        return parse_day(text_of(row, name))[1] is not None
    except Unmappable:
        return False


def _slices(asked: _Asked, found: Survey) -> None:
    """Find out what `limit_end` means, and how many rows come at most."""
    if found.activities > 2:
        rows = asked.rows({"limit_start": "1", "limit_end": "2"})
        found.limit_end = {1: "index", 2: "count"}.get(len(rows), "")
    rows = asked.rows({"limit_start": "0", "limit_end": str(MANY)})
    found.longest_slice = len(rows) if len(rows) < min(found.activities, MANY) else 0
    found.single_row = asked.shape(f"{ACTIVITIES}_full", {"limit_start": "0", "limit_end": "1"})


def _filters(asked: _Asked, found: Survey, rows: Sequence[Row]) -> None:
    owner, start = found.fields["owner"], found.fields["start_date"]
    for name in ("assigned_user_id", "smownerid"):
        if not asked.count({"query_string": condition(name, "=", _NOBODY)}):
            found.owner_filter = name
            break
    day = next((text[:4] for row in rows if (text := text_of(row, start))), "")
    if day:
        none = asked.count({"query_string": condition(start, "BEGINS", "1800")})
        some = asked.count({"query_string": condition(start, "BEGINS", day)})
        found.date_filter = "works" if some and not none else "passed over"
    someone = next((number for row in rows if (number := digits(row.get(owner)))), "")
    if found.owner_filter and someone:
        both = (condition(found.owner_filter, "=", someone), condition(start, "BEGINS", "1800"))
        found.chaining = "works" if not asked.count({"query_string": ";".join(both)}) else "passed over"
    nothing = {"query_string": condition("cf_no_such_field", "=", "x")}
    found.unknown_filter = asked.shape(f"{ACTIVITIES}_full", nothing | {"limit_start": "0", "limit_end": "2"})
    found.missing_id = _missing_id(asked)


def _missing_id(asked: _Asked) -> str:
    shape = asked.shape("get_activity", {"crmid": _NOBODY})
    if shape != "object":
        return shape
    rows = rows_of("get_activity", asked.answer("get_activity", {"crmid": _NOBODY}))
    return "another record" if rows and id_of(rows[0]) != _NOBODY else shape


def _values(found: Survey, rows: Sequence[Row]) -> None:
    for name, ours in (("permissions", "permission"), ("statuses", "status"), ("types", "activity_type")):
        texts = Counter(text_of(row, found.fields[ours]) for row in rows if found.fields[ours])
        setattr(found, name, dict(sorted(texts.items())))


def _clock(rows: Sequence[Row], found: Survey, options: OpenCrmOptions, now: datetime) -> str:
    """Return what the latest modification says of the zone in which times are written."""
    seen = options.model_copy(update={"fields": FieldNames(modified=found.fields["modified"])})
    times = [moment for row in rows if (moment := parse(row, seen).modified) is not None]
    if not times:
        return "not shown"
    ahead = max(times) - now
    return "contradicts crm.opencrm.timezone" if ahead > _SOON else "agrees with crm.opencrm.timezone so far"


def _unknown(found: Survey, options: OpenCrmOptions) -> list[str]:
    """Return what is left for a person to find out, as sentences."""
    left = [
        f"what permission {value!r} means: compare a record with its Security in OpenCRM"
        for value in found.permissions
        if value not in options.permissions.values
    ]
    if not found.fields["start_time"] and not options.token_field:
        left.append("times of day: no field shows them; without token_field only whole days can be written")
    if not options.token_field:
        left.append(
            "a custom field for token_field: without one, a copy is known again only by title and time"
        )
    if not found.limit_end:
        left.append("what limit_end means: there are fewer than three activities")
    if not found.statuses or options.cancelled_status not in found.statuses:
        left.append(f"whether {options.cancelled_status!r} is a status: `crm probe --write` tries it")
    left.append(
        "whether times are stored as they are sent, on both sides of a change of the clocks: `crm probe --write`"
    )
    return left
