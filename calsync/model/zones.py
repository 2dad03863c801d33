"""Names of time zones: what else a zone is called, and which zone a name from elsewhere means.

The tz database gives new names to old zones, and calendars take them up years apart; programs of Microsoft have
names of their own. A name stays as it came for as long as this machine knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import resources

from calsync.model.recurrence import known_zone

#: Longer texts are no names of zones.
LONGEST = 64

#: Names that the tz database has dropped, in its releases 2017c and 2020b.
_DROPPED = {"Canada/East-Saskatchewan": "America/Regina", "US/Pacific-New": "America/Los_Angeles"}


def iana_name(name: str) -> str:
    """Return the name in the tz database of a zone that goes by Microsoft's name, or by one that was dropped.

    A name that is known comes back as it is, and so does one of which nobody can tell what it means; "" when it cannot be
    a name.
    """
    if not name or known_zone(name) is not None:
        return name
    found = _DROPPED.get(name) or _of_windows(name)
    if found and known_zone(found) is not None:
        return found
    return name if len(name) <= LONGEST and name.isprintable() else ""


def other_names(name: str) -> list[str]:
    """Return the other names of a zone, first the one that is likeliest to be known where this one is not.

    That is the main name of a zone that has this one besides; else the name that looks most like it, of the same
    part of the world: a new spelling rather than a neighbour with the same clocks.
    """
    links = _links()
    main = links.get(name, name)
    family = {main, *(link for link, target in links.items() if target == main)} - {name}
    area = name.partition("/")[0]

    def place(other: str) -> tuple[bool, bool, float, str]:
        likeness = SequenceMatcher(None, name, other).ratio()
        return other != main, other.partition("/")[0] != area, -likeness, other

    return sorted(family, key=place)


def same_zone(one: str, other: str) -> bool:
    """Return whether two names mean one zone."""
    return one == other or _links().get(one, one) == _links().get(other, other)


@lru_cache(maxsize=1)
def _links() -> Mapping[str, str]:
    """Return the main name of each zone that has others besides, by those."""
    source = resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi")
    lines = (line.split() for line in source.read_text("ascii").splitlines() if line.startswith("L "))
    return {link: main for _, main, link in lines}


def _of_windows(name: str) -> str:
    # Loaded when it is needed, which is seldom: it is slow.
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return WINDOWS_TO_OLSON.get(name, "")
