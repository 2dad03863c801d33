"""Writes stay blocked until what they rest on holds: a tenant that is not understood is only read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from calsync.crm.opencrm.answers import Row, digits, rows_of
from calsync.crm.opencrm.listing import ACTIVITIES, Reader
from calsync.crm.opencrm.options import OpenCrmOptions
from calsync.model.errors import Limited

#: How long the look at a tenant is good for when all is well, and when it is not.
GOOD_FOR, BAD_FOR = timedelta(hours=24), timedelta(minutes=15)

SAMPLE = 20

_PROBE = "see `calsync crm probe`"


def sample(reader: Reader, rows: int = SAMPLE) -> Sequence[Row]:
    """Return some activities, whosever they are, with all their fields. Raises Later."""
    method = f"{ACTIVITIES}_full"
    return rows_of(method, reader.read(method, {"limit_start": "0", "limit_end": str(rows)}))


def missing(options: OpenCrmOptions, rows: Sequence[Row]) -> list[str]:
    """Return what stands against writing to a tenant that shows these activities, as sentences; none when all is well."""
    found = []
    if not options.vendor_sync_off:
        found.append(
            "crm.opencrm.vendor_sync_off is not true: two syncs of one calendar copy each other's copies; "
            "switch off OpenCRM's own Google and Microsoft sync for these users, then say so"
        )
    if not rows:
        return [*found, "the CRM shows no activity: make one by hand, so that its fields can be checked"]
    names = {name for row in rows for name in row}
    wanted = {f"fields.{ours}": name for ours, name in options.fields if name and ours != "owner_filter"}
    wanted["token_field"] = options.token_field
    found += [
        f"crm.opencrm.{key}: activities have no field {name}"
        for key, name in wanted.items()
        if name and name not in names
    ]
    if options.fields.owner in names and not any(digits(row.get(options.fields.owner)) for row in rows):
        found.append(f"crm.opencrm.fields.owner: {options.fields.owner} holds no ids of users")
    if options.delete == "cancel" and not (options.fields.status and options.cancelled_status):
        found.append('crm.opencrm.delete: "cancel" needs fields.status and cancelled_status')
    return found


class Gate:
    """Lets writes through, or says why not; safe for several threads."""

    def __init__(self, options: OpenCrmOptions, clock: Callable[[], datetime]) -> None:
        """`clock` returns aware datetimes."""
        self._options, self._clock = options, clock
        self._reasons: list[str] = []
        self._looked: datetime | None = None
        self._distrust = ""
        self._guard = threading.Lock()

    def pass_through(self, reader: Reader) -> None:
        """Return when writes are allowed. Raises Limited with the reason, or Later when the CRM cannot answer now."""
        reasons = [self._distrust] if self._distrust else self._current(reader)
        if reasons:
            raise Limited(f"CRM: nothing is written, {reasons[0]} ({_PROBE})", BAD_FOR.total_seconds())

    def distrust(self, reason: str) -> None:
        """Let no more writes through while this process runs: one was not stored as it was sent."""
        self._distrust = reason

    def _current(self, reader: Reader) -> list[str]:
        with self._guard:
            now = self._clock()
            good_for = BAD_FOR if self._reasons else GOOD_FOR
            if self._looked is None or now - self._looked >= good_for:
                self._reasons = missing(self._options, sample(reader))
                self._looked = now
            return self._reasons
