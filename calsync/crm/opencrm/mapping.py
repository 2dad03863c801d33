"""An activity as an Event, and an Event as the fields that are written; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calsync.crm.opencrm.activity import Activity, Note
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.times import to_instant, to_local
from calsync.model.errors import Unmappable
from calsync.model.event import EARLIEST_YEAR, LATEST_YEAR, Event, Visibility
from calsync.model.permission import Security

_MIDNIGHT = time.min
_DAY = timedelta(days=1)

#: Which of our names of fields carry a field of an event.
_TIMES = frozenset(
    [
        "start_date",
        "start_time",
        "end_date",
        "end_time",
        "duration_hours",
        "duration_minutes",
        "all_day",
        "note",
    ]
)
CARRIERS: Mapping[str, frozenset[str]] = {
    "title": frozenset({"title"}),
    "description": frozenset({"description"}),
    "location": frozenset({"location"}),
    "start": _TIMES,
    "end": _TIMES,
    "visibility": frozenset({"permission"}),
}


class Shape:
    """How events and activities of one tenant become each other."""

    def __init__(self, options: OpenCrmOptions) -> None:
        self._options, self._names = options, options.fields
        self._zone = ZoneInfo(options.timezone)

    # -- from the tenant -------------------------------------------------------------------------------

    def event_of(self, activity: Activity) -> Event:
        """Return what an activity says; Unmappable when it has no usable time.

        The zone is "": the tenant knows only its own. There are no guests, rules or reminders (5): reminders of
        the tenant are its own business, and those of Google stay there.
        """
        if activity.problem:
            raise Unmappable(activity.problem)
        if activity.start_day is None:
            raise Unmappable("the activity has no start date")
        start, end = self._span(activity, activity.start_day)
        if not EARLIEST_YEAR <= start.year <= end.year <= LATEST_YEAR:
            raise Unmappable(f"the activity does not lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")
        private = self._security(activity.permission) is Security.PRIVATE
        return Event(
            activity.title,
            start,
            end,
            description=activity.description,
            location=activity.location,
            visibility=Visibility.PRIVATE if private else Visibility.DEFAULT,
        )

    def _span(self, activity: Activity, day: date) -> tuple[date, date]:
        if self._covers_days(activity):
            # The tenant's last day is inclusive, as people say it.
            end_day = (activity.end_day or day) + _DAY
            if end_day <= day:
                raise Unmappable("the activity ends before it starts")
            return day, end_day
        clock = self._clock(activity)
        start = to_instant(day, clock, self._zone)
        end = self._end(activity, start)
        if end < start:
            raise Unmappable("the activity ends before it starts")
        return start, end

    def _covers_days(self, activity: Activity) -> bool:
        if activity.flagged is not None and (activity.flagged or activity.start_clock is not None):
            return activity.flagged
        if activity.note.clock is not None:
            return False
        at_midnight = activity.start_clock in (None, _MIDNIGHT)
        if activity.note.all_day:
            return at_midnight
        if not self._names.start_time:
            return True
        # A tenant that has no blank times of day writes midnight for them (4.4).
        ends_so = activity.end_clock in (None, _MIDNIGHT) and activity.end_day == activity.start_day
        return activity.start_clock is None or (at_midnight and ends_so and not activity.minutes)

    def _clock(self, activity: Activity) -> time:
        clock = activity.start_clock if self._names.start_time else activity.note.clock
        return clock or _MIDNIGHT

    def _end(self, activity: Activity, start: datetime) -> datetime:
        """Return the end: the end's own time of day where the tenant has one, else by the length (5)."""
        if (self._names.end_time or self._names.combined) and activity.end_clock is not None:
            return to_instant(activity.end_day or activity.start_day or start, activity.end_clock, self._zone)
        minutes = activity.minutes if self._names.start_time else activity.note.minutes
        return start + timedelta(minutes=minutes or 0)

    def _security(self, permission: str) -> Security | None:
        return self._options.permissions.values.get(permission)

    # -- to the tenant ---------------------------------------------------------------------------------

    def form_of(self, event: Event) -> dict[str, str]:
        """Return an event by our names of fields; blank ones are "", and those that the tenant lacks are left out.

        "note" is what goes behind the marker in the token field. Raises Unmappable for an event that the tenant
        cannot hold: nothing is rounded (5).
        """
        if event.recurrence:
            raise Unmappable("the CRM has no series; occurrences are written one by one")
        options = self._options
        form = {
            "title": _cut(event.title, options.title_limit),
            "description": event.description,
            "location": _cut(event.location, options.location_limit),
            "permission": self._permission(event),
            **(self._times(event) if isinstance(event.start, datetime) else self._days(event)),
        }
        return {name: value for name, value in form.items() if name == "note" or getattr(self._names, name)}

    def _permission(self, event: Event) -> str:
        """Return the value that makes a record as private as its event; "" when it is not known, and none is sent."""
        private = event.redacted or event.visibility is Visibility.PRIVATE
        wanted = Security.PRIVATE if private else Security.PUBLIC_READ
        known = self._options.permissions.values
        found = next((value for value, security in known.items() if security is wanted), "")
        if private and not found and not event.redacted:
            raise Unmappable(
                "the event is private, and crm.opencrm.permissions.values does not say which value is private"
            )
        return found

    def _times(self, event: Event) -> dict[str, str]:
        if not isinstance(event.start, datetime) or not isinstance(event.end, datetime):
            raise Unmappable("the event starts with a time and ends with a date")
        start, end = to_local(event.start, self._zone), to_local(event.end, self._zone)
        minutes = int((event.end - event.start).total_seconds() // 60)
        names = self._names
        note = ""
        if not names.start_time or self._looks_like_a_day(start, minutes):
            if not self._options.token_field:
                raise Unmappable(
                    "the CRM has no field that would tell its time of day; name it in crm.opencrm.fields "
                    "(start_time, all_day), or a custom field in crm.opencrm.token_field"
                )
            note = str(Note(clock=start.time(), minutes=minutes))
        elif not names.end_time and not names.combined and not names.duration_hours:
            raise Unmappable("the CRM has no field for the end's time of day, nor for the length")
        return (
            self._dated(start, end, f"{start:%H:%M}", f"{end:%H:%M}")
            | _length(minutes, names.duration_minutes)
            | {
                "all_day": "0",
                "note": note,
            }
        )

    def _looks_like_a_day(self, start: datetime, minutes: int) -> bool:
        """Return whether a time would be read as a whole day, where only its absence says so."""
        return not self._names.all_day and start.time() == _MIDNIGHT and not minutes

    def _days(self, event: Event) -> dict[str, str]:
        note = str(Note(all_day=True)) if self._names.start_time and not self._names.all_day else ""
        length = {"duration_hours": "", "duration_minutes": ""}
        return self._dated(event.start, event.end - _DAY, "", "") | length | {"all_day": "1", "note": note}

    def _dated(self, start: date, end: date, start_clock: str, end_clock: str) -> dict[str, str]:
        if self._names.combined:
            return {
                "start_date": f"{start:%Y-%m-%d} {start_clock}".strip(),
                "end_date": f"{end:%Y-%m-%d} {end_clock}".strip(),
            }
        return {
            "start_date": f"{start:%Y-%m-%d}",
            "start_time": start_clock,
            "end_date": f"{end:%Y-%m-%d}",
            "end_time": end_clock,
        }

    def as_written(self, event: Event) -> Event:
        """Return an event as it will be read back; see `model.side.Rewrites`. One that cannot be written: as it is."""
        try:
            form = self.form_of(event)
        except Unmappable:
            return event
        private = self._security(form.get("permission", "")) is Security.PRIVATE
        return replace(
            event,
            title=form["title"],
            description=form.get("description", ""),
            location=form.get("location", ""),
            start=_to_the_minute(event.start),
            end=_to_the_minute(event.end),
            zone="",
            attendees=(),
            reminders=None,
            visibility=Visibility.PRIVATE if private else Visibility.DEFAULT,
            exceptions={},
            redacted=False,
        )


def _cut(text: str, limit: int) -> str:
    return text[:limit].rstrip() if limit else text


def _length(minutes: int, has_minutes: str) -> dict[str, str]:
    """Return the length of an event; a part of an hour is a fraction where minutes have no field of their own."""
    if has_minutes:
        return {"duration_hours": str(minutes // 60), "duration_minutes": str(minutes % 60)}
    return {"duration_hours": f"{minutes / 60:.4f}".rstrip("0").rstrip(".")}


def _to_the_minute(moment: date) -> date:
    return moment.replace(second=0) if isinstance(moment, datetime) else moment
