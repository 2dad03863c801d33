"""A canary: activities that are written, read back, changed, and cancelled again, to learn what reading cannot tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from calsync.crm.opencrm.activity import Activity, parse
from calsync.crm.opencrm.answers import Rejected, edited_id, id_of, rows_of
from calsync.crm.opencrm.client import Counted
from calsync.crm.opencrm.mapping import Shape
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.people import User
from calsync.model.errors import Later, Unmappable
from calsync.model.event import Event

TITLE = "calsync test, please ignore"

#: Longer than any calendar needs, shorter than any field that is not cut.
LONG = 255

_MARK = "canary"


@dataclass(slots=True)
class Findings:
    """What was learned: `good` and `bad` are sentences, `left` are ids of activities that could not be cancelled.

    `made` are ids of what was written; the interface has no deletion, so that they stay as cancelled ones.
    """

    good: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    title_limit: int = 0
    location_limit: int = 0


class Canary:
    """Writes to one user's calendar, and cleans up whatever happens."""

    def __init__(self, caller: Counted, options: OpenCrmOptions, user: User, now: datetime) -> None:
        self._caller, self._options, self._user, self._now = caller, options, user, now
        self._shape = Shape(options)
        self._found = Findings()

    def fly(self) -> Findings:
        """Write, look, and cancel. Raises Later when the CRM does not answer; what was made is cancelled all the same."""
        try:
            self._times()
            self._texts()
            self._unknown_id()
        finally:
            for key in self._found.made:
                self._cancel(key)
        return self._found

    def _times(self) -> None:
        """Write noon in winter and in summer: a tenant that takes times for another zone's moves one of them."""
        for name, day in (
            ("winter", date(self._now.year + 1, 1, 15)),
            ("summer", date(self._now.year + 1, 7, 15)),
        ):
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=self._now.tzinfo)
            event = Event(TITLE, noon, noon + timedelta(minutes=90))
            stored = self._made(event)
            if stored is None:
                continue
            self._note(
                stored.owner == self._user.id, f"the owner is taken under {self._options.fields.owner}"
            )
            self._note(self._shows(stored, event), f"times come back as they were sent, in {name}")
        whole = Event(TITLE, day, day + timedelta(days=2))
        stored = self._made(whole)
        self._note(stored is not None and self._shows(stored, whole), "whole days come back as whole days")

    def _texts(self) -> None:
        day = date(self._now.year + 1, 1, 16)
        title, text = f"{TITLE} {'x' * LONG}", "a & b < c\nd"
        event = Event(title, day, day + timedelta(days=1), description=text, location="y" * LONG)
        stored = self._made(event)
        if stored is None:
            return
        self._found.title_limit = len(stored.title) if len(stored.title) < len(event.title) else 0
        if self._options.fields.location and len(stored.location) < LONG:
            self._found.location_limit = len(stored.location)
        self._note(
            stored.description == event.description,
            "descriptions come back as they were sent (else: entities)",
        )
        if self._options.fields.description:
            self._send(stored.key, {self._options.fields.description: ""})
            again = self._look(stored.key)
            self._note(
                again is not None and not again.description, "a blank field blanks, and leaves others alone"
            )
        if self._options.token_field:
            self._note(stored.marker == _MARK, f"{self._options.token_field} keeps what is written")
            self._note(
                self._is_found(stored.key), f"{self._options.token_field} can be searched by its beginning"
            )

    def _is_found(self, key: str) -> bool:
        query = {"query_string": f"{self._options.token_field}|BEGINS|{_MARK}"}
        rows = rows_of("get_activity_list_full", self._caller.read("get_activity_list_full", query))
        return any(id_of(row) == key for row in rows)

    def _unknown_id(self) -> None:
        try:
            answer = self._caller.read("get_activity", {"crmid": "999999999"})
        except Rejected:
            self._found.good.append("an unknown id is answered with an error")
            return
        rows = rows_of("get_activity", answer)
        self._note(
            not rows or id_of(rows[0]) != "999999999",
            "an unknown id is not answered with a record of that id",
        )

    # -- the wire --------------------------------------------------------------------------------------

    def _made(self, event: Event) -> Activity | None:
        try:
            form = self._shape.form_of(event)
        except Unmappable as error:
            self._found.bad.append(str(error))
            return None
        names = self._options.fields
        plain = {name: value for name, value in form.items() if value and name not in ("note", "permission")}
        sent = {getattr(names, name): value for name, value in plain.items()}
        private = self._private()
        sent |= {names.owner: self._user.id} | (
            {names.permission: private} if names.permission and private else {}
        )
        if self._options.token_field:
            sent[self._options.token_field] = f"{_MARK}{form['note']}"
        key = edited_id(self._send("0", sent))
        if not key:
            raise Later(
                "CRM edit_activity: an answer without the id of what was made; look for it in OpenCRM"
            )
        self._found.made.append(key)
        stored = self._look(key)
        if stored is None:
            self._found.bad.append(f"activity {key} was made and cannot be read")
        return stored

    def _private(self) -> str:
        values = self._options.permissions.values
        return next((value for value, security in values.items() if security.value == "private"), "")

    def _shows(self, stored: Activity, event: Event) -> bool:
        try:
            shown = self._shape.event_of(stored)
        except Unmappable:
            return False
        return (shown.start, shown.end) == (event.start, event.end)

    def _cancel(self, key: str) -> None:
        options = self._options
        if options.fields.status and options.cancelled_status:
            self._send(key, {options.fields.status: options.cancelled_status})
            stored = self._look(key)
            if stored is None or stored.status.lower() in options.cancelled:
                self._found.good.append(f"activity {key} took the status {options.cancelled_status}")
                return
            self._found.bad.append(f"activity {key} did not take the status {options.cancelled_status}")
        self._found.left.append(key)

    def _send(self, key: str, form: dict[str, str]) -> Any:
        return self._caller.write("edit_activity", {"crmid": key, **form})

    def _look(self, key: str) -> Activity | None:
        try:
            rows = rows_of("get_activity", self._caller.read("get_activity", {"crmid": key}))
        except Rejected:
            return None
        return next((parse(row, self._options) for row in rows if id_of(row) == key), None)

    def _note(self, holds: bool, sentence: str) -> None:
        (self._found.good if holds else self._found.bad).append(sentence)
