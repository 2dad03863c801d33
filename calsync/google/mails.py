"""Whom Google mails about our writes, by the rules that are known of it (google.md W-21).

The organiser's write goes to everybody who is on the guest list before or after it, a guest's own write to the organiser
when it moves the guest's answer; a write of a series and of each of its occurrences is a mail of its own. This is
the most: Google may keep to itself what does not concern guests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from calsync.google import mapping
from calsync.model.errors import Refused, Stale, Unmappable
from calsync.model.event import ANSWER, Event, exception_key
from calsync.model.occurrences import is_occurrence
from calsync.model.policy import GuestMail
from calsync.model.recurrence import occurrence_start
from calsync.model.side import Create, Delete, Revive, Update, Write

#: What has to be known of an event to tell.
FIELDS = "status,organizer(email,self),attendees(email,responseStatus)"

#: The answers of guests, by address.
Guests = Mapping[str, str]

_NOBODY: Guests = {}

#: What may leave a series without an occurrence that it had, or give it new ones.
_RESHAPES = frozenset({"start", "recurrence"})


@dataclass(frozen=True, slots=True)
class Mailing:
    """Tells whom Google mails for one person, whose address in lower case is `address`.

    `guests`: whether guests are written. `get` returns the fields of FIELDS of an event, `occurrence` those of a
    series' occurrence by its key, None where there is none; both raise a SideError.
    """

    address: str
    policy: GuestMail
    guests: bool
    get: Callable[[str], mapping.Resource]
    occurrence: Callable[[str, str], mapping.Resource | None]

    def whom(self, write: Write) -> list[str]:
        """Return the addresses to be mailed if `write` is carried out now, once for each mail.

        With `externalOnly` these are guests without Google Calendar. Who they are nobody tells us: it is
        taken to be those whose addresses have another domain than the person's. Raises a SideError when Google must be
        asked for the guests and cannot answer; an event that is not there mails nobody.
        """
        if self.policy is GuestMail.NONE or (isinstance(write, Delete) and write.quiet):
            return []
        letters = self._all(write)
        if self.policy is GuestMail.EXTERNAL_ONLY:
            letters = [email for email in letters if _domain(email) != _domain(self.address)]
        return letters

    def _all(self, write: Write) -> list[str]:
        if isinstance(write, Create):
            return self._created(write.event)
        if isinstance(write, Update | Delete) and mapping.read_only_type(write.version):
            return []
        try:
            held = self.get(write.key)
        except Stale:
            return []
        if isinstance(write, Revive):
            return self._revived(write, held)
        if held.get("status") == "cancelled":
            return []
        if isinstance(write, Delete):
            return self._letters(held, _guests(held), _NOBODY)
        return self._updated(write, held)

    def _created(self, event: Event) -> list[str]:
        invited = self._written(event, _NOBODY)
        letters = self._letters({}, _NOBODY, invited)
        for moved in event.exceptions.values():
            letters += self._letters({}, invited, self._written(moved, invited) if moved else _NOBODY)
        return letters

    def _updated(self, write: Update, held: mapping.Resource) -> list[str]:
        event, fields = write.patch.event, write.patch.fields
        before = after = _guests(held)
        if ANSWER in fields:
            after = {**before, **_guests(mapping.answer_body(event, self.address))}
        elif "attendees" in fields:
            after = self._written(event, before)
        whole = frozenset(name for name in fields if exception_key(name) is None)
        asks = ANSWER in fields or bool(mapping.body_of(event, whole, self.guests))
        letters = self._letters(held, before, after) if asks else []
        for name in sorted(fields - whole):
            letters += self._moved(write, exception_key(name) or "", held, after)
        return letters

    def _moved(self, write: Update, key: str, held: mapping.Resource, shared: Guests) -> list[str]:
        """Return who is told of a write of one occurrence; `shared`: the guests that the series has by then."""
        event = write.patch.event
        try:
            occurrence = self.occurrence(write.key, key)
        except (Stale, Refused):
            return []
        if not (_takes_place(event, key) if write.patch.fields & _RESHAPES else occurrence):
            # Google has let go of it with the series' write.
            return []
        before = shared
        if occurrence and occurrence.get("status") == "cancelled":
            before = _NOBODY
        elif occurrence and _guests(occurrence) != _guests(held):
            before = _guests(occurrence)
        moved = event.exceptions.get(key, event)
        return self._letters(held, before, self._written(moved, before) if moved else _NOBODY)

    def _revived(self, write: Revive, held: mapping.Resource) -> list[str]:
        guests = _guests(held)
        letters = self._letters(held, _NOBODY, guests)
        for moved in write.event.exceptions.values() if write.event else ():
            letters += self._letters(held, guests, self._written(moved, guests) if moved else _NOBODY)
        return letters

    def _written(self, event: Event, before: Guests) -> Guests:
        """Return the guests after a write of `event`: those before it when it brings none."""
        body = mapping.body_of(event, frozenset({"attendees"}), self.guests)
        return _guests(body) if body else before

    def _letters(self, held: mapping.Resource, before: Guests, after: Guests) -> list[str]:
        organizer = held.get("organizer") or {"self": True}
        if organizer.get("self"):
            return sorted({*before, *after} - {self.address})
        answered = before.get(self.address) != after.get(self.address)
        return [organizer["email"].lower()] if answered and organizer.get("email") else []


def _takes_place(series: Event, key: str) -> bool:
    try:
        return is_occurrence(series.start, series.recurrence, series.zone, occurrence_start(key))
    except Unmappable:
        return True


def _guests(resource: mapping.Resource) -> Guests:
    people: Iterable[Mapping[str, Any]] = resource.get("attendees", ())
    return {
        person["email"].lower(): person.get("responseStatus", "") for person in people if "email" in person
    }


def _domain(email: str) -> str:
    return email.rpartition("@")[2].lower()
