"""A person's Google calendar as a `CalendarSide` (Calendar API v3, resource events)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from calsync.google import mapping
from calsync.google.answers import QUOTA_PAUSE_SECONDS
from calsync.google.mails import FIELDS as MAIL_FIELDS
from calsync.google.mails import Mailing
from calsync.google.marks import Marks
from calsync.google.occurrences import as_series, is_special
from calsync.google.transport import Transport
from calsync.google.zones import Body, TakenZones
from calsync.model.errors import KeyTaken, Later, Limited, Refused, Spent, Stale
from calsync.model.event import ANSWER, FIELDS, Event, exception_key
from calsync.model.permission import Level
from calsync.model.policy import GuestMail
from calsync.model.side import (
    Create,
    Delete,
    Item,
    Outcome,
    Page,
    Revive,
    SideName,
    Update,
    Write,
    one_at_a_time,
)

PAGE_SIZE = 2500

_RESHAPES = frozenset({"start", "end", "recurrence"})


@dataclass(frozen=True, slots=True)
class CopyRules:
    """How copies are made: `identity` names account and calendar in chosen ids and markers' MACs; `address` is the
    person's, in lower case.
    """

    secret: bytes
    identity: str
    address: str = ""
    guests_write: bool = False
    guest_mail: GuestMail = GuestMail.NONE


class GoogleSide:
    """One calendar of one person, reached through one transport."""

    name = SideName.GOOGLE
    tells_before = False
    batch = 100

    def __init__(self, transport: Transport, calendar: str, rules: CopyRules) -> None:
        """`calendar`: "primary" or a calendar id."""
        self._transport = transport
        self._events = transport.events
        self._calendar = calendar
        self._rules = rules
        self._marks = Marks(rules.secret, rules.identity)
        self.mails = 0
        self._mailing = Mailing(
            rules.address, rules.guest_mail, rules.guests_write, self._guests, self._occurrence
        )
        self._zones = TakenZones()
        self._may_invite = True

    @property
    def calls(self) -> int:
        """Requests made so far, attempts included; OAuth's are not counted."""
        return self._transport.calls

    def access_version(self) -> str:
        """A person's own calendar has no permissions that could move."""
        return ""

    def marker(self, key: str) -> str:
        """Name a Google event of this account towards the CRM, without telling the calendar's address."""
        return self._marks.marker(key)

    def chosen_key(self, marker: str, generation: int) -> str:
        """Return the id of the copy of `marker`: base32hex, the same after the loss of our database."""
        return self._marks.chosen_key(marker, generation)

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """events.list: everything, or what changed since the sync token; the token comes with the last page."""
        request = self._transport.listing(
            cursor,
            calendarId=self._calendar,
            maxResults=PAGE_SIZE,
            showDeleted=True,
            singleEvents=False,
            fields=mapping.LIST_FIELDS,
        )
        while request is not None:
            answer = self._transport.execute("events.list", request)
            if not isinstance(answer, dict):
                raise Later("Google events.list: an answer without items")
            token = answer.get("nextSyncToken")
            request = self._events.list_next(request, answer)
            if request is None and not token:
                raise Later("Google events.list: the last page has no sync token")
            items = [self._item(row, whole=cursor is None) for row in answer.pop("items", ())]
            yield Page(items, token, complete=cursor is None)

    def read(self, key: str) -> Item | None:
        """events.get; for a series also its exceptions, by events.list with its iCalUID."""
        try:
            resource = self._get(key)
        except Stale:
            return None
        # Within a second nobody can tell our insert from an edit that followed it.
        item = replace(self._item(resource, whole=True), untouched=False)
        if item.gone or item.event is None or not item.event.recurrence:
            return item
        return replace(
            item, event=item.event.with_exceptions(self._exceptions(key, item.ical_uid)), partial=False
        )

    def find(self, marker: str) -> Item | None:
        """Return the living copy of an original, by the ids it can have."""
        request = self._events.list(
            calendarId=self._calendar,
            privateExtendedProperty=f"{mapping.MARKER}={marker}",
            maxResults=250,
            fields=mapping.LIST_FIELDS,
        )
        answer = self._transport.execute("events.find", request)
        items = (self._item(row, whole=False) for row in answer.get("items", ()))
        return next((item for item in items if item.marker == marker and not item.gone), None)

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """One request a write, in order (more for changed occurrences of a series)."""
        return one_at_a_time(self._write, batch)

    def whom(self, write: Write) -> Sequence[str]:
        """Return whom Google mails if `write` is carried out now; see `mails.Mailing.whom`."""
        return self._mailing.whom(write)

    def _write(self, write: Write) -> Item | None:
        # Before it, since a deleted event has no guests any more.
        letters = self.whom(write)
        item = self._carry_out(write)
        self.mails += len(letters)
        return item

    def as_written(self, event: Event) -> Event:
        """Return an event as this calendar will show it; see `model.side.Rewrites`."""
        return mapping.as_shown(event, self._rules.guests_write)

    def _carry_out(self, write: Write) -> Item | None:
        if isinstance(write, Update | Delete) and (kind := mapping.read_only_type(write.version)):
            raise Refused(f"Google events of type {kind} are read-only: the change stays in the CRM")
        if isinstance(write, Delete):
            self._delete(write)
            return None
        _check_decision(write)
        if isinstance(write, Revive):
            return self._revive(write)
        return self._create(write) if isinstance(write, Create) else self._update(write)

    def _create(self, write: Create) -> Item:
        body = mapping.body_of(write.event, frozenset(FIELDS), self._rules.guests_write)
        mac = self._marks.mac(write.marker)
        private = {mapping.MARKER: write.marker, mapping.MARKER_MAC: mac}
        body |= {"id": write.key, "extendedProperties": {"private": private}}
        if write.event.redacted:
            body |= {"summary": write.event.title, "visibility": "private"}
        try:
            stored = self._zones.send(body, bool(write.event.recurrence), self._insert)
            item = self._item(stored, whole=True)
        except KeyTaken:
            item = replace(self._item(self._landed(write), whole=True), untouched=False)
        made: dict[str, Event | None] = {}
        try:
            for key in sorted(write.event.exceptions):
                series = [item.event] if item.event is not None else []
                made.update(self._write_exception(item.key, key, write.event, series))
        except Stale:
            # It is there, and somebody is at it already: what is missing is not agreed.
            item = replace(item, gone=self._is_gone(item.key))
        return replace(item, exceptions=made) if write.event.exceptions else item

    def _insert(self, body: Body) -> Any:
        whole = mapping.without_nulls(body)
        request = self._events.insert(
            calendarId=self._calendar,
            body=whole,
            sendUpdates=self._rules.guest_mail,
            fields=mapping.ITEM_FIELDS,
        )
        return self._send("events.insert", request, whole)

    def _landed(self, write: Create) -> Any:
        """Return our own copy when an earlier attempt made it; KeyTaken when the id belongs to a deleted one."""
        try:
            resource = self._get(write.key)
        except Stale:
            raise KeyTaken("Google events.insert: id taken, but not there", certain=False) from None
        if resource.get("status") == "cancelled":
            raise KeyTaken("Google events.insert: id of a deleted event")
        return resource

    def _update(self, write: Update) -> Item:
        fields = frozenset(name for name in write.patch.fields if exception_key(name) is None)
        names = write.patch.fields - fields
        seen = self._as_expected(write) if names else None
        body = self._body(write, fields)
        item = Item(write.key, write.version, partial=True)
        if body:
            item = self._patched(write.key, body, write.version, bool(write.patch.event.recurrence))
        known = [] if seen is None else [one for one in (seen, item.event) if one is not None]
        if names:
            item = replace(item, exceptions=self._write_exceptions(item.key, names, write.patch.event, known))
        if fields & _RESHAPES and item.event is not None and item.event.recurrence:
            # Google drops exceptions that no longer fall on the rule, and does not say so in the answer.
            return self.read(write.key) or item
        return item

    def _body(self, write: Update, fields: frozenset[str]) -> dict[str, Any]:
        event = write.patch.event
        body = mapping.body_of(event, fields, self._rules.guests_write)
        if ANSWER in fields:
            return body | mapping.answer_body(event, self._rules.address)
        if "attendees" not in body:
            return body
        # A list replaces the other whole, and Google knows more of its guests than the CRM does.
        request = self._events.get(calendarId=self._calendar, eventId=write.key, fields="attendees")
        return mapping.with_known(body, self._send("events.get", request, body).get("attendees", []))

    def _patched(self, key: str, body: Body, version: str, repeats: bool = False) -> Item:
        def patch(changes: Body) -> Any:
            request = self._events.patch(
                calendarId=self._calendar,
                eventId=key,
                body=changes,
                sendUpdates=self._rules.guest_mail,
                fields=mapping.ITEM_FIELDS,
            )
            if version:
                request.headers["If-Match"] = version
            return self._send("events.patch", request, changes)

        resource = self._zones.send(body, repeats, patch)
        if resource.get("status") == "cancelled":
            raise Stale("Google events.patch: the event is deleted")
        item = self._item(resource, whole=False)
        return replace(item, partial=item.event is not None and bool(item.event.recurrence))

    def _send(self, operation: str, request: Any, body: Body) -> Any:
        """Execute a write; a quota that ends with an invitation holds up invitations only (google.md Q-06)."""
        invites = "attendees" in body and not body.get("attendeesOmitted")
        if invites and not self._may_invite:
            raise Limited(f"Google {operation}: invitations are limited", QUOTA_PAUSE_SECONDS)
        try:
            return self._transport.execute(operation, request)
        except Spent as error:
            if not invites:
                raise
            self._may_invite = False
            raise Limited(error.reason, QUOTA_PAUSE_SECONDS) from None

    def _as_expected(self, write: Update) -> Event | None:
        """Look at a series once more and return it, if there is more to look at than its etag says; Stale."""
        if write.is_expected is None:
            return None
        item = self.read(write.key)
        if item is None or item.gone:
            return None
        if not write.is_expected(item):
            raise Stale("Google events.patch: the series has changed")
        return item.content

    def _write_exceptions(
        self, series: str, names: frozenset[str], source: Event, known: Sequence[Event]
    ) -> dict[str, Event | None]:
        """Write exceptions one by one and return what is stored of them."""
        stored: dict[str, Event | None] = {}
        for name in sorted(names):
            stored.update(self._write_exception(series, exception_key(name) or "", source, known))
        return stored

    def _write_exception(
        self, series: str, key: str, source: Event, known: Sequence[Event] = ()
    ) -> dict[str, Event | None]:
        """`known`: the series as it was seen, or made, just now: an occurrence is different since by a person only."""
        moved = source.exceptions[key] if key in source.exceptions else as_series(source, key)
        occurrence = self._occurrence(series, key)
        if occurrence is not None and known and is_special(occurrence, key, known, moved):
            raise Stale("Google events.get: somebody has changed the occurrence")
        if occurrence is None:
            self._must_be_there(series)
            if source.exceptions.get(key) is not None:
                raise Refused("the series has no occurrence there")
            # A new rule has no such date: what should not be there, or be nothing special, is not there.
            return {}
        if moved is None:
            if occurrence.get("status") != "cancelled":
                self._delete(Delete(occurrence["id"], occurrence.get("etag", "")))
                # An occurrence is gone as well when its series is.
                self._must_be_there(series)
            return {key: None}
        body = mapping.body_of(moved, frozenset(FIELDS) - {"recurrence"}, self._rules.guests_write)
        body["status"] = "confirmed"
        # One that is as its series again is listed as an exception all the same, so it is kept as this side's face.
        return dict(self._patched(occurrence["id"], body, occurrence.get("etag", "")).exceptions)

    def _occurrence(self, series: str, key: str) -> Any:
        """Return an occurrence's resource as it is now; None when the series has none there."""
        try:
            return self._get(f"{series.split('_R')[0]}_{key}")
        except Stale:
            pass
        start = f"{key[:4]}-{key[4:6]}-{key[6:8]}"
        if len(key) > len("YYYYMMDD"):
            start += f"T{key[9:11]}:{key[11:13]}:{key[13:15]}Z"
        request = self._events.instances(
            calendarId=self._calendar, eventId=series, originalStart=start, showDeleted=True
        )
        found = self._transport.execute("events.instances", request).get("items", ())
        return found[0] if found else None

    def _must_be_there(self, series: str) -> None:
        """Raise Stale when a series was deleted while we wrote to it."""
        if self._is_gone(series):
            raise Stale("Google events.get: the series is deleted")

    def _is_gone(self, key: str) -> bool:
        return bool(self._get(key).get("status") == "cancelled")

    def _delete(self, write: Delete) -> None:
        if not self._is_expected(write.key, write.is_expected):
            raise Stale("Google events.delete: the event has changed")
        mail = GuestMail.NONE if write.quiet else self._rules.guest_mail
        request = self._events.delete(calendarId=self._calendar, eventId=write.key, sendUpdates=mail)
        if write.version:
            request.headers["If-Match"] = write.version
        try:
            answer = self._transport.execute("events.delete", request)
        except Stale as stale:
            # 404, 410 and 412 alike: only a look tells whether it is gone; a 404 there too proves nothing.
            left = self.read(write.key)
            if left is None or not left.gone:
                raise stale from None
            return
        if answer:
            # The library does not parse what a deletion answers, and Google's answer is empty: this is a gateway's page.
            raise Later("Google events.delete: an answer that is not Google's")

    def _is_expected(self, key: str, is_expected: Callable[[Item], bool] | None) -> bool:
        """Look at a series once more: its etag says nothing of its exceptions."""
        if is_expected is None:
            return True
        item = self.read(key)
        return item is None or item.gone or is_expected(item)

    def _revive(self, write: Revive) -> Item:
        """events.patch of the status alone: Google still holds the rest (google.md W-09)."""
        request = self._events.patch(
            calendarId=self._calendar,
            eventId=write.key,
            body={"status": "confirmed"},
            sendUpdates=self._rules.guest_mail,
            fields=mapping.ITEM_FIELDS,
        )
        item = self._item(self._transport.execute("events.patch", request), whole=True)
        if item.gone:
            raise Refused("Google events.patch: the event stays deleted")
        if write.event is None:
            return item
        # A series comes back without its exceptions.
        stored: dict[str, Event | None] = {}
        try:
            for key in sorted(write.event.exceptions):
                stored.update(self._write_exception(item.key, key, write.event))
        except Stale:
            # It is made, and somebody is at it already: what is missing is not agreed, and the next look tells the rest.
            pass
        return replace(item, exceptions=stored) if write.event.exceptions else item

    def _get(self, key: str) -> Any:
        request = self._events.get(calendarId=self._calendar, eventId=key, fields=mapping.ITEM_FIELDS)
        return self._transport.execute("events.get", request)

    def _guests(self, key: str) -> Any:
        request = self._events.get(calendarId=self._calendar, eventId=key, fields=MAIL_FIELDS)
        return self._transport.execute("events.get", request)

    def _exceptions(self, key: str, ical_uid: str) -> dict[str, Event | None]:
        found: dict[str, Event | None] = {}
        request = self._events.list(
            calendarId=self._calendar,
            iCalUID=ical_uid,
            showDeleted=True,
            singleEvents=False,
            maxResults=PAGE_SIZE,
            fields=mapping.LIST_FIELDS,
        )
        while request is not None:
            answer = self._transport.execute("events.list", request)
            for row in answer.get("items", ()):
                if row.get("recurringEventId") == key:
                    found.update(mapping.to_item(row, whole=False).exceptions)
            request = self._events.list_next(request, answer)
        return found

    def _item(self, resource: Any, whole: bool) -> Item:
        name = mapping.meeting_name(resource)
        item = mapping.to_item(resource, whole)
        if name and item.event is not None:
            at = f"{name}\0{item.event.start.isoformat()}"
            item = replace(item, meeting=self._marks.meeting(name), meets_at=self._marks.meeting(at))
        ahead = self._transport.ahead
        if ahead and item.modified is not None:
            item = replace(item, modified=item.modified - ahead)
        return replace(item, marker=self._marks.verified(item)) if item.marker else item


def _check_decision(write: Create | Update | Revive) -> None:
    """Refuse what comes without a decision that its reader may know it, or says more than that allows."""
    if write.access is None or write.access.level < Level.BUSY:
        raise Refused("no permission decision came with the write")
    event = write.patch.event if isinstance(write, Update) else write.event
    if write.access.level < Level.READ and event is not None and event.says_more_than_times:
        raise Refused("the permission decision that came with the write allows times only")
