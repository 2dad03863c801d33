"""Zone names that Google does not take (google.md W-16): the write is sent again with another name, or with none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from calsync.google.answers import ZoneRefused
from calsync.model.errors import Refused
from calsync.model.zones import iana_name, other_names

log = structlog.get_logger()

Body = Mapping[str, Any]

_UNKNOWN = (
    "Google does not know the time zone in which the series repeats; give it one in the CRM that Google knows"
)


class TakenZones:
    """Sends bodies under zone names that Google takes, and remembers them: one object for a round."""

    def __init__(self) -> None:
        #: By the name that was refused; "" is none.
        self._instead: dict[str, str] = {}

    def send(self, body: Body, repeats: bool, send: Callable[[Body], Any]) -> Any:
        """Send a body and return the answer; a zone that is refused is named otherwise once, then left out.

        Its times are instants, so that a single event loses nothing but the name. A series (`repeats`) would take place
        at other times: without a name that Google takes it is Refused. Zones that are left out are None.
        """
        name = _zone_of(body)
        if not name:
            return send(body)
        for zone in self._names(name):
            if not zone and repeats:
                break
            try:
                answer = send(body if zone == name else _in_zone(body, zone))
            except ZoneRefused:
                continue
            self._remember(name, zone)
            return answer
        self._instead[name] = ""
        raise Refused(
            _UNKNOWN if repeats else "Google does not take the event's time zone, nor the event without"
        )

    def _names(self, name: str) -> list[str]:
        if name in self._instead:
            return [self._instead[name]]
        meant = iana_name(name)
        others = [meant] if meant != name else other_names(name)[:1]
        return [name, *others, ""]

    def _remember(self, name: str, zone: str) -> None:
        if zone == name or name in self._instead:
            return
        self._instead[name] = zone
        # The name itself is only told when it is one of the tz database, or stands for one: else anything may be in it.
        reason = f"{name} was refused, {zone} was taken" if zone else "a zone was refused and left out"
        log.warning("time zone", reason=reason)


def _zone_of(body: Body) -> str:
    zones = (body[part].get("timeZone") for part in ("start", "end") if part in body)
    return next((zone for zone in zones if zone), "")


def _in_zone(body: Body, zone: str) -> Body:
    moved = {
        part: {**body[part], "timeZone": zone or None}
        for part in ("start", "end")
        if part in body and body[part].get("timeZone")
    }
    return {**body, **moved}
