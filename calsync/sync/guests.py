"""What guests, their copies and their answers mean for a decision. Pure."""

from __future__ import annotations

from dataclasses import replace

from calsync.model.event import Attendee, Event, Response, exception_key
from calsync.model.link import Base, Face, Kind, Sight
from calsync.model.permission import Level
from calsync.model.side import SIDES, SideName
from calsync.sync.decision import Rules
from calsync.sync.likeness import same_but_zone

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM


def is_guests_copy(base: Base, google: Sight) -> bool:
    """Return whether a Google event is a guest's copy of a meeting: without it, the meeting takes place all the same."""
    return base.origin is GOOGLE and google.level < Level.DELETE


def is_uninvited(base: Base, google: Sight, crm: Sight, rules: Rules) -> bool:
    """Return whether a guest's copy has vanished because the record, somebody else's, does not list them any more."""
    if google.kind is not Kind.GONE or not is_guests_copy(base, google) or crm.owned:
        return False
    if crm.kind is Kind.WITHHELD:
        # Who is listed may at least read.
        return crm.level is Level.NONE
    was_listed = base.linked and rules.own in (base.crm or {})
    return was_listed and crm.event is not None and crm.master and rules.own not in crm.face


def differs_in_guests(name: str, sights: dict[SideName, Sight]) -> bool:
    """Return whether nothing but its guests differs of an exception.

    They may be those of its series, which merge one by one; the record has what has come of that.
    """
    google, crm = sights[GOOGLE].event, sights[CRM].event
    key = exception_key(name)
    if key is None or google is None or crm is None:
        return False
    one, other = google.exceptions.get(key), crm.exceptions.get(key)
    if one is None or other is None:
        return False
    return same_but_zone(one, replace(other, attendees=one.attendees), google, crm)


def has_guests_of(exception: object, series: Sight) -> bool:
    """Return whether an exception has the guests that its series has on the same side."""
    if not isinstance(exception, Event) or series.event is None or not series.master:
        return False
    return exception.attendees == series.event.attendees


def means_leaving(one: object, other: object) -> bool:
    """Return whether a guest was taken off the list on one side, and has declined on the other."""
    guests = [value for value in (one, other) if isinstance(value, Attendee)]
    return None in (one, other) and any(guest.response is Response.DECLINED for guest in guests)


def is_answered_in_record(name: str, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether the record has an answer of a person whom the host's copy has just invited.

    What Google shows then is what they had answered before, or what the record had said before.
    """
    if name != rules.own or not rules.guests_write or not base.linked:
        return False
    if name in (base.google or {}) or name in (base.crm or {}):
        return False
    guest = sights[CRM].value(name)
    return isinstance(guest, Attendee) and guest.response is not Response.NEEDS_ACTION


def is_answer(name: str, target: SideName, base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether a field is the person's own answer to somebody else's invitation."""
    invited = name == rules.own and all(name in there(side, base, sights) for side in SIDES)
    return invited and sights[target].level is Level.READ


def writes_guests(base: Base, sights: dict[SideName, Sight], rules: Rules) -> bool:
    """Return whether guests go to Google: of a record that is somebody else's they are on that person's copy."""
    return rules.guests_write and (base.origin is GOOGLE or sights[CRM].owned)


def only_guests_moved(name: str, base: Base, crm: Sight) -> bool:
    """Return whether nothing but its guests is new of an exception in the CRM."""
    before, now = (base.face(CRM) or {}).get(name, ""), crm.face.get(name, "")
    return before != now and before.partition(":")[0] == now.partition(":")[0]


def there(side: SideName, base: Base, sights: dict[SideName, Sight]) -> Face:
    """Return the face of what a side has now."""
    return sights[side].face if sights[side].event else base.face(side) or {}
