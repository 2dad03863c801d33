"""Meetings: the organiser's event, and the copies of it on the calendars of guests who are here too.

The organiser's changes reach every copy; a guest's answer reaches the organiser. A copy has the same id and
iCalUID, but its own etag, reminders, colour, transparency, visibility and private properties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from calsync.sandbox import answers, series
from calsync.sandbox.bodies import check
from calsync.sandbox.calendar import Calendar
from calsync.sandbox.rows import Body, Row
from calsync.sandbox.switches import Switches
from calsync.sandbox.times import moment_of

#: What every copy has for itself; private extended properties too.
PERSONAL = frozenset(["reminders", "colorId", "eventLabelId", "transparency", "visibility"])
#: What Google never lets a guest change, unless guests may modify the event.
GUARDED = {"guestsCanInviteOthers": True, "guestsCanModify": False, "guestsCanSeeOtherGuests": True}

#: Above so many guests nobody's answer is carried to the others.
MANY_GUESTS = 200


@dataclass(frozen=True, slots=True)
class Meetings:
    """Writes events as the holder of a calendar does, organiser or guest. `find`: a calendar by its id."""

    find: Callable[[str], Calendar | None]
    switches: Switches

    def insert(self, calendar: Calendar, body: Body) -> Row:
        """Add an event and invite its guests."""
        row = calendar.insert(body)
        self._spread(calendar, row)
        return row

    def patch(self, calendar: Calendar, event_id: str, changes: Body, if_match: str = "") -> Row:
        """Merge changes into an event."""
        row = calendar.writable(event_id, if_match)
        if _is_guest(calendar, row):
            calendar.check_sequence(row, changes)
            return self._as_guest(calendar, row, calendar.patched(row, _answering(calendar, row, changes)))
        row = calendar.patch(event_id, changes, if_match)
        self._spread(calendar, row)
        return row

    def update(self, calendar: Calendar, event_id: str, body: Body, if_match: str = "") -> Row:
        """Replace an event whole."""
        row = calendar.writable(event_id, if_match)
        if _is_guest(calendar, row):
            calendar.check_sequence(row, body)
            return self._as_guest(calendar, row, calendar.accepted(body))
        row = calendar.update(event_id, body, if_match)
        self._spread(calendar, row)
        return row

    def delete(self, calendar: Calendar, event_id: str, if_match: str = "") -> Row:
        """Delete an event: the organiser for all, a guest by declining."""
        row = calendar.delete(event_id, if_match)
        if _is_guest(calendar, row):
            self._respond(calendar, row, {"responseStatus": "declined"})
        else:
            self._spread(calendar, row)
        return row

    def split(self, calendar: Calendar, event_id: str, at: datetime, changes: Body) -> Row:
        """End a series and start another from `at` on, as Google's page does."""
        if _is_guest(calendar, calendar.writable(event_id)):
            raise answers.forbidden_for_guest()
        for row in series.split(calendar, event_id, at, changes):
            self._spread(calendar, row)
        return row

    def move(self, source: Calendar, target: Calendar, event_id: str) -> Row:
        """Hand an event over to another calendar, which becomes its organiser; a tombstone stays behind."""
        row = source.writable(event_id)
        if row.series:
            message = "Cannot change the organizer of an instance."
            raise answers.bad("cannotChangeOrganizerOfInstance", message)
        if _is_guest(source, row) or row.cancelled:
            raise answers.bad("cannotChangeOrganizer", "Cannot change the organizer of this event.")
        if row.id in target.rows:
            raise answers.duplicate()
        exceptions = list(source.exceptions.get(row.id, {}).values())
        moved = target.put(row.id, row.body, row.uid)
        moved.creator, moved.sequence, moved.created = row.creator, row.sequence, row.created
        for exception in exceptions:
            _put_exception(target, exception, dict(exception.body), target.id).cancelled = exception.cancelled
        source.delete(event_id)
        row.organizer = target.id
        moved.copies, row.copies = row.copies, frozenset()
        for calendar in self._calendars(moved.copies):
            for copy in _with_exceptions(calendar, row.id):
                copy.organizer = target.id
        self._spread(target, moved)
        return moved

    # -- the organiser's changes -----------------------------------------------------------------------

    def _spread(self, home: Calendar, row: Row) -> None:
        """Bring the copies of an organiser's row up to date."""
        master = home.rows.get(row.series)
        held = row.copies | (master.copies if master else frozenset())
        guests = frozenset() if row.cancelled else _guests(home, row)
        reached = set()
        for calendar in self._calendars(held | guests):
            if calendar.id in guests:
                _share(home, row, calendar)
                reached.add(calendar.id)
            elif calendar.id != home.id:
                _withdraw(row, calendar)
        row.copies |= reached
        for exception in list(home.exceptions.get(row.id, {}).values()):
            self._spread(home, exception)

    def _calendars(self, ids: frozenset[str]) -> Iterator[Calendar]:
        for calendar_id in sorted(ids):
            calendar = self.find(calendar_id)
            if calendar is not None:
                yield calendar

    # -- a guest's changes -----------------------------------------------------------------------------

    def _as_guest(self, calendar: Calendar, row: Row, wanted: Body) -> Row:
        before = calendar.whole(row)
        if wanted.get("status") == "cancelled" and not row.cancelled:
            return self.delete(calendar, row.id)
        if row.cancelled:
            raise answers.forbidden()
        check(wanted, self.switches)
        own = _person(wanted, calendar.id)
        if _person(before, calendar.id) and not own:
            message = "The calendar is neither the organizer nor an attendee of the event."
            raise answers.bad("participantIsNeitherOrganizerNorAttendee", message)
        kept = self._permitted(before, wanted)
        home = self.find(row.organizer)
        if home is None:
            return calendar.replace(row, kept | _named(wanted, {"attendees"}), False)
        row = calendar.replace(row, kept | _named(before, {"attendees"}), False)
        if before.get("guestsCanModify"):
            shared = {name: wanted.get(name) for name in _shared(before, wanted)}
            held = home.get(row.id)
            body = {name: value for name, value in (home.whole(held) | shared).items() if value is not None}
            self._spread(home, home.replace(held, body, False))
        self._invite(home, row, before, wanted)
        self._respond(calendar, row, own)
        return calendar.get(row.id)

    def _permitted(self, before: Body, wanted: Body) -> Body:
        """Return what a guest's copy holds after a write; ApiError 403."""
        if before.get("guestsCanModify"):
            return wanted
        shared = _shared(before, wanted)
        guarded = any(wanted.get(n, default) != before.get(n, default) for n, default in GUARDED.items())
        if guarded or _properties(before, "shared") != _properties(wanted, "shared"):
            raise answers.forbidden_for_guest()
        touched = _properties(before, "private") != _properties(wanted, "private")
        if touched and self.switches.guest_properties == "refuse":
            raise answers.forbidden_for_guest()
        if shared and self.switches.guest_edits == "refuse":
            raise answers.forbidden_for_guest()
        if self.switches.guest_edits == "keep":
            return wanted
        own = PERSONAL | {"extendedProperties"}
        return {name: value for name, value in before.items() if name not in own} | _named(wanted, own)

    def _invite(self, home: Calendar, row: Row, before: Body, wanted: Body) -> None:
        """Let a guest bring others, unless the organiser said no."""
        known = {person["email"] for person in before.get("attendees", [])}
        brought = [person for person in wanted.get("attendees", []) if person["email"] not in known]
        if brought and before.get("guestsCanInviteOthers") is not False:
            held = home.whole(home.get(row.id))
            self.patch(home, row.id, {"attendees": [*held.get("attendees", []), *brought]})

    def _respond(self, calendar: Calendar, row: Row, own: Body) -> None:
        """Carry a guest's own entry to the organiser, and from there to all copies."""
        home = self.find(row.organizer)
        held = home.rows.get(row.id) or home.rows.get(row.series) if home else None
        if home is None or held is None or held.cancelled:
            return
        original = home.get(row.id)
        people = home.whole(original).get("attendees", [])
        if len(people) > MANY_GUESTS:
            return
        answered = [{**person, **own} if person["email"] == calendar.id else person for person in people]
        if answered != people and not original.cancelled:
            self._spread(home, home.replace(original, home.patched(original, {"attendees": answered}), False))


def _is_guest(calendar: Calendar, row: Row) -> bool:
    return row.organizer not in ("", calendar.id)


def _guests(calendar: Calendar, row: Row) -> frozenset[str]:
    people = calendar.whole(row).get("attendees", [])
    return frozenset(person["email"] for person in people if person.get("email")) - {calendar.id}


def _person(body: Body, email: str) -> Body:
    return next((person for person in body.get("attendees", []) if person["email"] == email), {})


def _answering(calendar: Calendar, row: Row, changes: Body) -> Body:
    """Return the changes of a PATCH; with `attendeesOmitted` it brings the guest's own entry only."""
    if not changes.get("attendeesOmitted") or "attendees" not in changes:
        return changes
    own = _person(changes, calendar.id)
    people = calendar.whole(row).get("attendees", [])
    answered = [{**person, **own} if person["email"] == calendar.id else person for person in people]
    return changes | {"attendees": answered}


def _named(body: Body, names: frozenset[str] | set[str]) -> Body:
    return {name: value for name, value in body.items() if name in names}


def _properties(body: Body, scope: str) -> Body:
    return (body.get("extendedProperties") or {}).get(scope) or {}


def _shared(before: Body, wanted: Body) -> set[str]:
    """Return the organiser's properties in which two bodies differ."""
    names = (before.keys() | wanted.keys()) - PERSONAL - {"attendees", "extendedProperties", "status"}
    return {name for name in names if not _same(name, before.get(name), wanted.get(name))}


def _same(name: str, one: object, other: object) -> bool:
    if name in GUARDED:
        return (GUARDED[name] if one is None else one) == (GUARDED[name] if other is None else other)
    if name in ("start", "end") and isinstance(one, dict) and isinstance(other, dict):
        return moment_of(one) == moment_of(other)
    if name == "eventType":
        return (one or "default") == (other or "default")
    return one == other


def _copied(home: Body, held: Body) -> Body:
    """Return a copy's body: the organiser's shared properties and the holder's own."""
    own = _named(held, PERSONAL)
    body = {
        name: value for name, value in home.items() if name not in PERSONAL and name != "extendedProperties"
    }
    pairs = {"shared": _properties(home, "shared"), "private": _properties(held, "private")}
    properties = {scope: values for scope, values in pairs.items() if values}
    return body | own | ({"extendedProperties": properties} if properties else {})


def _share(home: Calendar, row: Row, calendar: Calendar) -> None:
    held = calendar.rows.get(row.id)
    if held is not None and (held.organizer != row.organizer or _has_left(home, row, held, calendar.id)):
        return
    if row.series and row.series not in calendar.rows:
        body = _copied(home.whole(row), held.body if held else {})
    else:
        body = _copied(row.body, held.body if held else {})
    if held is not None and not held.cancelled and held.body == body:
        return
    if row.series:
        _put_exception(calendar, row, body, row.organizer)
    elif held is None:
        first_look = _named(row.body, frozenset(["visibility", "transparency"]))
        held = calendar.put(row.id, body | first_look, row.uid, row.organizer)
        held.creator, held.sequence = row.creator, row.sequence
    else:
        reshaped = any(held.body.get(name) != body.get(name) for name in ("start", "end", "recurrence"))
        held.body, held.sequence, held.cancelled = body, row.sequence, False
        calendar.changed(held)
        calendar.follow(held, reshaped)


def _has_left(home: Calendar, row: Row, held: Row, email: str) -> bool:
    """Return whether a guest deleted their copy: it stays away while their answer is no."""
    return held.cancelled and _person(home.whole(row), email).get("responseStatus") == "declined"


def _withdraw(row: Row, calendar: Calendar) -> None:
    try:
        held = calendar.get(row.id)
    except answers.ApiError:
        return
    if not held.cancelled and held.organizer == row.organizer:
        calendar.delete(row.id)


def _put_exception(calendar: Calendar, row: Row, body: Body, organizer: str) -> Row:
    held = calendar.rows.get(row.id) or Row(row.id, {}, calendar.now(), row.series, row.key, uid=row.uid)
    held.body, held.cancelled, held.sequence = body, False, row.sequence
    held.organizer, held.creator = organizer, row.creator
    calendar.exceptions.setdefault(row.series, {})[row.key] = held
    calendar.changed(held)
    return held


def _with_exceptions(calendar: Calendar, event_id: str) -> list[Row]:
    rows = [calendar.rows[event_id]] if event_id in calendar.rows else []
    return rows + list(calendar.exceptions.get(event_id, {}).values())
