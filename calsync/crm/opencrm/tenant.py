"""What all calendars of one tenant share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Engine

from calsync.crm.opencrm.access import Judge
from calsync.crm.opencrm.activity import Activity
from calsync.crm.opencrm.client import Client
from calsync.crm.opencrm.gate import Gate
from calsync.crm.opencrm.listing import Paging
from calsync.crm.opencrm.mapping import Shape
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.crm.opencrm.people import People, User
from calsync.crm.opencrm.recent import Recent
from calsync.model.errors import Unmappable
from calsync.model.permission import Access, Level
from calsync.model.policy import Policy
from calsync.model.push import Nature
from calsync.model.side import Item

#: The tenant writes whole seconds: an edit may have been made at the end of its second.
_WITHIN = timedelta(microseconds=999_999)

_IGNORED = Access(Level.NONE, "type of activity is not synced")


@dataclass(slots=True)
class Tenant:
    """The parts of the adapter. `secret` keys digests; `clock` returns aware datetimes.

    `unsure`: creations whose answer did not come, by marker: the id where it is known, and what was sent. `shown`:
    fields that activities have shown while this process ran.
    """

    options: OpenCrmOptions
    client: Client
    people: People
    judge: Judge
    shape: Shape
    gate: Gate
    recent: Recent
    engine: Engine
    policy: Policy
    secret: bytes
    clock: Callable[[], datetime]
    unsure: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    @property
    def paging(self) -> Paging:
        """How lists are read."""
        options = self.options
        return Paging(options.limit_end, options.page_size, options.count_check)

    def is_gone(self, activity: Activity) -> bool:
        """Return whether an activity does not take place: cancelled, or deleted and still shown."""
        return activity.deleted or activity.status.lower() in self.options.cancelled

    def item_of(self, user: User | None, activity: Activity) -> Item:
        """Return an activity as this user may know it. Raises Later when nobody can tell who its owner is."""
        access = self._access(user, activity)
        item = Item(
            activity.key,
            self._version(activity, access),
            modified=activity.modified + _WITHIN if activity.modified is not None else None,
            marker=activity.marker,
            untouched=activity.modified is not None and activity.modified == activity.created,
            access=access,
        )
        if self.is_gone(activity):
            return replace(item, gone=True)
        if access.level is Level.NONE or not access.relations:
            # Not on this person's calendar, whatever they may read elsewhere: nothing of it goes further.
            return item
        try:
            return replace(item, event=self.shape.event_of(activity), nature=self._nature(activity))
        except Unmappable as error:
            return replace(item, problem=str(error))

    def _nature(self, activity: Activity) -> Nature:
        names = self.options.fields
        return Nature(
            activity.kind if names.activity_type else None,
            activity.status if names.status else None,
            activity.category if names.category else None,
        )

    def _access(self, user: User | None, activity: Activity) -> Access:
        if activity.kind and activity.kind in self.options.ignored_types:
            return _IGNORED
        return self.judge.access(user, activity)

    def _version(self, activity: Activity, access: Access) -> str:
        """Return a digest of all that is compared (rule R10: the CRM has no versions); keyed, as texts are guessable."""
        said = replace(activity, modified=None, created=None)
        text = f"{said!r} {access.level} {sorted(access.relations)}"
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self.secret, digest_size=15).hexdigest()
