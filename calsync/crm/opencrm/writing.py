"""Writing activities: read, compare, write the difference, read back (rule R10); nothing is ever sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from html import unescape
from typing import Any, NoReturn

import structlog

from calsync.crm.opencrm.activity import NOTE, Activity, parse
from calsync.crm.opencrm.answers import edited_id
from calsync.crm.opencrm.client import Counted
from calsync.crm.opencrm.listing import ACTIVITIES, complete, condition
from calsync.crm.opencrm.mapping import CARRIERS, Shape
from calsync.crm.opencrm.options import NEVER_SENT
from calsync.crm.opencrm.tenant import Tenant
from calsync.crm.opencrm.watch import Watch
from calsync.model.errors import Later, Refused, Stale, Unmappable
from calsync.model.event import FIELDS, Event, Visibility
from calsync.model.permission import Level
from calsync.model.side import Create, Delete, Item, Revive, Update

log = structlog.get_logger()

_EDIT = "edit_activity"

#: What people change in words.
_TEXTS = frozenset({"title", "description", "location"})

#: When an activity comes back with another time than it was sent with, the tenant is not understood.
_GRAVE = {"start", "end"}

_BY_HAND = 'CRM: deletions are not carried out (crm.opencrm.delete = "refuse"); delete or keep the activity in OpenCRM'


class Writer:
    """Carries out one write at a time in a person's name; one object a round."""

    def __init__(self, tenant: Tenant, watch: Watch, caller: Counted) -> None:
        self._tenant, self._watch, self._caller = tenant, watch, caller

    def carry_out(self, write: Create | Update | Delete | Revive) -> Item | None:
        """Do it and return the item as stored. Raises Refused, Stale, Limited, Later or CalendarLost."""
        self._tenant.gate.pass_through(self._caller)
        try:
            if isinstance(write, Create):
                return self._create(write)
            if isinstance(write, Update):
                return self._update(write)
            return self._delete(write) if isinstance(write, Delete) else self._revive(write)
        except Unmappable as error:
            raise Refused(f"CRM: {error}") from None

    # -- create ----------------------------------------------------------------------------------------

    def _create(self, write: Create) -> Item:
        tenant, user = self._tenant, self._watch.user
        access = tenant.judge.own(user)
        if access.level < Level.EDIT:
            raise Refused(f"CRM: no permission to create ({access.because})")
        there = self.find(write.marker) if tenant.options.token_field else None
        if there is not None and not there.gone:
            return there
        sent = {name: value for name, value in self._form(write).items() if value}
        sent |= {tenant.options.fields.owner: user.id} | self._defaults()
        stored = self._made(write.marker, sent)
        if stored.owner != user.id:
            self._take_back(stored)
        self._compare(stored, write.event, frozenset(FIELDS))
        item = self._finish(stored)
        del tenant.unsure[write.marker]
        return replace(item, marker=write.marker, untouched=not self._edited(stored, write.event))

    def _edited(self, stored: Activity, sent: Event) -> frozenset[str]:
        """Return the texts that somebody has changed before they were read back.

        A tenant may cut a text, or write its characters as entities; what says something else is a person's.
        """
        wanted = self._tenant.shape.as_written(sent)
        texts = {name: (getattr(stored, name), getattr(wanted, name)) for name in _TEXTS & self._kept()}
        return frozenset(
            name
            for name, (text, made) in texts.items()
            if not (made.startswith(text) or unescape(text) == made)
        )

    def _kept(self) -> frozenset[str]:
        return frozenset(name for name, theirs in self._tenant.options.fields if theirs)

    def _form(self, write: Create) -> dict[str, str]:
        form = self._tenant.shape.form_of(write.event)
        if not (write.event.redacted or write.event.visibility is Visibility.PRIVATE):
            # What others may see of an ordinary activity is the tenant's own default.
            form.pop("permission", None)
        return self._named(form, write.marker)

    def _made(self, marker: str, sent: dict[str, str]) -> Activity:
        """Send a new activity and return it as stored; until that is certain, `unsure` holds it."""
        unsure = self._tenant.unsure
        unsure[marker] = ("", sent)
        try:
            key = edited_id(self._send("0", sent))
        except Refused:
            del unsure[marker]
            raise
        if not key:
            raise Later("CRM edit_activity: an answer without the id of what was made")
        unsure[marker] = (key, sent)
        return self._read_back(key)

    def _take_back(self, stored: Activity) -> NoReturn:
        """Cancel what was made in somebody else's name, since they would get a private calendar."""
        options = self._tenant.options
        self._tenant.gate.distrust(f"crm.opencrm.fields.owner: the CRM does not take {options.fields.owner}")
        if options.fields.status and options.cancelled_status:
            blank = {options.fields.title: "", options.fields.description: ""}
            cancel = {options.fields.status: options.cancelled_status}
            self._send(stored.key, {name: value for name, value in (blank | cancel).items() if name})
        raise Refused(
            f"CRM: activity {stored.key} was made without its owner, and was cancelled again; delete it in OpenCRM"
        )

    def _defaults(self) -> dict[str, str]:
        options = self._tenant.options
        wanted = {options.fields.status: options.new_status, options.fields.activity_type: options.new_type}
        return {name: value for name, value in wanted.items() if name and value}

    def find(self, marker: str) -> Item | None:
        """Return the copy of an original: a living one, else one that was cancelled; None when there is none.

        Without a token field it is what this process was about to make when no answer came; after the death of the
        process, the engine pairs what it finds by title and time.
        """
        if not self._tenant.options.token_field:
            return self._find_unsure(marker)
        found = [each for each in self._search(marker) if each.marker == marker]
        items = [self._watch.shown(each) for each in found]
        living = [
            item for item in items if not item.gone and item.access is not None and item.access.relations
        ]
        chosen = next(iter(living or items), None)
        return replace(chosen, untouched=False) if chosen is not None else None

    def _search(self, marker: str) -> list[Activity]:
        tenant = self._tenant
        name = tenant.options.token_field
        # Something may stand behind the marker.
        begins = condition(name, "BEGINS", marker)
        rows = complete(
            self._caller,
            ACTIVITIES,
            (begins,),
            tenant.paging,
            lambda row: str(row.get(name) or "").partition(NOTE)[0] == marker,
        )
        return [parse(row, tenant.options) for row in rows.values()]

    def _find_unsure(self, marker: str) -> Item | None:
        key, sent = self._tenant.unsure.get(marker, ("", {}))
        if not sent:
            return None
        if key:
            activity = self._watch.look(key)
            return self._watch.shown(activity) if activity is not None else None
        names = self._tenant.options.fields
        alike = [
            activity
            for activity in self._watch.in_window().values()
            if self._watch.memory.one(activity.key) is None
            and activity.title == sent.get(names.title, "")
            and activity.start_day is not None
            and sent.get(names.start_date, "").startswith(activity.start_day.isoformat())
        ]
        return self._watch.shown(alike[0]) if len(alike) == 1 else None

    # -- change ----------------------------------------------------------------------------------------

    def _update(self, write: Update) -> Item:
        activity, item = self._fresh(write.key, write.version)
        if item.access is None or item.access.level < Level.EDIT:
            raise Refused(f"CRM: no permission to edit ({item.access.because if item.access else 'unknown'})")
        before = self._tenant.shape.event_of(activity)
        after = _patched(before, write)
        changes = self._difference(activity, before, after, write.patch.fields)
        if not changes:
            return replace(item, before=before)
        self._send(write.key, changes)
        stored = self._read_back(write.key)
        self._compare(stored, after, write.patch.fields)
        edited = self._edited(stored, after) & write.patch.fields
        return replace(self._finish(stored), before=before, edited=edited)

    def _fresh(self, key: str, version: str) -> tuple[Activity, Item]:
        """Return an activity as it is right before it is written; Stale when that is not what was decided on."""
        activity = self._watch.look(key)
        item = self._watch.shown(activity) if activity is not None else None
        if activity is None or item is None or item.gone:
            raise Stale("CRM: the activity is not there any more")
        if version and version != item.version:
            raise Stale("CRM: the activity has changed")
        return activity, item

    def _difference(
        self, activity: Activity, before: Event, after: Event, fields: frozenset[str]
    ) -> dict[str, str]:
        """Return the fields to send: those that carry what changes, and only where they differ from what is there.

        A field that is sent without a value is blanked (1.4), so that none is sent unless it is to be.
        """
        shape = self._tenant.shape
        carriers = frozenset().union(*(CARRIERS.get(name, frozenset()) for name in fields))
        was, wanted = _form_or_nothing(shape, before), shape.form_of(after)
        form = {name: wanted[name] for name in carriers & wanted.keys() if wanted[name] != was.get(name, "")}
        form.pop("note", None)
        if "note" in carriers and wanted["note"] != str(activity.note):
            form["note"] = wanted["note"]
        if not form.get("permission", "x"):
            del form["permission"]
        return self._named(form, activity.marker)

    def _named(self, form: Mapping[str, str], marker: str) -> dict[str, str]:
        """Return a form under the tenant's names of fields."""
        options = self._tenant.options
        named = {getattr(options.fields, name): value for name, value in form.items() if name != "note"}
        if "note" in form and options.token_field:
            named[options.token_field] = f"{marker}{form['note']}"
        return named

    def _delete(self, write: Delete) -> Item | None:
        activity = self._watch.look(write.key)
        if activity is None or self._tenant.is_gone(activity):
            return None
        activity, item = self._fresh(write.key, write.version)
        if write.leaves:
            # An activity keeps no answers of guests.
            return item
        if item.access is None or item.access.level < Level.DELETE:
            raise Refused(
                f"CRM: no permission to delete ({item.access.because if item.access else 'unknown'})"
            )
        options = self._tenant.options
        if options.delete == "refuse":
            raise Refused(_BY_HAND)
        # The vendor's own advice: to mark as cancelled rather than to delete.
        self._send(write.key, {options.fields.status: options.cancelled_status})
        stored = self._read_back(write.key)
        if not self._tenant.is_gone(stored):
            raise Refused(
                "CRM: the activity did not take the status of crm.opencrm.cancelled_status; cancel it in OpenCRM"
            )
        return replace(self._finish(stored), before=item.event)

    def _revive(self, write: Revive) -> Item:
        options = self._tenant.options
        activity = self._watch.look(write.key)
        if activity is None or not self._tenant.is_gone(activity):
            raise Stale("CRM: there is no such cancelled activity")
        if not (options.new_status and options.fields.status):
            raise Refused("CRM: crm.opencrm.new_status does not say which status a living activity has")
        if activity.owner != self._watch.user.id:
            raise Refused("CRM: only the owner's own activity can be brought back")
        self._send(write.key, {options.fields.status: options.new_status})
        return self._finish(self._read_back(write.key))

    # -- the wire --------------------------------------------------------------------------------------

    def _send(self, key: str, changes: Mapping[str, str]) -> Any:
        reaching = NEVER_SENT & changes.keys()
        if reaching:
            raise Refused(f"CRM: {min(reaching)} reaches customers, and is never written")
        return self._caller.write(_EDIT, {"crmid": key, **changes})

    def _read_back(self, key: str) -> Activity:
        activity = self._watch.look(key)
        if activity is None:
            raise Later("CRM: what was written just now is not found")
        return activity

    def _compare(self, stored: Activity, sent: Event, fields: frozenset[str]) -> None:
        """Note what was stored otherwise than it was sent; when that is grave, nothing more is written."""
        shape = self._tenant.shape
        try:
            shown, wanted = shape.event_of(stored), shape.as_written(sent)
        except Unmappable:
            differing = {"start"}
        else:
            names = fields & CARRIERS.keys()
            differing = {name for name in names if getattr(shown, name) != getattr(wanted, name)}
        if differing:
            log.warning(
                "stored otherwise than sent", side="crm", reference=stored.key, state=sorted(differing)
            )
        if differing & _GRAVE:
            self._tenant.gate.distrust(
                f"{' and '.join(sorted(differing & _GRAVE))} came back otherwise than sent"
            )

    def _finish(self, stored: Activity) -> Item:
        item = self._watch.shown(stored)
        self._watch.note(stored, item)
        return item


def _form_or_nothing(shape: Shape, event: Event) -> dict[str, str]:
    try:
        return shape.form_of(event)
    except Unmappable:
        return {}


def _patched(event: Event, write: Update) -> Event:
    changes = {name: getattr(write.patch.event, name) for name in write.patch.fields if name in CARRIERS}
    moved = replace(event, **changes)
    if isinstance(moved.start, datetime) != isinstance(moved.end, datetime):
        raise Unmappable("the event would start with a date and end with a time, or the reverse")
    if moved.end < moved.start:
        raise Unmappable("the event would end before it starts")
    return moved
