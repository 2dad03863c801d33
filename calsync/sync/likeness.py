"""What is the same on both sides although their faces differ. Pure."""

from __future__ import annotations

from dataclasses import replace

from calsync.model.event import Event, exception_key
from calsync.model.link import Sight
from calsync.model.side import SideName
from calsync.model.zones import same_zone

GOOGLE, CRM = SideName.GOOGLE, SideName.CRM


def is_alike(name: str, sights: dict[SideName, Sight]) -> bool:
    """Return whether a field says the same on both sides, but for a zone that only one of them names."""
    google, crm = sights[GOOGLE].event, sights[CRM].event
    if google is None or crm is None:
        return False
    key = exception_key(name)
    if key is not None:
        return same_but_zone(google.exceptions.get(key), crm.exceptions.get(key), google, crm)
    return name == "start" and google.start == crm.start and _zones_agree(google, crm)


def same_but_zone(one: Event | None, other: Event | None, google: Event, crm: Event) -> bool:
    """Return whether two exceptions of these series are the same but for a zone that only one of them names."""
    if one is None or other is None:
        return False
    return _zones_agree(google, crm) and replace(one, zone="") == replace(other, zone="")


def _zones_agree(google: Event, crm: Event) -> bool:
    if google.recurrence:
        # A series that names no zone repeats in UTC.
        return same_zone(google.zone or "UTC", crm.zone or "UTC")
    return not google.zone or not crm.zone or same_zone(google.zone, crm.zone)
