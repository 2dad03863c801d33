"""One person's calendar in OpenCRM, as a `CalendarSide`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from calsync.crm.opencrm.answers import digits
from calsync.crm.opencrm.client import Counted
from calsync.crm.opencrm.tenant import Tenant
from calsync.crm.opencrm.watch import Watch
from calsync.crm.opencrm.writing import Writer
from calsync.model.errors import CursorExpired
from calsync.model.event import Event
from calsync.model.side import Item, Outcome, Page, SideName, Write, one_at_a_time

#: Items a page: each is a transaction of the engine.
PAGE_SIZE = 200


class OpenCrmSide:
    """The activities of one user; every write is allowed or refused by that user's permissions.

    Series arrive here as single occurrences (`crm.occurrences`): the interface has no rules (5).
    """

    name = SideName.CRM
    tells_before = True
    #: Each takes some requests, one after the other.
    batch = 20
    mails = 0

    def __init__(self, tenant: Tenant, login: str) -> None:
        self._tenant = tenant
        self._caller = Counted(tenant.client)
        self._watch = Watch(tenant, login, self._caller)
        self._writer = Writer(tenant, self._watch, self._caller)

    @property
    def calls(self) -> int:
        """Requests made so far for this calendar."""
        return self._caller.calls

    def access_version(self) -> str:
        """Return a value that moves with the tenant's rules, and with what the CRM says of the user. Raises Later."""
        text = f"{self._tenant.options!r} {self._watch.user!r} {sorted(self._tenant.judge.mates(self._watch.user.login))}"
        return blake2b(text.encode(), key=self._tenant.secret, digest_size=8).hexdigest()

    def marker(self, key: str) -> str:
        """Name an activity: by its id."""
        return key

    def chosen_key(self, marker: str, generation: int) -> str:
        """The CRM chooses its ids."""
        return ""

    def as_written(self, event: Event) -> Event:
        """Return an event as it will be read back; see `model.side.Rewrites`."""
        return self._tenant.shape.as_written(event)

    def observe(self, cursor: str | None) -> Iterator[Page]:
        """Yield everything, or what differs from before. A cursor is a number of the memory, and when was last scanned.

        Raises CursorExpired for one that the memory does not know, Later when a list is not complete or not to be
        believed, CalendarLost when the user is gone.
        """
        scanned = self._tenant.clock()
        if cursor is None:
            items, latest = self._watch.all_items()
        else:
            since, before = _parse(cursor)
            if since > self._watch.memory.latest():
                raise CursorExpired("CRM: the scans that this cursor counts are not remembered")
            found = self._watch.modified(since, before) if self._tenant.recent.is_enough(before) else None
            if found is not None:
                scanned = before
            items, latest = found or self._watch.changes(since)
        place = f"{latest} {int(scanned.timestamp())}"
        for start in range(0, max(len(items), 1), PAGE_SIZE):
            last = start + PAGE_SIZE >= len(items)
            yield Page(items[start : start + PAGE_SIZE], place if last else None, complete=cursor is None)

    def read(self, key: str) -> Item | None:
        """Return an activity; one that is cancelled is gone. None for one that is not there.

        Raises Later when it is not found, and yet listed.
        """
        activity = self._watch.look(key)
        if activity is not None:
            return self._watch.shown(activity)
        if digits(key):
            self._watch.is_gone(key)
        return None

    def find(self, marker: str) -> Item | None:
        """Return the copy of an original; see `Writer.find`."""
        return self._writer.find(marker)

    def write(self, batch: Sequence[Write]) -> Iterator[Outcome]:
        """Each is read, compared, written and read back, in order."""
        return one_at_a_time(self._writer.carry_out, batch)


def _parse(cursor: str) -> tuple[int, datetime]:
    """Return the number and the time (UTC) of a cursor; CursorExpired for a text that is none."""
    number, _, scanned = cursor.partition(" ")
    if not digits(number) or not digits(scanned):
        raise CursorExpired("CRM: the cursor is none of ours")
    return int(number), datetime.fromtimestamp(int(scanned), UTC)
